//! As much of STUN (RFC 8489) as finding a participant needs.

use std::panic::catch_unwind;

use str0m::ice::StunMessage;

use crate::output::Transmit;
use crate::path::Path;

/// Whether a datagram is STUN by its first byte (RFC 7983, 7).
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4)
}

/// What a STUN message is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stun<'a> {
    /// A binding request for the participant with this local username fragment.
    Request { ufrag: &'a str },
    /// A binding response that says yes.
    Success,
    /// Anything else.
    Other,
}

/// Whether it says yes to a check on this path (RFC 8445, 7.3.1).
pub(crate) fn is_success_on(transmit: &Transmit, path: &Path) -> bool {
    transmit.path == *path
        && is_stun(&transmit.payload)
        && parse(&transmit.payload) == Some(Stun::Success)
}

/// Whether it is a check that nominates its path (USE-CANDIDATE, RFC 8445, 7.1.2).
pub(crate) fn nominates(datagram: &[u8]) -> bool {
    catch_unwind(|| StunMessage::parse(datagram).is_ok_and(|message| message.use_candidate()))
        .unwrap_or(false)
}

/// Reads a STUN message; `None` when it is not one.
pub(crate) fn parse(datagram: &[u8]) -> Option<Stun<'_>> {
    // The parser is str0m's and the bytes are anybody's: here too, a panic ends nothing of ours.
    let message = catch_unwind(|| StunMessage::parse(datagram)).ok()?.ok()?;
    if message.is_binding_request() {
        // RFC 8445, 7.2.2: the receiver's fragment, a colon, the sender's fragment.
        let (ufrag, _) = message.username()?.split_once(':')?;
        return Some(Stun::Request { ufrag });
    }
    if message.is_successful_binding_response() {
        return Some(Stun::Success);
    }
    Some(Stun::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_no_stun() {
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&[0, 1, 0, 0]), None);
        assert_eq!(parse(&[0xff; 40]), None);
        assert!(!is_stun(&[]));
        assert!(!is_stun(&[22, 254, 253]));
        assert!(is_stun(&[0, 1]));
    }
}
