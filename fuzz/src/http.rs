//! Bytes of a TCP connection, in whatever pieces.
//!
//! The first byte says how the rest is cut. However it is cut, the answers are the same, and each
//! is well-formed HTTP.

use tsuji_core::Time;
use tsuji_signaling::{Exchange, Limits, Step};

use crate::pieces::pieces;

/// The input: a byte that says how to cut, then the bytes. An empty line is put behind them, so
/// that every head has an end.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else {
        return;
    };
    let mut bytes = bytes.to_vec();
    bytes.extend_from_slice(b"\r\n\r\n");
    for limits in [Limits::default(), small_limits()] {
        let whole = answers(&limits, std::iter::once(bytes.as_slice()));
        let pieces = pieces(*cut, &bytes);
        let cut = answers(&limits, pieces.into_iter());
        assert_eq!(cut, whole, "{:?}", String::from_utf8_lossy(&bytes));
    }
}

fn small_limits() -> Limits {
    Limits {
        http_head_bytes: 256,
        http_headers: 4,
        http_target_bytes: 32,
        http_requests: 3,
        ..Limits::default()
    }
}

/// What a connection answered.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answers {
    statuses: Vec<u16>,
    bodies: Vec<Vec<u8>>,
    upgraded: bool,
    early: Vec<u8>,
    closed: bool,
}

fn answers<'a>(limits: &Limits, pieces: impl Iterator<Item = &'a [u8]>) -> Answers {
    let mut exchange = Exchange::new(limits, Time::ZERO);
    exchange.peer_is_on_this_machine();
    let mut answers = Answers::default();
    for piece in pieces {
        if answers.upgraded {
            // The runtime hands these to the WebSocket itself.
            answers.early.extend_from_slice(piece);
            continue;
        }
        let mut step = exchange.receive(Time::ZERO, piece);
        loop {
            match step {
                Step::Read => break,
                Step::Upgrade {
                    response, early, ..
                } => {
                    answers.response(&response);
                    answers.upgraded = true;
                    answers.early = early;
                    break;
                }
                Step::Respond { bytes, close } | Step::WriteTrace { bytes, close } => {
                    if !bytes.is_empty() {
                        answers.response(&bytes);
                    }
                    if close {
                        answers.closed = true;
                        return answers;
                    }
                }
            }
            step = exchange.receive(Time::ZERO, &[]);
        }
    }
    assert!(exchange.deadline() > Time::ZERO);
    let last = exchange.handle_timeout(exchange.deadline());
    assert!(
        answers.upgraded || matches!(last, Step::Respond { close: true, .. }),
        "nobody holds a connection for ever"
    );
    answers
}

impl Answers {
    /// RFC 9112: a status line, fields, and as much body as the length says.
    fn response(&mut self, bytes: &[u8]) {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut fields);
        let parsed = head.parse(bytes).expect("a response is HTTP");
        let body = &bytes[parsed.unwrap()..];
        let status = head.code.expect("a response has a status");
        let length = head
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case("content-length"));
        let length = length.map(|field| {
            let text = std::str::from_utf8(field.value).expect("a length is a text");
            text.parse::<usize>().expect("a length is a number")
        });
        // A response to HEAD has the length of the body that it leaves out.
        assert!(
            body.is_empty() || length == Some(body.len()),
            "{status} says {length:?} and has {}",
            body.len()
        );
        assert!(length.is_some() || matches!(status, 101 | 304));
        self.statuses.push(status);
        self.bodies.push(body.to_vec());
    }
}
