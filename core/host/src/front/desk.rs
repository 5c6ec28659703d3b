//! Who is connected, what the lobby is told of them, and what waits for each.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use tsuji_core::{Notice, Path, Time, WallTime};
use tsuji_signaling::ice_server::IceServers;
use tsuji_signaling::token::JoinKey;
use tsuji_signaling::{ConnectionId, Event, Exchange, Happening, Input, Lobby, Origin, Output};
use tungstenite::protocol::WebSocketConfig;

use super::heard::Heard;
use super::outbox::{Order, Outbox};
use super::relay::{Grant, Ground, RELAYED};
use super::sides::{Side, SideId, Sides};
use super::websocket;
use crate::admin::Admin;
use crate::control::Told;
use crate::dump::Bell;
use crate::history::Keeper;
use crate::limits::Limits;
use crate::messages::{FromMedia, ToMedia};
use crate::metrics::{FrontStats, Lateness, Quality, Reporter};
use crate::queue::{SendError, Taken};
use crate::trouble::Trouble;

/// The close code for a message that is too long (RFC 6455, 7.4.1).
const TOO_BIG: u16 = 1009;
/// The close code of a server that goes down (RFC 6455, 7.4.1).
const AWAY: u16 = 1001;

/// The front cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("a command could not be told: {0}")]
pub struct DeskError(#[source] SendError);

/// What follows a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Wait, then the next one.
    Wait,
    /// The next one at once: there is more.
    More,
    /// Nothing: a media side is gone, or everybody is who was waited for, and so shall we be.
    Stop,
}

/// What a desk has to do with besides its connections and the media sides.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) trace: Bell,
    pub(crate) drain: Drain,
    pub(crate) reporter: Reporter<FrontStats>,
    pub(crate) keeper: Keeper,
    /// It is answered as long as this is there.
    pub(crate) _admin: Option<Arc<Admin>>,
    /// What relays reach, if there are any.
    pub(crate) relays: Option<Ground>,
}

/// How the server is told to end without ending meetings.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    pub(crate) told: Arc<Told>,
    /// How long meetings may go on.
    pub(crate) limit: Duration,
}

/// The front's state: every connection, from its admission to its end.
///
/// ```text
///  admit ─► asks for pages ─► opened ─► hear, hear, … ─► told to close ─► gone
///       ├─► media_began ─► hear_frame, hear_frame, … ───────────────────────►┤
///       └─► relay_began ─► relay_allocated ─► hear_relayed, hear_relayed, … ►┘
///                │                │                            ▲
///                └────────────────┴── not known any more, or gone ─┘
/// ```
/// After any call, look at the connections that it has [touched](Self::take_touched): let go of
/// those that it does not [know](Self::knows) any more, and do the [orders](Self::next_order) of
/// the others. Then [`flush`](Self::flush).
#[derive(Debug)]
pub struct Desk {
    limits: Limits,
    signaling: tsuji_signaling::Limits,
    origins: Arc<[Origin]>,
    lobby: Lobby,
    sides: Sides,
    links: Links,
    lateness: Lateness,
    quality: Quality,
    given_up: u64,
    guests: BTreeMap<ConnectionId, Guest>,
    next: ConnectionId,
    /// Those that ask for pages, oldest first.
    http: BTreeSet<ConnectionId>,
    /// Those that have orders.
    touched: BTreeSet<ConnectionId>,
    crowded: Trouble,
    /// How many connections with media each address has.
    media_peers: BTreeMap<IpAddr, usize>,
    /// Which relay has which port of the relayed address, and the next to try.
    relay_ports: BTreeMap<u16, ConnectionId>,
    next_relay_port: u16,
    /// Frames that found no room, on their way in and out.
    lost_in: Trouble,
    lost_out: Trouble,
    fault: Option<SendError>,
}

/// A connection.
#[derive(Debug)]
struct Guest {
    peer: IpAddr,
    stage: Stage,
    outbox: Outbox,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Asks for pages.
    Http,
    /// A WebSocket that the lobby knows.
    Open,
    /// Carries media for one of the media sides, which knows it.
    Media(SideId),
    /// Says that it carries media; its first frame will show for whom. Its other end.
    Knocking(SocketAddr),
    /// Is a relay with this address.
    Relay(SocketAddr),
    /// Takes leave; the lobby does not know it any more.
    Leaving,
}

impl Desk {
    /// A desk without connections. `seed`: as for [`Lobby::new`]. `sides`: at least one.
    pub(crate) fn new(
        limits: Limits,
        signaling: tsuji_signaling::Limits,
        seed: [u8; 32],
        sides: Vec<Side>,
        links: Links,
    ) -> Self {
        Self {
            lobby: Lobby::new(signaling.clone(), seed),
            crowded: Trouble::new(limits.log_interval),
            lost_in: Trouble::new(limits.log_interval),
            lost_out: Trouble::new(limits.log_interval),
            media_peers: BTreeMap::new(),
            relay_ports: BTreeMap::new(),
            next_relay_port: 1,
            limits,
            signaling,
            origins: Arc::default(),
            sides: Sides::new(sides),
            links,
            lateness: Lateness::default(),
            quality: Quality::default(),
            given_up: 0,
            guests: BTreeMap::new(),
            next: ConnectionId(0),
            http: BTreeSet::new(),
            touched: BTreeSet::new(),
            fault: None,
        }
    }

    /// Pages of these origins may open a WebSocket too.
    pub(crate) fn allow_origins(&mut self, origins: &[Origin]) {
        self.origins = origins.into();
    }

    /// Rooms are open to the bearers of tokens only. `epoch`: as for [`Lobby::admit_bearers`].
    pub(crate) fn admit_bearers(&mut self, key: JoinKey, epoch: WallTime) {
        self.lobby.admit_bearers(key, epoch);
    }

    /// Participants are told of STUN and TURN servers.
    pub(crate) fn tell_ice_servers(&mut self, servers: IceServers) {
        self.lobby.tell_ice_servers(servers);
    }

    /// Whose pages may open a WebSocket, beside those of this server.
    pub fn origins(&self) -> &Arc<[Origin]> {
        &self.origins
    }

    /// The bounds of the server.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How WebSockets are to be read and written.
    pub fn websocket_config(&self) -> WebSocketConfig {
        websocket::config(&self.limits, &self.signaling)
    }

    /// Lets a newcomer in, if there is room: its name, and the HTTP that it begins with.
    pub fn admit(&mut self, t: Time, peer: IpAddr) -> Option<(ConnectionId, Exchange)> {
        if self.guests.len() >= self.limits.connections {
            if let Some(times) = self.crowded.happened(t) {
                tracing::warn!(times, "too many connections: turning newcomers away");
            }
            return None;
        }
        if self.http.len() >= self.limits.http_connections
            && let Some(&oldest) = self.http.first()
        {
            if let Some(times) = self.crowded.happened(t) {
                tracing::warn!(times, "too many HTTP connections: closing the oldest");
            }
            self.gone(t, oldest);
        }
        let id = self.next;
        self.next = ConnectionId(id.0 + 1);
        // An IPv4 address is one, also when the socket is for IPv6.
        let peer = peer.to_canonical();
        let guest = Guest {
            peer,
            stage: Stage::Http,
            outbox: Outbox::default(),
        };
        self.guests.insert(id, guest);
        self.http.insert(id);
        let mut exchange = Exchange::new(&self.signaling, t);
        exchange.allow_origins(Arc::clone(&self.origins));
        if peer.is_loopback() {
            exchange.peer_is_on_this_machine();
        }
        Some((id, exchange))
    }

    /// Somebody on this machine asks for the decisions of the last minutes.
    pub fn trace_wanted(&self) {
        self.links.trace.ring();
    }

    /// It is a WebSocket from now on. `host`: what its client calls the server, if it has come over
    /// TLS that ends here.
    pub fn opened(&mut self, t: Time, connection: ConnectionId, host: Option<Authority>) {
        let Some(guest) = self.guests.get_mut(&connection) else {
            return;
        };
        guest.stage = Stage::Open;
        let peer = guest.peer;
        self.http.remove(&connection);
        self.tell_lobby(t, Input::Opened { connection, peer });
        if let Some(host) = host {
            self.tell_lobby(t, Input::SecureHost { connection, host });
        }
    }

    /// It carries media from now on. Until a media side answers it counts as one that asks for
    /// pages: strangers do not get far.
    pub fn media_began(&mut self, t: Time, connection: ConnectionId, remote: SocketAddr) {
        let Some(peer) = self.count_media(t, connection) else {
            return self.forget(connection);
        };
        let remote = SocketAddr::new(peer, remote.port());
        self.set_stage(connection, Stage::Knocking(remote));
    }

    /// A relay is asked for on a connection behind TLS; what it needs, if it may be one. Until it
    /// has [allocated](Self::relay_allocated) it counts as one that asks for pages.
    pub fn relay_began(
        &mut self,
        t: Time,
        connection: ConnectionId,
        remote: SocketAddr,
    ) -> Option<Grant> {
        let crowded = self.relay_ports.len() >= self.limits.relays;
        if self.links.relays.is_none() || crowded {
            if crowded && let Some(times) = self.crowded.happened(t) {
                tracing::warn!(times, "too many relays");
            }
            self.forget(connection);
            return None;
        }
        let Some(peer) = self.count_media(t, connection) else {
            self.forget(connection);
            return None;
        };
        let relayed = SocketAddr::new(RELAYED.into(), self.take_relay_port(connection));
        self.set_stage(connection, Stage::Relay(relayed));
        let remote = SocketAddr::new(peer, remote.port());
        let ground = self.links.relays.as_ref()?;
        Some(ground.grant(connection, remote, relayed))
    }

    /// Who uses a relay is no stranger.
    pub fn relay_allocated(&mut self, connection: ConnectionId) {
        self.http.remove(&connection);
    }

    /// A datagram came through a relay, for one of our sockets. What the media side has no room for
    /// is lost.
    pub fn hear_relayed(
        &mut self,
        t: Time,
        connection: ConnectionId,
        local: SocketAddr,
        payload: Vec<u8>,
    ) {
        let Some(Stage::Relay(relayed)) = self.stage(connection) else {
            return;
        };
        // A relay reaches our own sockets and nothing else.
        let Some(side) = self.sides.with_socket(local) else {
            return;
        };
        let relayed = ToMedia::Relayed {
            connection,
            path: Path::udp(local, relayed),
            payload,
        };
        if !self.sides.offer(side, relayed)
            && let Some(times) = self.lost_in.happened(t)
        {
            tracing::warn!(times, "the media side is busy: relayed datagrams dropped");
        }
    }

    /// Counts a connection with media for its address, and gives that; `None` when it has too many.
    fn count_media(&mut self, t: Time, connection: ConnectionId) -> Option<IpAddr> {
        let peer = self.guests.get(&connection)?.peer;
        let connections = self.media_peers.entry(peer).or_default();
        if *connections >= self.limits.media_connections_per_address {
            if let Some(times) = self.crowded.happened(t) {
                tracing::warn!(times, %peer, "too many TCP connections with media");
            }
            return None;
        }
        *connections += 1;
        Some(peer)
    }

    /// A port that no relay has, and that none has had for long: a path of the one before would be
    /// taken for its own. There are fewer relays than ports.
    fn take_relay_port(&mut self, connection: ConnectionId) -> u16 {
        loop {
            let port = self.next_relay_port;
            self.next_relay_port = port.checked_add(1).unwrap_or(1);
            if let Entry::Vacant(free) = self.relay_ports.entry(port) {
                free.insert(connection);
                return port;
            }
        }
    }

    fn set_stage(&mut self, connection: ConnectionId, stage: Stage) {
        if let Some(guest) = self.guests.get_mut(&connection) {
            guest.stage = stage;
        }
    }

    fn stage(&self, connection: ConnectionId) -> Option<Stage> {
        let guest = self.guests.get(&connection);
        guest.map(|guest| guest.stage)
    }

    /// A frame came from a connection with media. What the media side has no room for is lost. If the
    /// first one is not an ICE check for somebody of a side that we have, it is the last one.
    pub fn hear_frame(&mut self, t: Time, connection: ConnectionId, payload: Vec<u8>) {
        let side = match self.stage(connection) {
            Some(Stage::Media(side)) => side,
            Some(Stage::Knocking(remote)) => {
                let Some(side) = self.sides.named_by(&payload) else {
                    return self.gone(t, connection);
                };
                self.set_stage(connection, Stage::Media(side));
                let opened = ToMedia::MediaOpened { connection, remote };
                self.note(|sides| sides.send(side, opened));
                side
            }
            _ => return,
        };
        let frame = ToMedia::Frame {
            connection,
            payload,
        };
        if !self.sides.offer(side, frame)
            && let Some(times) = self.lost_in.happened(t)
        {
            tracing::warn!(times, "the media side is busy: frames of TCP dropped");
        }
    }

    /// Something came from a WebSocket.
    pub fn hear(&mut self, t: Time, connection: ConnectionId, heard: Heard) {
        if !self.is_at(connection, Stage::Open) {
            return;
        }
        match heard {
            Heard::Text(text) => {
                let text = text.as_str();
                self.tell_lobby(t, Input::Text { connection, text });
            }
            Heard::Binary => self.tell_lobby(t, Input::Binary { connection }),
            Heard::Alive => self.tell_lobby(t, Input::Alive { connection }),
            Heard::Oversized => {
                self.tell_lobby(t, Input::Oversized { connection });
                // The rest of the message is still on its way and cannot be told from the next
                // one; so this is the end even if the lobby were patient.
                self.close(t, connection, TOO_BIG, "the message is too long");
            }
            Heard::Broken { code, reason } => self.close(t, connection, code, reason),
            // It needs no close frame of its own, but the one that answers has to arrive.
            Heard::Closed => self.close(t, connection, AWAY, ""),
            Heard::Lost => self.gone(t, connection),
        }
    }

    /// It asks for no more pages and takes leave, although nobody told it to.
    pub fn leaving(&mut self, t: Time, connection: ConnectionId) {
        self.ended(t, connection);
    }

    /// Nothing is left of it. Harmless when it is said again.
    pub fn gone(&mut self, t: Time, connection: ConnectionId) {
        self.ended(t, connection);
        self.forget(connection);
    }

    /// Whether something that it says would be heard now. Not when it is leaving; and while a media
    /// side is behind, and while much waits for the connection itself, it is to wait in the client's
    /// socket, not in our memory.
    pub fn may_speak(&self, connection: ConnectionId) -> bool {
        !self.is_behind()
            && self.guests.get(&connection).is_some_and(|guest| {
                match guest.stage {
                    Stage::Http | Stage::Open => {
                        guest.outbox.bytes() <= self.limits.send_queue_pause_bytes
                    }
                    // Both ways are independent of each other.
                    Stage::Media(_) | Stage::Knocking(_) | Stage::Relay(_) => true,
                    Stage::Leaving => false,
                }
            })
    }

    /// Whether a media side is behind with its commands, so that nobody is heard.
    pub fn is_behind(&self) -> bool {
        self.sides.is_behind()
    }

    /// Whether a connection is known. If not, let go of it at once, whatever waits.
    pub fn knows(&self, connection: ConnectionId) -> bool {
        self.guests.contains_key(&connection)
    }

    /// Whether something is to be done with a connection.
    pub fn has_orders(&self, connection: ConnectionId) -> bool {
        let guest = self.guests.get(&connection);
        guest.is_some_and(|guest| guest.outbox.bytes() > 0)
    }

    /// What is to be done with a connection, in this order.
    pub fn next_order(&mut self, connection: ConnectionId) -> Option<Order> {
        self.guests.get_mut(&connection)?.outbox.pop()
    }

    /// A connection that has orders since it was last asked.
    pub fn take_touched(&mut self) -> Option<ConnectionId> {
        self.touched.pop_first()
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.guests.len()
    }

    /// When [`turn`](Self::turn) is due, if nothing else makes it so.
    pub fn deadline(&self) -> Option<Time> {
        let deadlines = [self.lobby.deadline(), self.links.reporter.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Takes what the media sides tell, up to a bound, and does what is due.
    pub fn turn(&mut self, t: Time) -> Result<Turn, DeskError> {
        self.lateness.note(t, self.deadline());
        let mut turn = self.take_notices(t);
        if self.links.drain.told.is_draining() {
            let until = t + self.links.drain.limit;
            self.tell_lobby(t, Input::Drain { until });
        }
        if self.lobby.deadline().is_some_and(|deadline| deadline <= t) {
            self.tell_lobby(t, Input::Timeout);
        }
        if self.lobby.is_drained() {
            turn = Turn::Stop;
        }
        if self.links.reporter.is_due(t) {
            let stats = self.stats(t);
            self.links.reporter.publish(t, stats);
        }
        self.flush();
        match self.fault.take() {
            // That a media side is gone shows in the notices too, where it is an order to stop
            // and not an error.
            None | Some(SendError::Closed) => Ok(turn),
            Some(error) => Err(DeskError(error)),
        }
    }

    /// Sends the commands of this turn on their way.
    pub fn flush(&mut self) {
        self.note(Sides::flush);
    }

    /// Whether [`turn`](Self::turn) has an error to tell, or the end.
    pub fn wants_to_end(&self) -> bool {
        self.fault.is_some() || self.lobby.is_drained()
    }

    /// The server goes down: everybody is told, and each connection gets [`Order::Close`].
    pub fn shutdown(&mut self, t: Time) {
        tracing::info!(connections = self.guests.len(), "stopping");
        self.tell_lobby(t, Input::Shutdown);
        for connection in self.guests.keys().copied().collect::<Vec<_>>() {
            self.close(t, connection, AWAY, "the server is stopping");
        }
        self.flush();
    }

    fn stats(&mut self, t: Time) -> FrontStats {
        FrontStats {
            lobby: self.lobby.sizes(),
            connections: self.guests.len(),
            http: self.http.len(),
            admitted: self.next.0,
            crowded: self.crowded.count(),
            given_up: self.given_up,
            commands: self.sides.waiting(),
            lateness: self.lateness,
            quality: self.quality.stats(t),
        }
    }

    fn is_at(&self, connection: ConnectionId, stage: Stage) -> bool {
        let guest = self.guests.get(&connection);
        guest.is_some_and(|guest| guest.stage == stage)
    }

    fn take_notices(&mut self, t: Time) -> Turn {
        for _ in 0..self.limits.queue_per_turn {
            match self.sides.take() {
                Taken::Item(FromMedia::Notice(notice)) => {
                    if let Notice::Gone { participant, .. } = notice {
                        self.sides.gone(participant);
                    }
                    self.tell_lobby(t, Input::Notice(notice));
                }
                Taken::Item(FromMedia::Frame {
                    connection,
                    payload,
                }) => self.send_media(t, connection, Order::Frame(payload)),
                Taken::Item(FromMedia::Relayed {
                    connection,
                    local,
                    payload,
                }) => self.send_media(t, connection, Order::Relayed { local, payload }),
                Taken::Item(FromMedia::Reject { connection }) => self.gone(t, connection),
                Taken::Empty => return Turn::Wait,
                Taken::Closed => return Turn::Stop,
            }
        }
        Turn::More
    }

    /// Hands one input to the lobby and does all that it wants.
    fn tell_lobby(&mut self, t: Time, input: Input<'_>) {
        self.lobby.handle(t, input);
        while let Some(output) = self.lobby.poll() {
            match output {
                Output::Send { connection, text } => self.send(t, connection, Order::Text(text)),
                Output::Ping { connection } => self.send(t, connection, Order::Ping),
                Output::Close {
                    connection,
                    code,
                    reason,
                } => self.close(t, connection, code, reason),
                Output::Command(command) => self.note(|sides| sides.command(command)),
                Output::Event(event) => self.keep(t, event),
            }
        }
    }

    /// Hands on what happened in a room to whoever keeps it.
    fn keep(&mut self, t: Time, event: Event) {
        self.quality.note(t, &event.happening);
        if let Happening::Problem { .. } = &event.happening
            && self.links.keeper.is_there()
        {
            self.links.trace.report();
        }
        let peer = match &event.happening {
            Happening::Entered { connection, .. } => self.guests.get(connection),
            _ => None,
        };
        let peer = peer.map(|guest| guest.peer);
        self.links.keeper.keep(t, event, peer);
    }

    /// Tells the media sides something. That they do not take it is the end of the server.
    fn note(&mut self, tell: impl FnOnce(&mut Sides) -> Result<(), SendError>) {
        if let Err(error) = tell(&mut self.sides) {
            self.fault.get_or_insert(error);
        }
    }

    /// A frame for which there is no room is lost whole.
    fn send_media(&mut self, t: Time, connection: ConnectionId, order: Order) {
        let guest = self.guests.get_mut(&connection);
        let takes = |guest: &&mut Guest| matches!(guest.stage, Stage::Media(_) | Stage::Relay(_));
        let Some(guest) = guest.filter(takes) else {
            return;
        };
        // The media side answers nobody who is a stranger.
        self.http.remove(&connection);
        if guest.outbox.push(order, self.limits.media_queue_bytes) {
            self.touched.insert(connection);
        } else if let Some(times) = self.lost_out.happened(t) {
            let peer = guest.peer;
            tracing::info!(times, %peer, "a TCP connection is slow: frames for it dropped");
        }
    }

    /// Gives somebody up who has too much waiting.
    fn send(&mut self, t: Time, connection: ConnectionId, order: Order) {
        let guest = self.guests.get_mut(&connection);
        let Some(guest) = guest.filter(|guest| guest.stage == Stage::Open) else {
            return;
        };
        self.touched.insert(connection);
        if !guest.outbox.push(order, self.limits.send_queue_bytes) {
            self.given_up += 1;
            tracing::debug!(
                connection = connection.0,
                "giving up a WebSocket: it does not read what is sent to it"
            );
            self.gone(t, connection);
        }
    }

    /// Closes a connection behind all that waits for it, unless it is leaving already.
    fn close(&mut self, t: Time, connection: ConnectionId, code: u16, reason: &'static str) {
        let Some(guest) = self.guests.get_mut(&connection) else {
            return;
        };
        if guest.stage != Stage::Leaving {
            guest.outbox.push_last(Order::Close { code, reason });
            self.touched.insert(connection);
            self.ended(t, connection);
        }
    }

    /// It takes leave; the lobby learns that a WebSocket is closed, once.
    fn ended(&mut self, t: Time, connection: ConnectionId) {
        self.http.remove(&connection);
        let Some(guest) = self.guests.get_mut(&connection) else {
            return;
        };
        let peer = guest.peer;
        match std::mem::replace(&mut guest.stage, Stage::Leaving) {
            Stage::Open => self.tell_lobby(t, Input::Closed { connection }),
            stage @ (Stage::Media(_) | Stage::Knocking(_) | Stage::Relay(_)) => {
                if let Some(connections) = self.media_peers.get_mut(&peer) {
                    *connections -= 1;
                    if *connections == 0 {
                        self.media_peers.remove(&peer);
                    }
                }
                let closed = ToMedia::MediaClosed { connection };
                match stage {
                    Stage::Media(side) => self.note(|sides| sides.send(side, closed)),
                    Stage::Relay(relayed) => {
                        self.relay_ports.remove(&relayed.port());
                        // It may have been used towards each of them.
                        self.note(|sides| sides.send_all(&closed));
                    }
                    Stage::Knocking(_) | Stage::Http | Stage::Open | Stage::Leaving => {}
                }
            }
            Stage::Http | Stage::Leaving => {}
        }
    }

    fn forget(&mut self, connection: ConnectionId) {
        self.http.remove(&connection);
        if self.guests.remove(&connection).is_some() {
            self.touched.insert(connection);
        }
    }
}
