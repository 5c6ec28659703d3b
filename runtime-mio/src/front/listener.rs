//! Where newcomers knock.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use tsuji_core::Time;

use crate::limits::Limits;
use crate::trouble::Trouble;

/// A TCP listener that leaves the system alone for a moment when that runs out of something.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    readable: bool,
    paused_until: Option<Time>,
    trouble: Trouble,
}

impl Listener {
    pub(crate) fn bind(address: SocketAddr, limits: &Limits) -> io::Result<Self> {
        Ok(Self {
            socket: TcpListener::bind(address)?,
            readable: false,
            paused_until: None,
            trouble: Trouble::new(limits.log_interval),
        })
    }

    /// What is bound, with the real port.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    /// An event came.
    pub(super) fn wake(&mut self) {
        self.readable = true;
    }

    /// Whether somebody may be waiting and may be let in.
    pub(super) fn is_ready(&self) -> bool {
        self.readable && self.paused_until.is_none()
    }

    /// When a pause ends.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.paused_until
    }

    /// Lets the next one in.
    pub(super) fn accept(&mut self, t: Time, limits: &Limits) -> Option<(TcpStream, IpAddr)> {
        if self.paused_until.is_some_and(|until| until <= t) {
            self.paused_until = None;
        }
        while self.is_ready() {
            match self.socket.accept() {
                Ok((socket, peer)) => return Some((socket, peer.ip().to_canonical())),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.readable = false,
                    // The newcomer went away again.
                    ErrorKind::Interrupted
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::ConnectionReset => {}
                    _ => {
                        self.paused_until = Some(t + limits.accept_pause);
                        if let Some(times) = self.trouble.happened(t) {
                            tracing::warn!(%error, times, "cannot accept connections");
                        }
                    }
                },
            }
        }
        None
    }
}
