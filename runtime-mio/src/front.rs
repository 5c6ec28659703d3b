//! The front thread: TCP sockets around a [`Desk`].
//!
//! A turn: wait; let newcomers in; give each connection that may have something a bounded turn;
//! then the desk; fire what is due; send what waits. While the media side is behind with its
//! commands nobody's requests are read: they wait in the clients' sockets, not in our memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use tsuji_core::Time;
use tsuji_host::control::Control;
use tsuji_host::front::{Connection, Desk, DeskError, Timers, Turn};
use tsuji_host::start::Door;
use tsuji_host::tls::Tls;
use tsuji_host::{Clock, Limits};
use tsuji_signaling::{ConnectionId, Exchange};

use crate::bell::BELL;
use crate::listener::Listener;
use crate::stream::Stream;

const LISTENER: Token = Token(BELL.0 - 1);

/// Why the front thread had to stop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrontError {
    /// The system's poll failed.
    #[error("waiting for connections failed: {0}")]
    Poll(#[source] io::Error),
    /// The desk cannot go on.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

/// What the front thread owns.
pub(crate) struct Front {
    poll: Poll,
    clock: Clock,
    limits: Limits,
    /// `None` once the server stops.
    listener: Option<Listener>,
    tls: Option<Tls>,
    control: Control,
    desk: Desk,
    streams: BTreeMap<ConnectionId, Stream>,
    /// Those for which a turn may bring something.
    ready: BTreeSet<ConnectionId>,
    timers: Timers,
    buffer: Vec<u8>,
}

impl Front {
    /// Registers the listener.
    pub(crate) fn new(
        poll: Poll,
        clock: Clock,
        door: Door,
        desk: Desk,
        control: Control,
    ) -> io::Result<Self> {
        let limits = desk.limits().clone();
        let mut listener = Listener::new(door.listener, &limits);
        poll.registry()
            .register(&mut listener.socket, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            clock,
            listener: Some(listener),
            tls: door.tls,
            control,
            desk,
            streams: BTreeMap::new(),
            ready: BTreeSet::new(),
            timers: Timers::default(),
            buffer: vec![0; limits.read_bytes_per_turn],
            limits,
        })
    }

    /// Runs until it is told to stop, or until the media side is gone.
    pub(crate) fn run(mut self) -> Result<(), FrontError> {
        let mut events = Events::with_capacity(1024);
        let mut turn = Turn::Wait;
        while !self.control.is_stopping() && turn != Turn::Stop {
            self.wait(&mut events, turn, None)?;
            self.accept();
            turn = self.turn()?;
        }
        self.leave(&mut events)
    }

    /// Tells everybody, and gives what was said a moment to arrive.
    fn leave(&mut self, events: &mut Events) -> Result<(), FrontError> {
        self.control.began_to_stop();
        self.listener = None;
        let t = self.clock.now();
        let until = t + self.limits.stop_drain;
        self.desk.shutdown(t);
        self.settle();
        while !self.streams.is_empty() && self.clock.now() < until {
            self.wait(events, Turn::Wait, Some(until))?;
            self.turn()?;
        }
        tracing::debug!(unfinished = self.streams.len(), "the front thread stops");
        Ok(())
    }

    fn wait(
        &mut self,
        events: &mut Events,
        turn: Turn,
        until: Option<Time>,
    ) -> Result<(), FrontError> {
        let may_accept = self.listener.as_ref().is_some_and(Listener::is_ready);
        let may_read = !self.ready.is_empty() && !self.desk.is_behind();
        let timeout = if turn == Turn::More || may_accept || may_read {
            Some(Duration::ZERO)
        } else {
            let deadlines = [
                until,
                self.timers.next(),
                self.desk.deadline(),
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
                BELL => {}
                LISTENER => {
                    if let Some(listener) = &mut self.listener {
                        listener.wake();
                    }
                }
                Token(token) => {
                    let id = ConnectionId(token as u64);
                    if let Some(stream) = self.streams.get_mut(&id) {
                        let readable = event.is_readable() || event.is_error();
                        let writable = event.is_writable() || event.is_error();
                        stream.wake(readable, writable);
                        self.ready.insert(id);
                    }
                }
            }
        }
        Ok(())
    }

    /// Lets newcomers in, as far as there is room.
    fn accept(&mut self) {
        for _ in 0..self.limits.accepts_per_turn {
            let t = self.clock.now();
            let Some(listener) = &mut self.listener else {
                return;
            };
            let Some((socket, peer)) = listener.accept(t, &self.limits) else {
                return;
            };
            if let Some((id, exchange)) = self.desk.admit(t, peer.ip())
                && let Err(error) = self.register(id, socket, peer, exchange)
            {
                tracing::debug!(%error, "a connection broke before it began");
                self.desk.gone(t, id);
            }
        }
    }

    fn register(
        &mut self,
        id: ConnectionId,
        mut socket: TcpStream,
        peer: SocketAddr,
        exchange: Exchange,
    ) -> io::Result<()> {
        // Small messages are all there is; nobody should wait for Nagle's algorithm.
        socket.set_nodelay(true)?;
        let token = Token(usize::try_from(id.0).map_err(io::Error::other)?);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut socket, token, interest)?;
        let mut connection = Connection::new(id, peer, exchange, &self.limits);
        if let Some(tls) = &self.tls {
            let secured = connection.secured(tls, &self.limits);
            connection = secured.map_err(io::Error::other)?;
        }
        self.streams.insert(id, Stream::new(socket, connection));
        self.ready.insert(id);
        Ok(())
    }

    fn turn(&mut self) -> Result<Turn, FrontError> {
        if !self.desk.is_behind() {
            for id in std::mem::take(&mut self.ready) {
                self.serve(id);
            }
        }
        let t = self.clock.now();
        let turn = self.desk.turn(t)?;
        for id in self.timers.take_due(t) {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.connection.timeout(t, &mut self.desk);
                self.settle_one(id);
            }
        }
        self.settle();
        self.desk.flush();
        Ok(turn)
    }

    /// One connection's turn.
    fn serve(&mut self, id: ConnectionId) {
        let t = self.clock.now();
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        match stream.receive(&mut self.buffer) {
            Ok(()) => stream.connection.turn(t, &mut self.desk),
            Err(error) => {
                tracing::debug!(%error, connection = id.0, "a connection broke");
                stream.connection.abort(t, &mut self.desk);
            }
        }
        self.settle_one(id);
    }

    /// Does what the desk has ordered. A connection that breaks may give others something to be
    /// told; so it goes on until all is told.
    fn settle(&mut self) {
        while let Some(id) = self.desk.take_touched() {
            self.settle_one(id);
        }
    }

    /// Sends what waits in a connection, and notes what it waits for.
    fn settle_one(&mut self, id: ConnectionId) {
        let t = self.clock.now();
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        loop {
            stream.connection.obey(t, &mut self.desk);
            let waiting = stream.connection.to_send().len();
            if let Err(error) = stream.transmit(t) {
                tracing::debug!(%error, connection = id.0, "a connection broke");
                stream.connection.abort(t, &mut self.desk);
            }
            // What was sent has made room for more.
            if waiting == 0 || !stream.connection.to_send().is_empty() {
                break;
            }
        }
        if stream.connection.is_gone() {
            self.streams.remove(&id);
            self.timers.set(id, None);
            self.ready.remove(&id);
            return;
        }
        self.timers
            .set(id, stream.connection.deadline(&self.limits));
        if stream.wants_turn() {
            self.ready.insert(id);
        }
    }
}
