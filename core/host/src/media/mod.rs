//! The media side of a server.

mod relays;
mod shard;
mod streams;

pub use shard::{DatagramSocket, Parts, Shard, ShardError, Turn};
