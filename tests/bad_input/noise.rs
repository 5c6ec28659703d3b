//! What comes in below the protocol: connections that are no HTTP, datagrams that are no media.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use tsuji_signaling::message::{ClientMessage, Ice, ServerMessage};
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Program, Server, Socket};

use crate::beside_a_meeting;

on_each_runtime! {
    what_is_no_http_is_refused_and_hung_up_on,
    a_handshake_that_is_wrong_opens_no_websocket,
    connections_that_say_nothing_or_stop_half_way_keep_nobody_out,
    datagrams_of_strangers_are_dropped_without_a_reply,
}

/// How long the server may take to answer or to hang up.
const PATIENCE: Duration = Duration::from_secs(15);

fn what_is_no_http_is_refused_and_hung_up_on(program: &Program) {
    let cases: [(&str, Vec<u8>); 9] = [
        (
            "a TLS hello",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(50),
        ),
        ("zeros", vec![0; 10_000]),
        ("no version", b"GET /\r\n\r\n".to_vec()),
        ("a wrong version", b"GET / HTTP/9.9\r\n\r\n".to_vec()),
        (
            "a long path",
            [
                b"GET /".to_vec(),
                vec![b'a'; 100_000],
                b" HTTP/1.1\r\n\r\n".to_vec(),
            ]
            .concat(),
        ),
        (
            "many headers",
            [b"GET / HTTP/1.1\r\n".to_vec(), b"X: y\r\n".repeat(10_000)].concat(),
        ),
        (
            "a long header",
            [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; 200_000]].concat(),
        ),
        (
            "a body to a page",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n".to_vec(),
        ),
        (
            "a way out",
            b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(),
        ),
    ];
    beside_a_meeting(program, |server, _| {
        for (what, bytes) in &cases {
            let answer = talk(server, bytes);
            let refused = answer.is_empty()
                || answer.starts_with("HTTP/1.1 4")
                || answer.starts_with("HTTP/1.1 5");
            assert!(refused, "{what}: {answer:.200}");
        }
    });
}

fn a_handshake_that_is_wrong_opens_no_websocket(program: &Program) {
    let good = [
        ("Host", "127.0.0.1"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let with = |name: &str, value: Option<&str>| {
        let others = good.iter().filter(|(header, _)| *header != name);
        let headers = others.copied().chain(value.map(|value| (name, value)));
        let lines: String = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        format!("GET /ws HTTP/1.1\r\n{lines}\r\n")
    };
    let cases = [
        with("Upgrade", None),
        with("Sec-WebSocket-Version", Some("8")),
        with("Sec-WebSocket-Key", None),
        with("Sec-WebSocket-Key", Some("short")),
        with("Sec-WebSocket-Protocol", Some("mqtt, tsuji.999")),
        with("Origin", Some("https://elsewhere.example")),
        with("Upgrade", Some("websocket")).replace("GET", "POST"),
        with("Upgrade", Some("websocket")).replace("/ws", "/elsewhere"),
    ];
    beside_a_meeting(program, |server, _| {
        for request in &cases {
            let answer = talk(server, request.as_bytes());
            assert!(answer.starts_with("HTTP/1.1 4"), "{request}{answer:.200}");
        }
    });
}

fn connections_that_say_nothing_or_stop_half_way_keep_nobody_out(program: &Program) {
    beside_a_meeting(program, |server, meeting| {
        let halves = [
            &b""[..],
            b"G",
            b"GET /ws HTTP/1.1\r\nUpgr",
            b"GET / HTTP/1.1\r\n",
        ];
        let held: Vec<_> = halves
            .iter()
            .cycle()
            .take(400)
            .map(|half| {
                let mut stream = TcpStream::connect(server.address()).expect("the server accepts");
                stream.write_all(half).expect("the server reads");
                stream
            })
            .collect();
        Socket::open(server.address()).join(Some(meeting.room()));
        drop(held);
    });
}

fn datagrams_of_strangers_are_dropped_without_a_reply(program: &Program) {
    beside_a_meeting(program, |server, meeting| {
        let mut pace = Socket::open(server.address());
        pace.join(Some(meeting.room()));
        let media = media_address(&mut pace);
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("the system has ports");
        for round in 0..40_u32 {
            for bytes in noise(round) {
                stranger.send_to(&bytes, media).expect("loopback takes it");
            }
            // The answer shows that the server goes on, and keeps this below what its socket
            // holds: what a full socket loses would not be the server's fault.
            pace.say(&ClientMessage::create());
            pace.hear_error();
        }
        stranger.set_nonblocking(true).expect("an open socket");
        let reply = stranger.recv_from(&mut [0; 2_000]);
        assert!(reply.is_err(), "{reply:?}");
    });
}

/// Datagrams that look like what the server expects, and some that do not.
fn noise(round: u32) -> Vec<Vec<u8>> {
    let id = round.to_be_bytes();
    let stun = |kind: [u8; 2], attributes: &[u8]| {
        let length = u16::try_from(attributes.len())
            .expect("short")
            .to_be_bytes();
        [
            &kind[..],
            &length,
            &[0x21, 0x12, 0xA4, 0x42],
            &id,
            &id,
            &id,
            attributes,
        ]
        .concat()
    };
    let username = |name: &[u8]| {
        let length = u16::try_from(name.len()).expect("short").to_be_bytes();
        let padding = vec![0; name.len().next_multiple_of(4) - name.len()];
        stun([0, 1], &[&[0, 6], &length[..], name, &padding].concat())
    };
    vec![
        vec![],
        vec![0],
        vec![0xFF; 1_400],
        vec![0x80; 9_000],
        id.repeat(100),
        // RTP, RTCP, DTLS (RFC 7983).
        [&[0x80, 96][..], &id, &id, &id, &[7; 200]].concat(),
        [&[0x80, 200, 0, 6][..], &id.repeat(6)].concat(),
        [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99][..], &id].concat(),
        stun([0, 1], b""),
        stun([1, 1], b""),
        stun([0, 1], &[0, 6, 0xFF, 0xFF]),
        username(b""),
        username(b"p1:x"),
        username(&[b'A'; 500]),
        username("1:\u{1F3A5}".as_bytes()),
    ]
}

/// Where the server receives media, from its first candidate.
fn media_address(socket: &mut Socket) -> SocketAddr {
    socket.say(&ClientMessage::Call {
        name: "Eve".to_owned(),
        ice: Ice::Trickle,
        audio: true,
        video: true,
    });
    socket.hear_until(|message| {
        let ServerMessage::Candidate { candidate } = message else {
            return None;
        };
        let line = candidate?.candidate;
        let mut words = line.split_whitespace().skip(4);
        let (address, port) = (words.next()?, words.next()?);
        format!("{address}:{port}").parse().ok()
    })
}

/// Says something and reads the head of the answer, or until the server hangs up.
fn talk(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("the server accepts");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("an open socket");
    // It may hang up before it has read all.
    let _ = stream.write_all(bytes);
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1..) => answer.push(char::from(byte[0])),
            Ok(0) => break,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("neither an answer nor an end: {error}: {answer}"),
        }
    }
    answer
}
