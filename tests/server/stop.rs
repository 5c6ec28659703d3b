//! Stopping.

use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{Server, Socket};
use clap::Parser;
use tsuji_mio::Options;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::Program;
use tungstenite::protocol::frame::coding::CloseCode;

on_each_runtime! {
    sigterm_tells_everybody_and_the_process_is_gone_within_two_seconds,
    peers_that_neither_read_nor_close_do_not_delay_the_end,
    a_second_sigterm_ends_the_process_at_once,
    a_meeting_goes_on_after_sigterm_and_the_server_ends_with_it,
    a_second_sigterm_does_not_wait_for_meetings,
    draining_without_a_meeting_ends_at_once,
}

/// What is promised.
const STOP: Duration = Duration::from_secs(2);

fn sigterm_tells_everybody_and_the_process_is_gone_within_two_seconds(program: &Program) {
    let mut server = Server::start(program);
    let mut inside = server.websocket();
    inside.send(r#"{"type":"join"}"#);
    inside.receive_type("join");
    inside.send(r#"{"type":"call","name":"Ren"}"#);
    inside.receive_type("offer");
    let mut outside = server.websocket();

    server.terminate();
    let (messages, frame) = inside.until_close();
    assert!(
        messages
            .iter()
            .any(|message| message["type"] == "exit" && message["reason"] == "server_stopping"),
        "{messages:?}"
    );
    assert_eq!(frame.unwrap().code, CloseCode::Away);
    assert_eq!(outside.until_close().1.unwrap().code, CloseCode::Away);
    assert_eq!(server.wait(STOP), Some(0));
}

fn peers_that_neither_read_nor_close_do_not_delay_the_end(program: &Program) {
    let mut server = Server::start(program);
    let mut unread = Vec::new();
    for _ in 0..20 {
        let mut socket = server.websocket();
        socket.send(r#"{"type":"join"}"#);
        unread.push(socket);
    }
    let mut half_a_request = server.connect();
    half_a_request.write_all(b"GET / HT").unwrap();
    // Everybody is in, once the last one has its answer.
    unread.last_mut().unwrap().receive_type("join");
    server.terminate();
    assert_eq!(server.wait(STOP), Some(0));
    assert_eq!(half_a_request.read(&mut [0; 1]).unwrap_or(0), 0);
}

fn a_second_sigterm_ends_the_process_at_once(program: &Program) {
    // A machine that stops for a second in between lets the server end by itself: once more then.
    for _ in 0..5 {
        let mut server = Server::start(program);
        let mut socket = server.websocket();
        let told = Instant::now();
        server.terminate();
        // With its close frame on the way (RFC 6455, 5.5.1), it waits for ours, for a second.
        socket.0.get_mut().read_exact(&mut [0; 1]).unwrap();
        server.terminate();
        let in_time = told.elapsed() < STOP / 4;
        let code = server.wait(STOP);
        if in_time {
            return assert_eq!(code, Some(1));
        }
    }
    panic!("the machine is too slow for this test");
}

#[test]
fn a_server_inside_another_program_stops_when_told() {
    let free = ["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"];
    let options = Options::parse_from([&["tsuji", "--shards", "2"], &free[..]].concat());
    let server = tsuji_mio::Server::start(&options).unwrap();
    assert_eq!(server.media_addresses().len(), 2);
    assert!(std::net::TcpStream::connect(server.address()).is_ok());
    server.handle().stop();
    server.wait().unwrap();

    let server = tsuji_smol::Server::bind(&options).unwrap();
    assert_eq!(server.media_addresses().len(), 2);
    assert!(std::net::TcpStream::connect(server.address()).is_ok());
    server.handle().stop();
    ::smol::block_on(server.run()).unwrap();
}

/// Somebody who has just entered a room of their own; its name.
fn inside(server: &Server) -> (Socket, String) {
    let mut socket = server.websocket();
    socket.send(r#"{"type":"join"}"#);
    let room = socket.receive_type("join")["room"].clone();
    socket.send(r#"{"type":"call","name":"Ren"}"#);
    socket.receive_type("offer");
    (socket, room.as_str().unwrap().to_owned())
}

fn draining(program: &Program) -> Server {
    let mut command = Command::new(program.executable());
    Server::start_as(command.args(["--drain", "600"]))
}

fn a_meeting_goes_on_after_sigterm_and_the_server_ends_with_it(program: &Program) {
    let mut server = draining(program);
    let (mut ren, room) = inside(&server);
    server.terminate();
    let told = ren.receive_type("drain");
    let seconds = told["seconds"].as_u64().unwrap();
    assert!((590..=600).contains(&seconds), "{told}");

    let mut late = server.websocket();
    late.send(r#"{"type":"join"}"#);
    assert_eq!(late.receive_type("error")["code"], "draining");
    late.send(&format!(r#"{{"type":"join","room":"{room}"}}"#));
    late.receive_type("join");
    late.send(r#"{"type":"call","name":"Mika"}"#);
    late.receive_type("offer");
    ren.receive_type("call");

    ren.send(r#"{"type":"leave"}"#);
    ren.receive_type("exit");
    late.send(r#"{"type":"leave"}"#);
    late.receive_type("exit");
    assert_eq!(late.until_close().1.unwrap().code, CloseCode::Away);
    assert_eq!(server.wait(STOP), Some(0));
}

fn a_second_sigterm_does_not_wait_for_meetings(program: &Program) {
    let mut server = draining(program);
    let (mut ren, _) = inside(&server);
    server.terminate();
    ren.receive_type("drain");
    server.terminate();
    assert_eq!(ren.receive_type("exit")["reason"], "server_stopping");
    ren.until_close();
    assert_eq!(server.wait(STOP), Some(0));
}

fn draining_without_a_meeting_ends_at_once(program: &Program) {
    let mut server = draining(program);
    let mut outside = server.websocket();
    server.terminate();
    outside.until_close();
    assert_eq!(server.wait(STOP), Some(0));
}
