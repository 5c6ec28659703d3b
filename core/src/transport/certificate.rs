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

/// There is no certificate, or none that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// None could be made.
    #[error("the crypto library could not make a certificate")]
    NotMade,
    /// It has no bytes.
    #[error("the certificate is empty")]
    Empty,
    /// Nothing can be signed with it.
    #[error("the private key of the certificate is damaged, or of a kind that DTLS does not use")]
    PrivateKey,
}

impl Certificate {
    /// Makes a new one.
    ///
    /// The one function of this crate that takes entropy from the operating system. A runtime
    /// calls it before it makes an [`Sfu`](crate::Sfu), which itself never does.
    pub fn generate() -> Result<Self, CertificateError> {
        let made = str0m_aws_lc_rs::default_provider()
            .dtls_provider
            .generate_certificate()
            .ok_or(CertificateError::NotMade)?;
        Ok(Self::from_der(made.certificate, made.private_key))
    }

    /// Takes one made earlier: the certificate and its PKCS #8 private key, both DER. Believes
    /// them; [`check`](Self::check) does not.
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

    /// Whether a connection can be made with it. One that can't be used ends every connection that
    /// is made with it at once.
    ///
    /// # Errors
    /// When the certificate is empty, or the key can't sign.
    pub fn check(&self) -> Result<(), CertificateError> {
        if self.der.is_empty() {
            return Err(CertificateError::Empty);
        }
        if !tsuji_hermetic::is_private_key(&self.private_key) {
            return Err(CertificateError::PrivateKey);
        }
        Ok(())
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
