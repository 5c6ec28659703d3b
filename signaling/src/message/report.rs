//! What a page says of itself: a digest of `getStats`.

use serde::{Deserialize, Serialize};
use tsuji_core::Mid;
use tsuji_core::freeze;

/// What a page saw and how its device fares (W3C, *Identifiers for WebRTC's Statistics API*). What is
/// left out is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// What it saw in its slots for pictures.
    pub seen: Vec<Seen>,
    /// What keeps its own camera's pictures small (`qualityLimitationReason`).
    pub limitation: Limitation,
    /// Pictures a second that its camera gives, times ten; `None` (`null`): it gives none.
    pub captured: Option<u16>,
    /// Its camera's track has ended.
    pub ended: bool,
    /// The system gives nothing of its camera.
    pub muted: bool,
    /// The tab is not visible.
    pub hidden: bool,
    /// For how long the page's timers stood still since the report before, milliseconds.
    pub slept_ms: u32,
    /// The round trip of its candidate pair, milliseconds.
    pub round_trip_ms: Option<u32>,
    /// It reaches the server through a relay.
    pub relayed: bool,
}

/// What keeps somebody's pictures small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "W3C has the table")]
pub enum Limitation {
    #[default]
    None,
    Cpu,
    Bandwidth,
    Other,
}

/// The pictures of one slot, since it is there (`inbound-rtp`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// The slot's mid.
    pub mid: String,
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
    /// `jitterBufferDelay` by `jitterBufferEmittedCount`, milliseconds.
    pub buffered_ms: u32,
    /// `packetsLost`.
    pub lost: u32,
}

impl Report {
    /// What the core means by it.
    pub fn to_core(&self) -> freeze::Digest {
        freeze::Digest {
            seen: self.seen.iter().map(Seen::to_core).collect(),
            limitation: match self.limitation {
                Limitation::None => freeze::Limitation::None,
                Limitation::Cpu => freeze::Limitation::Cpu,
                Limitation::Bandwidth => freeze::Limitation::Bandwidth,
                Limitation::Other => freeze::Limitation::Other,
            },
            captured: self.captured,
            ended: self.ended,
            muted: self.muted,
            hidden: self.hidden,
            slept_ms: self.slept_ms,
            round_trip_ms: self.round_trip_ms,
            relayed: self.relayed,
        }
    }
}

impl Seen {
    fn to_core(&self) -> freeze::Seen {
        freeze::Seen {
            mid: Mid(self.mid.clone()),
            freezes: self.freezes,
            frozen_ms: self.frozen_ms,
            decoded: self.decoded,
            dropped: self.dropped,
            decoding_ms: self.decoding_ms,
            buffered_ms: self.buffered_ms,
            lost: self.lost,
        }
    }
}
