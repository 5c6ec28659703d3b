//! The front of a server, without IO: TCP connections, what they say, and what is said to them.
//!
//! ```text
//!  bytes ──► Connection: (Session) ─► Wire ─► Http ─► WebSocket ─► Lingering ──► bytes
//!                          TLS          │       │        ▲ │
//!                                       │ opened, gone   │ │
//!                                       ├─► Media        │ │
//!                                       ├─► Relay (TLS)  │ │
//!                              frames │ ▲       │  Order │ │ Heard
//!                                     ▼ │       ▼        │ ▼
//!                                 Desk: who is there, an Outbox for each
//!                                           ▲ │
//!                                           │ ▼
//!                                          Lobby ◄──► Sides: the media sides (queues)
//! ```

mod connection;
mod desk;
mod heard;
mod http;
mod lingering;
mod media;
mod opening;
mod outbox;
pub(crate) mod relay;
mod session;
mod sides;
mod timers;
mod websocket;
mod wire;

#[cfg(test)]
mod tests;

pub use connection::Connection;
pub use desk::{Desk, DeskError, Turn};
pub(crate) use desk::{Drain, Links};
pub use heard::{Heard, heard};
pub use media::{FrameError, Media};
pub use opening::Opening;
pub use outbox::Order;
pub use relay::{Came, Grant, Ground, Peers, Relay, RelayError};
pub(crate) use sides::Side;
pub use timers::Timers;
pub use websocket::config as websocket_config;
