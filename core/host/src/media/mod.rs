//! The media side of a server.

mod shard;
mod streams;

pub use shard::{DatagramSocket, Parts, Shard, ShardError, Turn};
