//! The page over HTTP, and clients that are slow, greedy or rude about it.

use std::io::{BufReader, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use crate::common::{Server, read_response, request};
use socket2::SockRef;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::Program;

on_each_runtime! {
    the_page_comes_with_a_type_and_a_strict_policy,
    what_is_unchanged_is_not_sent_again_and_what_is_not_there_is_404,
    a_connection_is_used_again_also_when_requests_come_together,
    a_request_in_single_bytes_is_answered,
    a_client_that_says_nothing_more_still_gets_its_answer,
    garbage_is_refused_and_the_connection_closed,
    a_head_that_does_not_end_is_cut_off,
    a_slow_head_is_closed_and_costs_others_nothing,
    who_asks_without_reading_the_answers_is_the_one_who_waits,
}

fn the_page_comes_with_a_type_and_a_strict_policy(program: &Program) {
    let server = Server::start(program);
    for path in ["/", "/r/KUMA-ARE-TSUJ"] {
        let page = server.get(path, &[]);
        assert_eq!(page.status, 200, "{path}");
        let html = page.header("content-type").unwrap();
        assert_eq!(html, "text/html; charset=utf-8");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src"), "{policy}");
        assert!(!policy.contains("unsafe-inline"), "{policy}");
        assert!(!page.body.is_empty());
    }
}

fn what_is_unchanged_is_not_sent_again_and_what_is_not_there_is_404(program: &Program) {
    let server = Server::start(program);
    let tag = server.get("/", &[]).header("etag").unwrap().to_owned();
    assert_eq!(server.get("/", &[("If-None-Match", &tag)]).status, 304);
    assert_eq!(server.get("/no/such/file.js", &[]).status, 404);
    assert_eq!(server.get("/../Cargo.toml", &[]).status / 100, 4);
}

fn a_connection_is_used_again_also_when_requests_come_together(program: &Program) {
    let server = Server::start(program);
    let mut stream = server.connect();
    request(&mut stream, "/", &[]);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let first = read_response(&mut reader).body;
    for _ in 0..10 {
        request(&mut stream, "/", &[]);
    }
    for _ in 0..10 {
        assert_eq!(read_response(&mut reader).body, first);
    }
}

fn a_request_in_single_bytes_is_answered(program: &Program) {
    let server = Server::start(program);
    let mut stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(read_response(&mut BufReader::new(stream)).status, 200);
}

fn a_client_that_says_nothing_more_still_gets_its_answer(program: &Program) {
    let server = Server::start(program);
    let mut stream = server.connect();
    request(&mut stream, "/", &[("Connection", "close")]);
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reader = BufReader::new(stream);
    assert_eq!(read_response(&mut reader).status, 200);
    assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0);
}

fn garbage_is_refused_and_the_connection_closed(program: &Program) {
    let server = Server::start(program);
    let mut stream = server.connect();
    stream
        .write_all(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{answer:?}");
    assert_eq!(server.get("/", &[]).status, 200);
}

fn a_head_that_does_not_end_is_cut_off(program: &Program) {
    let server = Server::start(program);
    let mut stream = server.connect();
    let mut answer = Vec::new();
    // It may close before everything is written.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\n");
    let _ = stream.write_all(&b"X-Filler: 0123456789\r\n".repeat(4_000));
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
}

fn a_slow_head_is_closed_and_costs_others_nothing(program: &Program) {
    let server = Server::start(program);
    let patience = 2 * tsuji_signaling::Limits::default().http_head_timeout;
    let mut slow = server.connect();
    slow.set_read_timeout(Some(patience)).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
    assert_eq!(server.get("/", &[]).status, 200);
    let mut answer = Vec::new();
    slow.read_to_end(&mut answer).unwrap();
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 408 "),
        "{answer:?}"
    );
}

fn who_asks_without_reading_the_answers_is_the_one_who_waits(program: &Program) {
    let server = Server::start(program);
    let mut greedy = server.connect();
    SockRef::from(&greedy)
        .set_recv_buffer_size(64 * 1024)
        .unwrap();
    let patience = Some(Duration::from_millis(500));
    greedy.set_write_timeout(patience).unwrap();
    let requests = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000);
    // 256 MiB, if anybody took them.
    let stalled = (0..7_000).any(|_| greedy.write_all(&requests).is_err());
    assert!(stalled, "the server takes requests without end");
    assert_eq!(server.get("/", &[]).status, 200);
}
