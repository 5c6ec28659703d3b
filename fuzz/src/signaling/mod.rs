//! The lobby: everything that a WebSocket's peer can say, and when.

mod crowd;
mod message;
mod session;

pub(crate) use crowd::Crowd;

pub use message::target as message;
pub use session::target as session;
