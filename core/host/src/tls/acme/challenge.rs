//! Proving that a name leads here (RFC 8737).

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;

/// The protocol in which the authority asks, and nobody else (RFC 8737, 6.2).
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";

/// What the authority is shown, by name, while it is asked for a certificate.
#[derive(Debug, Default)]
pub(crate) struct Proofs(RwLock<BTreeMap<String, Arc<CertifiedKey>>>);

impl Proofs {
    pub(crate) fn show(&self, name: String, proof: CertifiedKey) {
        let mut proofs = self.0.write().unwrap_or_else(PoisonError::into_inner);
        proofs.insert(name.to_ascii_lowercase(), Arc::new(proof));
    }

    pub(crate) fn forget(&self) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// What to show to whom asks for it.
    pub(crate) fn of(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        let proofs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        proofs.get(&name).cloned()
    }
}

/// Whether it is the authority that asks.
pub(crate) fn asks(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|names| names.eq([PROTOCOL]))
}

/// The certificate that proves it: self-signed, for one name, with the digest (32 bytes) of the key
/// authorization in it (RFC 8737, 3).
pub(super) fn proof(
    name: &str,
    digest: &[u8],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Box<dyn std::error::Error + Send + Sync>> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::new([name.to_owned()])?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = parameters.self_signed(&key)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let chain = vec![certificate.der().clone()];
    // Its extension is critical, and only the authority understands it: nothing else is checked.
    let key = provider.key_provider.load_private_key(key)?;
    Ok(CertifiedKey::new(chain, key))
}
