//! Of what is kept from start to start; the rest needs an authority, and is tested with one.

use std::fs;

use clap::Parser;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs::default_provider;
use tempfile::TempDir;

use super::*;
use crate::tls::keep;

fn acme(directory: &TempDir, names: &[&str]) -> Acme {
    let directory = directory.path().to_str().unwrap();
    let names = names.iter().map(|name| format!("--acme={name}"));
    let arguments = ["tsuji", "--tls-dir", directory].map(str::to_owned);
    let options = Options::parse_from(arguments.into_iter().chain(names));
    Acme::of(&options, &Arc::new(default_provider())).unwrap()
}

/// Keeps a certificate for a name, as if an authority had given it.
fn given(acme: &Acme, name: &str) -> Vec<u8> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).unwrap();
    let pem = format!("{}{}", signing_key.serialize_pem(), cert.pem());
    keep::write(&acme.files().key, &pem, keep::SECRET).unwrap();
    cert.der().to_vec()
}

#[test]
fn what_is_kept_counts_for_its_names_and_is_presented_in_any_case() {
    let directory = tempfile::tempdir().unwrap();
    let first = acme(&directory, &["Meet.Example"]);
    assert_eq!(first.names, ["meet.example"]);
    assert!(first.kept().is_none());
    let certificate = given(&first, "meet.example");
    assert!(first.kept().is_some());
    let more = acme(&directory, &["meet.example", "other.example"]);
    assert!(more.kept().is_none(), "it is not for both");
    // Better than one that nobody vouches for.
    assert_eq!(more.first().unwrap().cert[0].as_ref(), certificate);
}

#[test]
fn without_a_certificate_there_is_one_in_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let acme = acme(&directory, &["meet.example"]);
    for damage in [None, Some("half a certifi")] {
        if let Some(text) = damage {
            fs::write(acme.files().key, text).unwrap();
        }
        assert!(acme.kept().is_none());
        let shown = acme.first().unwrap();
        assert!(validity::is_for(
            &shown.cert[0],
            ["meet.example"].into_iter()
        ));
    }
}

#[test]
fn without_the_option_there_is_none() {
    let options = Options::parse_from(["tsuji", "--acme-email", "ren@example.org"]);
    assert!(Acme::of(&options, &Arc::new(default_provider())).is_none());
}
