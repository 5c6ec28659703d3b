//! Why a connection can't go on.

use str0m::RtcError;
use tsuji_hermetic::Panicked;

/// Why a connection can't go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("str0m panicked")]
    Panicked,
    #[error("the handshake failed: {0}")]
    Handshake(String),
    #[error("str0m: {0}")]
    Rtc(RtcError),
    #[error("the answer does not fit its offer: {0}")]
    BadAnswer(String),
    #[error("an offer without changes")]
    NothingToOffer,
    /// In a replay of decisions: it could not go on then, for a reason that was not recorded.
    #[error("it failed when it was recorded")]
    Recorded,
}

impl From<RtcError> for Fault {
    /// A handshake fails by what the peer does, or whoever stands between: nothing protects it. Nor
    /// does a certificate have to be the one that the answer announced.
    fn from(error: RtcError) -> Self {
        match error {
            RtcError::Dtls(_) | RtcError::RemoteSdp(_) => Fault::Handshake(error.to_string()),
            error => Fault::Rtc(error),
        }
    }
}

impl From<Panicked> for Fault {
    fn from(Panicked: Panicked) -> Self {
        Fault::Panicked
    }
}
