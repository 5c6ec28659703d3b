//! HTTPS.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};
use tempfile::TempDir;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Program, Server};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

on_each_runtime! {
    the_page_and_the_rooms_are_behind_tls_and_the_goodbye_arrives,
    a_renewed_certificate_is_for_those_who_come_and_those_who_are_there_stay,
    files_that_do_not_fit_are_not_used_and_said_to_be_so,
    what_is_no_tls_is_hung_up_on_and_costs_others_nothing,
    a_handshake_that_does_not_end_is_cut_off,
    who_forgets_the_s_of_https_is_sent_to_the_same_page,
}

const PATIENCE: Duration = Duration::from_secs(20);
const JOIN: &str = r#"{"type":"join"}"#;

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Connects as a client that trusts these certificates alone.
fn connect(server: SocketAddr, trusted: &[CertificateDer<'static>]) -> Stream {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(tls, stream)
}

/// The certificate that is presented to whoever offers these protocols (ALPN), and asks for nobody's
/// word; `None` when it is hung up on.
pub(crate) fn presented(
    server: SocketAddr,
    protocols: &[&[u8]],
) -> Option<CertificateDer<'static>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let anybody = Arc::new(Anybody(provider.signature_verification_algorithms));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(anybody)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).ok()?;
    }
    Some(tls.peer_certificates()?[0].clone().into_owned())
}

/// The certificate that browsers get.
pub(crate) fn presented_to_anybody(server: SocketAddr) -> CertificateDer<'static> {
    presented(server, &[b"http/1.1"]).expect("a certificate")
}

/// Believes everybody; that they have the key is checked.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

fn get(mut stream: Stream) -> (String, CertificateDer<'static>) {
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // Fails if the end is not authenticated (no `close_notify`).
    stream.read_to_end(&mut answer).unwrap();
    let presented = stream.conn.peer_certificates().unwrap()[0].clone();
    (
        String::from_utf8_lossy(&answer).into_owned(),
        presented.into_owned(),
    )
}

fn websocket(stream: Stream) -> WebSocket<Stream> {
    let (socket, _) = tungstenite::client("wss://localhost/ws", stream).unwrap();
    socket
}

/// Asks for a new room.
fn join(socket: &mut WebSocket<Stream>) {
    socket.send(Message::text(JOIN)).unwrap();
    loop {
        if let Message::Text(text) = socket.read().unwrap() {
            assert!(text.starts_with(r#"{"type":"join","room":"#), "{text}");
            return;
        }
    }
}

/// A new certificate and its key, in the files that a server is started with.
fn certify(directory: &Path) -> CertificateDer<'static> {
    let names = ["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
    place(directory, "key.pem", &KeyPair::serialize_pem(&signing_key));
    place(directory, "certificate.pem", &cert.pem());
    cert.der().clone()
}

/// As whoever renews certificates does it: at once.
fn place(directory: &Path, name: &str, text: &str) {
    let new = directory.join("new");
    fs::write(&new, text).unwrap();
    fs::rename(&new, directory.join(name)).unwrap();
}

fn start(program: &Program, directory: &Path) -> Server {
    let certificate = directory.join("certificate.pem");
    let key = directory.join("key.pem");
    let arguments = [
        OsStr::new("--tls-cert"),
        certificate.as_os_str(),
        OsStr::new("--tls-key"),
        key.as_os_str(),
    ];
    Server::start_with(program, &arguments)
}

fn the_page_and_the_rooms_are_behind_tls_and_the_goodbye_arrives(program: &Program) {
    let directory = TempDir::new().unwrap();
    let arguments = ["--tls", "self-signed", "--tls-dir"].map(OsStr::new);
    let arguments = [&arguments[..], &[directory.path().as_os_str()]].concat();
    let server = Server::start_with(program, &arguments);
    assert!(server.url("/").starts_with("https://"));
    assert!(server.says().contains("Its fingerprint (SHA-256) is "));
    let file = directory.path().join("self-signed.pem");
    let trusted = [CertificateDer::from_pem_file(file).unwrap()];

    let (answer, _) = get(connect(server.address(), &trusted));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:.100}");
    let mut socket = websocket(connect(server.address(), &trusted));
    join(&mut socket);
    server.stop();
    loop {
        if let Message::Close(frame) = socket.read().unwrap() {
            assert_eq!(frame.unwrap().code, CloseCode::Away);
            return;
        }
    }
}

fn a_renewed_certificate_is_for_those_who_come_and_those_who_are_there_stay(program: &Program) {
    let directory = TempDir::new().unwrap();
    let first = certify(directory.path());
    let server = start(program, directory.path());
    let mut socket = websocket(connect(server.address(), std::slice::from_ref(&first)));
    let second = certify(directory.path());
    server.logs("a new certificate is used");
    let (_, presented) = get(connect(server.address(), &[first, second.clone()]));
    assert_eq!(presented, second);
    join(&mut socket);
    drop(socket);
    server.stop();
}

fn files_that_do_not_fit_are_not_used_and_said_to_be_so(program: &Program) {
    let directory = TempDir::new().unwrap();
    let first = certify(directory.path());
    let server = start(program, directory.path());
    place(directory.path(), "certificate.pem", "half a certifi");
    server.logs("the old certificate is still used");
    let (_, presented) = get(connect(server.address(), std::slice::from_ref(&first)));
    assert_eq!(presented, first);
    server.stop();
}

fn what_is_no_tls_is_hung_up_on_and_costs_others_nothing(program: &Program) {
    let directory = TempDir::new().unwrap();
    let trusted = [certify(directory.path())];
    let server = start(program, directory.path());
    let noise = [
        vec![0; 10_000],
        b"\x16\x03\x01\x00\x04nope".to_vec(),
        b"\x16\x03\x01\xff\xff".repeat(20_000),
    ];
    for bytes in noise {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may hang up before it has read all.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let reset = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(ended.map_or_else(reset, |_| true));
        // At most an alert (RFC 8446, 6), or the refusal of what might have been HTTP.
        let refused = answer.starts_with(b"HTTP/1.1 400 ");
        assert!(
            answer.is_empty() || answer[0] == 21 || refused,
            "{answer:?}"
        );
    }
    let (answer, _) = get(connect(server.address(), &trusted));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    server.stop();
}

fn who_forgets_the_s_of_https_is_sent_to_the_same_page(program: &Program) {
    let directory = TempDir::new().unwrap();
    certify(directory.path());
    let server = start(program, directory.path());
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = server.address();
    let request = format!("GET /r/KUMA-ARE-TSUJ HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    let place = format!("\r\nlocation: https://{host}/r/KUMA-ARE-TSUJ\r\n");
    assert!(answer.contains(&place), "{answer}");
    server.stop();
}

fn a_handshake_that_does_not_end_is_cut_off(program: &Program) {
    let directory = TempDir::new().unwrap();
    certify(directory.path());
    let server = start(program, directory.path());
    let mut slow = TcpStream::connect(server.address()).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    slow.write_all(b"\x16\x03\x01\x01").unwrap();
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).unwrap();
    server.stop();
}
