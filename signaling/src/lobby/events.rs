//! What goes into the lobby and what comes out.

use std::net::IpAddr;

use http::uri::Authority;
use tsuji_core::{Command, Notice, Time};

use super::history::Event;

/// A WebSocket, named by the runtime; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A WebSocket is open: the 101 response is on its way.
    Opened {
        /// Its name from now on.
        connection: ConnectionId,
        /// The address at the other end.
        peer: IpAddr,
    },
    /// The WebSocket came over TLS that ends at this server, in which a relay can be reached too.
    SecureHost {
        /// Which.
        connection: ConnectionId,
        /// The `Host` of its handshake.
        host: Authority,
    },
    /// A text message came.
    Text {
        /// Where.
        connection: ConnectionId,
        /// The message.
        text: &'a str,
    },
    /// A binary message came.
    Binary {
        /// Where.
        connection: ConnectionId,
    },
    /// A message was longer than [`Limits::message_bytes`](crate::Limits::message_bytes); the runtime did not read it whole.
    Oversized {
        /// Where.
        connection: ConnectionId,
    },
    /// A frame came that is no message (ping, pong): the other end is alive.
    Alive {
        /// Where.
        connection: ConnectionId,
    },
    /// The WebSocket is closed or broken. Said exactly once for each `Opened`.
    Closed {
        /// Which.
        connection: ConnectionId,
    },
    /// The core has something to tell.
    Notice(Notice),
    /// The [`Lobby::deadline`](super::Lobby::deadline) has come. Harmless at any other time.
    Timeout,
    /// The server will go down: no new meeting may begin, and everybody is told that those which
    /// are there end at `until` at the latest. Only the first one counts.
    Drain {
        /// When it ends, whoever is still there.
        until: Time,
    },
    /// The server is going down: tell everybody, close all.
    Shutdown,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a text message.
    Send {
        /// Where.
        connection: ConnectionId,
        /// The message.
        text: String,
    },
    /// Send a ping.
    Ping {
        /// Where.
        connection: ConnectionId,
    },
    /// Send a close frame, after everything sent before. The runtime still says
    /// [`Input::Closed`] when the WebSocket is closed, and gives up on a peer that does not
    /// answer the close frame.
    Close {
        /// Where.
        connection: ConnectionId,
        /// The status code (RFC 6455, 7.4.1).
        code: u16,
        /// For people who read logs; at most 123 bytes.
        reason: &'static str,
    },
    /// Hand this to the core.
    Command(Command),
    /// Something happened in a room. Nothing is to be done; it may be kept.
    Event(Event),
}
