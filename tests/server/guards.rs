//! The guard rails, as an operator sets them.

use std::fs;
use std::process::Command;

use serde_json::json;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::Program;

use crate::common::{Server, read_response, request};

on_each_runtime! {
    limits_are_those_of_the_command_line,
    pages_of_an_allowed_origin_may_connect_and_others_may_not,
    with_a_key_rooms_open_to_bearers_of_its_tokens_only,
    a_room_with_a_password_opens_to_those_who_know_it,
    a_key_that_is_none_is_one_sentence_and_a_failure,
    the_doctor_tells_what_is_wrong_and_whether_that_is_bad,
}

fn start(program: &Program, arguments: &[&str]) -> Server {
    Server::start_as(Command::new(program.executable()).args(arguments))
}

fn limits_are_those_of_the_command_line(program: &Program) {
    let server = start(program, &["--max-people-per-room", "1", "--max-rooms", "1"]);
    let mut ren = server.websocket();
    ren.send(r#"{"type":"join"}"#);
    let room = ren.receive_type("join")["room"].clone();
    ren.send(r#"{"type":"call","name":"Ren"}"#);
    ren.receive_type("offer");
    let mut mika = server.websocket();
    mika.send(&json!({ "type": "join", "room": room }).to_string());
    mika.receive_type("join");
    mika.send(r#"{"type":"call","name":"Mika"}"#);
    assert_eq!(mika.receive_type("error")["code"], "room_full");
    mika.send(r#"{"type":"join"}"#);
    assert_eq!(mika.receive_type("error")["code"], "too_many_rooms");
}

fn pages_of_an_allowed_origin_may_connect_and_others_may_not(program: &Program) {
    let server = start(program, &["--origin", "https://app.example"]);
    let status = |origin: &str| {
        let mut stream = server.connect();
        let headers = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Origin", origin),
        ];
        request(&mut stream, "/ws", &headers);
        read_response(&mut std::io::BufReader::new(stream)).status
    };
    assert_eq!(status("https://app.example"), 101);
    assert_eq!(status("https://evil.example"), 403);
}

fn with_a_key_rooms_open_to_bearers_of_its_tokens_only(program: &Program) {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    fs::write(&key, "a secret of the application, for this test\n").unwrap();
    let server = start(program, &["--join-key", key.to_str().unwrap()]);
    let mut ren = server.websocket();
    ren.send(r#"{"type":"join"}"#);
    assert_eq!(ren.receive_type("error")["code"], "token_required");
    ren.send(r#"{"type":"join","token":"a.b.c"}"#);
    assert_eq!(ren.receive_type("error")["code"], "bad_token");
    // {"alg":"HS256","typ":"JWT"} and {"room":"KUMA-ARE-TSUJ","name":"Ren","exp":4102444800,
    // "may-create":true}, signed with the key: made with another implementation (Python's hmac).
    ren.send(&json!({ "type": "join", "token": TOKEN }).to_string());
    let joined = ren.receive_type("join");
    assert_eq!(joined["room"], "KUMA-ARE-TSUJ");
    assert_eq!(joined["name"], "Ren");
    ren.send(r#"{"type":"call","name":"Somebody else"}"#);
    ren.receive_type("offer");
}

const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb29tIjoiS1VNQS1BUkUtVFNVSiIsIm5hbWUiOiJSZW4iLCJleHAiOjQxMDI0NDQ4MDAsIm1heS1jcmVhdGUiOnRydWV9.uapDy4dspZ56XyVnJNBFdlgI0_tIylYgO2lf0Kz7NWc";

fn a_room_with_a_password_opens_to_those_who_know_it(program: &Program) {
    let server = Server::start(program);
    let mut ren = server.websocket();
    ren.send(r#"{"type":"join","password":"open sesame"}"#);
    let room = ren.receive_type("join")["room"].clone();
    let mut mika = server.websocket();
    mika.send(&json!({ "type": "join", "room": room }).to_string());
    assert_eq!(mika.receive_type("error")["code"], "password_required");
    mika.send(&json!({ "type": "join", "room": room, "password": "open barley" }).to_string());
    assert_eq!(mika.receive_type("error")["code"], "wrong_password");
    mika.send(&json!({ "type": "join", "room": room, "password": "open sesame" }).to_string());
    assert_eq!(mika.receive_type("join")["room"], room);
}

fn a_key_that_is_none_is_one_sentence_and_a_failure(program: &Program) {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    fs::write(&key, "short").unwrap();
    let output = Command::new(program.executable())
        .args([
            "--listen",
            "127.0.0.1:0",
            "--udp",
            "127.0.0.1:0",
            "--log",
            "error",
        ])
        .arg("--join-key")
        .arg(&key)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.contains("the secret has 5 bytes; HS256 needs at least 32"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

fn the_doctor_tells_what_is_wrong_and_whether_that_is_bad(program: &Program) {
    let ask = |arguments: &[&str]| {
        let output = Command::new(program.executable())
            .arg("doctor")
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said)
    };
    let (code, said) = ask(&["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"]);
    assert_eq!(code, Some(0), "{said}");
    for about in [
        "ports",
        "reachable",
        "certificate",
        "clock",
        "UDP buffers",
        "open files",
    ] {
        assert!(said.contains(about), "{about}: {said}");
    }
    assert!(!said.contains("FAIL"), "{said}");

    let server = Server::start(program);
    let (listen, udp) = (server.address.to_string(), server.media().to_string());
    let (code, said) = ask(&["--listen", &listen, "--udp", &udp]);
    assert_eq!(code, Some(1), "{said}");
    for taken in [format!("{listen} (TCP)"), format!("{udp} (UDP)")] {
        let line = format!("{taken} cannot be used: another program is using that port");
        assert!(said.contains(&line), "{said}");
    }
}
