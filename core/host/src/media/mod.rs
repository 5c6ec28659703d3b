//! The media side of a server.

mod shard;

pub use shard::{DatagramSocket, Parts, Shard, ShardError, Turn};
