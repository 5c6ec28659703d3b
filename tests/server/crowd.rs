//! More connections than the system has room for.

use std::io::Write;
use std::process::Command;

use crate::common::Server;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::Program;

on_each_runtime! {
    running_out_of_descriptors_turns_nobody_away_for_good,
}

fn running_out_of_descriptors_turns_nobody_away_for_good(program: &Program) {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -n 32; exec "$0" "$@""#]);
    shell.arg(program.executable());
    let server = Server::start_as(shell.args(["--shards", "1"]));
    let mut inside = server.websocket();

    // The system takes these; the server cannot, from some point on.
    let mut crowd: Vec<_> = (0..64).map(|_| server.connect()).collect();
    for stream in &mut crowd {
        stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    }
    inside.send(r#"{"type":"join"}"#);
    assert_eq!(inside.receive()["type"], "join", "who is in stays in");

    drop(crowd);
    assert_eq!(server.get("/", &[]).status, 200);
}
