//! Traces: what went into an [`Sfu`](crate::Sfu), and what came out, so that it can happen again.
//!
//! ```text
//!   inputs ──┐                 ┌─► blocks of frames ──► (a runtime's files)
//!            ├──► Recorder ────┘                               │
//!   outputs ─┘                                                 ▼
//!              Sfu ◄── Replay ◄── Record ◄── Decoder ◄── frames, one by one
//!               └────────► equal? else a Divergence
//! ```
//! Nothing here does IO: bytes go in and come out. The parts:
//!
//! - `format`: the [`Header`] and the frames, each with its length and checksums. Common to both
//!   kinds of trace.
//! - `full`: what the frames of a **full** trace say: whole inputs, and fingerprints of outputs.
//! - `fingerprint`: enough of a datagram to tell later which of its bytes differ.
//! - `record`, `replay`: writing one while it happens; making it happen again.
//! - `decisions`: what the frames of a trace of **decisions** say, and how one is written and
//!   replayed.
//!
//! # The format
//!
//! All integers are little-endian. A file is a prelude and then frames until its end:
//!
//! ```text
//! prelude   magic (8 bytes) · version (u16) · one frame of type HEADER
//! frame     length of what follows the head (u32) · CRC-32 of the length (u32) ·
//!           CRC-32 of what follows the head (u32) · type (u8) · payload
//! ```
//! A frame is whole or it is not there: whoever reads a file that was cut off stops before the
//! first frame that is not whole. The length has a checksum of its own, so that a damaged one is
//! not taken for such an end. Anything smaller than a frame is written with `postcard` where it is
//! rare (headers, commands, notices) and by hand where it is not (datagrams).
//!
//! The version changes whenever any of this does, the shape of a `Command`, `Notice` or `Limits`
//! included, and other versions are refused: a trace is replayed by the build that wrote it.

mod cursor;
pub(crate) mod decisions;
mod difference;
mod fingerprint;
mod format;
mod full;
mod record;
mod replay;
mod running;

#[cfg(test)]
mod tests;

pub use decisions::{
    Arrived, DecisionsReplay, Dropped, Happened, Odd, Protocol, Reading, Ring, Step,
};
pub use difference::{Difference, Divergence, Side};
pub use fingerprint::Fingerprint;
pub use format::{
    Damage, FRAME_BYTES, Frame, FrameType, Header, HeaderError, Kind, Secrets, frame, frame_bytes,
    seal,
};
pub use full::{Decoder, Expected, Item, Record};
pub use record::{Block, Recorder};
pub use replay::{Replay, ReplayError};
