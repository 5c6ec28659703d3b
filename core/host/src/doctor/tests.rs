#![expect(clippy::disallowed_types, reason = "ports that are taken")]

use std::net::{SocketAddr, TcpListener, UdpSocket};

use clap::Parser;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::certificate::judge;
use super::clock::{self, Kept};
use super::{Finding, Grade, examine, system};
use crate::options::Options;

/// 2026-06-01 00:00 UTC.
const NOW: u64 = 1_780_272_000;

fn examined(arguments: &[&str]) -> (Grade, String) {
    let options = Options::try_parse_from([&["tsuji"], arguments].concat()).unwrap();
    let mut text = Vec::new();
    let grade = examine(&options, &mut text).unwrap();
    (grade, String::from_utf8(text).unwrap())
}

#[test]
fn free_ports_are_fine_and_loopback_is_for_this_machine_only() {
    let (grade, text) = examined(&["--listen=127.0.0.1:0", "--udp=127.0.0.1:0"]);
    assert_eq!(grade, Grade::Warning, "{text}");
    assert!(text.contains("(UDP) is free"), "{text}");
    assert!(text.contains("nobody elsewhere will see or hear"), "{text}");
}

#[test]
fn ports_that_are_taken_are_failures() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let [tcp_address, udp_address]: [SocketAddr; 2] =
        [tcp.local_addr().unwrap(), udp.local_addr().unwrap()];
    let (grade, text) = examined(&[
        &format!("--listen={tcp_address}"),
        &format!("--udp={udp_address}"),
    ]);
    assert_eq!(grade, Grade::Failure);
    for (address, protocol) in [(tcp_address, "TCP"), (udp_address, "UDP")] {
        let line = format!("{address} ({protocol}) cannot be used: another program is using");
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn an_address_that_leads_here_is_told_from_one_that_does_not() {
    let own = if_addrs::get_if_addrs().unwrap();
    let own = own.iter().map(if_addrs::Interface::ip);
    let Some(own) = own.into_iter().find(|ip| ip.is_ipv4() && !ip.is_loopback()) else {
        return;
    };
    let advertise = format!("--advertise={own}");
    let (_, text) = examined(&["--listen=127.0.0.1:0", "--udp=0.0.0.0:0", &advertise]);
    assert!(text.contains("(UDP) leads here"), "{text}");
    let advertise = format!("--advertise={own}:9");
    let (_, text) = examined(&["--listen=127.0.0.1:0", "--udp=0.0.0.0:0", &advertise]);
    assert!(text.contains("did not come back"), "{text}");
}

/// A chain of a leaf, one between and a root, which lasts until the year's end.
fn chain(year: i32, root: &str) -> (Vec<CertificateDer<'static>>, RootCertStore) {
    let authority = |name: &str| {
        let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters
    };
    let root = CertifiedIssuer::self_signed(authority(root), KeyPair::generate().unwrap());
    let root = root.unwrap();
    let between =
        CertifiedIssuer::signed_by(authority("between"), KeyPair::generate().unwrap(), &root);
    let between = between.unwrap();
    let mut leaf = CertificateParams::new(vec!["meet.example.org".to_owned()]).unwrap();
    leaf.not_before = date_time_ymd(year, 1, 1);
    leaf.not_after = date_time_ymd(year, 12, 31);
    let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &between);
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let chain = vec![leaf.unwrap().der().clone(), between.der().clone()];
    (chain, roots)
}

#[test]
fn a_certificate_is_judged_as_browsers_will() {
    let (good, roots) = chain(2026, "root");
    let says = |finding: &Finding, grade, words: &str| {
        assert!(
            finding.grade == grade && finding.text.contains(words),
            "{finding}"
        );
    };
    says(&judge(&good, &roots, NOW), Grade::Fine, "for 213 days");
    let late = NOW + 205 * 86_400;
    says(
        &judge(&good, &roots, late),
        Grade::Warning,
        "expires in 8 days",
    );
    let later = NOW + 300 * 86_400;
    says(
        &judge(&good, &roots, later),
        Grade::Failure,
        "expired 87 days ago",
    );
    let early = NOW - 300 * 86_400;
    says(
        &judge(&good, &roots, early),
        Grade::Failure,
        "not valid yet",
    );
    says(
        &judge(&good[..1], &roots, NOW),
        Grade::Failure,
        "whole chain",
    );
    let (_, others) = chain(2026, "another root");
    says(&judge(&good, &others, NOW), Grade::Failure, "trusts nobody");
    says(&judge(&[], &roots, NOW), Grade::Failure, "no certificate");
}

#[test]
fn without_https_nobody_elsewhere_has_a_camera() {
    let (_, text) = examined(&["--listen=0.0.0.0:0", "--udp=127.0.0.1:0"]);
    assert!(text.contains("FAIL  certificate"), "{text}");
    let (_, text) = examined(&[
        "--listen=0.0.0.0:0",
        "--udp=127.0.0.1:0",
        "--tls=self-signed",
    ]);
    assert!(text.contains("WARN  certificate  self-signed"), "{text}");
    let missing = [
        "--listen=0.0.0.0:0",
        "--tls-cert=/none/a",
        "--tls-key=/none/b",
    ];
    let (grade, text) = examined(&missing);
    assert_eq!(grade, Grade::Failure);
    assert!(text.contains("cannot read /none/a"), "{text}");
}

#[test]
fn a_clock_that_cannot_be_right_is_a_failure() {
    let now = i64::try_from(NOW).unwrap();
    assert_eq!(clock::judge(now, Kept::Right).grade, Grade::Fine);
    assert_eq!(clock::judge(now, Kept::Unknown).grade, Grade::Fine);
    assert_eq!(clock::judge(now, Kept::NotYet).grade, Grade::Warning);
    assert_eq!(clock::judge(0, Kept::Right).grade, Grade::Failure);
}

#[test]
fn small_buffers_and_few_files_are_warnings_that_say_what_to_do() {
    let few = system::files(Some(1_024), 24_100);
    assert_eq!(few.grade, Grade::Warning);
    assert!(few.text.contains("LimitNOFILE"), "{few}");
    assert_eq!(system::files(Some(24_100), 24_100).grade, Grade::Fine);
    assert_eq!(system::files(None, 24_100).grade, Grade::Fine);
    let small = system::buffers(200 * 1_024, 4 << 20);
    assert_eq!(small.grade, Grade::Warning);
    assert!(small.text.contains("net.core.rmem_max=4194304"), "{small}");
    assert_eq!(system::buffers(8 << 20, 4 << 20).grade, Grade::Fine);
}
