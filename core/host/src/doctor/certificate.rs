//! Whether browsers will trust the certificate, and for how long.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

use super::Finding;
use crate::options::{Options, TlsMode};
use crate::tls;

/// A certificate that ends sooner should have been renewed: those of ACME are, a month before.
const SOON: u64 = 14;
const DAY: u64 = 86_400;
/// Later than any certificate ends, so that its end is told: the year 2200.
const FAR: u64 = 7_258_118_400;

/// Where systems keep the authorities that they trust.
const AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

const TLS: &str = "certificate";

pub(super) fn check(options: &Options) -> Finding {
    match (options.tls, tls::given_chain(options)) {
        (Some(TlsMode::SelfSigned), _) => Finding::warning(
            TLS,
            "self-signed: every browser warns once; tell people the fingerprint that is printed \
             at the start",
        ),
        (_, Ok(None)) if !options.acme.is_empty() => Finding::fine(
            TLS,
            format!(
                "it will be got by ACME, for {}: those names must lead here, which only the \
                 authority can tell",
                options.acme.join(", ")
            ),
        ),
        (_, Ok(None)) if options.listen.ip().is_loopback() => Finding::fine(
            TLS,
            "none is needed on this machine, nor behind a web server with HTTPS",
        ),
        (_, Ok(None)) => Finding::failure(
            TLS,
            "there is none, and browsers give camera and microphone to secure pages only. Use \
             --tls self-signed (in a LAN), or --tls-cert and --tls-key",
        ),
        (_, Err(error)) => Finding::failure(TLS, error.to_string()),
        (_, Ok(Some(chain))) => {
            let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
            judge(&chain, &authorities(), now)
        }
    }
}

/// What browsers that trust `roots` will think of a chain at `now`, in seconds since 1970.
pub(super) fn judge(chain: &[CertificateDer<'_>], roots: &RootCertStore, now: u64) -> Finding {
    let Some((leaf, others)) = chain.split_first() else {
        return Finding::failure(TLS, "there is no certificate in the file");
    };
    let leaf = match ParsedCertificate::try_from(leaf) {
        Ok(leaf) => leaf,
        Err(error) => return Finding::failure(TLS, format!("it cannot be read: {error}")),
    };
    let trusted = |at: u64| {
        verify_server_cert_signed_by_trust_anchor(
            &leaf,
            roots,
            others,
            UnixTime::since_unix_epoch(Duration::from_secs(at)),
            aws_lc_rs::default_provider()
                .signature_verification_algorithms
                .all,
        )
    };
    match trusted(now) {
        Ok(()) => match trusted(FAR) {
            Err(Error::InvalidCertificate(CertificateError::ExpiredContext {
                not_after, ..
            })) => lasts(not_after.as_secs().saturating_sub(now) / DAY),
            _ => Finding::fine(TLS, "browsers will trust it"),
        },
        Err(Error::InvalidCertificate(error)) => distrusted(&error, others.is_empty(), now),
        Err(error) => Finding::failure(TLS, format!("browsers will refuse it: {error}")),
    }
}

fn lasts(days: u64) -> Finding {
    if days < SOON {
        Finding::warning(TLS, format!("it expires in {days} days: renew it"))
    } else {
        Finding::fine(TLS, format!("browsers will trust it for {days} days"))
    }
}

fn distrusted(error: &CertificateError, alone: bool, now: u64) -> Finding {
    let text = match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            let days = now.saturating_sub(not_after.as_secs()) / DAY;
            format!("it, or one in its chain, expired {days} days ago")
        }
        CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: the clock is wrong, or it was made for later".to_owned()
        }
        CertificateError::UnknownIssuer if alone => {
            "the file has one certificate, and this machine trusts nobody who signed it. The file \
             of --tls-cert must hold the whole chain (often called fullchain.pem)"
                .to_owned()
        }
        CertificateError::UnknownIssuer => {
            "this machine trusts nobody who signed it: the chain is incomplete, or from an \
             authority of your own that each browser has to be told of"
                .to_owned()
        }
        other => format!("browsers will refuse it: {other}"),
    };
    Finding::failure(TLS, text)
}

fn authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = AUTHORITIES.iter().find(|path| Path::new(path).is_file());
    if let Some(Ok(certificates)) = found.map(CertificateDer::pem_file_iter) {
        roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    }
    roots
}
