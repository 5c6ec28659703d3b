//! Rooms over real WebSockets, and clients that break the rules.

use std::io::{Read, Write};

use crate::common::{Server, Socket};
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::Program;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};
use tungstenite::{Bytes, Message};

on_each_runtime! {
    a_room_is_created_looked_at_and_entered,
    somebody_whose_connection_breaks_is_told_as_gone,
    closing_is_answered_with_a_close_frame,
    a_message_over_the_limit_is_an_error_and_then_1009,
    text_that_is_not_utf_8_is_closed_with_1007_and_a_broken_frame_with_1002,
    a_binary_message_is_an_error_and_the_connection_stays,
    a_ping_is_answered_with_its_own_payload,
    messages_right_behind_the_handshake_are_not_lost,
    a_flood_of_pings_is_cut_off_and_stops_nobody,
}

/// Two people in a new room; neither has media.
fn meeting(server: &Server) -> (Socket, Socket) {
    let mut a = server.websocket();
    a.send(r#"{"type":"join"}"#);
    let room = a.receive_type("join")["room"].as_str().unwrap().to_owned();
    a.send(r#"{"type":"call","name":"Ren"}"#);
    a.receive_type("offer");

    let mut b = server.websocket();
    b.send(&format!(r#"{{"type":"join","room":"{room}"}}"#));
    assert_eq!(b.receive_type("join")["participants"][0]["name"], "Ren");
    b.send(r#"{"type":"call","name":"Mika"}"#);
    b.receive_type("offer");
    assert_eq!(a.receive_type("call")["participant"]["name"], "Mika");
    (a, b)
}

/// Both still hear of each other.
fn still_meeting(a: &mut Socket, b: &mut Socket) {
    let muted = r#"{"type":"mute","kind":"audio","muted":true}"#;
    a.send(muted);
    assert_eq!(b.receive_type("mute")["muted"], true);
    b.send(muted);
    assert_eq!(a.receive_type("mute")["muted"], true);
}

fn a_room_is_created_looked_at_and_entered(program: &Program) {
    let server = Server::start(program);
    let (mut a, mut b) = meeting(&server);
    still_meeting(&mut a, &mut b);
}

fn somebody_whose_connection_breaks_is_told_as_gone(program: &Program) {
    let server = Server::start(program);
    let (mut a, b) = meeting(&server);
    drop(b);
    assert_eq!(a.receive_type("exit")["reason"], "vanished");
}

fn closing_is_answered_with_a_close_frame(program: &Program) {
    let server = Server::start(program);
    let (mut a, mut b) = meeting(&server);
    b.0.close(None).unwrap();
    let (_, _) = b.until_close();
    assert_eq!(a.receive_type("exit")["reason"], "vanished");
}

fn a_message_over_the_limit_is_an_error_and_then_1009(program: &Program) {
    let server = Server::start(program);
    let (mut a, mut b) = meeting(&server);
    let limit = tsuji_signaling::Limits::default().message_bytes;

    let mut rude = server.websocket();
    let long = format!(r#"{{"type":"join","room":"{}"}}"#, "x".repeat(limit));
    // It may be cut off before all is written.
    let _ = rude.0.send(Message::text(long));
    let (messages, frame) = rude.until_close();
    assert_eq!(messages[0]["code"], "too_large");
    assert_eq!(frame.unwrap().code, CloseCode::Size);

    // The same in many small frames, which never end.
    let mut rude = server.websocket();
    let piece = |opcode| {
        let header = FrameHeader {
            is_final: false,
            opcode: OpCode::Data(opcode),
            mask: Some([1, 2, 3, 4]),
            ..FrameHeader::default()
        };
        Message::Frame(Frame::from_payload(header, Bytes::from(vec![b' '; 1000])))
    };
    let _ = rude.0.send(piece(Data::Text));
    for _ in 0..=limit / 1000 {
        let _ = rude.0.send(piece(Data::Continue));
    }
    let (messages, frame) = rude.until_close();
    assert_eq!(messages[0]["code"], "too_large");
    assert_eq!(frame.unwrap().code, CloseCode::Size);

    still_meeting(&mut a, &mut b);
}

fn text_that_is_not_utf_8_is_closed_with_1007_and_a_broken_frame_with_1002(program: &Program) {
    let server = Server::start(program);
    let (mut a, mut b) = meeting(&server);
    // Final text frame of two bytes, masked with zeros.
    let not_utf_8: &[u8] = &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe];
    let not_masked: &[u8] = &[0x81, 0x02, b'{', b'}'];
    let reserved_opcode: &[u8] = &[0x83, 0x80, 0, 0, 0, 0];
    let long_ping: &[u8] = &[0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0];
    for (bytes, code) in [
        (not_utf_8, CloseCode::Invalid),
        (not_masked, CloseCode::Protocol),
        (reserved_opcode, CloseCode::Protocol),
        (&[long_ping, &[0; 126]].concat(), CloseCode::Protocol),
    ] {
        let mut rude = server.websocket();
        rude.0.get_mut().write_all(bytes).unwrap();
        let (_, frame) = rude.until_close();
        assert_eq!(frame.unwrap().code, code, "{bytes:02x?}");
    }
    still_meeting(&mut a, &mut b);
}

fn a_binary_message_is_an_error_and_the_connection_stays(program: &Program) {
    let server = Server::start(program);
    let mut socket = server.websocket();
    socket.0.send(Message::binary(vec![1, 2, 3])).unwrap();
    assert_eq!(socket.receive()["code"], "binary");
    socket.send(r#"{"type":"join"}"#);
    assert_eq!(socket.receive()["type"], "join");
}

fn a_ping_is_answered_with_its_own_payload(program: &Program) {
    let server = Server::start(program);
    let mut socket = server.websocket();
    let payload = Bytes::from_static(b"still there?");
    socket.0.send(Message::Ping(payload.clone())).unwrap();
    while socket.0.read().unwrap() != Message::Pong(payload.clone()) {}
}

fn messages_right_behind_the_handshake_are_not_lost(program: &Program) {
    let server = Server::start(program);
    let mut stream = server.connect();
    let mut bytes = format!(
        "GET /ws HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address
    )
    .into_bytes();
    let text = br#"{"type":"join"}"#;
    bytes.extend([0x81, 0x80 | text.len() as u8, 0, 0, 0, 0]);
    bytes.extend(text);
    stream.write_all(&bytes).unwrap();

    let mut answer = String::new();
    while !answer.contains(r#""room":""#) {
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "{answer}");
        answer.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    assert!(answer.starts_with("HTTP/1.1 101 "));
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

fn a_flood_of_pings_is_cut_off_and_stops_nobody(program: &Program) {
    let server = Server::start(program);
    let (mut a, mut b) = meeting(&server);
    let mut rude = server.websocket();
    let ping = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[b'x'; 125]].concat();
    let pings = ping.repeat(500);
    // It may be cut off before all is written.
    let _ = (0..100).try_for_each(|_| rude.0.get_mut().write_all(&pings));
    let (_, frame) = rude.until_close();
    assert_eq!(frame.unwrap().code, CloseCode::Policy);
    still_meeting(&mut a, &mut b);
}
