//! Meetings inside an HTTP service that is not ours.

use tsuji_tests::support::EMBEDDED;

use crate::common::Server;

#[test]
fn a_service_on_hyper_keeps_its_page_and_has_meetings_beside_it() {
    let server = Server::start(&EMBEDDED);
    let own = server.get("/house", &[]);
    assert_eq!(own.status, 200);
    assert!(String::from_utf8_lossy(&own.body).contains("Our house"));

    let page = server.get("/r/KUMA-ARE-TSUJ", &[]);
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    assert!(policy.is_some_and(|policy| policy.contains("default-src 'none'")));
    let tag = page.header("etag").unwrap();
    assert_eq!(server.get("/", &[("If-None-Match", tag)]).status, 304);
    assert_eq!(server.get("/no/such/file", &[]).status, 404);
    assert_eq!(server.get("/ws", &[]).status, 426);

    let mut ren = server.websocket();
    ren.send(r#"{"type":"join"}"#);
    let room = ren.receive_type("join")["room"].clone();
    ren.send(r#"{"type":"call","name":"Ren"}"#);
    assert!(ren.receive_type("offer")["sdp"].is_string());
    let mut mika = server.websocket();
    mika.send(&format!(r#"{{"type":"join","room":{room}}}"#));
    assert_eq!(mika.receive_type("join")["participants"][0]["name"], "Ren");
}
