//! The requests to the authority, one after the other, on the thread that makes them.

use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// How long one request may take. 30 s: the authority is busy, and nobody waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer. 1 MiB: a chain has some thousand.
const LONGEST: u64 = 1024 * 1024;

/// What asks the authority.
pub(super) struct Client(Agent);

impl Client {
    /// `authority`: certificates (PEM) of those who vouch for it; else those whom browsers trust.
    pub(super) fn new(
        authority: Option<&Path>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let roots = match authority {
            None => RootCerts::WebPki,
            Some(path) => RootCerts::new_with_certs(&read(path)?),
        };
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::clone(provider))
            .root_certs(roots)
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("tsuji/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self(config.new_agent()))
    }
}

fn read(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let what = |error: &dyn std::fmt::Display| format!("cannot use {}: {error}", path.display());
    let bytes = fs::read(path).map_err(|error| what(&error))?;
    let found: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| what(&error))?;
    if found.is_empty() {
        return Err(what(&"there is no certificate in it (PEM)"));
    }
    let owned = found
        .iter()
        .map(|der| Certificate::from_der(der).to_owned());
    Ok(owned.collect())
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let agent = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            let answer = if body.is_empty() {
                agent.run(Request::from_parts(parts, ()))
            } else {
                agent.run(Request::from_parts(parts, body.to_vec()))
            };
            let (parts, mut body) = answer.map_err(other)?.into_parts();
            let bytes = body.with_config().limit(LONGEST).read_to_vec();
            let bytes = Bytes::from(bytes.map_err(other)?);
            Ok(Response::from_parts(parts, Full::new(bytes)).into())
        })
    }
}

fn other(error: ureq::Error) -> Error {
    Error::Other(Box::new(error))
}
