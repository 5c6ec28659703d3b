//! coturn, a TURN server that others have written.

use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::network::Namespace;

/// How long it may take until it listens.
const START: Duration = Duration::from_secs(10);

/// A running coturn, killed when it is dropped.
#[derive(Debug)]
pub struct Coturn(Child);

impl Coturn {
    /// Starts it in a namespace as `docs/networks.md` says, for TLS alone, and waits until it
    /// listens. `directory`: has `chain.pem` and `key.pem`, and room for more.
    pub fn start_in(
        place: &Namespace,
        address: Ipv4Addr,
        port: u16,
        secret: &str,
        directory: &Path,
    ) -> Self {
        let path = directory.join("coturn-is-ready");
        let ready = UnixDatagram::bind(&path).expect("a socket");
        ready.set_read_timeout(Some(START)).expect("a timeout");
        let address = address.to_string();
        let port = port.to_string();
        let child = place
            .command("turnserver")
            .current_dir(directory)
            .env("NOTIFY_SOCKET", &path)
            .args(["-n", "--no-cli", "--log-file", "stdout"])
            .args(["--pidfile", "coturn.pid", "--userdb", "coturn.db"])
            .args(["--no-udp", "--no-tcp", "--no-dtls"])
            .args(["--listening-ip", &address, "--relay-ip", &address])
            .args(["--tls-listening-port", &port])
            .args(["--cert", "chain.pem", "--pkey", "key.pem"])
            .args(["--realm", "example.org", "--use-auth-secret"])
            .args(["--static-auth-secret", secret])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let coturn = Self(child.expect("./test installs coturn"));
        let mut told = [0; 64];
        let length = ready.recv(&mut told).expect("coturn is ready");
        assert!(told[..length].starts_with(b"READY=1"), "{told:?}");
        coturn
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
