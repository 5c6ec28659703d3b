//! Who is let in.

use std::io;
use std::net::IpAddr;

use mio::net::TcpStream;
use mio::{Interest, Token};
use tsuji_core::Time;
use tsuji_signaling::{ConnectionId, Exchange};

use super::Front;
use super::connection::Connection;

impl Front {
    /// Lets newcomers in, as far as there is room.
    pub(super) fn accept(&mut self) {
        for _ in 0..self.limits.accepts_per_turn {
            let t = self.clock.now();
            let Some(listener) = &mut self.listener else {
                return;
            };
            let Some((socket, peer)) = listener.accept(t, &self.limits) else {
                return;
            };
            if self.connections.len() >= self.limits.connections {
                if let Some(times) = self.crowded.happened(t) {
                    tracing::warn!(times, "too many connections: turning newcomers away");
                }
                continue;
            }
            if self.http.len() >= self.limits.http_connections
                && let Some(&oldest) = self.http.first()
            {
                if let Some(times) = self.crowded.happened(t) {
                    tracing::warn!(times, "too many HTTP connections: closing the oldest");
                }
                self.forget(oldest);
            }
            if let Err(error) = self.admit(t, socket, peer) {
                tracing::debug!(%error, "a connection broke before it began");
            }
        }
    }

    fn admit(&mut self, t: Time, socket: TcpStream, peer: IpAddr) -> io::Result<()> {
        // Small messages are all there is; nobody should wait for Nagle's algorithm.
        socket.set_nodelay(true)?;
        let token = self.next_connection;
        self.next_connection += 1;
        let id = ConnectionId(token as u64);
        let exchange = Exchange::new(&self.signaling, t);
        let mut connection = Connection::new(socket, peer, exchange, &self.limits);
        if let Some(socket) = connection.socket_mut() {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(socket, Token(token), interest)?;
        }
        self.connections.insert(id, connection);
        self.http.insert(id);
        self.touched.insert(id);
        Ok(())
    }
}
