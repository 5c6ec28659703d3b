//! The DTLS certificate of a server.

use str0m::config::DtlsCert;

/// A self-signed certificate and its private key, both DER; ECDSA on P-256.
///
/// Browsers check it against the fingerprint in the session description (RFC 8122), so nobody
/// else needs to trust it. It is an input of the core, like its seed.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    private_key: Vec<u8>,
}

/// No certificate could be made.
#[derive(Debug, thiserror::Error)]
#[error("the crypto library could not make a certificate")]
pub struct CertificateError;

impl Certificate {
    /// Makes a new one.
    ///
    /// The one function of this crate that takes entropy from the operating system. A runtime
    /// calls it before it makes an [`Sfu`](crate::Sfu), which itself never does.
    pub fn generate() -> Result<Self, CertificateError> {
        let made = str0m_aws_lc_rs::default_provider()
            .dtls_provider
            .generate_certificate()
            .ok_or(CertificateError)?;
        Ok(Self::from_der(made.certificate, made.private_key))
    }

    /// Takes one made earlier: the certificate and its PKCS #8 private key, both DER.
    pub fn from_der(der: Vec<u8>, private_key: Vec<u8>) -> Self {
        Self { der, private_key }
    }

    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The private key, PKCS #8 DER. A secret.
    pub fn private_key(&self) -> &[u8] {
        &self.private_key
    }

    pub(super) fn to_str0m(&self) -> DtlsCert {
        DtlsCert {
            certificate: self.der.clone(),
            private_key: self.private_key.clone(),
        }
    }
}

impl std::fmt::Debug for Certificate {
    /// Leaves the key out, so that no log ever holds it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("der_bytes", &self.der.len())
            .finish_non_exhaustive()
    }
}
