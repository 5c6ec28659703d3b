//! Connections, rooms and participants: the rules of `PROTOCOL.md`.

mod addresses;
mod admission;
mod drain;
mod events;
mod history;
mod notices;
mod pace;
mod rate;
mod requests;
mod rooms;
mod sizes;
mod stay;
mod timers;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use http::uri::Authority;
use tracing::Span;
use tsuji_core::{Command, ParticipantId, RoomId, Time, WallTime};

use crate::Limits;
use crate::error::{Closing, Fault};
use crate::ice_server::IceServers;
use crate::message::{ClientMessage, ExitReason, Id, ServerMessage};
use crate::name::Name;
use crate::password::Passwords;
use crate::resume::Tokens;
use crate::room_code::RoomCodes;
use crate::session::{Greeting, Session};
use crate::token::JoinKey;
use addresses::{Addresses, Place};
use admission::Bearers;
use pace::{Pace, Verdict};
use rooms::{Person, Rooms};
pub use sizes::Sizes;
use timers::{Timer, Timers};

pub use events::{ConnectionId, Input, Output};
pub use history::{Event, Happening};

/// Connections, rooms and participants: the whole state of the protocol.
///
/// The same limits, seed and inputs give the same outputs. What one connection or participant
/// does gives at most one message to each of the others, and a few to itself.
#[derive(Debug)]
pub struct Lobby {
    limits: Limits,
    now: Time,
    stopping: bool,
    /// Until when at most, once no new meetings begin.
    draining: Option<Time>,
    codes: RoomCodes,
    passwords: Passwords,
    bearers: Option<Bearers>,
    tokens: Tokens,
    ice_servers: Option<IceServers>,
    connections: BTreeMap<ConnectionId, Connection>,
    addresses: Addresses,
    rooms: Rooms,
    participants: BTreeMap<ParticipantId, RoomId>,
    next_participant: u64,
    timers: Timers,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct Connection {
    session: Session,
    place: Place,
    /// By which name it reached the server with TLS, behind which there is a relay.
    secure_host: Option<Authority>,
    pace: Pace,
    guesses: u32,
    /// The name that a token gave.
    granted_name: Option<Name>,
    heard: Time,
}

/// Whether somebody who is no longer in a room is told so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tell {
    Everybody,
    Others,
}

impl Lobby {
    /// An empty lobby. `seed`: 32 bytes from the operating system's generator; whoever knows it
    /// knows the names of all rooms.
    pub fn new(limits: Limits, seed: [u8; 32]) -> Self {
        Self {
            limits,
            now: Time::ZERO,
            stopping: false,
            draining: None,
            codes: RoomCodes::new(seed),
            passwords: Passwords::new(seed),
            bearers: None,
            tokens: Tokens::new(seed),
            ice_servers: None,
            connections: BTreeMap::new(),
            addresses: Addresses::default(),
            rooms: Rooms::default(),
            participants: BTreeMap::new(),
            next_participant: 0,
            timers: Timers::default(),
            outputs: VecDeque::new(),
        }
    }

    /// From now on rooms are open to the bearers of tokens only. `epoch`: the wall-clock time of
    /// `t = 0`, to which the times in tokens are compared.
    pub fn admit_bearers(&mut self, key: JoinKey, epoch: WallTime) {
        self.bearers = Some(Bearers { key, epoch });
    }

    /// From now on participants are told of STUN and TURN servers.
    pub fn tell_ice_servers(&mut self, servers: IceServers) {
        self.ice_servers = Some(servers);
    }

    /// Takes one input that happened at `t`; [`poll`](Self::poll) until `None` afterwards.
    /// Inputs about connections and participants that are gone are ignored: they were under way.
    pub fn handle(&mut self, t: Time, input: Input<'_>) {
        self.now = self.now.max(t);
        match input {
            Input::Opened { connection, peer } => self.opened(connection, peer),
            Input::SecureHost { connection, host } => {
                let is_short = host.as_str().len() <= self.limits.host_bytes;
                if let Some(connection) = self.connections.get_mut(&connection)
                    && is_short
                {
                    connection.secure_host = Some(host);
                }
            }
            Input::Text { connection, text } if text.len() > self.limits.message_bytes => {
                self.oversized(connection);
            }
            Input::Text { connection, text } => self.message(connection, |lobby| {
                lobby.request(connection, ClientMessage::parse(text)?)
            }),
            Input::Binary { connection } => self.message(connection, |_| Err(Fault::Binary)),
            Input::Oversized { connection } => self.oversized(connection),
            Input::Alive { connection } => self.alive(connection),
            Input::Closed { connection } => self.closed(connection),
            Input::Notice(notice) => self.notice(notice),
            Input::Timeout => self.timeout(),
            Input::Drain { until } => self.drain(until),
            Input::Shutdown => self.shutdown(),
        }
    }

    /// The next thing to do, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due; `None` while nothing waits.
    pub fn deadline(&self) -> Option<Time> {
        self.timers.next()
    }

    fn opened(&mut self, id: ConnectionId, peer: IpAddr) {
        if self.connections.contains_key(&id) {
            return;
        }
        if self.stopping {
            self.push_close(id, Closing::STOPPING);
            return;
        }
        let place = match self.addresses.take(peer, &self.limits) {
            Some(place) if self.connections.len() < self.limits.connections => place,
            refused => {
                if let Some(place) = refused {
                    self.release(place);
                }
                tracing::warn!(connection = id.0, %peer, "refused: too many connections");
                self.push(id, &Fault::ServerFull.to_message());
                self.push_close(id, Closing::FULL);
                return;
            }
        };
        let connection = Connection {
            session: Session::Greeting(Greeting),
            place,
            secure_host: None,
            pace: Pace::new(&self.limits, self.now),
            guesses: 0,
            granted_name: None,
            heard: self.now,
        };
        self.connections.insert(id, connection);
        let now = self.now;
        self.timers
            .set(Timer::Ping(id), now + self.limits.ping_interval);
        self.timers
            .set(Timer::Silence(id), now + self.limits.silence);
        self.timers
            .set(Timer::Roomless(id), now + self.limits.roomless);
        tracing::debug!(connection = id.0, %peer, "connected");
    }

    /// Lets `act` answer a message, unless it came too fast.
    fn message(&mut self, id: ConnectionId, act: impl FnOnce(&mut Self) -> Result<(), Fault>) {
        let per_second = self.limits.messages_per_second;
        let result = match self.hear(id) {
            None => return,
            Some(Verdict::Fine) => act(self),
            Some(Verdict::TooFast) => Err(Fault::TooFast { per_second }),
            Some(Verdict::Flood) => Err(Fault::Flood { per_second }),
        };
        if let Err(fault) = result {
            self.refuse(id, &fault);
        }
    }

    fn oversized(&mut self, id: ConnectionId) {
        if self.hear(id).is_some() {
            let limit = self.limits.message_bytes;
            self.refuse(id, &Fault::TooLarge { limit });
        }
    }

    fn alive(&mut self, id: ConnectionId) {
        if self.hear(id) == Some(Verdict::Flood) {
            let per_second = self.limits.messages_per_second;
            self.refuse(id, &Fault::Flood { per_second });
        }
    }

    /// Notes that a frame came. `None` when nobody listens to this connection any more.
    fn hear(&mut self, id: ConnectionId) -> Option<Verdict> {
        let connection = self.connections.get_mut(&id)?;
        if let Session::Closing = connection.session {
            return None;
        }
        connection.heard = self.now;
        Some(connection.pace.spend(&self.limits, self.now))
    }

    fn refuse(&mut self, id: ConnectionId, fault: &Fault) {
        let span = self.span_of(id);
        span.in_scope(|| tracing::debug!(?fault, "refused"));
        self.push(id, &fault.to_message());
        if let Some(closing) = fault.closing() {
            self.close(id, closing);
        }
    }

    /// Ends a connection from our side. It stays known, and nothing of it is read, until the
    /// runtime says that it is closed.
    fn close(&mut self, id: ConnectionId, closing: Closing) {
        if closing == Closing::SILENT {
            self.detach(id);
        } else {
            self.exit_of(id, ExitReason::Vanished, Tell::Others);
        }
        self.set_session(id, Session::Closing);
        self.timers.cancel(Timer::Ping(id));
        self.timers.cancel(Timer::Silence(id));
        self.push_close(id, closing);
    }

    fn closed(&mut self, id: ConnectionId) {
        let span = self.span_of(id);
        self.detach(id);
        self.set_session(id, Session::Closing);
        self.timers.cancel(Timer::Ping(id));
        self.timers.cancel(Timer::Silence(id));
        if let Some(connection) = self.connections.remove(&id) {
            self.release(connection.place);
            span.in_scope(|| tracing::debug!("disconnected"));
        }
    }

    fn release(&mut self, place: Place) {
        self.addresses.release(place, &self.limits, self.now);
        self.fade_later();
    }

    /// What addresses did lately is forgotten in time.
    fn fade_later(&mut self) {
        match self.addresses.next_fade() {
            Some(end) => self.timers.set(Timer::Fade, end),
            None => self.timers.cancel(Timer::Fade),
        }
    }

    fn timeout(&mut self) {
        while let Some(timer) = self.timers.pop_due(self.now) {
            match timer {
                Timer::Ping(connection) => {
                    self.outputs.push_back(Output::Ping { connection });
                    self.timers.set(timer, self.now + self.limits.ping_interval);
                }
                Timer::Silence(id) => self.check_silence(id),
                Timer::Roomless(id) => self.close(id, Closing::ROOMLESS),
                Timer::Forget(room) => self.forget(room),
                Timer::Grace(participant) => self.grace_over(participant),
                Timer::View(participant) => self.view_due(participant),
                Timer::Reasons(participant) => self.reasons_due(participant),
                // Whoever runs the lobby asks `is_drained`.
                Timer::Drained => {}
                Timer::Fade => {
                    self.addresses.fade(self.now);
                    self.fade_later();
                }
            }
        }
    }

    /// The timer is not moved with every frame that comes; it looks when the last one did.
    fn check_silence(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let end = connection.heard + self.limits.silence;
        if end > self.now {
            self.timers.set(Timer::Silence(id), end);
        } else {
            let span = self.span_of(id);
            span.in_scope(|| tracing::info!("silent for too long"));
            self.close(id, Closing::SILENT);
        }
    }

    fn shutdown(&mut self) {
        self.stopping = true;
        self.timers = Timers::default();
        for (participant, room) in std::mem::take(&mut self.participants) {
            let person = self
                .rooms
                .get(room)
                .and_then(|room| room.people.get(&participant));
            if let Some(connection) = person.and_then(|person| person.connection) {
                let reason = ExitReason::ServerStopping;
                self.push(connection, &exit(participant, reason));
            }
            self.command(Command::Leave { participant });
        }
        self.rooms = Rooms::default();
        self.tokens.clear();
        let mut open = Vec::new();
        for (&id, connection) in &mut self.connections {
            let session = std::mem::replace(&mut connection.session, Session::Closing);
            if !matches!(session, Session::Closing) {
                open.push(id);
            }
        }
        for id in open {
            self.push_close(id, Closing::STOPPING);
        }
    }

    /// Takes the participant of a connection, if it has one, out of its room.
    fn exit_of(&mut self, id: ConnectionId, reason: ExitReason, tell: Tell) {
        let session = self
            .connections
            .get(&id)
            .map(|connection| connection.session);
        if let Some(Session::InRoom(me)) = session {
            let participant = me.participant();
            self.command(Command::Leave { participant });
            self.exit(participant, reason, tell);
        }
    }

    /// Takes a participant that the core no longer has, or has been told to let go, out of its
    /// room.
    fn exit(&mut self, participant: ParticipantId, reason: ExitReason, tell: Tell) {
        let Some(id) = self.participants.remove(&participant) else {
            return;
        };
        let Some(room) = self.rooms.get_mut(id) else {
            return;
        };
        let Some(person) = room.people.remove(&participant) else {
            return;
        };
        let happened = Event {
            room: room.code,
            happening: Happening::Exited {
                participant,
                reason,
            },
        };
        self.outputs.push_back(Output::Event(happened));
        person_span(id, participant).in_scope(|| tracing::info!(?reason, "exit"));
        let message = exit(participant, reason);
        self.tokens.revoke(&person.token);
        self.timers.cancel(Timer::Grace(participant));
        self.timers.cancel(Timer::View(participant));
        self.timers.cancel(Timer::Reasons(participant));
        if let (Tell::Everybody, Some(connection)) = (tell, person.connection) {
            self.push(connection, &message);
        }
        self.tell_others(id, participant, &message);
        if let Some(room) = self.rooms.get_mut(id)
            && room
                .speaker
                .take_if(|speaker| *speaker == participant)
                .is_some()
        {
            self.tell_all(id, &ServerMessage::Speaker { participant: None });
        }
        if let Some(connection) = person.connection
            && let Some(Session::InRoom(me)) = self.session(connection)
        {
            self.set_session(connection, Session::Greeting(me.leave()));
        }
        self.settle(id);
    }

    /// Whose connection it is, for the log.
    fn span_of(&self, id: ConnectionId) -> Span {
        match self.session(id) {
            Some(Session::InRoom(me)) => person_span(me.room(), me.participant()),
            _ => tracing::info_span!("connection", connection = id.0),
        }
    }

    fn session(&self, id: ConnectionId) -> Option<Session> {
        self.connections
            .get(&id)
            .map(|connection| connection.session)
    }

    /// The one place where a session changes, so that what hangs on it changes with it: who looks
    /// at which room, and how long one may go without.
    fn set_session(&mut self, id: ConnectionId, session: Session) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut connection.session, session);
        if let Session::Greeting(_) = session {
            let end = self.now + self.limits.roomless;
            self.timers.set(Timer::Roomless(id), end);
        } else {
            self.timers.cancel(Timer::Roomless(id));
        }
        if let Some(room) = session.looked_at() {
            self.rooms.look(room);
            self.settle(room);
        }
        if let Some(room) = before.looked_at() {
            self.rooms.look_away(room);
            self.settle(room);
        }
    }

    /// After people came to a room or went: sees to it that it is forgotten in time, or not.
    fn settle(&mut self, room: RoomId) {
        match self.rooms.settle(room, self.now) {
            Some(since) => {
                let end = since + self.limits.empty_room;
                self.timers.set(Timer::Forget(room), end);
            }
            None => self.timers.cancel(Timer::Forget(room)),
        }
    }

    fn forget(&mut self, room: RoomId) {
        self.timers.cancel(Timer::Forget(room));
        self.rooms.forget(room);
    }

    /// Tells everybody in a room but `except`, and but those who will be told all at once: with
    /// the first offer that is still to come, or with the answer to `resume`.
    fn tell_others(&mut self, room: RoomId, except: ParticipantId, message: &ServerMessage) {
        self.tell(room, Some(except), message);
    }

    /// The same, without exception.
    fn tell_all(&mut self, room: RoomId, message: &ServerMessage) {
        self.tell(room, None, message);
    }

    fn tell(&mut self, room: RoomId, except: Option<ParticipantId>, message: &ServerMessage) {
        let Some(room) = self.rooms.get(room) else {
            return;
        };
        let text = message.to_json();
        for (&id, person) in &room.people {
            if Some(id) != except
                && person.offered.is_some()
                && let Some(connection) = person.connection
            {
                self.outputs.push_back(Output::Send {
                    connection,
                    text: text.clone(),
                });
            }
        }
    }

    fn push(&mut self, connection: ConnectionId, message: &ServerMessage) {
        let text = message.to_json();
        self.outputs.push_back(Output::Send { connection, text });
    }

    fn push_close(&mut self, connection: ConnectionId, closing: Closing) {
        let Closing { code, reason } = closing;
        self.outputs.push_back(Output::Close {
            connection,
            code,
            reason,
        });
    }

    fn command(&mut self, command: Command) {
        self.outputs.push_back(Output::Command(command));
    }
}

/// Who is meant, for the log.
fn person_span(room: RoomId, participant: ParticipantId) -> Span {
    tracing::info_span!("person", %room, %participant)
}

fn exit(participant: ParticipantId, reason: ExitReason) -> ServerMessage {
    ServerMessage::Exit {
        participant: Id(participant),
        reason,
    }
}
