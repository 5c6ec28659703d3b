//! Certificates by ACME (RFC 8555): asked for, proved, kept and renewed without anybody's doing.
//!
//! ```text
//!   a thread: schedule ─ it is time ─► order ──── HTTPS ────► the authority (--acme-directory)
//!                                        │                        │ TLS-ALPN-01 (RFC 8737)
//!                          proofs ◄──────┤                        ▼
//!                            └──────► Current ◄──── handshake ─ this server's HTTPS port
//!                                        ▲
//!      acme.pem (key and chain) ◄── kept ┘ └─ the watcher reads it, as any other certificate
//! ```
//! The server never waits for it. Until there is a certificate, a self-signed one is presented, and
//! a failure is logged, and tried again later; meanwhile the old certificate goes on being used.

mod account;
pub(super) mod challenge;
mod http;
mod order;
mod schedule;

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

use super::error::TlsError;
use super::files::{Current, Files};
use super::validity::{self, Validity};
use crate::options::Options;
use order::OrderError;

/// The time between two looks at the clock. 1 s: a machine that slept notices soon.
const LOOK: Duration = Duration::from_secs(1);

/// How often an order is begun again at once where only chance refused it.
const AT_ONCE: usize = 5;

/// What to ask whom for, and where to keep it.
#[derive(Clone, Debug)]
pub(super) struct Acme {
    /// What the certificate is for.
    names: Vec<String>,
    email: Option<String>,
    /// The URL of the authority's directory (RFC 8555, 7.1.1).
    directory: String,
    /// Who vouches for the authority; those whom browsers trust if `None`.
    authority: Option<PathBuf>,
    /// Where everything is kept.
    keep: PathBuf,
    provider: Arc<CryptoProvider>,
}

impl Acme {
    /// `None` if the options don't want it.
    pub(super) fn of(options: &Options, provider: &Arc<CryptoProvider>) -> Option<Self> {
        (!options.acme.is_empty()).then(|| Self {
            names: options.acme.clone(),
            email: options.acme_email.clone(),
            directory: options.acme_directory.clone(),
            authority: options.acme_ca.clone(),
            keep: options.tls_dir.clone(),
            provider: Arc::clone(provider),
        })
    }

    /// Where key and chain are: in one file, so that they always fit.
    pub(super) fn files(&self) -> Files {
        let path = self.keep.join("acme.pem");
        Files::new(&path, &path)
    }

    /// What is presented until there is a certificate: the one of before, or one that nobody
    /// vouches for.
    pub(super) fn first(&self) -> Result<CertifiedKey, TlsError> {
        match self.files().load(&self.provider) {
            Ok(kept) => Ok(kept),
            Err(TlsError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                self.placeholder()
            }
            Err(error) => {
                tracing::warn!(%error, "the certificate of before can't be used");
                self.placeholder()
            }
        }
    }

    fn placeholder(&self) -> Result<CertifiedKey, TlsError> {
        let key = KeyPair::generate().map_err(TlsError::Make)?;
        let mut parameters = CertificateParams::new(self.names.clone()).map_err(TlsError::Make)?;
        parameters.distinguished_name = DistinguishedName::new();
        let name = "tsuji, waiting for a certificate";
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.self_signed(&key).map_err(TlsError::Make)?;
        let key = PrivateKeyDer::try_from(key.serialize_der());
        let key = key.map_err(|_| TlsError::Make(rcgen::Error::CouldNotParseKeyPair))?;
        CertifiedKey::from_der(vec![certificate.der().clone()], key, &self.provider)
            .map_err(TlsError::Unusable)
    }

    /// Asks for certificates whenever it is time, until nobody holds `current` any more.
    pub(super) fn start(self, current: &Arc<Current>) -> Result<(), TlsError> {
        let current = Arc::downgrade(current);
        thread::Builder::new()
            .name("tsuji-acme".to_owned())
            .spawn(move || self.renew_again_and_again(&current))
            .map(drop)
            .map_err(TlsError::Thread)
    }

    fn renew_again_and_again(&self, current: &Weak<Current>) {
        let mut next = match self.kept() {
            Some(kept) => schedule::renewal(kept),
            None => Timestamp::now(),
        };
        let mut failures = 0;
        loop {
            let Some(current) = current.upgrade() else {
                return;
            };
            if Timestamp::now() >= next {
                next = match self.renew(&current) {
                    Ok(validity) => {
                        failures = 0;
                        let renewal = schedule::renewal(validity);
                        let (names, end) = (self.names.join(", "), validity.end);
                        tracing::info!(names, %end, %renewal, "a certificate was given by ACME");
                        renewal
                    }
                    Err(error) => {
                        failures += 1;
                        let next = Timestamp::now() + schedule::pause(failures);
                        self.complain(&error, next);
                        next
                    }
                };
            }
            drop(current);
            thread::park_timeout(LOOK);
        }
    }

    /// The time of the certificate that is kept, if it is for all names.
    fn kept(&self) -> Option<Validity> {
        let kept = self.files().load(&self.provider).ok()?;
        let certificate = kept.cert.first()?;
        let names = self.names.iter().map(String::as_str);
        validity::is_for(certificate, names).then(|| validity::of(certificate))?
    }

    fn renew(&self, current: &Current) -> Result<Validity, OrderError> {
        let mut given = self.order(current);
        for _ in 0..AT_ONCE {
            match given {
                Err(error) if error.is_passing() => {
                    tracing::info!(%error, "the order is begun again");
                    given = self.order(current);
                }
                _ => break,
            }
        }
        given
    }

    fn order(&self, current: &Current) -> Result<Validity, OrderError> {
        let given = order::order(self, current);
        current.forget_proofs();
        given
    }

    /// Loud: nobody sees it before it is too late, else.
    fn complain(&self, error: &OrderError, next: Timestamp) {
        let names = self.names.join(", ");
        match self
            .kept()
            .map(|kept| kept.end.duration_since(Timestamp::now()))
        {
            Some(left) if left.is_positive() => {
                let days = left.as_hours() / 24;
                tracing::error!(%error, names, days, %next, "no new certificate; the old one is used");
            }
            _ => tracing::error!(
                %error, names, %next,
                "no certificate: browsers will warn of this server"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
