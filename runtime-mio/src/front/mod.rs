//! The front thread: TCP, HTTP, WebSocket and the [`Lobby`].
//!
//! ```text
//!  Listener ──► Connection ──► Lobby ──► commands to the media thread
//!               (Http, WebSocket,  ▲ │
//!                Lingering)   ◄────┼─┘  text, ping, close
//!                                  └──── notices from the media thread
//! ```
//!
//! A turn: wait; let newcomers in; give each connection that may have something a bounded turn;
//! take notices; fire what is due; send what waits. While the media thread is behind with its
//! commands nobody's requests are read: they wait in the clients' sockets, not in our memory.

mod admission;
mod connection;
mod http;
mod lingering;
mod listener;
mod timers;
mod upkeep;
mod websocket;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};
use tsuji_core::{Command, Notice, Time};
use tsuji_signaling::{ConnectionId, Input, Lobby, Output};
use tungstenite::protocol::WebSocketConfig;

use self::connection::{Connection, Happened};
pub(crate) use self::listener::Listener;
use self::timers::Timers;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::queue::{Receiver, SendError, Sender, Taken};
use crate::signals::Signals;
use crate::stop::Stop;
use crate::trouble::Trouble;

const WAKER: Token = Token(0);
const LISTENER: Token = Token(1);
const SIGNALS: Token = Token(2);
/// Connections count from here; a token is never used twice.
const FIRST_CONNECTION: usize = 16;

/// The close code for a message that is too long (RFC 6455, 7.4.1).
const TOO_BIG: u16 = 1009;

/// Why the front thread had to stop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrontError {
    /// The system's poll failed.
    #[error("waiting for connections failed: {0}")]
    Poll(#[source] io::Error),
    /// A command could not be told.
    #[error("a command could not be told: {0}")]
    Command(#[source] SendError),
}

/// The poll of the front thread and the waker that ends its waiting.
pub(crate) fn poll() -> io::Result<(Poll, Arc<Waker>)> {
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
    Ok((poll, waker))
}

/// What the front thread is made with.
pub(crate) struct Parts {
    pub(crate) poll: Poll,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) signaling: tsuji_signaling::Limits,
    pub(crate) seed: [u8; 32],
    pub(crate) listener: Listener,
    pub(crate) signals: Option<Signals>,
    pub(crate) stop: Stop,
    pub(crate) commands: Sender<Command>,
    pub(crate) notices: Receiver<Notice>,
}

/// What the front thread owns.
pub(crate) struct Front {
    poll: Poll,
    clock: Clock,
    limits: Limits,
    signaling: tsuji_signaling::Limits,
    config: WebSocketConfig,
    lobby: Lobby,
    /// `None` once the server stops.
    listener: Option<Listener>,
    signals: Option<Signals>,
    stop: Stop,
    commands: Sender<Command>,
    notices: Receiver<Notice>,
    connections: BTreeMap<ConnectionId, Connection>,
    next_connection: usize,
    /// Those that ask for pages, oldest first.
    http: BTreeSet<ConnectionId>,
    /// The WebSockets that the lobby knows.
    open: BTreeSet<ConnectionId>,
    /// Those for which a turn may bring something.
    ready: BTreeSet<ConnectionId>,
    /// Those that have changed and are to be settled before the next wait.
    touched: BTreeSet<ConnectionId>,
    timers: Timers,
    scratch: Vec<u8>,
    crowded: Trouble,
}

/// Whether a turn left notices behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notices {
    Done,
    More,
    /// The media thread is gone.
    Closed,
}

impl Front {
    /// Registers what is there from the start.
    pub(crate) fn new(parts: Parts) -> io::Result<Self> {
        let Parts {
            poll,
            clock,
            limits,
            signaling,
            seed,
            mut listener,
            mut signals,
            stop,
            commands,
            notices,
        } = parts;
        listener.register(poll.registry(), LISTENER)?;
        if let Some(signals) = &mut signals {
            poll.registry()
                .register(signals, SIGNALS, Interest::READABLE)?;
        }
        Ok(Self {
            config: websocket::config(&limits, &signaling),
            lobby: Lobby::new(signaling.clone(), seed),
            listener: Some(listener),
            connections: BTreeMap::new(),
            next_connection: FIRST_CONNECTION,
            http: BTreeSet::new(),
            open: BTreeSet::new(),
            ready: BTreeSet::new(),
            touched: BTreeSet::new(),
            timers: Timers::default(),
            scratch: vec![0; limits.http_read_bytes],
            crowded: Trouble::new(limits.log_interval),
            poll,
            clock,
            limits,
            signaling,
            signals,
            stop,
            commands,
            notices,
        })
    }

    /// Runs until it is told to stop, by a signal, by [`Stop`] or by the end of the media thread.
    pub(crate) fn run(mut self) -> Result<(), FrontError> {
        let mut events = Events::with_capacity(1024);
        let mut notices = Notices::Done;
        while !self.stop.is_told() && notices != Notices::Closed {
            self.wait(&mut events, notices == Notices::More, None)?;
            self.accept();
            notices = self.turn()?;
        }
        self.leave(&mut events)
    }

    /// Tells everybody, and gives what was said a moment to arrive.
    fn leave(&mut self, events: &mut Events) -> Result<(), FrontError> {
        tracing::info!(connections = self.connections.len(), "stopping");
        self.stop.began();
        self.listener = None;
        let t = self.clock.now();
        let until = t + self.limits.stop_drain;
        self.tell_lobby(t, Input::Shutdown)?;
        for connection in self.connections.keys().copied().collect::<Vec<_>>() {
            self.with(connection, t, |connection, context| {
                connection.stop(context)
            });
            self.ended(t, connection)?;
        }
        self.settle()?;
        while !self.connections.is_empty() && self.clock.now() < until {
            self.wait(events, false, Some(until))?;
            self.turn()?;
        }
        tracing::debug!(
            unfinished = self.connections.len(),
            "the front thread stops"
        );
        Ok(())
    }

    fn wait(
        &mut self,
        events: &mut Events,
        at_once: bool,
        until: Option<Time>,
    ) -> Result<(), FrontError> {
        let may_accept = self.listener.as_ref().is_some_and(Listener::is_ready);
        let may_read = !self.ready.is_empty() && !self.commands.is_backlogged();
        let timeout = if at_once || may_accept || may_read {
            Some(Duration::ZERO)
        } else {
            let deadlines = [
                until,
                self.timers.next(),
                self.lobby.deadline(),
                self.listener.as_ref().and_then(Listener::deadline),
            ];
            self.clock.until(deadlines.into_iter().flatten().min())
        };
        match self.poll.poll(events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(FrontError::Poll(error)),
        }
        for event in events.iter() {
            match event.token() {
                WAKER => {}
                LISTENER => {
                    if let Some(listener) = &mut self.listener {
                        listener.wake();
                    }
                }
                SIGNALS => {
                    let signals = self.signals.as_mut();
                    for signal in signals.into_iter().flat_map(|signals| signals.pending()) {
                        tracing::debug!(signal, "signal");
                        self.stop.tell();
                    }
                }
                Token(token) => {
                    let id = ConnectionId(token as u64);
                    if let Some(connection) = self.connections.get_mut(&id) {
                        let readable = event.is_readable() || event.is_error();
                        let writable = event.is_writable() || event.is_error();
                        connection.wake(readable, writable);
                        self.ready.insert(id);
                        self.touched.insert(id);
                    }
                }
            }
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<Notices, FrontError> {
        if !self.commands.is_backlogged() {
            for id in std::mem::take(&mut self.ready) {
                self.serve(id)?;
            }
        }
        let notices = self.take_notices()?;
        let t = self.clock.now();
        for id in self.timers.take_due(t) {
            let happened = self.with(id, t, |connection, context| connection.timeout(context));
            if let Some(happened) = happened {
                self.react(t, id, happened)?;
            }
        }
        if self.lobby.deadline().is_some_and(|deadline| deadline <= t) {
            self.tell_lobby(t, Input::Timeout)?;
        }
        self.settle()?;
        self.commands.flush().or_else(ignore_closed)?;
        Ok(notices)
    }

    /// One connection's turn.
    fn serve(&mut self, id: ConnectionId) -> Result<(), FrontError> {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.grant(&self.limits);
        }
        for _ in 0..self.limits.messages_per_turn {
            let t = self.clock.now();
            match self.with(id, t, |connection, context| connection.step(context)) {
                None | Some(Happened::Idle) => break,
                Some(happened) => self.react(t, id, happened)?,
            }
        }
        Ok(())
    }

    fn react(
        &mut self,
        t: Time,
        connection: ConnectionId,
        happened: Happened,
    ) -> Result<(), FrontError> {
        match happened {
            Happened::Idle | Happened::Progress => Ok(()),
            Happened::Opened => {
                let Some(peer) = self.connections.get(&connection).map(Connection::peer) else {
                    return Ok(());
                };
                self.http.remove(&connection);
                self.open.insert(connection);
                self.tell_lobby(t, Input::Opened { connection, peer })
            }
            Happened::Text(text) => {
                let text = text.as_str();
                self.tell_lobby(t, Input::Text { connection, text })
            }
            Happened::Binary => self.tell_lobby(t, Input::Binary { connection }),
            Happened::Alive => self.tell_lobby(t, Input::Alive { connection }),
            Happened::Oversized => {
                self.tell_lobby(t, Input::Oversized { connection })?;
                // The rest of the message is still in the socket and cannot be told from the next
                // one; so this is the end even if the lobby were patient.
                self.close(t, connection, TOO_BIG, "the message is too long")
            }
            Happened::Ended => self.ended(t, connection),
            Happened::Gone => {
                self.forget(connection);
                self.ended(t, connection)
            }
        }
    }

    fn take_notices(&mut self) -> Result<Notices, FrontError> {
        for _ in 0..self.limits.queue_per_turn {
            match self.notices.take() {
                Taken::Item(notice) => {
                    let t = self.clock.now();
                    self.tell_lobby(t, Input::Notice(notice))?;
                }
                Taken::Empty => return Ok(Notices::Done),
                Taken::Closed => return Ok(Notices::Closed),
            }
        }
        Ok(Notices::More)
    }

    /// Hands one input to the lobby and does all that it wants.
    fn tell_lobby(&mut self, t: Time, input: Input<'_>) -> Result<(), FrontError> {
        self.lobby.handle(t, input);
        while let Some(output) = self.lobby.poll() {
            match output {
                Output::Send { connection, text } => {
                    self.send(t, connection, |connection| connection.send_text(text))?;
                }
                Output::Ping { connection } => {
                    self.send(t, connection, Connection::send_ping)?;
                }
                Output::Close {
                    connection,
                    code,
                    reason,
                } => self.close(t, connection, code, reason)?,
                Output::Command(command) => self.commands.send(command).or_else(ignore_closed)?,
            }
        }
        Ok(())
    }
}

/// That the media thread is gone shows in the notices too, where it is an order to stop.
fn ignore_closed(error: SendError) -> Result<(), FrontError> {
    match error {
        SendError::Closed => Ok(()),
        SendError::Full => Err(FrontError::Command(error)),
    }
}
