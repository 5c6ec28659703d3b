//! Certificates by ACME, from Pebble: the test authority of those who run the largest one. It checks
//! signatures, refuses some nonces at random, and looks at the challenge for itself.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use tempfile::TempDir;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Program, Server};

use crate::https::{presented, presented_to_anybody};

on_each_runtime! {
    a_certificate_is_given_kept_and_renewed_while_the_server_runs,
    a_name_that_leads_elsewhere_is_not_proved_and_the_log_says_why,
    an_authority_that_is_not_there_costs_only_a_line_in_the_log,
}

/// How long the authority may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);
/// Seconds that its certificates are valid for: so they are renewed after some more than half.
const VALID: u64 = 12;

/// What is in the certificate that is presented until there is another one.
const PLACEHOLDER: &[u8] = b"waiting for a certificate";

/// A running Pebble.
struct Authority {
    child: Child,
    directory: TempDir,
    address: SocketAddr,
}

impl Authority {
    /// One that looks at `port` when somebody says to be the owner of a name.
    fn start(port: u16) -> Self {
        let directory = TempDir::new().unwrap();
        let path = |name: &str| directory.path().join(name);
        certify(directory.path());
        let address = free();
        let config = json!({"pebble": {
            "listenAddress": address.to_string(),
            "managementListenAddress": free().to_string(),
            "certificate": path("pebble.pem"),
            "privateKey": path("pebble.key"),
            "httpPort": port,
            "tlsPort": port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": VALID,
        }});
        fs::write(path("config.json"), config.to_string()).unwrap();
        let mut child = Command::new("pebble")
            .arg("-config")
            .arg(path("config.json"))
            // It would wait for up to 15 s before it looks, as the real ones may.
            .env("PEBBLE_VA_NOSLEEP", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("pebble is installed (Debian's package pebble)");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (ready, wait) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.contains("ACME directory available at") {
                    let _ = ready.send(());
                }
            }
        });
        wait.recv_timeout(PATIENCE).expect("Pebble listens");
        Self {
            child,
            directory,
            address,
        }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/dir", self.address.port())
    }

    fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who vouches for Pebble's own server, and what that presents.
fn certify(directory: &Path) {
    let mut parameters = CertificateParams::new([]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let own = own.signed_by(&key, &ca).unwrap();
    fs::write(directory.join("ca.pem"), ca.pem()).unwrap();
    fs::write(directory.join("pebble.pem"), own.pem()).unwrap();
    fs::write(directory.join("pebble.key"), key.serialize_pem()).unwrap();
}

/// An address that nobody listens on.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Serves `localhost` on `listen`.
fn start(program: &Program, listen: SocketAddr, keep: &Path, url: &str, ca: &Path) -> Server {
    let listen = listen.to_string();
    let arguments = [
        OsStr::new("--listen"),
        OsStr::new(&listen),
        OsStr::new("--acme"),
        OsStr::new("localhost"),
        OsStr::new("--acme-email"),
        OsStr::new("ren@example.org"),
        OsStr::new("--acme-directory"),
        OsStr::new(url),
        OsStr::new("--acme-ca"),
        ca.as_os_str(),
        OsStr::new("--tls-dir"),
        keep.as_os_str(),
    ];
    Server::start_at(program, &arguments)
}

fn a_certificate_is_given_kept_and_renewed_while_the_server_runs(program: &Program) {
    let listen = free();
    let authority = Authority::start(listen.port());
    let directory = TempDir::new().unwrap();
    let keep = directory.path().join("tls");
    let server = start(program, listen, &keep, &authority.url(), &authority.ca());
    server.logs("a certificate was given by ACME");
    server.logs("a new certificate is used");
    let first = CertificateDer::from_pem_file(keep.join("acme.pem")).unwrap();
    assert_eq!(presented_to_anybody(server.address()), first);
    for name in ["acme.pem", "acme-account.json"] {
        let mode = fs::metadata(keep.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    // Only an authority asks in its protocol, and now none does.
    assert_eq!(presented(server.address(), &[b"acme-tls/1"]), None);

    // The next one, on its own.
    server.logs_times("a certificate was given by ACME", 2);
    server.logs_times("a new certificate is used", 2);
    let second = presented_to_anybody(server.address());
    assert_ne!(second, first);
    server.stop();

    // It is kept, with the account: another server has one to present at once.
    let account = fs::read(keep.join("acme-account.json")).unwrap();
    let again = start(program, listen, &keep, &authority.url(), &authority.ca());
    let kept = presented_to_anybody(again.address());
    assert!(
        !kept
            .windows(PLACEHOLDER.len())
            .any(|part| part == PLACEHOLDER)
    );
    assert_eq!(fs::read(keep.join("acme-account.json")).unwrap(), account);

    // Without an authority, what was given last goes on being presented.
    drop(authority);
    again.logs("no new certificate; the old one is used");
    let last = CertificateDer::from_pem_file(keep.join("acme.pem")).unwrap();
    assert_eq!(presented_to_anybody(again.address()), last);
    again.stop_after_trouble();
}

fn a_name_that_leads_elsewhere_is_not_proved_and_the_log_says_why(program: &Program) {
    let authority = Authority::start(free().port());
    let directory = TempDir::new().unwrap();
    let keep = directory.path();
    let server = start(program, free(), keep, &authority.url(), &authority.ca());
    let line = server.logs("does not believe that localhost leads here");
    assert!(line.contains("ailed to connect to 127.0.0.1"), "{line}");
    assert!(!keep.join("acme.pem").exists());
    server.stop_after_trouble();
}

fn an_authority_that_is_not_there_costs_only_a_line_in_the_log(program: &Program) {
    let directory = TempDir::new().unwrap();
    certify(directory.path());
    let nobody = format!("https://localhost:{}/dir", free().port());
    let ca = directory.path().join("ca.pem");
    let server = start(program, free(), directory.path(), &nobody, &ca);
    let line = server.logs("no certificate: browsers will warn of this server");
    let shown = presented_to_anybody(server.address());
    assert!(
        shown
            .windows(PLACEHOLDER.len())
            .any(|part| part == PLACEHOLDER)
    );
    assert!(
        line.contains("ERROR") && line.contains("localhost"),
        "{line}"
    );
    server.stop_after_trouble();
}
