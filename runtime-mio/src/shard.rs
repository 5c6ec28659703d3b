//! The media thread: one [`Sfu`] and its UDP sockets.
//!
//! A turn: wait for a socket, a command or the core's deadline; then take a bounded number of
//! commands, of datagrams from each socket, and the deadline, so that none of them starves the
//! others. After each single input all outputs are taken and sent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::{Events, Interest, Poll, Token, Waker};
use tsuji_core::{Command, Datagram, Input, Notice, Output, Sfu, Time, Transmit};

use crate::clock::Clock;
use crate::limits::Limits;
use crate::queue::{Receiver, SendError, Sender, Taken};
use crate::record::Recording;
use crate::trouble::Trouble;
use crate::udp::UdpSocket;

/// The waker; sockets count from 0.
const WAKER: Token = Token(usize::MAX);

/// Why the media thread had to stop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShardError {
    /// The system's poll failed.
    #[error("waiting for media failed: {0}")]
    Poll(#[source] io::Error),
    /// A notice could not be told.
    #[error("a notice could not be told: {0}")]
    Notice(#[source] SendError),
}

/// The poll of the media thread and the waker that ends its waiting.
pub(crate) fn poll() -> io::Result<(Poll, Arc<Waker>)> {
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
    Ok((poll, waker))
}

/// What the media thread is made with.
pub(crate) struct Parts {
    pub(crate) poll: Poll,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) sfu: Sfu,
    pub(crate) recording: Recording,
    pub(crate) sockets: Vec<UdpSocket>,
    /// The core's limit.
    pub(crate) datagram_bytes: usize,
    pub(crate) commands: Receiver<Command>,
    pub(crate) notices: Sender<Notice>,
}

/// What the media thread owns.
pub(crate) struct Shard {
    poll: Poll,
    clock: Clock,
    limits: Limits,
    sfu: Sfu,
    recording: Recording,
    ports: Vec<Port>,
    commands: Receiver<Command>,
    notices: Sender<Notice>,
    buffer: Vec<u8>,
    full: Trouble,
    send_errors: Trouble,
    receive_errors: Trouble,
    received: u64,
    sent: u64,
}

/// A UDP socket with what its last turn left.
struct Port {
    socket: UdpSocket,
    /// More may be waiting: an event said so, and `WouldBlock` has not yet said the opposite.
    readable: bool,
    paused_until: Option<Time>,
}

impl Port {
    fn is_ready(&self) -> bool {
        self.readable && self.paused_until.is_none()
    }
}

/// Whether a turn left commands behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Commands {
    Done,
    More,
    /// The front thread is gone: so shall we.
    Closed,
}

impl Shard {
    /// Registers the sockets.
    pub(crate) fn new(parts: Parts) -> io::Result<Self> {
        let Parts {
            poll,
            clock,
            limits,
            sfu,
            recording,
            sockets,
            datagram_bytes,
            commands,
            notices,
        } = parts;
        let mut ports = Vec::with_capacity(sockets.len());
        for (index, mut socket) in sockets.into_iter().enumerate() {
            poll.registry()
                .register(&mut socket, Token(index), Interest::READABLE)?;
            ports.push(Port {
                socket,
                readable: false,
                paused_until: None,
            });
        }
        Ok(Self {
            full: Trouble::new(limits.log_interval),
            send_errors: Trouble::new(limits.log_interval),
            receive_errors: Trouble::new(limits.log_interval),
            // One byte more than the core takes, so that it sees what was too long.
            buffer: vec![0; datagram_bytes + 1],
            poll,
            clock,
            limits,
            sfu,
            recording,
            ports,
            commands,
            notices,
            received: 0,
            sent: 0,
        })
    }

    /// Runs until the sender of the commands is gone.
    pub(crate) fn run(mut self) -> Result<(), ShardError> {
        let mut events = Events::with_capacity(64);
        let mut commands = Commands::Done;
        while commands != Commands::Closed {
            self.wait(&mut events, commands == Commands::More)?;
            commands = self.take_commands()?;
            for index in 0..self.ports.len() {
                self.take_datagrams(index)?;
            }
            self.take_deadline()?;
            self.notices.flush().or_else(ignore_closed)?;
        }
        tracing::debug!(
            received = self.received,
            sent = self.sent,
            send_queue_full = self.full.count(),
            send_errors = self.send_errors.count(),
            receive_errors = self.receive_errors.count(),
            "the media thread stops"
        );
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, at_once: bool) -> Result<(), ShardError> {
        let timeout = if at_once || self.ports.iter().any(Port::is_ready) {
            Some(std::time::Duration::ZERO)
        } else {
            let paused = self.ports.iter().filter_map(|port| port.paused_until);
            let deadlines = [self.sfu.deadline(), self.recording.deadline()];
            let deadline = paused.chain(deadlines.into_iter().flatten()).min();
            self.clock.until(deadline)
        };
        match self.poll.poll(events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(ShardError::Poll(error)),
        }
        for event in events.iter() {
            if let Some(port) = self.ports.get_mut(event.token().0) {
                port.readable = true;
            }
        }
        Ok(())
    }

    fn take_commands(&mut self) -> Result<Commands, ShardError> {
        for _ in 0..self.limits.queue_per_turn {
            match self.commands.take() {
                Taken::Item(command) => {
                    let t = self.clock.now();
                    let input = Input::Command(command);
                    self.recording.begin(t, &input);
                    self.sfu.handle(t, input);
                    self.take_outputs(t)?;
                }
                Taken::Empty => return Ok(Commands::Done),
                Taken::Closed => return Ok(Commands::Closed),
            }
        }
        Ok(Commands::More)
    }

    fn take_datagrams(&mut self, index: usize) -> Result<(), ShardError> {
        for _ in 0..self.limits.datagrams_per_turn {
            let Some(port) = self.ports.get_mut(index) else {
                return Ok(());
            };
            let t = self.clock.now();
            if port.paused_until.is_some_and(|until| until <= t) {
                port.paused_until = None;
            }
            if !port.is_ready() {
                return Ok(());
            }
            match port.socket.receive(&mut self.buffer) {
                Ok((length, remote)) => {
                    self.received += 1;
                    let input = Input::Datagram(Datagram {
                        local: port.socket.address(),
                        remote,
                        payload: &self.buffer[..length],
                    });
                    self.recording.begin(t, &input);
                    self.sfu.handle(t, input);
                    self.take_outputs(t)?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    port.readable = false;
                }
                Err(error) => {
                    port.paused_until = Some(t + self.limits.udp_pause);
                    if let Some(times) = self.receive_errors.happened(t) {
                        let socket = port.socket.address();
                        tracing::warn!(%error, times, %socket, "cannot receive media");
                    }
                }
            }
        }
        Ok(())
    }

    fn take_deadline(&mut self) -> Result<(), ShardError> {
        let t = self.clock.now();
        if self.sfu.deadline().is_some_and(|deadline| deadline <= t) {
            self.recording.begin(t, &Input::Timeout);
            self.sfu.handle(t, Input::Timeout);
            self.take_outputs(t)?;
        }
        self.recording.flush(t);
        Ok(())
    }

    fn take_outputs(&mut self, t: Time) -> Result<(), ShardError> {
        while let Some(output) = self.sfu.poll() {
            self.recording.output(&output);
            match output {
                Output::Transmit(transmit) => self.transmit(t, &transmit),
                Output::Notice(notice) => self.notices.send(notice).or_else(ignore_closed)?,
            }
        }
        self.recording.end(t);
        Ok(())
    }

    fn transmit(&mut self, t: Time, transmit: &Transmit) {
        let Some(port) = port_at(&self.ports, transmit.local) else {
            if let Some(times) = self.send_errors.happened(t) {
                let socket = transmit.local;
                tracing::error!(times, %socket, "the core sends from a socket that is not there");
            }
            return;
        };
        match port.socket.send(&transmit.payload, transmit.remote) {
            Ok(()) => self.sent += 1,
            // As a router does when a link is full. Waiting would delay everybody's media, and a
            // late packet is worth less than the next one.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if let Some(times) = self.full.happened(t) {
                    tracing::warn!(times, "the send queue is full: datagrams dropped");
                }
            }
            Err(error) => {
                if let Some(times) = self.send_errors.happened(t) {
                    let (remote, bytes) = (transmit.remote, transmit.payload.len());
                    tracing::warn!(%error, times, %remote, bytes, "cannot send media");
                }
            }
        }
    }
}

fn port_at(ports: &[Port], local: SocketAddr) -> Option<&Port> {
    ports.iter().find(|port| port.socket.address() == local)
}

/// That nobody is there to listen any more shows in the command queue too, where it is an order to
/// stop and not an error.
fn ignore_closed(error: SendError) -> Result<(), ShardError> {
    match error {
        SendError::Closed => Ok(()),
        SendError::Full => Err(ShardError::Notice(error)),
    }
}
