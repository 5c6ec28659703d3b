//! What is kept of meetings, and the operator's page.

use std::ffi::OsStr;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Program, Server};
use tungstenite::{Message, WebSocket};

use crate::common::{PATIENCE, read_response, request};

on_each_runtime! {
    the_operator_sees_meetings_that_go_on_and_those_that_are_over,
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The status, and what is said.
fn get(address: SocketAddr, path: &str) -> (u16, String, Vec<u8>) {
    let mut stream = connect(address);
    request(&mut stream, path, &[]);
    let response = read_response(&mut BufReader::new(stream));
    let kind = response.header("content-type").unwrap_or_default();
    (response.status, kind.to_owned(), response.body)
}

fn json(address: SocketAddr, path: &str) -> Value {
    let (status, kind, body) = get(address, path);
    assert_eq!((status, kind.as_str()), (200, "application/json"));
    serde_json::from_slice(&body).unwrap()
}

/// What the operator sees once so many batches were written down.
fn meetings(server: &Server, admin: SocketAddr, batches: usize) -> Value {
    server.logs_times("the history is written", batches);
    json(admin, "/admin/api/meetings?since=0")
}

fn enter(server: &Server) -> WebSocket<TcpStream> {
    let url = format!("ws://{}/ws", server.address());
    let (mut socket, _) = tungstenite::client(url, connect(server.address())).unwrap();
    for text in [r#"{"type":"join"}"#, r#"{"type":"call","name":"Ren"}"#] {
        socket.send(Message::text(text)).unwrap();
    }
    socket
}

fn the_operator_sees_meetings_that_go_on_and_those_that_are_over(program: &Program) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history");
    let mut arguments = vec![OsStr::new("--history"), file.as_os_str()];
    arguments.extend(["--admin", "127.0.0.1:0"].map(OsStr::new));
    arguments.extend(["--log", "info,tsuji_host::history=debug"].map(OsStr::new));
    let server = Server::start_with(program, &arguments);
    let line = server.logs("admin=");
    let admin = line.split("admin=").nth(1).unwrap();
    let admin: SocketAddr = admin.split(' ').next().unwrap().parse().unwrap();

    let (status, kind, page) = get(admin, "/admin?t=14:03");
    assert_eq!((status, kind.as_str()), (200, "text/html"));
    assert!(String::from_utf8_lossy(&page).contains("/admin/main.js"));
    assert_eq!(get(admin, "/admin/main.js").0, 200);
    assert_eq!(get(admin, "/admin/../index.html").0, 404);
    assert_eq!(get(admin, "/admin/api/meeting").0, 400);
    assert_eq!(get(admin, "/admin/api/meeting?id=7").0, 404);
    let mut other = connect(admin);
    other.write_all(b"POST /admin HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(read_response(&mut BufReader::new(other)).status, 405);
    // Nobody else gets to see it.
    let (_, _, public) = get(server.address(), "/admin");
    assert!(!String::from_utf8_lossy(&public).contains("/admin/main.js"));

    let mut ren = enter(&server);
    let all = meetings(&server, admin, 1);
    assert_eq!(all[0]["people"], 1);
    assert_eq!(all[0]["ended"], Value::Null);
    let one = format!("/admin/api/meeting?id={}", all[0]["id"]);
    assert_eq!(json(admin, &one)["people"][0]["name"], "Ren");
    ren.send(Message::text(r#"{"type":"leave"}"#)).unwrap();
    assert!(meetings(&server, admin, 2)[0]["ended"].is_i64());
    assert_eq!(json(admin, &one)["people"][0]["why"], "left");

    // What goes on when the server stops has ended, and is there the next time.
    let _mika = enter(&server);
    assert_eq!(meetings(&server, admin, 3)[0]["people"], 1);
    server.stop();
    let server = Server::start_with(program, &arguments);
    let line = server.logs("admin=");
    let admin = line.split("admin=").nth(1).unwrap();
    let admin: SocketAddr = admin.split(' ').next().unwrap().parse().unwrap();
    let all = json(admin, "/admin/api/meetings");
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    assert!(all[0]["ended"].is_i64());
    server.stop();
}
