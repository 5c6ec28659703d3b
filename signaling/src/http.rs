//! One HTTP/1.1 connection from the server's side, without IO.

use tsuji_core::Time;

use crate::Limits;

/// One HTTP/1.1 connection from the server's side, without IO.
///
/// Hand it the bytes that came with [`receive`](Self::receive) and do the [`Step`] that it
/// returns. After a [`Step::Respond`] without `close` is written in full, call `receive` with no
/// bytes, and again after each response, until it says [`Step::Read`]: requests may have come
/// together. Do not read from the socket before that.
#[derive(Debug)]
pub struct Exchange {
    opened: Time,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Read more, and wake at [`Exchange::deadline`].
    Read,
    /// Write these bytes, then close if `close`, else call [`Exchange::receive`] with no bytes.
    /// Empty with `close`: just close.
    Respond {
        /// One response.
        bytes: Vec<u8>,
        /// Whether the connection ends with it.
        close: bool,
    },
    /// Write `response` (101); the rest of the connection is a WebSocket.
    Upgrade {
        /// The response to the opening handshake (RFC 6455, 4.2.2).
        response: Vec<u8>,
        /// Bytes that came behind the request and already belong to the WebSocket.
        early: Vec<u8>,
    },
}

impl Exchange {
    /// A connection that was accepted at `opened`.
    pub fn new(_limits: &Limits, opened: Time) -> Self {
        Self { opened }
    }

    /// Takes bytes that came, in whatever pieces; none to go on after a response.
    pub fn receive(&mut self, _t: Time, _bytes: &[u8]) -> Step {
        Step::Read
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Time {
        self.opened
    }

    /// The deadline has come. Harmless before.
    pub fn handle_timeout(&mut self, _t: Time) -> Step {
        Step::Read
    }
}
