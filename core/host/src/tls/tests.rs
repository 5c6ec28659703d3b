//! On real files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use clap::Parser;

use super::*;

fn self_signed(directory: &Path, more: &[&str]) -> Result<Tls, TlsError> {
    let directory = directory.to_str().unwrap();
    let arguments = ["tsuji", "--tls", "self-signed", "--tls-dir", directory];
    let options = Options::parse_from([&arguments, more].concat());
    Tls::load(&options).map(|tls| tls.unwrap())
}

#[test]
fn a_self_signed_certificate_is_made_once_and_its_key_is_nobody_elses() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("tls");
    let first = self_signed(&below, &[]).unwrap();
    let mode = |name: &str| fs::metadata(below.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("self-signed.key"), 0o600);
    let fingerprint = first.fingerprint().unwrap();
    assert_eq!(fingerprint.len(), 32 * 3 - 1);
    let second = self_signed(&below, &[]).unwrap();
    assert_eq!(second.fingerprint(), Some(fingerprint));
}

#[test]
fn another_name_makes_another_certificate_and_a_damaged_one_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let first = self_signed(directory.path(), &[]).unwrap();
    let more = ["--tls-name", "meet.example", "--listen", "192.0.2.7:8443"];
    let second = self_signed(directory.path(), &more).unwrap();
    assert_ne!(first.fingerprint(), second.fingerprint());
    let again = self_signed(directory.path(), &more).unwrap();
    assert_eq!(again.fingerprint(), second.fingerprint());
    fs::write(directory.path().join("self-signed.pem"), "nonsense").unwrap();
    let third = self_signed(directory.path(), &more).unwrap();
    assert_ne!(third.fingerprint(), second.fingerprint());
}

#[test]
fn files_that_are_of_no_use_are_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        self_signed(&directory.path().join(name), &[]).unwrap();
    }
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("empty"), "").unwrap();
    let load = |certificate: &str, key: &str| {
        let (certificate, key) = (path(certificate), path(key));
        let arguments = ["tsuji", "--tls-cert", &certificate, "--tls-key", &key];
        let error = Tls::load(&Options::parse_from(arguments)).unwrap_err();
        error.to_string().replace(&path(""), "")
    };
    let (pem, key) = ("a/self-signed.pem", "a/self-signed.key");
    assert!(load("missing", key).starts_with("cannot read missing: "));
    assert_eq!(
        load("empty", key),
        "empty: there is no certificate in it (PEM)"
    );
    assert_eq!(
        load(pem, "empty"),
        "empty: there is no private key in it (PEM)"
    );
    let other = load(pem, "b/self-signed.key");
    assert!(other.contains("are of no use: "), "{other}");
}
