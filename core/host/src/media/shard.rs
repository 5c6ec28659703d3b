//! The media side: one [`Sfu`], its recording, and the sockets of a runtime.
//!
//! Frames of TCP connections come and go by the queues, because the front has the sockets:
//!
//! ```text
//!  MediaOpened, Frame … ─► streams ─► Path ─► Sfu ─┬─ udp ─► the socket
//!  Reject, Frame … ◄────── streams ◄───────────────┼─ tcp
//!  Relayed … ─► relays ─► Path (udp) ─► Sfu        │
//!  Relayed … ◄─ relays ◄───────────────────────────┴─ udp, to a relayed address
//! ```
//! A frame from a path that nobody has proved must be an ICE check for somebody who is here, or its
//! connection is rejected. The core answers none that is not authentic.
//!
//! A turn takes a bounded number of commands, of datagrams from each socket, and the deadline, so
//! that none of them starves the others. After each single input all outputs are taken; single datagrams
//! among them wait for the end of the turn, so that what goes to one remote goes in one call. What the core puts
//! together leaves as it lies, some of it at a time, while it is still in the processor's cache.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tsuji_core::trace::Ring;
use tsuji_core::{Datagram, Input, Output, Path, Sfu, Time, Transmit, Transport};
use tsuji_signaling::ConnectionId;

use super::feedback::Feedback;
use super::overflow::Overflow;
use super::port::Port;
use super::relays::Relays;
use super::streams::{Opened, Streams};
use crate::clock::Clock;
use crate::dump::Dumper;
use crate::front::relay::is_relayed;
use crate::limits::Limits;
use crate::messages::{FromMedia, ToMedia};
use crate::metrics::{Lateness, MediaStats, Reporter, SocketStats};
use crate::queue::{Receiver, SendError, Sender, Taken};
use crate::record::Recording;
use crate::trouble::Trouble;
use crate::udp::{Received, UdpSockRef, Unsent};

/// A bound UDP socket of a runtime.
pub trait DatagramSocket {
    /// What is bound, with the real port.
    fn address(&self) -> SocketAddr;

    /// The socket itself.
    fn reference(&self) -> UdpSockRef<'_>;
}

/// The media side cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("a notice could not be told: {0}")]
pub struct ShardError(#[source] SendError);

/// What every media side is made with, whatever its sockets.
#[derive(Debug)]
pub struct Parts {
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) sfu: Sfu,
    pub(crate) recording: Recording,
    pub(crate) dumper: Dumper,
    pub(crate) reporter: Reporter<MediaStats>,
    pub(crate) overflow: Overflow,
    /// Beside sockets of the runtime, where the system sorts what comes.
    pub(crate) feedback: Vec<Feedback>,
    /// What accepts TCP connections with media.
    pub(crate) listener: Option<SocketAddr>,
    pub(crate) orders: Receiver<ToMedia>,
    pub(crate) notices: Sender<FromMedia>,
}

/// The media side: all that happens between waiting and waiting.
///
/// ```text
///  loop: wait for at most timeout() for sockets and the waker of the queue
///        readable(socket) for each that has something
///        turn(), until it says Stop
/// ```
#[derive(Debug)]
pub struct Shard<S> {
    clock: Clock,
    limits: Limits,
    sfu: Sfu,
    recording: Recording,
    dumper: Dumper,
    reporter: Reporter<MediaStats>,
    overflow: Overflow,
    lateness: Lateness,
    ports: Vec<Port<S>>,
    feedback: Vec<Feedback>,
    streams: Streams,
    relays: Relays,
    orders: Receiver<ToMedia>,
    more_orders: bool,
    notices: Sender<FromMedia>,
    full: Trouble,
    /// Frames for TCP connections that found no room in the queue.
    crowded: Trouble,
    send_errors: Trouble,
    receive_errors: Trouble,
    received: u64,
    /// Datagrams that routers marked on their way, because they had too much to do (RFC 3168).
    congested: u64,
    sent: u64,
}

/// What follows a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Wait, then the next one.
    GoOn,
    /// Nothing: the front is gone, and so shall we be.
    Stop,
}

impl<S: DatagramSocket> Shard<S> {
    /// With the sockets that were bound for it.
    ///
    /// # Errors
    /// When the system does not let them be set up.
    pub fn new(parts: Parts, sockets: impl IntoIterator<Item = S>) -> io::Result<Self> {
        let Parts {
            clock,
            limits,
            sfu,
            recording,
            dumper,
            reporter,
            overflow,
            feedback,
            listener,
            orders,
            notices,
        } = parts;
        Ok(Self {
            full: Trouble::new(limits.log_interval),
            crowded: Trouble::new(limits.log_interval),
            send_errors: Trouble::new(limits.log_interval),
            receive_errors: Trouble::new(limits.log_interval),
            clock,
            limits,
            sfu,
            recording,
            dumper,
            reporter,
            overflow,
            lateness: Lateness::default(),
            ports: sockets
                .into_iter()
                .map(Port::new)
                .collect::<io::Result<_>>()?,
            feedback,
            streams: Streams::new(listener),
            relays: Relays::default(),
            orders,
            more_orders: false,
            notices,
            received: 0,
            congested: 0,
            sent: 0,
        })
    }

    /// The sockets, numbered from 0.
    pub fn sockets_mut(&mut self) -> impl ExactSizeIterator<Item = &mut S> {
        self.ports.iter_mut().map(|port| &mut port.socket)
    }

    /// Whether to wait for a socket; not for one that failed a moment ago.
    pub fn awaits(&self, socket: usize) -> bool {
        let port = self.ports.get(socket);
        port.is_some_and(|port| port.paused_until.is_none())
    }

    /// How long to wait at most; `None` is forever.
    pub fn timeout(&self) -> Option<Duration> {
        if self.more_orders || self.ports.iter().any(Port::is_ready) {
            return Some(Duration::ZERO);
        }
        let paused = self.ports.iter().filter_map(|port| port.paused_until);
        let feedback = self.feedback.iter().filter_map(Feedback::deadline);
        let deadlines = [
            self.sfu.deadline(),
            self.recording.deadline(&self.sfu),
            self.reporter.deadline(),
        ];
        let deadline = paused
            .chain(feedback)
            .chain(deadlines.into_iter().flatten())
            .min();
        self.clock.until(deadline)
    }

    /// A socket has something to receive.
    pub fn readable(&mut self, socket: usize) {
        if let Some(port) = self.ports.get_mut(socket) {
            port.readable = true;
        }
    }

    /// Does what there is to do, up to a bound.
    pub fn turn(&mut self) -> Result<Turn, ShardError> {
        let turn = self.take_orders()?;
        if let Some(datagrams) = self.overflow.take() {
            self.take_input(self.clock.now(), Input::Overflow { datagrams })?;
        }
        for index in 0..self.ports.len() {
            self.take_datagrams(index)?;
        }
        self.take_feedback()?;
        self.take_deadline()?;
        self.send_all();
        self.notices.flush().or_else(ignore_closed)?;
        if turn == Turn::Stop {
            self.recording.stop(self.clock.now(), &mut self.sfu);
            tracing::debug!(
                received = self.received,
                congested = self.congested,
                sent = self.sent,
                send_queue_full = self.full.count(),
                frames_dropped = self.crowded.count(),
                send_errors = self.send_errors.count(),
                receive_errors = self.receive_errors.count(),
                "the media side stops"
            );
        }
        Ok(turn)
    }

    fn take_orders(&mut self) -> Result<Turn, ShardError> {
        self.more_orders = false;
        for _ in 0..self.limits.queue_per_turn {
            match self.orders.take() {
                Taken::Item(order) => self.take_order(order)?,
                Taken::Empty => return Ok(Turn::GoOn),
                Taken::Closed => return Ok(Turn::Stop),
            }
        }
        self.more_orders = true;
        Ok(Turn::GoOn)
    }

    fn take_order(&mut self, order: ToMedia) -> Result<(), ShardError> {
        let t = self.clock.now();
        match order {
            ToMedia::Command(command) => self.take_input(t, Input::Command(command)),
            ToMedia::MediaOpened { connection, remote } => {
                match self.streams.open(connection, remote) {
                    Opened::New => Ok(()),
                    Opened::InPlaceOf(before) => {
                        if let Some(path) = self.streams.path(connection) {
                            self.take_input(t, Input::Closed(path))?;
                        }
                        self.reject(before)
                    }
                    Opened::Refused => self.reject(connection),
                }
            }
            ToMedia::Frame {
                connection,
                payload,
            } => self.take_frame(t, connection, &payload),
            ToMedia::Relayed {
                connection,
                path,
                payload,
            } => {
                self.received += 1;
                self.relays.note(connection, path);
                let payload = &payload;
                self.take_input(t, Input::Datagram(Datagram { path, payload }))
            }
            ToMedia::MediaClosed { connection } => {
                for path in self.relays.close(connection) {
                    self.take_input(t, Input::Closed(path))?;
                }
                match self.streams.close(connection) {
                    Some(path) => self.take_input(t, Input::Closed(path)),
                    None => Ok(()),
                }
            }
        }
    }

    fn take_frame(
        &mut self,
        t: Time,
        connection: ConnectionId,
        payload: &[u8],
    ) -> Result<(), ShardError> {
        // It may have ended, or been rejected, while the frame was on its way.
        let Some(path) = self.streams.path(connection) else {
            return Ok(());
        };
        if self.sfu.participant_at(&path).is_none() && self.sfu.names(payload).is_none() {
            self.streams.close(connection);
            return self.reject(connection);
        }
        self.received += 1;
        self.take_input(t, Input::Datagram(Datagram { path, payload }))
    }

    fn reject(&mut self, connection: ConnectionId) -> Result<(), ShardError> {
        let reject = FromMedia::Reject { connection };
        self.notices.send(reject).or_else(ignore_closed)
    }

    fn take_datagrams(&mut self, index: usize) -> Result<(), ShardError> {
        let mut t = self.clock.now();
        for _ in 0..self.limits.datagrams_per_turn {
            let Some(port) = self.ports.get_mut(index) else {
                return Ok(());
            };
            if port.paused_until.is_some_and(|until| until <= t) {
                port.paused_until = None;
            }
            if !port.is_ready() {
                return Ok(());
            }
            if port.inbox.is_empty() {
                let received = port.inbox.receive(&port.batching, port.socket.reference());
                t = self.clock.now();
                match received {
                    Ok(more) => port.readable = more,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        port.readable = false;
                    }
                    Err(error) => {
                        port.paused_until = Some(t + self.limits.udp_pause);
                        if let Some(times) = self.receive_errors.happened(t) {
                            let socket = port.address;
                            tracing::warn!(%error, times, %socket, "cannot receive media");
                        }
                    }
                }
            }
            let Some(datagram) = port.inbox.take() else {
                continue;
            };
            self.received += 1;
            self.congested += u64::from(datagram.is_congested());
            if hand_in(
                &mut self.sfu,
                &mut self.recording,
                t,
                port.address,
                &datagram,
            ) {
                self.take_outputs(t)?;
            }
        }
        Ok(())
    }

    /// Before the deadline, which has packets made for the same people.
    fn take_feedback(&mut self) -> Result<(), ShardError> {
        let t = self.clock.now();
        for index in 0..self.feedback.len() {
            let feedback = &mut self.feedback[index];
            if !feedback.is_due(t) {
                continue;
            }
            let address = feedback.address;
            if let Err(error) = feedback.receive(t)
                && let Some(times) = self.receive_errors.happened(t)
            {
                tracing::warn!(%error, times, socket = %address, "cannot receive feedback");
            }
            while let Some(feedback) = self.feedback.get_mut(index)
                && let Some(datagram) = feedback.take()
            {
                self.received += 1;
                self.congested += u64::from(datagram.is_congested());
                if hand_in(&mut self.sfu, &mut self.recording, t, address, &datagram) {
                    self.take_outputs(t)?;
                }
            }
        }
        Ok(())
    }

    fn take_deadline(&mut self) -> Result<(), ShardError> {
        let t = self.clock.now();
        self.lateness.note(t, self.sfu.deadline());
        if self.sfu.deadline().is_some_and(|deadline| deadline <= t) {
            self.take_input(t, Input::Timeout)?;
        }
        self.recording.flush(t, &mut self.sfu);
        self.dumper.turn(t, &mut self.sfu);
        if self.reporter.is_due(t) {
            let stats = self.stats();
            self.reporter.publish(t, stats);
        }
        Ok(())
    }

    fn stats(&self) -> MediaStats {
        MediaStats {
            counters: *self.sfu.counters(),
            sizes: self.sfu.sizes(),
            sockets: SocketStats {
                received: self.received,
                congested: self.congested,
                sent: self.sent,
                send_queue_full: self.full.count(),
                send_errors: self.send_errors.count(),
                receive_errors: self.receive_errors.count(),
            },
            lateness: self.lateness,
            notices: self.notices.waiting(),
            decisions_bytes: self.sfu.decisions().map_or(0, Ring::bytes),
            recording: self.recording.stats(),
        }
    }

    fn take_input(&mut self, t: Time, input: Input<'_>) -> Result<(), ShardError> {
        self.recording.begin(t, &input);
        self.sfu.handle(t, input);
        self.take_outputs(t)
    }

    fn take_outputs(&mut self, t: Time) -> Result<(), ShardError> {
        while let Some(output) = self.sfu.poll() {
            self.recording.output(&output);
            match output {
                Output::Transmit(transmit) => match transmit.path.transport {
                    Transport::Udp if is_relayed(transmit.path.remote.ip()) => {
                        self.transmit_relayed(t, transmit);
                    }
                    Transport::Udp => self.transmit(t, transmit),
                    Transport::Tcp => self.transmit_frame(t, transmit),
                },
                Output::Notice(notice) => {
                    let notice = FromMedia::Notice(notice);
                    self.notices.send(notice).or_else(ignore_closed)?;
                }
            }
        }
        self.recording.end(t);
        Ok(())
    }

    /// A connection that has ended takes nothing more; what finds no room in the queue is lost.
    fn transmit_frame(&mut self, t: Time, transmit: Transmit) {
        let Some(connection) = self.streams.connection(&transmit.path) else {
            return;
        };
        for payload in transmit.into_datagrams() {
            self.offer(
                t,
                FromMedia::Frame {
                    connection,
                    payload,
                },
            );
        }
    }

    /// As [`transmit_frame`](Self::transmit_frame), to the client of a relay.
    fn transmit_relayed(&mut self, t: Time, transmit: Transmit) {
        let Some(connection) = self.relays.connection(&transmit.path) else {
            return;
        };
        let local = transmit.path.local;
        for payload in transmit.into_datagrams() {
            self.offer(
                t,
                FromMedia::Relayed {
                    connection,
                    local,
                    payload,
                },
            );
        }
    }

    fn offer(&mut self, t: Time, message: FromMedia) {
        if self.notices.offer(message) {
            self.sent += 1;
        } else if let Some(times) = self.crowded.happened(t) {
            tracing::warn!(
                times,
                "the front is busy: frames for TCP connections dropped"
            );
        }
    }

    fn transmit(&mut self, t: Time, transmit: Transmit) {
        let local = transmit.path.local;
        let Some(port) = self.ports.iter_mut().find(|port| port.address == local) else {
            if let Some(times) = self.send_errors.happened(t) {
                tracing::error!(times, socket = %local, "the core sends from a socket that is not there");
            }
            return;
        };
        let (full, send_errors) = (&mut self.full, &mut self.send_errors);
        let tell = |unsent: Unsent| tell(t, full, send_errors, &unsent);
        let bytes = self.limits.udp_outbox_bytes;
        let sfu = &mut self.sfu;
        self.sent += port.take(transmit, bytes, tell, |spent| sfu.reuse(spent));
    }

    fn send_all(&mut self) {
        let t = self.clock.now();
        let (full, send_errors) = (&mut self.full, &mut self.send_errors);
        for port in &mut self.ports {
            let tell = |unsent: Unsent| tell(t, full, send_errors, &unsent);
            self.sent += port.send(tell, |spent| self.sfu.reuse(spent));
        }
    }
}

/// Gives the core what came. Says whether it took it.
fn hand_in(
    sfu: &mut Sfu,
    recording: &mut Recording,
    t: Time,
    local: SocketAddr,
    datagram: &Received<'_>,
) -> bool {
    // Nobody has such an address but the clients of our relays.
    if is_relayed(datagram.remote.ip()) {
        return false;
    }
    let input = Input::Datagram(Datagram {
        path: Path::udp(local, datagram.remote),
        payload: datagram.payload,
    });
    recording.begin(t, &input);
    sfu.handle(t, input);
    true
}

/// What the system did not take is gone, as in a router whose link is full. Waiting would delay everybody's media,
/// and a late packet is worth less than the next one.
fn tell(t: Time, full: &mut Trouble, send_errors: &mut Trouble, unsent: &Unsent) {
    let Unsent {
        remote,
        count,
        segment,
        ref error,
    } = *unsent;
    if error.kind() == io::ErrorKind::WouldBlock {
        if let Some(times) = full.happened_to(t, count as u64) {
            tracing::warn!(times, "the send queue is full: datagrams dropped");
        }
    } else if let Some(times) = send_errors.happened_to(t, count as u64) {
        tracing::warn!(%error, times, %remote, bytes = segment, "cannot send media");
    }
}

/// That nobody is there to listen any more shows in the command queue too, where it is an order to
/// stop and not an error.
fn ignore_closed(error: SendError) -> Result<(), ShardError> {
    match error {
        SendError::Closed => Ok(()),
        SendError::Full => Err(ShardError(error)),
    }
}
