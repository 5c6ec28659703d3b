//! HTTPS: where certificate and key come from, and how they change while the server runs.
//!
//! ```text
//!   --tls-cert, --tls-key ──────────────► Files ──► Current ──► each handshake
//!   --tls self-signed ─► makes or keeps ──►  ▲          ▲
//!   --acme ─► orders and renews ──────────►  └─ watcher ┘ a look at the files each second
//! ```
//! A connection keeps what it began with; so nobody notices that the certificate was renewed.

mod acme;
mod error;
mod files;
mod keep;
mod self_signed;
mod validity;

use std::sync::Arc;

use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;

use crate::options::{Options, TlsMode};
use acme::Acme;
use acme::challenge::PROTOCOL;
pub use error::TlsError;
use files::{Current, Files};

/// The certificate chain of --tls-cert, if there is one.
pub(crate) fn given_chain(
    options: &Options,
) -> Result<Option<Vec<CertificateDer<'static>>>, TlsError> {
    let (Some(certificate), Some(key)) = (&options.tls_cert, &options.tls_key) else {
        return Ok(None);
    };
    let pair = Files::new(certificate, key).load(&aws_lc_rs::default_provider())?;
    Ok(Some(pair.cert))
}

/// What secures the connections of a server.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    certificates: Arc<Current>,
    fingerprint: Option<String>,
}

impl Tls {
    /// What the options want; `None` without TLS.
    pub fn load(options: &Options) -> Result<Option<Self>, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let acme = Acme::of(options, &provider);
        let (files, first) = match (&acme, &options.tls, &options.tls_cert, &options.tls_key) {
            (Some(acme), _, _, _) => (acme.files(), acme.first()?),
            (None, Some(TlsMode::SelfSigned), _, _) => {
                let files = self_signed::keep(options)?;
                let first = files.load(&provider)?;
                (files, first)
            }
            (None, None, Some(certificate), Some(key)) => {
                let files = Files::new(certificate, key);
                let first = files.load(&provider)?;
                (files, first)
            }
            (None, None, _, _) => return Ok(None),
        };
        let fingerprint = match options.tls {
            Some(TlsMode::SelfSigned) => first.cert.first().map(self_signed::fingerprint),
            None => None,
        };
        let current = files::watch(files, first, Arc::clone(&provider))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as _);
        // There is no HTTP/2 (RFC 7301).
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if let Some(acme) = acme {
            config.alpn_protocols.push(PROTOCOL.to_vec());
            acme.start(&current)?;
        }
        Ok(Some(Self {
            config: Arc::new(config),
            certificates: current,
            fingerprint,
        }))
    }

    /// How handshakes are done. What it presents changes with the files.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// When the certificate ends that is presented now; `None` if that can't be read.
    pub(crate) fn expiry(&self) -> Option<Timestamp> {
        let pair = self.certificates.pair();
        validity::of(pair.cert.first()?).map(|validity| validity.end)
    }

    /// The SHA-256 fingerprint of a certificate that nobody vouches for, as browsers show it.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }
}

#[cfg(test)]
mod tests;
