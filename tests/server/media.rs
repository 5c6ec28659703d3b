//! The UDP socket against strangers.

use std::net::UdpSocket;
use std::time::Duration;

use crate::common::Server;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::Program;

on_each_runtime! {
    garbage_on_the_media_port_is_harmless_and_unanswered,
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
