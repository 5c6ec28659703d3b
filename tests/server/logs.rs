//! The log.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use serde_json::Value;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Program, Server};
use tungstenite::Message;

on_each_runtime! {
    one_grep_tells_one_person_s_story,
    every_line_of_the_json_log_is_an_object,
    the_journal_learns_the_level_and_not_the_time_again,
}

/// Two people meet, and the first one leaves.
fn meet(server: &Server) {
    let url = format!("ws://{}/ws", server.address());
    let open = || {
        let stream = TcpStream::connect(server.address()).unwrap();
        tungstenite::client(&url, stream).unwrap().0
    };
    let (mut ren, mut mika) = (open(), open());
    ren.send(Message::text(r#"{"type":"join"}"#)).unwrap();
    let joined: Value = serde_json::from_str(ren.read().unwrap().to_text().unwrap()).unwrap();
    let look = serde_json::json!({"type": "join", "room": joined["room"]});
    mika.send(Message::text(look.to_string())).unwrap();
    for (socket, name) in [(&mut ren, "Ren"), (&mut mika, "Mika")] {
        let call = serde_json::json!({"type": "call", "name": name});
        socket.send(Message::text(call.to_string())).unwrap();
        while !socket
            .read()
            .unwrap()
            .to_text()
            .unwrap()
            .contains("\"offer\"")
        {}
    }
    // Wrong, and his own doing.
    ren.send(Message::text(r#"{"type":"weather"}"#)).unwrap();
    ren.send(Message::text(r#"{"type":"leave"}"#)).unwrap();
    while !mika.read().unwrap().to_text().unwrap().contains("\"exit\"") {}
}

fn start(program: &Program, more: &[&str]) -> Server {
    let arguments: Vec<_> = more.iter().map(OsStr::new).collect();
    Server::start_with(program, &arguments)
}

fn one_grep_tells_one_person_s_story(program: &Program) {
    let server = start(program, &["--log", "info,tsuji_signaling=debug"]);
    meet(&server);
    server.logs("exit");
    let log = server.log();
    let story: Vec<_> = log
        .lines()
        .filter(|line| line.contains("participant=p1}"))
        .collect();
    let events = ["enter", "refused", "exit"];
    assert_eq!(story.len(), events.len(), "{log}");
    for (line, event) in story.iter().zip(events) {
        assert!(line.contains(event), "{line}");
        assert!(line.contains("person{room=r1 participant=p1}"), "{line}");
    }
    server.stop();
}

fn every_line_of_the_json_log_is_an_object(program: &Program) {
    let server = start(
        program,
        &[
            "--log",
            "info,tsuji_signaling=debug",
            "--log-format",
            "json",
        ],
    );
    meet(&server);
    server.logs("\"exit\"");
    let log = server.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for line in &lines {
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "{field}: {line}");
        }
    }
    let story = log
        .lines()
        .filter(|line| line.contains("\"participant\":\"p1\""));
    assert_eq!(story.count(), 3, "{log}");
    let exit = lines.iter().find(|line| line["message"] == "exit").unwrap();
    assert_eq!(exit["spans"][0]["room"], "r1");
    assert_eq!(exit["reason"], "Left");
    server.stop();
}

fn the_journal_learns_the_level_and_not_the_time_again(program: &Program) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let file = File::create(&path).unwrap();
    let stream = file.metadata().unwrap();
    let run = |stream: String| {
        let mut command = Command::new(program.executable());
        command.args(["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"]);
        // It can't be recorded there, so it says something and ends.
        command
            .args(["--tls", "self-signed", "--tls-dir"])
            .arg(directory.path().join("tls"));
        command.args(["--record", "/dev/null/no"]);
        command.env("JOURNAL_STREAM", stream);
        command.stderr(Stdio::from(file.try_clone().unwrap()));
        command.stdout(Stdio::null());
        assert!(!command.status().unwrap().success());
        fs::read_to_string(&path).unwrap()
    };
    let log = run(format!("{}:{}", stream.dev(), stream.ino()));
    let lines: Vec<_> = log
        .lines()
        .filter(|line| !line.starts_with("tsuji: "))
        .collect();
    assert!(!lines.is_empty(), "{log}");
    for line in lines {
        assert!(
            line.starts_with("<6> tsuji") || line.starts_with("<6>tsuji"),
            "{line}"
        );
    }
    // Where stderr is something else, lines are for people.
    let whole = run("1:2".to_owned());
    let rest = &whole[log.len()..];
    assert!(rest.starts_with("20") && rest.contains(" INFO "), "{rest}");
}
