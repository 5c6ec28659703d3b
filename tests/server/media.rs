//! What receives media, against strangers.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use crate::common::Server;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::Program;

on_each_runtime! {
    garbage_on_the_media_port_is_harmless_and_unanswered,
    a_stranger_on_tcp_is_hung_up_on_without_an_answer,
}

fn garbage_on_the_media_port_is_harmless_and_unanswered(program: &Program) {
    let server = Server::start(program);
    let media = server.media();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut garbage: Vec<u8> = (0..=255).cycle().take(65_000).collect();
    for length in (0..1_600).chain([9_000, 65_000]) {
        garbage[0] = u8::try_from(length % 256).unwrap();
        stranger.send_to(&garbage[..length], media).unwrap();
    }
    // A STUN binding request (RFC 8489) for a participant who is not there.
    let mut stun = vec![0x00, 0x01, 0x00, 0x0c, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([7; 12]);
    stun.extend([0x00, 0x06, 0x00, 0x08]);
    stun.extend(b"abcd:efg");
    stranger.send_to(&stun, media).unwrap();

    let mut socket = server.websocket();
    socket.send(r#"{"type":"join"}"#);
    assert_eq!(socket.receive()["type"], "join");
    socket.send(r#"{"type":"call","name":"Ren"}"#);
    // The offer comes from the media thread, behind all that garbage.
    assert!(socket.receive_type("offer")["sdp"].is_string());

    stranger
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    assert!(stranger.recv(&mut garbage).is_err(), "nothing is reflected");
}

fn a_stranger_on_tcp_is_hung_up_on_without_an_answer(program: &Program) {
    let server = Server::start(program);
    // A STUN binding request (RFC 8489) for a participant who is not there, framed (RFC 4571), and
    // the same cut off by another frame.
    let mut check = vec![0, 36, 0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 12]);
    check.extend(b"abcdefgh:efg");
    let cut = [&check[..], &[0xff; 100]].concat();
    for bytes in [check, cut] {
        let mut stranger = TcpStream::connect(server.address).unwrap();
        stranger
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        stranger.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        match stranger.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        assert!(answer.is_empty(), "{answer:?}");
    }
}
