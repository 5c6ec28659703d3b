//! One TCP connection: HTTP, then perhaps a WebSocket, then the end.

use std::io::{self, ErrorKind};
use std::mem;
use std::net::IpAddr;

use mio::net::TcpStream;
use tsuji_core::Time;
use tsuji_signaling::Exchange;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, Utf8Bytes, WebSocket};

use super::http::Http;
use super::lingering::Lingering;
use super::websocket;
use super::wire::Wire;
use crate::limits::Limits;

/// What a connection needs to know about its surroundings.
pub(super) struct Context<'a> {
    pub(super) t: Time,
    pub(super) limits: &'a Limits,
    /// How the WebSocket is read.
    pub(super) config: WebSocketConfig,
    /// For reading HTTP and for what nobody wants.
    pub(super) scratch: &'a mut [u8],
}

/// What a step of a connection brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// Nothing more for now.
    Idle,
    /// Something that is nobody else's business.
    Progress,
    /// It is a WebSocket from now on.
    Opened,
    /// A text message came.
    Text(Utf8Bytes),
    /// A binary message came.
    Binary,
    /// Another frame came.
    Alive,
    /// A message is too long. It was not read, and nothing can be read behind it: to be closed.
    Oversized,
    /// The WebSocket is over; the connection takes leave by itself.
    Ended,
    /// Nothing is left of the connection.
    Gone,
}

/// A TCP connection.
#[derive(Debug)]
pub(super) struct Connection {
    peer: IpAddr,
    state: State,
    /// A step may bring something.
    ready: bool,
}

/// The stages of a connection. Each step consumes the stage and says which one follows.
#[derive(Debug)]
pub(super) enum State {
    Http(Box<Http>),
    WebSocket(Box<WebSocket<Wire>>),
    Lingering(Lingering),
    Gone,
}

impl Connection {
    /// A connection that was just accepted.
    pub(super) fn new(
        socket: TcpStream,
        peer: IpAddr,
        exchange: Exchange,
        limits: &Limits,
    ) -> Self {
        Self {
            peer,
            state: State::Http(Box::new(Http::new(Wire::new(socket, limits), exchange))),
            ready: true,
        }
    }

    /// Who is at the other end.
    pub(super) fn peer(&self) -> IpAddr {
        self.peer
    }

    /// Whether it is still asking for pages.
    pub(super) fn is_http(&self) -> bool {
        matches!(self.state, State::Http(_))
    }

    /// An event came.
    pub(super) fn wake(&mut self, readable: bool, writable: bool) {
        if let Some(wire) = self.wire_mut() {
            wire.wake(readable, writable);
        }
        self.ready = true;
    }

    /// Grants a turn.
    pub(super) fn grant(&mut self, limits: &Limits) {
        if let Some(wire) = self.wire_mut() {
            wire.grant(limits.read_bytes_per_turn);
        }
    }

    /// Whether a turn may bring something.
    pub(super) fn wants_turn(&self) -> bool {
        self.ready && !self.wire().is_some_and(Wire::is_paused)
    }

    /// When [`timeout`](Self::timeout) is due.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Time> {
        match &self.state {
            State::Http(http) => Some(http.deadline()),
            State::WebSocket(socket) => {
                let blocked_since = socket.get_ref().blocked_since();
                blocked_since.map(|since| since + limits.send_stall)
            }
            State::Lingering(lingering) => Some(lingering.until()),
            State::Gone => None,
        }
    }

    /// Takes one step: a request, a message, a frame.
    pub(super) fn step(&mut self, context: &mut Context<'_>) -> Happened {
        if self.wire().is_some_and(Wire::is_paused) {
            return Happened::Idle;
        }
        let (state, happened) = match mem::replace(&mut self.state, State::Gone) {
            State::Http(http) => http.step(context),
            State::WebSocket(socket) => websocket::receive(socket, context),
            State::Lingering(lingering) => lingering.step(context),
            State::Gone => (State::Gone, Happened::Gone),
        };
        self.state = state;
        if happened == Happened::Idle {
            // `WouldBlock` may only mean that this turn's allowance is used up.
            self.ready = self.wire().is_some_and(Wire::is_readable) && !self.waits_to_send();
        }
        happened
    }

    /// A deadline has come. Harmless if it has moved meanwhile.
    pub(super) fn timeout(&mut self, context: &mut Context<'_>) -> Happened {
        let deadline = self.deadline(context.limits);
        if deadline.is_none_or(|deadline| deadline > context.t) {
            return Happened::Progress;
        }
        let (state, happened) = match mem::replace(&mut self.state, State::Gone) {
            State::Http(http) => http.timeout(context),
            // It takes nothing of what waits for it, or has lingered long enough.
            State::WebSocket(_) | State::Lingering(_) | State::Gone => {
                (State::Gone, Happened::Gone)
            }
        };
        self.state = state;
        happened
    }

    /// Queues a text message, if this is a WebSocket.
    pub(super) fn send_text(&mut self, text: String) -> tungstenite::Result<()> {
        self.send(Message::text(text))
    }

    /// Queues a ping, if this is a WebSocket.
    pub(super) fn send_ping(&mut self) -> tungstenite::Result<()> {
        self.send(Message::Ping(tungstenite::Bytes::new()))
    }

    fn send(&mut self, message: Message) -> tungstenite::Result<()> {
        match &mut self.state {
            State::WebSocket(socket) => socket.write(message),
            _ => Ok(()),
        }
    }

    /// Queues a close frame and takes leave, if this is a WebSocket.
    pub(super) fn close(&mut self, code: u16, reason: &str, context: &Context<'_>) {
        self.state = match mem::replace(&mut self.state, State::Gone) {
            State::WebSocket(socket) => websocket::close(socket, code.into(), reason, context),
            state => state,
        };
        self.ready = true;
    }

    /// The server stops: nothing more is answered.
    pub(super) fn stop(&mut self, context: &Context<'_>) {
        self.state = match mem::replace(&mut self.state, State::Gone) {
            State::Http(http) => http.stop(context),
            State::WebSocket(socket) => {
                let reason = "the server is stopping";
                websocket::close(socket, CloseCode::Away, reason, context)
            }
            state => state,
        };
        self.ready = true;
    }

    /// Sends what waits, as far as the socket takes it.
    pub(super) fn transmit(&mut self, t: Time) -> io::Result<()> {
        let Some(wire) = self.wire_mut() else {
            return Err(ErrorKind::NotConnected.into());
        };
        let waited = !wire.is_flushed();
        wire.transmit(t)?;
        if waited && wire.is_flushed() {
            // A response is out: the next request, or the end.
            self.ready = true;
        }
        Ok(())
    }

    /// The socket, to be registered.
    pub(super) fn socket_mut(&mut self) -> Option<&mut TcpStream> {
        self.wire_mut().map(Wire::socket_mut)
    }

    /// Whether the next step has to wait until all is sent.
    fn waits_to_send(&self) -> bool {
        match &self.state {
            State::Http(http) => http.is_responding(),
            State::Lingering(lingering) => !lingering.is_finished(),
            State::WebSocket(_) | State::Gone => false,
        }
    }

    fn wire(&self) -> Option<&Wire> {
        match &self.state {
            State::Http(http) => Some(http.wire()),
            State::WebSocket(socket) => Some(socket.get_ref()),
            State::Lingering(lingering) => Some(lingering.wire()),
            State::Gone => None,
        }
    }

    fn wire_mut(&mut self) -> Option<&mut Wire> {
        match &mut self.state {
            State::Http(http) => Some(http.wire_mut()),
            State::WebSocket(socket) => Some(socket.get_mut()),
            State::Lingering(lingering) => Some(lingering.wire_mut()),
            State::Gone => None,
        }
    }
}
