//! What the two sides of a server tell each other.

use std::net::SocketAddr;

use tsuji_core::{Command, Notice, Path};
use tsuji_signaling::ConnectionId;

/// From the front to a media side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToMedia {
    /// The lobby wants something of the SFU.
    Command(Command),
    /// A TCP connection turns out to carry media.
    MediaOpened {
        /// Which.
        connection: ConnectionId,
        /// Its other end.
        remote: SocketAddr,
    },
    /// A frame came from such a connection. It may be lost on the way, as a datagram may.
    Frame {
        /// From which.
        connection: ConnectionId,
        /// The frame without its length.
        payload: Vec<u8>,
    },
    /// A datagram came through the relay on a TCP connection. It may be lost on the way.
    Relayed {
        /// Through which.
        connection: ConnectionId,
        /// From the relayed address to one of our sockets.
        path: Path,
        /// What is in it.
        payload: Vec<u8>,
    },
    /// A connection with media, or with a relay, has ended.
    MediaClosed {
        /// Which.
        connection: ConnectionId,
    },
}

/// From a media side to the front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromMedia {
    /// The SFU has something to tell the lobby.
    Notice(Notice),
    /// A frame for a TCP connection that carries media. It may be lost on the way, as a datagram
    /// may.
    Frame {
        /// For which.
        connection: ConnectionId,
        /// The frame without its length.
        payload: Vec<u8>,
    },
    /// A datagram for the client of a relay. It may be lost on the way.
    Relayed {
        /// Through which connection.
        connection: ConnectionId,
        /// From which of our sockets.
        local: SocketAddr,
        /// What is in it.
        payload: Vec<u8>,
    },
    /// What comes from such a connection is nobody's: close it.
    Reject {
        /// Which.
        connection: ConnectionId,
    },
}
