//! HTTPS: where certificate and key come from, and how they change while the server runs.
//!
//! ```text
//!   --tls-cert, --tls-key ──────────────► Files ──► Current ──► each handshake
//!   --tls self-signed ─► makes or keeps ──►  ▲          ▲
//!                                            └─ watcher ┘ a look at the files each second
//! ```
//! A connection keeps what it began with; so nobody notices that the certificate was renewed.

mod error;
mod files;
mod self_signed;

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;

use crate::options::{Options, TlsMode};
pub use error::TlsError;
use files::Files;

/// What secures the connections of a server.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    fingerprint: Option<String>,
}

impl Tls {
    /// What the options want; `None` without TLS.
    pub fn load(options: &Options) -> Result<Option<Self>, TlsError> {
        let files = match (&options.tls, &options.tls_cert, &options.tls_key) {
            (Some(TlsMode::SelfSigned), _, _) => self_signed::keep(options)?,
            (None, Some(certificate), Some(key)) => Files::new(certificate, key),
            (None, _, _) => return Ok(None),
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let first = files.load(&provider)?;
        let fingerprint = match options.tls {
            Some(TlsMode::SelfSigned) => first.cert.first().map(self_signed::fingerprint),
            None => None,
        };
        let current = files::watch(files, first, Arc::clone(&provider))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(current);
        // There is no HTTP/2 (RFC 7301).
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Self {
            config: Arc::new(config),
            fingerprint,
        }))
    }

    /// How handshakes are done. What it presents changes with the files.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The SHA-256 fingerprint of a certificate that nobody vouches for, as browsers show it.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }
}

#[cfg(test)]
mod tests;
