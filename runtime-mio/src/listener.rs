//! Where newcomers knock.

use std::io::ErrorKind;
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use tsuji_core::Time;
use tsuji_host::{Limits, Trouble};

/// A TCP listener that leaves the system alone for a moment when that runs out of something.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    readable: bool,
    paused_until: Option<Time>,
    trouble: Trouble,
}

impl Listener {
    pub(crate) fn new(socket: std::net::TcpListener, limits: &Limits) -> Self {
        Self {
            socket: TcpListener::from_std(socket),
            readable: false,
            paused_until: None,
            trouble: Trouble::new(limits.log_interval),
        }
    }

    /// An event came.
    pub(crate) fn wake(&mut self) {
        self.readable = true;
    }

    /// Whether somebody may be waiting and may be let in.
    pub(crate) fn is_ready(&self) -> bool {
        self.readable && self.paused_until.is_none()
    }

    /// When a pause ends.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.paused_until
    }

    /// Lets the next one in.
    pub(crate) fn accept(&mut self, t: Time, limits: &Limits) -> Option<(TcpStream, SocketAddr)> {
        if self.paused_until.is_some_and(|until| until <= t) {
            self.paused_until = None;
        }
        while self.is_ready() {
            match self.socket.accept() {
                Ok((socket, peer)) => return Some((socket, peer)),
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
