//! coturn, a STUN and TURN server that others have written.

use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::network::Namespace;

/// How long it may take until it listens.
const START: Duration = Duration::from_secs(10);

/// A running coturn, killed when it is dropped.
#[derive(Debug)]
pub struct Coturn(Child);

impl Coturn {
    /// Starts it in a namespace as `docs/networks.md` says, for TLS alone. `directory`: has
    /// `chain.pem` and `key.pem`, and room for more.
    pub fn relay_in(
        place: &Namespace,
        address: Ipv4Addr,
        port: u16,
        secret: &str,
        directory: &Path,
    ) -> Self {
        let (address, port) = (address.to_string(), port.to_string());
        let mut command = place.command("turnserver");
        command
            .args(["--no-udp", "--no-tcp", "--no-dtls"])
            .args(["--listening-ip", &address, "--relay-ip", &address])
            .args(["--tls-listening-port", &port])
            .args(["--cert", "chain.pem", "--pkey", "key.pem"])
            .args(["--realm", "example.org", "--use-auth-secret"])
            .args(["--static-auth-secret", secret]);
        Self::start(command, directory)
    }

    /// Starts it as a STUN server. `directory`: has room.
    pub fn stun_in(place: &Namespace, address: Ipv4Addr, port: u16, directory: &Path) -> Self {
        let (address, port) = (address.to_string(), port.to_string());
        let mut command = place.command("turnserver");
        command
            .args(["--stun-only", "--no-tcp", "--no-tls", "--no-dtls"])
            .args(["--listening-ip", &address, "--listening-port", &port]);
        Self::start(command, directory)
    }

    /// Waits until it listens.
    fn start(mut command: Command, directory: &Path) -> Self {
        let path = directory.join("coturn-is-ready");
        let ready = UnixDatagram::bind(&path).expect("a socket");
        ready.set_read_timeout(Some(START)).expect("a timeout");
        let child = command
            .current_dir(directory)
            .env("NOTIFY_SOCKET", &path)
            .args(["-n", "--no-cli", "--log-file", "stdout"])
            .args(["--pidfile", "coturn.pid", "--userdb", "coturn.db"])
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
