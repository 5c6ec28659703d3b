//! HTTP/1.1 as browsers, proxies and strangers speak it.

use std::time::Duration;

use tsuji_core::Time;
use tsuji_signaling::{Exchange, Limits, Step};

const T: Time = Time::ZERO;

/// A response, read back.
#[derive(Debug)]
struct Response {
    status: u16,
    head: String,
    body: Vec<u8>,
    close: bool,
}

impl Response {
    fn read(step: Step) -> Self {
        let Step::Respond { bytes, close } = step else {
            panic!("no response: {step:?}");
        };
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let response = Self {
            status,
            body: bytes[end..].to_vec(),
            close,
            head,
        };
        let says_close = response.head.contains("\r\nconnection: close\r\n");
        assert_eq!(says_close, close, "{}", response.head);
        response
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

fn exchange() -> Exchange {
    Exchange::new(&Limits::default(), T)
}

fn ask(request: &str) -> Response {
    Response::read(exchange().receive(T, request.as_bytes()))
}

fn get(path: &str) -> Response {
    ask(&format!(
        "GET {path} HTTP/1.1\r\nHost: tsuji.example\r\n\r\n"
    ))
}

fn index() -> Vec<u8> {
    tsuji_web::Assets::get("index.html")
        .unwrap()
        .data
        .into_owned()
}

#[test]
fn the_pages_are_there() {
    for path in [
        "/",
        "/index.html",
        "/r/KUMA-ARE-TSUJ",
        "/r/a/b?ice=vanilla",
        "/?x=1",
        "/thanks",
    ] {
        let response = get(path);
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(
            response.field("content-type"),
            Some("text/html; charset=utf-8")
        );
        let length = response.body.len().to_string();
        assert_eq!(response.field("content-length"), Some(length.as_str()));
        assert!(!response.close);
    }
    assert_eq!(get("/").body, index());
}

#[test]
fn every_file_of_the_client_is_served_with_its_type_and_revalidated() {
    let types = [
        ("html", "text/html; charset=utf-8"),
        ("js", "text/javascript; charset=utf-8"),
        ("css", "text/css; charset=utf-8"),
        ("svg", "image/svg+xml; charset=utf-8"),
        ("png", "image/png"),
        ("ico", "image/x-icon"),
        ("webmanifest", "application/manifest+json; charset=utf-8"),
    ];
    for name in tsuji_web::Assets::iter() {
        let response = get(&format!("/{name}"));
        assert_eq!(response.status, 200, "{name}");
        let extension = name.rsplit('.').next().unwrap();
        if let Some((_, kind)) = types.iter().find(|(known, _)| *known == extension) {
            assert_eq!(response.field("content-type"), Some(*kind), "{name}");
        }
        assert_eq!(response.field("cache-control"), Some("no-cache"));

        let tag = response.field("etag").unwrap();
        for known in [
            tag.to_owned(),
            format!("W/{tag}"),
            format!("\"x\", {tag}"),
            "*".to_owned(),
        ] {
            let again = ask(&format!(
                "GET /{name} HTTP/1.1\r\nHost: a\r\nIf-None-Match: {known}\r\n\r\n"
            ));
            assert_eq!(again.status, 304, "{name} {known}");
            assert_eq!(again.field("etag"), Some(tag));
            assert_eq!(again.field("content-length"), None);
            assert!(again.body.is_empty());
        }
        let other = ask(&format!(
            "GET /{name} HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\"\r\n\r\n"
        ));
        assert_eq!(other.status, 200);
    }
}

#[test]
fn every_response_is_locked_down() {
    for response in [get("/"), get("/nowhere"), get("/ws"), ask("\0\r\n\r\n")] {
        let policy = response.field("content-security-policy").unwrap();
        for rule in [
            "default-src 'none'; ",
            "script-src 'self'; ",
            "connect-src 'self'; ",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("  ") && !policy.contains("unsafe"));
        assert_eq!(response.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.field("referrer-policy"), Some("no-referrer"));
        assert_eq!(
            response.field("cross-origin-opener-policy"),
            Some("same-origin")
        );
        let permissions = "camera=(self), microphone=(self), display-capture=(self)";
        assert_eq!(response.field("permissions-policy"), Some(permissions));
    }
}

#[test]
fn a_head_request_gets_the_head_of_the_same_response() {
    for path in ["/", "/nowhere"] {
        let full = get(path);
        let head = ask(&format!(
            "HEAD {path} HTTP/1.1\r\nHost: tsuji.example\r\n\r\n"
        ));
        assert_eq!(head.head, full.head);
        assert!(head.body.is_empty() && !full.body.is_empty());
    }
}

#[test]
fn what_is_not_there_is_a_page_that_says_so_and_leads_nowhere_else() {
    for path in [
        "/nowhere",
        "/r",
        "/app",
        "/app/",
        "/../Cargo.toml",
        "/app/../../assets.rs",
        "/%2e%2e/Cargo.toml",
        "//etc/passwd",
        "/index.html/",
        "/INDEX.HTML",
    ] {
        let response = get(path);
        assert_eq!(response.status, 404, "{path}");
        assert_eq!(
            response.field("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert!(
            String::from_utf8(response.body)
                .unwrap()
                .contains("href=\"/\"")
        );
        assert!(!response.close);
    }
}

#[test]
fn each_kind_of_bad_request_gets_its_status() {
    let long = "x".repeat(5_000);
    let fields = "A: b\r\n".repeat(65);
    let huge = "x".repeat(17_000);
    let host = "Host: a\r\n";
    for (status, request) in [
        (400, "nonsense\r\n\r\n".to_owned()),
        (400, "\u{16}\u{3}\u{1}\u{2}".to_owned()),
        (400, format!("GET\t/ HTTP/1.1\r\n{host}\r\n")),
        (400, "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (400, format!("GET / HTTP/1.1\r\n{host}{host}\r\n")),
        (400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nHost: x@a\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nHost:\r\n\r\n".to_owned()),
        (400, format!("GET /%zz HTTP/1.1\r\n{host}\r\n")),
        (400, format!("GET /% HTTP/1.1\r\n{host}\r\n")),
        (400, format!("GET / HTTP/1.1\r\n{host}Bad Field: x\r\n\r\n")),
        (400, format!("GET / HTTP/1.1\r\n{host} folded: x\r\n\r\n")),
        (
            400,
            format!("GET / HTTP/1.1\r\n{host}Content-Length: x\r\n\r\n"),
        ),
        (
            400,
            format!("GET / HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n"),
        ),
        (
            400,
            format!("GET / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        ),
        (
            400,
            format!(
                "GET / HTTP/1.1\r\n{host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
            ),
        ),
        (
            413,
            format!("GET / HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
        ),
        (
            413,
            format!("GET /ws HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
        ),
        (
            501,
            format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        (501, format!("BREW / HTTP/1.1\r\n{host}\r\n")),
        (414, format!("GET /{long} HTTP/1.1\r\n{host}\r\n")),
        (414, format!("GET /{huge}")),
        (431, format!("GET / HTTP/1.1\r\n{host}A: {huge}")),
        (431, format!("GET / HTTP/1.1\r\n{host}A: {huge}\r\n\r\n")),
        (431, format!("GET / HTTP/1.1\r\n{host}{fields}\r\n")),
        (505, "GET / HTTP/2.0\r\n\r\n".to_owned()),
    ] {
        let response = ask(&request);
        let request = &request[..request.len().min(80)];
        assert_eq!(response.status, status, "{request:?}");
        assert!(response.close, "{request:?}");
        assert_eq!(
            response.field("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert!(response.body.ends_with(b".\n"), "a sentence");
    }
}

#[test]
fn other_methods_are_not_allowed_and_a_body_with_them_ends_the_connection() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let response = ask(&format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.field("allow"), Some("GET, HEAD"));
        assert!(!response.close);
    }
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let response = ask(post);
    assert_eq!((response.status, response.close), (405, true));
    let empty = ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((empty.status, empty.close), (405, false));
}

#[test]
fn requests_come_in_any_pieces() {
    let request = b"\r\nGET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
    for cut in 1..request.len() {
        let mut exchange = exchange();
        assert_eq!(exchange.receive(T, &request[..cut]), Step::Read, "{cut}");
        assert_eq!(
            Response::read(exchange.receive(T, &request[cut..])).status,
            200
        );
    }
    let mut exchange = exchange();
    let (last, most) = request.split_last().unwrap();
    for byte in most {
        assert_eq!(exchange.receive(T, &[*byte]), Step::Read);
    }
    assert_eq!(Response::read(exchange.receive(T, &[*last])).status, 200);
}

#[test]
fn a_head_with_two_faults_is_refused_the_same_whatever_its_pieces() {
    // Too large, and malformed behind the point where that shows.
    let fields = format!("X: {}\r\nY: bad\r\r\n\r\n", "x".repeat(20_000));
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}");
    let mut statuses = Vec::new();
    for piece in [request.len(), 1_000, 1] {
        let mut exchange = exchange();
        let mut pieces = request.as_bytes().chunks(piece);
        let step = pieces.find_map(|piece| match exchange.receive(T, piece) {
            Step::Read => None,
            step => Some(step),
        });
        statuses.push(Response::read(step.unwrap()).status);
    }
    assert_eq!(statuses, [431, 431, 431]);
}

#[test]
fn pipelined_requests_are_answered_one_by_one_in_order() {
    let mut exchange = exchange();
    let requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n\
                    GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n\
                    HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /th";
    assert_eq!(
        Response::read(exchange.receive(T, requests.as_bytes())).status,
        200
    );
    assert_eq!(Response::read(exchange.receive(T, &[])).status, 404);
    assert_eq!(Response::read(exchange.receive(T, &[])).body, b"");
    assert_eq!(exchange.receive(T, &[]), Step::Read);
    let rest = b"anks HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(Response::read(exchange.receive(T, rest)).status, 200);
    assert_eq!(exchange.receive(T, &[]), Step::Read);
}

#[test]
fn a_connection_ends_when_either_side_wants() {
    let close = ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive, Close\r\n\r\n");
    assert!(close.close);
    assert!(ask("GET / HTTP/1.0\r\n\r\n").close);
    assert_eq!(ask("GET / HTTP/1.0\r\n\r\n").status, 200);

    let limits = Limits {
        http_requests: 3,
        ..Limits::default()
    };
    let mut exchange = Exchange::new(&limits, T);
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let closes = [(); 3].map(|()| Response::read(exchange.receive(T, request)).close);
    assert_eq!(closes, [false, false, true]);
    let end = Step::Respond {
        bytes: Vec::new(),
        close: true,
    };
    assert_eq!(exchange.receive(T, request), end);
}

#[test]
fn more_at_once_than_the_buffer_holds_is_refused() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(6_000);
    let response = ask(&request);
    assert_eq!((response.status, response.close), (400, true));
}

#[test]
fn an_absolute_target_is_a_target() {
    assert_eq!(get("http://tsuji.example/thanks").status, 200);
    assert_eq!(get("http://tsuji.example").status, 200);
}

#[test]
fn a_slow_head_times_out_with_an_answer_and_an_idle_connection_without() {
    let limits = Limits::default();
    let end = Step::Respond {
        bytes: Vec::new(),
        close: true,
    };

    // Nothing came at all.
    let mut exchange = exchange();
    assert_eq!(exchange.deadline(), T + limits.http_head_timeout);
    assert_eq!(exchange.handle_timeout(T), Step::Read);
    let due = exchange.deadline();
    assert_eq!(exchange.handle_timeout(due), end);

    // A head that drips does not win time.
    let mut exchange = Exchange::new(&limits, T);
    let second = Duration::from_secs(1);
    for n in 1..10 {
        assert_eq!(exchange.receive(T + second * n, b"GE"), Step::Read);
    }
    let due = exchange.deadline();
    assert_eq!(due, T + limits.http_head_timeout);
    let response = Response::read(exchange.handle_timeout(due));
    assert_eq!((response.status, response.close), (408, true));

    // Between requests; and the second head has its own time.
    let mut exchange = Exchange::new(&limits, T);
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    Response::read(exchange.receive(T, request));
    assert_eq!(exchange.deadline(), T + limits.http_write_timeout);
    assert_eq!(exchange.receive(T + second, &[]), Step::Read);
    assert_eq!(exchange.deadline(), T + second + limits.http_idle_timeout);
    let later = T + second * 30;
    assert_eq!(exchange.receive(later, b"GET"), Step::Read);
    assert_eq!(exchange.deadline(), later + limits.http_head_timeout);
    Response::read(exchange.receive(later, &request[3..]));

    // A client that does not read its response.
    let due = exchange.deadline();
    assert_eq!(due, later + limits.http_write_timeout);
    assert_eq!(exchange.handle_timeout(due), end);
}

/// The opening handshake of RFC 6455, 1.3, with some fields replaced.
fn handshake(replaced: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("Host", "server.example.com"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Origin", "http://server.example.com"),
        ("Sec-WebSocket-Protocol", "chat, tsuji.1"),
        ("Sec-WebSocket-Version", "13"),
    ];
    for (name, value) in replaced {
        fields.retain(|(known, _)| known != name);
        if !value.is_empty() {
            fields.push((name, value));
        }
    }
    let fields: String = fields
        .iter()
        .map(|(n, v)| format!("{n}: {v}\r\n"))
        .collect();
    format!("GET /ws HTTP/1.1\r\n{fields}\r\n")
}

fn upgrade(request: &str) -> Result<String, Response> {
    match exchange().receive(T, request.as_bytes()) {
        Step::Upgrade { response, .. } => Ok(String::from_utf8(response).unwrap()),
        step => Err(Response::read(step)),
    }
}

#[test]
fn the_handshake_of_the_rfc_opens_a_websocket() {
    let request = handshake(&[]) + "early";
    let Step::Upgrade {
        response, early, ..
    } = exchange().receive(T, request.as_bytes())
    else {
        panic!("not upgraded");
    };
    assert_eq!(
        String::from_utf8(response).unwrap(),
        "HTTP/1.1 101 Switching Protocols\r\n\
         upgrade: websocket\r\n\
         connection: upgrade\r\n\
         sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         sec-websocket-protocol: tsuji.1\r\n\r\n"
    );
    assert_eq!(early, b"early");
}

#[test]
fn pages_of_an_origin_that_is_allowed_may_connect_and_no_others() {
    let allowed = ["https://app.example", "http://localhost:3000"];
    let allowed: Vec<_> = allowed.map(|origin| origin.parse().unwrap()).into();
    let upgrades = |origin: &str| {
        let mut exchange = exchange();
        exchange.allow_origins(allowed.clone().into());
        let request = handshake(&[("Host", "a.example"), ("Origin", origin)]);
        matches!(
            exchange.receive(T, request.as_bytes()),
            Step::Upgrade { .. }
        )
    };
    for good in [
        "https://a.example",
        "https://app.example",
        "https://app.example:443",
        "http://localhost:3000",
    ] {
        assert!(upgrades(good), "{good}");
    }
    for bad in [
        "http://app.example",
        "https://app.example:444",
        "https://app.example.evil.example",
        "https://evil.example",
        "null",
    ] {
        assert!(!upgrades(bad), "{bad}");
    }
}

#[test]
fn clients_may_leave_out_the_subprotocol_and_the_origin() {
    let response = upgrade(&handshake(&[
        ("Sec-WebSocket-Protocol", ""),
        ("Origin", ""),
    ]))
    .unwrap();
    assert!(!response.contains("protocol:"), "{response}");
    // As Firefox writes it.
    assert!(upgrade(&handshake(&[("Connection", "keep-alive, Upgrade")])).is_ok());
}

#[test]
fn only_our_own_pages_may_connect() {
    for (host, origin) in [
        ("a.example", "https://a.example"),
        ("a.example:443", "https://a.example"),
        ("a.example", "http://a.example:80"),
        ("A.example:8080", "http://a.EXAMPLE:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
    ] {
        let request = handshake(&[("Host", host), ("Origin", origin)]);
        assert!(upgrade(&request).is_ok(), "{host} {origin}");
    }
    for (host, origin) in [
        ("a.example", "https://b.example"),
        ("a.example", "https://a.example.evil.example"),
        ("a.example:8080", "http://a.example"),
        ("a.example", "null"),
        ("a.example", "a.example"),
        ("a.example", "file:///a.example"),
        ("a.example", "chrome-extension://a.example"),
    ] {
        let request = handshake(&[("Host", host), ("Origin", origin)]);
        let refused = upgrade(&request).unwrap_err();
        assert_eq!(refused.status, 403, "{host} {origin}");
    }
}

#[test]
fn each_bad_handshake_gets_its_status() {
    for (status, replaced) in [
        (426, ("Upgrade", "")),
        (426, ("Upgrade", "h2c")),
        (426, ("Connection", "keep-alive")),
        (426, ("Sec-WebSocket-Version", "8")),
        (426, ("Sec-WebSocket-Version", "")),
        (400, ("Sec-WebSocket-Key", "")),
        (400, ("Sec-WebSocket-Key", "short")),
        (400, ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=!")),
        (400, ("Sec-WebSocket-Protocol", "chat")),
    ] {
        let refused = upgrade(&handshake(&[replaced])).unwrap_err();
        assert_eq!(refused.status, status, "{replaced:?}");
        let version = refused.field("sec-websocket-version");
        assert_eq!(version, (status == 426).then_some("13"));
        assert!(!refused.close);
    }
    let plain = get("/ws");
    assert_eq!(plain.status, 426);
    assert_eq!(plain.field("upgrade"), Some("websocket"));
    let post = ask("POST /ws HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((post.status, post.field("allow")), (405, Some("GET")));
    let old = handshake(&[]).replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(upgrade(&old).unwrap_err().status, 426);
}

#[test]
fn who_asks_for_a_page_without_tls_is_sent_to_https() {
    let ask = |request: &str| {
        let mut exchange = exchange();
        exchange.lacks_tls();
        Response::read(exchange.receive(T, request.as_bytes()))
    };
    let moved = ask("GET /r/KUMA?ice=vanilla HTTP/1.1\r\nHost: meet.example:8443\r\n\r\n");
    assert_eq!(moved.status, 308);
    assert_eq!(
        moved.field("location"),
        Some("https://meet.example:8443/r/KUMA?ice=vanilla")
    );
    assert!(moved.close);
    assert_eq!(
        ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").field("location"),
        Some("https://a/")
    );
    assert_eq!(ask("GET / HTTP/1.0\r\n\r\n").status, 400);
    assert_eq!(ask("GET / HTTP/1.1\r\nHost: a b\r\n\r\n").status, 400);
}

/// A request on a connection from the server's own machine.
fn ask_here(request: &str) -> Step {
    let mut exchange = exchange();
    exchange.peer_is_on_this_machine();
    exchange.receive(T, request.as_bytes())
}

#[test]
fn the_decisions_of_the_last_minutes_are_written_for_somebody_at_the_machine() {
    let step = ask_here("POST /debug/trace HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let Step::WriteTrace {
        bytes,
        close: false,
    } = step
    else {
        panic!("{step:?}");
    };
    assert!(bytes.starts_with(b"HTTP/1.1 202 "));
}

#[test]
fn nobody_else_has_anything_written() {
    let post = "POST /debug/trace HTTP/1.1\r\nHost: localhost\r\n";
    assert_eq!(ask(&format!("{post}\r\n")).status, 403, "from elsewhere");
    // Through a proxy on the same machine, or by a page in a browser there.
    for field in [
        "X-Forwarded-For: 203.0.113.4",
        "X-Real-IP: 203.0.113.4",
        "Forwarded: for=203.0.113.4",
        "Via: 1.1 proxy",
        "Origin: https://evil.example",
        "Sec-Fetch-Site: cross-site",
    ] {
        let response = Response::read(ask_here(&format!("{post}{field}\r\n\r\n")));
        assert_eq!(response.status, 403, "{field}");
    }
    let get = "GET /debug/trace HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let response = Response::read(ask_here(get));
    assert_eq!(
        (response.status, response.field("allow")),
        (405, Some("POST"))
    );
}

#[test]
fn what_another_library_has_read_is_answered_as_we_would() {
    let upgrade = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let foreign = [
        upgrade.as_slice(),
        &[("origin", "https://elsewhere.example")],
    ]
    .concat();
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, &str, Fields<'_>); 9] = [
        ("GET", "/", &[]),
        ("HEAD", "/style.css", &[]),
        ("GET", "/r/KUMA-ARE-TSUJ", &[("if-none-match", "*")]),
        ("GET", "/no/such/file", &[]),
        ("POST", "/", &[]),
        ("GET", "/%zz", &[]),
        ("GET", "/ws", &[]),
        ("GET", "/ws", &upgrade),
        ("GET", "/ws", &foreign),
    ];
    for (method, path, fields) in cases {
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: tsuji.example\r\n");
        let mut request = http::Request::builder().method(method).uri(path);
        request = request.header("host", "tsuji.example");
        for (name, value) in fields {
            text.push_str(&format!("{name}: {value}\r\n"));
            request = request.header(*name, *value);
        }
        text.push_str("\r\n");
        let head = request.body(()).unwrap().into_parts().0;
        let (answer, upgrades) = match tsuji_signaling::http::answer(&head, &[]) {
            tsuji_signaling::http::Answer::Respond(response) => (response, false),
            tsuji_signaling::http::Answer::Upgrade(response) => (response, true),
        };
        let bytes = match exchange().receive(T, text.as_bytes()) {
            Step::Respond { bytes, .. } if !upgrades => bytes,
            Step::Upgrade { response, .. } if upgrades => response,
            step => panic!("{method} {path}: {step:?}"),
        };
        let ours = String::from_utf8_lossy(&bytes).to_lowercase();
        let status = answer.status();
        assert!(
            ours.starts_with(&format!("http/1.1 {} ", status.as_str())),
            "{ours}"
        );
        for (name, value) in answer.headers() {
            let line = format!("\r\n{name}: {}\r\n", value.to_str().unwrap());
            assert!(ours.contains(&line.to_lowercase()), "{line}: {ours}");
        }
        assert!(bytes.ends_with(answer.body()));
    }
}
