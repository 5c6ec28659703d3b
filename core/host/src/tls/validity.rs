//! For whom a certificate is, and from when to when.

use jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The time for which a certificate is valid (RFC 5280, 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) begin: Timestamp,
    pub(super) end: Timestamp,
}

/// `None` for what can't be read.
pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let validity = parsed.validity();
    Some(Validity {
        begin: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
        end: Timestamp::from_second(validity.not_after.timestamp()).ok()?,
    })
}

/// Whether it is for all these names and addresses.
pub(super) fn is_for<'a>(
    certificate: &CertificateDer<'_>,
    mut names: impl Iterator<Item = &'a str>,
) -> bool {
    let Ok(parsed) = ParsedCertificate::try_from(certificate) else {
        return false;
    };
    names.all(|name| {
        let name = ServerName::try_from(name);
        name.is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    })
}
