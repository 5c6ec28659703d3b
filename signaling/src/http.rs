//! One HTTP/1.1 connection from the server's side (RFC 9110, RFC 9112), without IO.
//!
//! ```text
//!  bytes ──► request (one head) ──► routes ──► assets of the client ──► response ──► bytes
//!                                     ├──────► debug (/debug/trace), from this machine only
//!                                     └──────► upgrade (/ws) ──► 101, then WebSocket
//! ```
//! It serves the browser client and opens WebSockets, and refuses everything else: there is no
//! method with a body, and a path is looked up in a table, never in a file system.

mod debug;
mod origin;
mod redirect;
mod request;
mod response;
mod routes;
mod upgrade;

use std::sync::Arc;

use ::http::StatusCode;
use ::http::uri::Authority;
use tsuji_core::Time;

pub use origin::{BadOrigin, Origin};

use crate::Limits;
use request::{Refusal, Request};
use response::{Response, Switch};

/// One HTTP/1.1 connection from the server's side, without IO.
///
/// Hand it the bytes that came with [`receive`](Self::receive) and do the [`Step`] that it
/// returns. After a [`Step::Respond`] without `close` is written in full, call `receive` with no
/// bytes, and so on until it says [`Step::Read`]: requests may have come together. Do not read
/// from the socket before that; it keeps what waits here bounded, and pushes back on who asks
/// without reading.
#[derive(Debug)]
pub struct Exchange {
    limits: Limits,
    phase: Phase,
    buffer: Vec<u8>,
    requests: u32,
    peer: Peer,
    lacks_tls: bool,
    origins: Arc<[Origin]>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing to write: read more, and wake at [`Exchange::deadline`].
    Read,
    /// Write these bytes, then close if `close`, else call [`Exchange::receive`] with no bytes.
    /// Empty with `close`: just close.
    Respond {
        /// One response.
        bytes: Vec<u8>,
        /// Whether the connection ends with it.
        close: bool,
    },
    /// As [`Step::Respond`]; and have the decisions of the last minutes written to a file.
    WriteTrace {
        /// One response.
        bytes: Vec<u8>,
        /// Whether the connection ends with it.
        close: bool,
    },
    /// Write `response` (101); the rest of the connection is a WebSocket, and the `Exchange` has
    /// done its work.
    Upgrade {
        /// The response to the opening handshake (RFC 6455, 4.2.2).
        response: Vec<u8>,
        /// Bytes that came behind the request and already belong to the WebSocket.
        early: Vec<u8>,
        /// What the client calls this server.
        host: Option<Authority>,
    },
}

/// What the connection waits for, and since when.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The rest of a head; or the first one.
    Head(Time),
    /// The next request.
    Idle(Time),
    /// The client to read a response.
    Writing(Time),
    /// The client to read the last response.
    Last(Time),
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Anybody,
    ThisMachine,
}

/// What a request leads to.
enum Outcome {
    Respond(Response),
    WriteTrace(Response),
    Upgrade(Switch),
}

/// What a request leads to, where another library speaks HTTP.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Send this response.
    Respond(::http::Response<Vec<u8>>),
    /// Send this response (101); the rest of the connection is a WebSocket.
    Upgrade(::http::Response<Vec<u8>>),
}

/// What a request leads to, where another library has read it: the same that an [`Exchange`]
/// answers to a stranger. A body, if there is one, is refused. `origins`: whose pages may open a
/// WebSocket, beside those of this server.
pub fn answer(request: &::http::request::Parts, origins: &[Origin]) -> Answer {
    let respond = |response: Response, head_only| Answer::Respond(response.into_http(head_only));
    let request = match Request::from_parts(request) {
        Ok(request) => request,
        Err(refusal) => return respond(refusal.to_response(), false),
    };
    match routes::answer(&request, Peer::Anybody, origins) {
        Ok(Outcome::Respond(response) | Outcome::WriteTrace(response)) => {
            respond(response, request.is_head())
        }
        Ok(Outcome::Upgrade(switch)) => Answer::Upgrade(switch.into_http()),
        Err(refusal) => respond(refusal.to_response(), request.is_head()),
    }
}

impl Exchange {
    /// A connection that was accepted at `opened`.
    pub fn new(limits: &Limits, opened: Time) -> Self {
        Self {
            limits: limits.clone(),
            phase: Phase::Head(opened),
            buffer: Vec::new(),
            requests: 0,
            peer: Peer::Anybody,
            lacks_tls: false,
            origins: Arc::default(),
        }
    }

    /// The connection should have begun with TLS: whatever it asks for is to be asked for again, by
    /// HTTPS.
    pub fn lacks_tls(&mut self) {
        self.lacks_tls = true;
    }

    /// The connection comes from the machine itself: it may ask for what strangers may not.
    pub fn peer_is_on_this_machine(&mut self) {
        self.peer = Peer::ThisMachine;
    }

    /// Pages of these origins may open a WebSocket too, beside those of this server.
    pub fn allow_origins(&mut self, origins: Arc<[Origin]>) {
        self.origins = origins;
    }

    /// Takes bytes that came, in whatever pieces; none to go on after a response.
    pub fn receive(&mut self, t: Time, bytes: &[u8]) -> Step {
        if let Phase::Last(_) = self.phase {
            return Step::close();
        }
        // A head that comes byte by byte is not read again for every byte.
        let parse = bytes.is_empty() || self.buffer.is_empty() || bytes.contains(&b'\n');
        self.buffer.extend_from_slice(bytes);
        let empty_lines = self
            .buffer
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'));
        let empty_lines = empty_lines.count();
        self.buffer.drain(..empty_lines);

        self.phase = match self.phase {
            Phase::Head(since) => Phase::Head(since),
            _ if !self.buffer.is_empty() => Phase::Head(t),
            Phase::Idle(since) => Phase::Idle(since),
            _ => Phase::Idle(t),
        };
        if self.buffer.len() > self.limits.http_buffer_bytes {
            return self.refuse(t, &Refusal::TOO_MUCH_AT_ONCE);
        }
        if !parse && self.buffer.len() <= self.limits.http_head_bytes {
            return Step::Read;
        }
        match Request::parse(&self.buffer, &self.limits) {
            Ok(None) => Step::Read,
            Ok(Some((request, length))) => {
                self.buffer.drain(..length);
                self.answer(t, &request)
            }
            Err(refusal) => self.refuse(t, &refusal),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Time {
        match self.phase {
            Phase::Head(since) => since + self.limits.http_head_timeout,
            Phase::Idle(since) => since + self.limits.http_idle_timeout,
            Phase::Writing(since) | Phase::Last(since) => since + self.limits.http_write_timeout,
        }
    }

    /// The deadline has come: what to do to end the connection. Before the deadline it is
    /// [`Step::Read`], which then means to go on as before.
    pub fn handle_timeout(&mut self, t: Time) -> Step {
        if t < self.deadline() {
            return Step::Read;
        }
        match self.phase {
            Phase::Head(_) if !self.buffer.is_empty() => self.refuse(t, &Refusal::TOO_SLOW),
            _ => {
                self.phase = Phase::Last(t);
                Step::close()
            }
        }
    }

    fn answer(&mut self, t: Time, request: &Request) -> Step {
        self.requests = self.requests.saturating_add(1);
        let last = !request.keep_alive || self.requests >= self.limits.http_requests;
        let outcome = if self.lacks_tls {
            redirect::to_https(request).map(Outcome::Respond)
        } else {
            routes::answer(request, self.peer, &self.origins)
        };
        let last = last || self.lacks_tls;
        match outcome {
            Ok(Outcome::Respond(response)) => self.respond(t, response, request.is_head(), last),
            Ok(Outcome::WriteTrace(response)) => {
                match self.respond(t, response, request.is_head(), last) {
                    Step::Respond { bytes, close } => Step::WriteTrace { bytes, close },
                    step => step,
                }
            }
            Ok(Outcome::Upgrade(switch)) => {
                self.phase = Phase::Last(t);
                let response = switch.into_bytes();
                let early = std::mem::take(&mut self.buffer);
                Step::Upgrade {
                    response,
                    early,
                    host: request.host.clone(),
                }
            }
            Err(refusal) => {
                let close = last || refusal.closes || request.has_body;
                self.respond(t, refusal.to_response(), request.is_head(), close)
            }
        }
    }

    fn refuse(&mut self, t: Time, refusal: &Refusal) -> Step {
        self.respond(t, refusal.to_response(), false, true)
    }

    fn respond(&mut self, t: Time, response: Response, head_only: bool, close: bool) -> Step {
        if close {
            self.phase = Phase::Last(t);
            self.buffer = Vec::new();
        } else {
            self.phase = Phase::Writing(t);
        }
        let bytes = response.into_bytes(head_only, close);
        Step::Respond { bytes, close }
    }
}

impl Step {
    fn close() -> Self {
        Step::Respond {
            bytes: Vec::new(),
            close: true,
        }
    }
}

impl Refusal {
    const TOO_SLOW: Refusal = Refusal::closing(
        StatusCode::REQUEST_TIMEOUT,
        "The request did not come in time.",
    );
    const TOO_MUCH_AT_ONCE: Refusal = Refusal::closing(
        StatusCode::BAD_REQUEST,
        "Too many requests at once on one connection.",
    );
}
