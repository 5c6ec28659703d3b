//! One TCP connection without its socket: HTTP, then perhaps a WebSocket, then the end; or media.

use std::mem;
use std::net::SocketAddr;

use http::uri::Authority;
use tsuji_core::Time;
use tsuji_signaling::{ConnectionId, Exchange};

use super::desk::Desk;
use super::heard::Heard;
use super::http::Http;
use super::lingering::Lingering;
use super::media::Media;
use super::opening::Opening;
use super::outbox::Order;
use super::relay::{Came, Relay};
use super::session::Session;
use super::websocket::Socket;
use super::wire::Wire;
use crate::limits::Limits;
use crate::tls::Tls;

/// One TCP connection without its socket: bytes in, bytes out, and a [`Desk`] beside it.
///
/// ```text
///  is_hungry ─► read the socket, receive ─► turn ─► to_send ─► write the socket, sent
///                                             ▲                    │ all sent, wants_to_finish
///                   deadline ─► timeout       └── orders: obey     ▼
///                                                              shut it down for writing
/// ```
/// Its memory is bounded: do not read more than `Limits::read_bytes_per_turn` before it is hungry
/// again. Drop the socket when it [`is_gone`](Self::is_gone).
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    peer: SocketAddr,
    state: State,
    tls: Option<Box<Session>>,
    /// The first bytes, until it is known whether they are TLS.
    first: Option<Vec<u8>>,
    /// A step may bring something.
    ready: bool,
}

/// The stages of a connection. Each step consumes the stage and says which one follows.
#[derive(Debug)]
pub(super) enum State {
    Http(Box<Http>),
    WebSocket(Box<Socket>),
    Media(Box<Media>),
    Relay(Box<Relay>),
    Lingering(Lingering),
    Gone,
}

/// What a step of a connection brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// Nothing more for now.
    Idle,
    /// Something that is nobody else's business.
    Progress,
    /// The decisions of the last minutes are wanted.
    TraceWanted,
    /// It is a WebSocket from now on; what its client calls the server with TLS.
    Opened(Option<Authority>),
    /// Something came from the WebSocket.
    Heard(Heard),
    /// It carries media.
    MediaBegan,
    /// A frame of media.
    Frame(Vec<u8>),
    /// A relay is asked for, behind TLS, with these bytes.
    RelayBegan(Box<Wire>),
    /// Who uses the relay is no stranger.
    RelayAllocated,
    /// A datagram came through the relay, for one of our sockets.
    Relayed(SocketAddr, Vec<u8>),
    /// It takes leave.
    Leaving,
    /// Nothing is left of it.
    Gone,
}

impl Connection {
    /// A connection from `peer` that was just [admitted](Desk::admit).
    pub fn new(id: ConnectionId, peer: SocketAddr, exchange: Exchange, limits: &Limits) -> Self {
        Self {
            id,
            peer,
            state: State::Http(Box::new(Http::new(Wire::new(limits), exchange))),
            tls: None,
            first: None,
            ready: false,
        }
    }

    /// The same behind TLS, unless it begins with media.
    pub fn secured(mut self, tls: &Tls, limits: &Limits) -> Result<Self, rustls::Error> {
        let session = Session::new(tls.config(), limits)?;
        if let State::Http(http) = &mut self.state {
            http.is_secure();
        }
        Ok(Self {
            tls: Some(Box::new(session)),
            first: Some(Vec::new()),
            ..self
        })
    }

    /// Whether it can take bytes now. False while it has some to work on or much to send: then
    /// they are to wait in the client's socket.
    pub fn is_hungry(&self) -> bool {
        let sealed = self.tls.as_ref().map(|session| session.sealed());
        self.is_reading() && !sealed.is_some_and(Wire::is_paused)
    }

    /// Bytes came.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.ready = true;
        let Some(mut first) = self.first.take() else {
            return self.open(bytes);
        };
        first.extend_from_slice(bytes);
        match Opening::of(&first) {
            None => self.first = Some(first),
            Some(Opening::Tls) => self.open(&first),
            Some(Opening::Media) => {
                self.tls = None;
                self.open(&first);
            }
            Some(Opening::Http | Opening::Turn) => {
                self.tls = None;
                if let State::Http(http) = &mut self.state {
                    http.lacks_tls();
                }
                self.open(&first);
            }
        }
    }

    fn open(&mut self, bytes: &[u8]) {
        if let Some(wire) = wire_of(&mut self.state) {
            match &mut self.tls {
                Some(session) => session.open(bytes, wire),
                None => wire.receive(bytes),
            }
        }
    }

    /// The peer says that nothing more will come.
    pub fn receive_end(&mut self) {
        if let Some(wire) = wire_of(&mut self.state) {
            wire.receive_end();
        }
        self.ready = true;
    }

    /// Whether a turn may bring something.
    pub fn wants_turn(&self) -> bool {
        self.ready && self.wire().is_some_and(|wire| !wire.is_paused())
    }

    /// Works on what came, up to a bound, and tells the desk.
    pub fn turn(&mut self, t: Time, desk: &mut Desk) {
        if self.is_broken() {
            // What is on its way is an alert, which may still arrive.
            self.state = Lingering::start(t, Wire::new(desk.limits()));
            desk.leaving(t, self.id);
        }
        self.work(t, desk);
        self.seal(t);
    }

    fn work(&mut self, t: Time, desk: &mut Desk) {
        for _ in 0..desk.limits().messages_per_turn {
            if !self.wants_turn() || !self.may_go_on(desk) {
                return;
            }
            let (state, happened) = match mem::replace(&mut self.state, State::Gone) {
                State::Http(http) => http.step(t, desk.websocket_config(), desk.limits()),
                State::WebSocket(mut socket) => {
                    let heard = socket.read();
                    (
                        State::WebSocket(socket),
                        heard.map_or(Happened::Idle, Happened::Heard),
                    )
                }
                State::Media(media) => take_frame(t, media),
                State::Relay(relay) => take_relayed(t, relay, desk.limits()),
                State::Lingering(lingering) => lingering.step(),
                State::Gone => (State::Gone, Happened::Gone),
            };
            self.state = state;
            self.ready = happened != Happened::Idle;
            self.tell(t, desk, happened);
            self.obey_all(t, desk);
        }
    }

    /// Does what the desk has ordered, as far as there is room for it.
    pub fn obey(&mut self, t: Time, desk: &mut Desk) {
        self.obey_all(t, desk);
        self.seal(t);
    }

    fn obey_all(&mut self, t: Time, desk: &mut Desk) {
        if !desk.knows(self.id) {
            self.state = State::Gone;
        }
        while self.has_room(desk.limits())
            && let Some(order) = desk.next_order(self.id)
        {
            self.state = match (mem::replace(&mut self.state, State::Gone), order) {
                (State::WebSocket(socket), order) => socket.obey(t, order),
                (State::Media(mut media), Order::Frame(frame)) => {
                    media.push(t, &frame);
                    State::Media(media)
                }
                (State::Relay(mut relay), Order::Relayed { local, payload }) => {
                    relay.push(t, local, &payload);
                    State::Relay(relay)
                }
                (State::Media(_) | State::Relay(_), Order::Close { .. }) => State::Gone,
                (State::Http(http), Order::Close { .. }) if self.is_sealed_flushed() => {
                    http.stop(t)
                }
                (State::Http(http), Order::Close { .. }) => http.linger(t),
                (state, _) => state,
            };
            if self.is_gone() {
                desk.gone(t, self.id);
            }
            self.ready = true;
        }
    }

    /// What is to be sent now; empty when nothing waits.
    pub fn to_send(&self) -> &[u8] {
        let sealed = self.tls.as_ref().map(|session| session.sealed());
        let wire = sealed.or_else(|| self.wire());
        wire.map(Wire::to_send).unwrap_or_default()
    }

    /// The socket has taken the first `length` bytes of that; 0 when it takes none now.
    pub fn sent(&mut self, t: Time, length: usize) {
        match (&mut self.tls, wire_of(&mut self.state)) {
            (Some(session), _) => session.sealed_mut().sent(t, length),
            (None, Some(wire)) => wire.sent(t, length),
            (None, None) => return,
        }
        self.seal(t);
        if length > 0 && self.wire().is_some_and(|wire| !wire.is_paused()) {
            // A response is out, or it listens again.
            self.ready = true;
        }
    }

    /// Whether all is sent but the end itself (FIN): shut the socket down for writing and say
    /// [`finish`](Self::finish).
    pub fn wants_to_finish(&self) -> bool {
        match &self.state {
            State::Lingering(lingering) => {
                let all = lingering.wire().is_flushed() && self.is_sealed_flushed();
                all && !lingering.is_finished()
            }
            _ => false,
        }
    }

    /// The peer has been told that nothing follows.
    pub fn finish(&mut self) {
        if let State::Lingering(lingering) = &mut self.state {
            lingering.finish();
            self.ready = true;
        }
    }

    /// The socket broke: nothing is left to be done.
    pub fn abort(&mut self, t: Time, desk: &mut Desk) {
        self.state = State::Gone;
        desk.gone(t, self.id);
    }

    /// When [`timeout`](Self::timeout) is due.
    pub fn deadline(&self, limits: &Limits) -> Option<Time> {
        match &self.state {
            State::Http(http) => Some(http.deadline()),
            State::WebSocket(socket) => {
                let sealed = self.tls.as_ref().map(|session| session.sealed());
                let blocked_since = sealed.unwrap_or(socket.wire()).blocked_since();
                blocked_since.map(|since| since + limits.send_stall)
            }
            State::Media(media) => Some(media.deadline(limits)),
            State::Relay(relay) => Some(relay.deadline(limits)),
            State::Lingering(lingering) => Some(lingering.deadline(limits)),
            State::Gone => None,
        }
    }

    /// A deadline has come. Harmless if it has moved meanwhile.
    pub fn timeout(&mut self, t: Time, desk: &mut Desk) {
        let deadline = self.deadline(desk.limits());
        if deadline.is_none_or(|deadline| deadline > t) {
            return;
        }
        let (state, happened) = match mem::replace(&mut self.state, State::Gone) {
            State::Http(http) => http.timeout(t),
            // It takes nothing of what waits for it, says nothing, or has lingered long enough.
            State::WebSocket(_)
            | State::Media(_)
            | State::Relay(_)
            | State::Lingering(_)
            | State::Gone => (State::Gone, Happened::Gone),
        };
        self.state = state;
        self.ready = true;
        self.tell(t, desk, happened);
        self.seal(t);
    }

    /// Whether nothing is left of it.
    pub fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    fn tell(&mut self, t: Time, desk: &mut Desk, happened: Happened) {
        match happened {
            Happened::Idle | Happened::Progress => {}
            Happened::TraceWanted => desk.trace_wanted(),
            Happened::Opened(host) => desk.opened(t, self.id, host),
            Happened::Heard(heard) => desk.hear(t, self.id, heard),
            Happened::MediaBegan => desk.media_began(t, self.id, self.peer),
            Happened::Frame(frame) => desk.hear_frame(t, self.id, frame),
            Happened::RelayBegan(wire) => match desk.relay_began(t, self.id, self.peer) {
                Some(grant) => {
                    let relay = Relay::on(t, desk.limits(), grant, *wire);
                    self.state = State::Relay(Box::new(relay));
                }
                None => desk.gone(t, self.id),
            },
            Happened::RelayAllocated => desk.relay_allocated(self.id),
            Happened::Relayed(local, payload) => {
                desk.hear_relayed(t, self.id, local, payload);
            }
            Happened::Leaving => desk.leaving(t, self.id),
            Happened::Gone => desk.gone(t, self.id),
        }
    }

    /// Whether an order can be done now.
    fn has_room(&self, limits: &Limits) -> bool {
        match &self.state {
            State::Media(media) => media.has_room(limits),
            State::Relay(relay) => relay.has_room(limits),
            _ => self.wire().is_some_and(|wire| !wire.is_paused()),
        }
    }

    /// What is thrown away needs nobody's leave.
    fn may_go_on(&self, desk: &Desk) -> bool {
        matches!(self.state, State::Lingering(_)) || desk.may_speak(self.id)
    }

    /// Whether what comes is of any use now, and there is room for it.
    fn is_reading(&self) -> bool {
        match &self.state {
            State::Http(http) => http.is_hungry(),
            State::WebSocket(socket) => socket.wire().is_hungry(),
            State::Media(media) => media.is_hungry(),
            State::Relay(relay) => relay.is_hungry(),
            State::Lingering(lingering) => lingering.is_finished() && lingering.wire().is_hungry(),
            State::Gone => false,
        }
    }

    fn wire(&self) -> Option<&Wire> {
        match &self.state {
            State::Http(http) => Some(http.wire()),
            State::WebSocket(socket) => Some(socket.wire()),
            State::Media(media) => Some(media.wire()),
            State::Relay(relay) => Some(relay.wire()),
            State::Lingering(lingering) => Some(lingering.wire()),
            State::Gone => None,
        }
    }

    /// Whether TLS was broken just now.
    fn is_broken(&self) -> bool {
        let session = self.tls.as_ref();
        session.is_some_and(|session| session.is_broken())
            && matches!(
                self.state,
                State::Http(_) | State::WebSocket(_) | State::Media(_) | State::Relay(_)
            )
    }

    fn is_sealed_flushed(&self) -> bool {
        let session = self.tls.as_ref();
        session.is_none_or(|session| session.sealed().is_flushed())
    }

    fn seal(&mut self, t: Time) {
        let (Some(session), Some(wire)) = (&mut self.tls, wire_of(&mut self.state)) else {
            return;
        };
        session.seal(t, wire);
        if wire.is_flushed() && matches!(self.state, State::Lingering(_)) {
            session.close();
        }
    }
}

fn take_frame(t: Time, mut media: Box<Media>) -> (State, Happened) {
    match media.next_frame(t) {
        Ok(Some(frame)) => (State::Media(media), Happened::Frame(frame)),
        Ok(None) if media.wire().has_ended() => (State::Gone, Happened::Gone),
        Ok(None) => (State::Media(media), Happened::Idle),
        Err(error) => {
            tracing::debug!(%error, "giving up a TCP connection with media");
            (State::Gone, Happened::Gone)
        }
    }
}

fn take_relayed(t: Time, mut relay: Box<Relay>, limits: &Limits) -> (State, Happened) {
    let happened = match relay.next(t, limits) {
        Ok(Some(Came::Nothing)) => Happened::Progress,
        Ok(Some(Came::Allocated)) => Happened::RelayAllocated,
        Ok(Some(Came::Datagram { local, payload })) => Happened::Relayed(local, payload),
        Ok(None) if relay.wire().has_ended() => return (State::Gone, Happened::Gone),
        Ok(None) => Happened::Idle,
        Err(error) => {
            tracing::debug!(%error, "giving up a relay");
            return (State::Gone, Happened::Gone);
        }
    };
    (State::Relay(relay), happened)
}

fn wire_of(state: &mut State) -> Option<&mut Wire> {
    match state {
        State::Http(http) => Some(http.wire_mut()),
        State::WebSocket(socket) => Some(socket.wire_mut()),
        State::Media(media) => Some(media.wire_mut()),
        State::Relay(relay) => Some(relay.wire_mut()),
        State::Lingering(lingering) => Some(lingering.wire_mut()),
        State::Gone => None,
    }
}
