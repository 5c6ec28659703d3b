//! A certificate that nobody vouches for: for a LAN, where nobody else would give one.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::error::TlsError;
use super::files::Files;
use super::{keep, validity};
use crate::options::Options;
use crate::reach::interfaces;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Days that a certificate is valid for. 397: some browsers refuse more.
const VALID: i32 = 397;
/// Days that one must still be valid for to be kept. 30: a server may run for a month.
const SPARE: i32 = 30;

/// Keeps the certificate of an earlier start if it is still good for every name, and makes another
/// one if not.
pub(super) fn keep(options: &Options) -> Result<Files, TlsError> {
    let directory = &options.tls_dir;
    let files = Files::new(
        &directory.join("self-signed.pem"),
        &directory.join("self-signed.key"),
    );
    let names = names(options);
    let kept = match files.load(&provider::default_provider()) {
        Ok(pair) => pair.cert.first().is_some_and(|kept| is_good(kept, &names)),
        Err(TlsError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => false,
        Err(error @ TlsError::Read { .. }) => return Err(error),
        Err(_) => false,
    };
    if !kept {
        make(&files, directory, names)?;
    }
    Ok(files)
}

/// The SHA-256 of a certificate, in pairs of hexadecimal digits.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hash = digest::digest(&digest::SHA256, certificate);
    let mut text = String::new();
    for (i, byte) in hash.as_ref().iter().enumerate() {
        let colon = if i == 0 { "" } else { ":" };
        // Writing to a String does not fail.
        let _ = write!(text, "{colon}{byte:02X}");
    }
    text
}

/// Everything that this machine may be called by those who open its page.
fn names(options: &Options) -> BTreeSet<String> {
    let mut addresses = BTreeSet::from([
        IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::from(Ipv6Addr::LOCALHOST),
    ]);
    addresses.extend(
        options
            .advertise
            .iter()
            .map(|advertise| advertise.public.address),
    );
    let listen = options.listen.ip();
    if listen.is_unspecified() {
        // What can't be found out can be given with --tls-name.
        addresses.extend(interfaces::usable());
    } else {
        addresses.insert(listen);
    }
    let mut names: BTreeSet<_> = addresses.iter().map(IpAddr::to_string).collect();
    names.insert("localhost".to_owned());
    names.extend(options.tls_name.iter().cloned());
    let own = rustix::system::uname();
    let own = own.nodename().to_string_lossy().to_lowercase();
    // With multicast DNS (RFC 6762) a machine without a DNS name has this one.
    for name in [own.clone(), format!("{own}.local")] {
        if ServerName::try_from(name.as_str()).is_ok() {
            names.insert(name);
        }
    }
    names
}

/// Whether it is for all `names`, and for long enough.
fn is_good(certificate: &CertificateDer<'_>, names: &BTreeSet<String>) -> bool {
    let Ok(parsed) = ParsedCertificate::try_from(certificate) else {
        return false;
    };
    let for_all = validity::is_for(certificate, names.iter().map(String::as_str));
    let mut roots = RootCertStore::empty();
    let later = (Timestamp::now() + DAY * SPARE).as_second();
    let (Ok(()), Ok(later)) = (roots.add(certificate.clone()), u64::try_from(later)) else {
        return false;
    };
    let valid = verify_server_cert_signed_by_trust_anchor(
        &parsed,
        &roots,
        &[],
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(later)),
        provider::default_provider()
            .signature_verification_algorithms
            .all,
    );
    for_all && valid.is_ok()
}

fn make(files: &Files, directory: &Path, names: BTreeSet<String>) -> Result<(), TlsError> {
    let key = KeyPair::generate().map_err(TlsError::Make)?;
    let list: Vec<_> = names.into_iter().collect();
    tracing::info!(names = list.join(", "), "making a self-signed certificate");
    let mut parameters = CertificateParams::new(list).map_err(TlsError::Make)?;
    parameters
        .distinguished_name
        .push(DnType::CommonName, "tsuji, self-signed");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let day = |days: i32| {
        let date = (Timestamp::now() + DAY * days)
            .to_zoned(TimeZone::UTC)
            .date();
        let [month, day] = [date.month(), date.day()].map(i8::unsigned_abs);
        rcgen::date_time_ymd(date.year().into(), month, day)
    };
    // The clock of a phone may be a day behind.
    (parameters.not_before, parameters.not_after) = (day(-1), day(VALID - 1));
    let certificate = parameters.self_signed(&key).map_err(TlsError::Make)?;

    keep::directory(directory).map_err(write_error(directory))?;
    let write =
        |path: &Path, text: &str, mode| keep::write(path, text, mode).map_err(write_error(path));
    // The key first: a certificate without its key would be of no use.
    write(&files.key, &key.serialize_pem(), keep::SECRET)?;
    write(&files.certificate, &certificate.pem(), keep::PUBLIC)
}

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> TlsError {
    let path = path.to_owned();
    |source| TlsError::Write { path, source }
}
