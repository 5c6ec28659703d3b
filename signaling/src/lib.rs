//! The room protocol (`PROTOCOL.md`), without IO.
//!
//! ```text
//!  runtime ──► http::Exchange ──► bytes to write, or "upgrade to WebSocket"
//!  runtime ──► lobby::Lobby   ──► Send | Ping | Close | Command (to the core)
//!               ▲ Opened, Text, Pong, Closed, Notice (from the core), Timeout
//! ```

pub mod error;
pub mod http;
pub mod limits;
pub mod lobby;
pub mod message;
pub mod name;
pub mod room_code;
mod session;

pub use http::{Exchange, Step};
pub use limits::Limits;
pub use lobby::{ConnectionId, Input, Lobby, Output};
