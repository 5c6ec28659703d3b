//! What a server tells those who watch over it.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::Signal;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Program, Server};
use tungstenite::{Message, WebSocket};

on_each_runtime! {
    prometheus_learns_who_is_there_and_what_the_sockets_do,
    health_tells_when_the_server_lets_meetings_end,
    who_asks_slowly_or_badly_costs_others_nothing,
    the_certificate_s_end_is_told,
}

const PATIENCE: Duration = Duration::from_secs(10);

fn start(program: &Program, more: &[&str]) -> (Server, SocketAddr) {
    let arguments = [&["--metrics", "127.0.0.1:0"], more].concat();
    let arguments: Vec<_> = arguments.iter().map(OsStr::new).collect();
    let server = Server::start_with(program, &arguments);
    let line = server.logs("metrics=");
    let address = line.split("metrics=").nth(1).unwrap();
    (server, address.split(' ').next().unwrap().parse().unwrap())
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The status and the body.
fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = connect(address);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = format!("Content-Length: {}", body.len());
    assert!(head.contains(&length), "{head}");
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn value(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

/// Asks until it is so: both sides publish once a second.
fn until(address: SocketAddr, name: &str, wanted: impl Fn(f64) -> bool) {
    let mut last = None;
    for _ in 0..100 {
        let (status, text) = get(address, "/metrics");
        assert_eq!(status, 200);
        last = value(&text, name);
        if last.is_some_and(&wanted) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{name} is {last:?}");
}

fn enter(server: &Server) -> WebSocket<TcpStream> {
    let url = format!("ws://{}/ws", server.address());
    let (mut socket, _) = tungstenite::client(url, connect(server.address())).unwrap();
    for text in [r#"{"type":"join"}"#, r#"{"type":"call","name":"Ren"}"#] {
        socket.send(Message::text(text)).unwrap();
    }
    hears(&mut socket, "offer");
    socket
}

fn hears(socket: &mut WebSocket<TcpStream>, name: &str) {
    loop {
        if let Message::Text(text) = socket.read().unwrap()
            && text.contains(&format!("\"type\":\"{name}\""))
        {
            return;
        }
    }
}

fn prometheus_learns_who_is_there_and_what_the_sockets_do(program: &Program) {
    let (server, watched) = start(program, &[]);
    let (_, text) = get(watched, "/metrics");
    let build = format!(
        "tsuji_build_info{{version=\"{}\"",
        env!("CARGO_PKG_VERSION")
    );
    assert!(text.contains(&build), "{text}");
    assert!(value(&text, "process_start_time_seconds").unwrap() > 1.7e9);
    assert!(value(&text, "process_resident_memory_bytes").unwrap() > 1e6);
    until(watched, "tsuji_rooms", |rooms| rooms == 0.0);

    let socket = enter(&server);
    until(watched, "tsuji_participants{shard=\"0\"}", |people| {
        people == 1.0
    });
    until(watched, "tsuji_active_rooms{shard=\"0\"}", |rooms| {
        rooms == 1.0
    });
    until(watched, "tsuji_websockets", |sockets| sockets == 1.0);
    let media = server.logs("socket=");
    let media = media.split("socket=").nth(1).unwrap();
    let media: SocketAddr = media.split(' ').next().unwrap().parse().unwrap();
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // A receiver report, which Linux drops for the server, as nobody reads it.
    let report = [[0x80, 201, 0, 1].as_slice(), &[0; 24]].concat();
    for _ in 0..3 {
        if cfg!(target_os = "linux") {
            stranger.send_to(&report, media).unwrap();
        }
        stranger.send_to(b"\x80hello", media).unwrap();
    }
    let unknown = "tsuji_datagrams_dropped_total{reason=\"unknown_address\",shard=\"0\"}";
    until(watched, unknown, |count| count == 3.0);
    let received = "tsuji_udp_datagrams_received_total{shard=\"0\"}";
    until(watched, received, |count| count == 3.0);
    let no_room = "tsuji_udp_receive_buffer_drops_total";
    until(watched, no_room, |count| count == 0.0);
    let late = "tsuji_loop_lateness_seconds_count{loop=\"front\"}";
    until(watched, late, |count| count > 0.0);
    drop(socket);
    until(watched, "tsuji_participants{shard=\"0\"}", |people| {
        people == 0.0
    });
    server.stop();
}

fn health_tells_when_the_server_lets_meetings_end(program: &Program) {
    let (server, watched) = start(program, &["--drain", "600"]);
    assert_eq!(get(watched, "/healthz"), (200, "ok\n".to_owned()));
    let mut socket = enter(&server);
    server.signal(Signal::TERM);
    hears(&mut socket, "drain");
    assert_eq!(get(watched, "/healthz"), (503, "draining\n".to_owned()));
    until(watched, "tsuji_draining", |draining| draining == 1.0);
    server.stop();
}

fn who_asks_slowly_or_badly_costs_others_nothing(program: &Program) {
    let (server, watched) = start(program, &[]);
    let mut slow: Vec<_> = (0..10).map(|_| connect(watched)).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /metr").unwrap();
    }
    assert_eq!(get(watched, "/healthz").0, 200);
    assert_eq!(get(watched, "/").0, 404);
    for (request, status) in [
        (b"POST /metrics HTTP/1.1\r\n\r\n".to_vec(), "405"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n".to_vec(), "400"),
        (
            [b"GET /metrics HTTP/1.1\r\nA: ".to_vec(), vec![b'a'; 9_000]].concat(),
            "431",
        ),
    ] {
        let mut stream = connect(watched);
        stream.write_all(&request).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    // They are cut off.
    for mut stream in slow {
        assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
    }
    assert_eq!(get(watched, "/metrics").0, 200);
    server.stop();
}

fn the_certificate_s_end_is_told(program: &Program) {
    let directory = tempfile::tempdir().unwrap();
    let keep = directory.path().to_str().unwrap();
    let (server, watched) = start(program, &["--tls", "self-signed", "--tls-dir", keep]);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let days = |seconds: f64| (seconds - now) / 86_400.0;
    let name = "tsuji_tls_certificate_expiry_timestamp_seconds";
    until(watched, name, |end| (390.0..400.0).contains(&days(end)));
    server.stop();
}
