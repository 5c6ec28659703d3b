//! A TCP socket and the [`Connection`] that its bytes belong to.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use tsuji_core::Time;
use tsuji_host::front::Connection;

/// A TCP socket and the connection that its bytes belong to.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) socket: TcpStream,
    pub(crate) connection: Connection,
    /// False once the socket said `WouldBlock`, until an event says the opposite.
    readable: bool,
    writable: bool,
}

impl Stream {
    pub(crate) fn new(socket: TcpStream, connection: Connection) -> Self {
        Self {
            socket,
            connection,
            readable: true,
            writable: true,
        }
    }

    /// An event came.
    pub(crate) fn wake(&mut self, readable: bool, writable: bool) {
        self.readable |= readable;
        self.writable |= writable;
    }

    /// Whether a turn may bring something.
    pub(crate) fn wants_turn(&self) -> bool {
        self.connection.wants_turn() || (self.readable && self.connection.is_hungry())
    }

    /// Reads what has come, up to the length of `buffer`.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        while self.readable && self.connection.is_hungry() {
            match self.socket.read(buffer) {
                Ok(0) => self.connection.receive_end(),
                Ok(length) => self.connection.receive(&buffer[..length]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.readable = false,
                    ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Sends what the socket takes.
    pub(crate) fn transmit(&mut self, t: Time) -> io::Result<()> {
        while !self.connection.to_send().is_empty() {
            if !self.writable {
                self.connection.sent(t, 0);
                break;
            }
            match self.socket.write(self.connection.to_send()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => self.connection.sent(t, length),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.writable = false,
                    ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        if self.connection.wants_to_finish() {
            self.socket.shutdown(Shutdown::Write)?;
            self.connection.finish();
        }
        Ok(())
    }
}
