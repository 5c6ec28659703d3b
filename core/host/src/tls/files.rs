//! Certificate and key in files, and what handshakes use of them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::thread;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::acme::challenge::{self, Proofs};
use super::error::TlsError;

/// The time between two looks at the files. 1 s: two system calls, and whoever renews a
/// certificate sees at once that it is used.
const LOOK: Duration = Duration::from_secs(1);

/// Where certificate and key are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What tells that files have changed: device, inode, length, and time in seconds and nanoseconds
/// of each; `None` for one that can't be looked at.
type Stamp = [Option<(u64, u64, u64, i64, i64)>; 2];

impl Files {
    pub(super) fn new(certificate: &Path, key: &Path) -> Self {
        Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        }
    }

    /// Reads both.
    pub(super) fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        self.parse(&read(&self.certificate)?, &read(&self.key)?, provider)
    }

    /// Both from what is, or will be, in them.
    pub(super) fn parse(
        &self,
        certificate: &[u8],
        key: &[u8],
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| missing(&self.certificate, "certificate"))?;
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|_| missing(&self.key, "private key"))?;
        let pair = CertifiedKey::from_der(chain, key, provider);
        pair.map_err(|source| TlsError::Pair {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        })
    }

    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|path| {
            let found = fs::metadata(path).ok()?;
            Some((
                found.dev(),
                found.ino(),
                found.len(),
                found.mtime(),
                found.mtime_nsec(),
            ))
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn missing(path: &Path, what: &'static str) -> TlsError {
    let path = path.to_owned();
    TlsError::Missing { path, what }
}

/// What handshakes use now.
#[derive(Debug)]
pub(super) struct Current {
    pair: RwLock<Arc<CertifiedKey>>,
    proofs: Proofs,
}

impl Current {
    pub(super) fn pair(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.pair.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows something to an authority that asks whether `name` leads here.
    pub(super) fn show_proof(&self, name: String, proof: CertifiedKey) {
        self.proofs.show(name, proof);
    }

    /// Nobody is asked any more.
    pub(super) fn forget_proofs(&self) {
        self.proofs.forget();
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if challenge::asks(&hello) {
            return self.proofs.of(&hello);
        }
        Some(self.pair())
    }
}

/// Uses `first`, and whatever the files have become, until nobody holds the result any more.
pub(super) fn watch(
    files: Files,
    first: CertifiedKey,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<Current>, TlsError> {
    let current = Arc::new(Current {
        pair: RwLock::new(Arc::new(first)),
        proofs: Proofs::default(),
    });
    let watched = Arc::downgrade(&current);
    thread::Builder::new()
        .name("tsuji-tls".to_owned())
        .spawn(move || look_again_and_again(&files, &watched, &provider))
        .map_err(TlsError::Thread)?;
    Ok(current)
}

/// One file is replaced after the other, so that for a moment they may not fit: until they do, the
/// old ones are used.
fn look_again_and_again(files: &Files, watched: &Weak<Current>, provider: &CryptoProvider) {
    // They may have changed since they were read first: reading them again does no harm.
    let mut seen = [None; 2];
    loop {
        thread::park_timeout(LOOK);
        let Some(current) = watched.upgrade() else {
            return;
        };
        let stamp = files.stamp();
        if stamp == seen {
            continue;
        }
        seen = stamp;
        match files.load(provider) {
            Ok(pair) => {
                let mut used = current.pair.write().unwrap_or_else(PoisonError::into_inner);
                if used.cert != pair.cert {
                    *used = Arc::new(pair);
                    tracing::info!(file = %files.certificate.display(), "a new certificate is used");
                }
            }
            Err(error) => tracing::warn!(%error, "the old certificate is still used"),
        }
    }
}
