//! What a page says of itself: a digest of `getStats` (W3C, *Identifiers for WebRTC's Statistics API*).

use serde::{Deserialize, Serialize};

use crate::ids::Mid;

/// Slots that a digest may tell of. 32: more than there are.
const SLOTS: usize = 32;
/// Bytes of the name of an m-line.
const NAME: usize = 16;

/// What a page saw and did since it was opened, and how its device fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// What it saw in its slots for pictures.
    pub seen: Vec<Seen>,
    /// What keeps its own camera's pictures small.
    pub limitation: Limitation,
    /// Pictures a second that its camera gives (`media-source`, `framesPerSecond`), times ten.
    pub captured: Option<u16>,
    /// Its camera's track has ended.
    pub ended: bool,
    /// The system gives nothing of its camera (`MediaStreamTrack.muted`).
    pub muted: bool,
    /// The tab is not visible.
    pub hidden: bool,
    /// For how long the page's timers stood still since the digest before, milliseconds.
    pub slept_ms: u32,
    /// The round trip of its candidate pair, milliseconds.
    pub round_trip_ms: Option<u32>,
    /// It reaches the server through a relay (its local candidate is of the type `relay`).
    pub relayed: bool,
}

/// What keeps somebody's pictures small (`qualityLimitationReason`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limitation {
    /// Nothing.
    #[default]
    None,
    /// The processor.
    Cpu,
    /// The bandwidth.
    Bandwidth,
    /// Something else.
    Other,
}

/// The pictures of one slot, since it is there (`inbound-rtp`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its m-line.
    pub mid: Mid,
    /// `freezeCount`.
    pub freezes: u32,
    /// `totalFreezesDuration`, milliseconds.
    pub frozen_ms: u32,
    /// `framesDecoded`.
    pub decoded: u32,
    /// `framesDropped`.
    pub dropped: u32,
    /// `totalDecodeTime`, milliseconds.
    pub decoding_ms: u32,
    /// `jitterBufferDelay` of each emitted, as it was lately: milliseconds.
    pub buffered_ms: u32,
    /// `packetsLost`.
    pub lost: u32,
}

impl Digest {
    /// Whether it is no larger than it has a right to be.
    pub(crate) fn is_bounded(&self) -> bool {
        self.seen.len() <= SLOTS && self.seen.iter().all(|seen| seen.mid.0.len() <= NAME)
    }

    /// What it says of a slot.
    pub(crate) fn of(&self, mid: &Mid) -> Option<&Seen> {
        self.seen.iter().find(|seen| seen.mid == *mid)
    }
}
