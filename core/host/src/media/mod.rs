//! The media side of a server.

pub(crate) mod drops;
pub(crate) mod feedback;
pub(crate) mod overflow;
mod port;
mod relays;
mod shard;
mod streams;

pub use shard::{DatagramSocket, Parts, Shard, ShardError, Turn};
