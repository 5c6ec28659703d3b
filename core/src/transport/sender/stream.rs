//! One m-line to the peer: its stream, and that of its retransmissions.

use super::header::{Header, Numbered};
use super::keep::{Keep, Kept};
use super::reports::Reported;
use super::share::Share;
use super::wire::{Packet, Wire};
use crate::codec::Codec;
use crate::estimate::{Cluster, Estimator};
use crate::freeze::{Kind, Part};
use crate::ids::MediaKind;
use crate::path::Path;
use crate::time::Time;
use crate::transport::window::Window;
use crate::transport::{Extensions, Line};

/// A packet with nothing but padding has a little of it: one byte counts it (RFC 3550, 5.1). Bytes.
pub(super) const BLANK: usize = 224;

/// Packets at most that are sent twice when they are missing, for each that is written.
const TWICE: usize = 32;

/// What takes a nonce.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequenced {
    pub(super) ssrc: u32,
    /// Extended.
    pub(super) index: u64,
}

/// The streams of one m-line.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) line: Line,
    pub(super) kind: MediaKind,
    pub(super) ssrc: u32,
    /// CNAME.
    pub(super) name: String,
    pub(super) numbered: Numbered,
    pub(super) repair: Option<Repair>,
    /// Of which pictures it is, to who follows freezes.
    pub(super) watched: Option<u8>,
    pub(super) reported: Reported,
    pub(super) window: Window,
    pub(super) keep: Keep,
    pub(super) share: Share,
    /// What was sent again since something was last written.
    pub(super) twice: Vec<u64>,
}

/// Retransmissions (RFC 4588).
#[derive(Debug)]
pub(super) struct Repair {
    pub(super) ssrc: u32,
    /// The next number; extended.
    pub(super) next: u64,
    /// Of each codec.
    pub(super) payload_types: [Option<u8>; Codec::ALL.len()],
}

impl Repair {
    /// The first number is below half of all, so that a peer that misses the first ones counts as we do
    /// (RFC 3711, 3.3.1), and as little to be guessed as the SSRC.
    pub(super) fn new(ssrc: u32, payload_types: [Option<u8>; Codec::ALL.len()]) -> Self {
        Self {
            ssrc,
            next: (ssrc & 0x7fff).into(),
            payload_types,
        }
    }

    fn next(&mut self) -> Sequenced {
        let index = self.next;
        self.next += 1;
        Sequenced {
            ssrc: self.ssrc,
            index,
        }
    }
}

impl Stream {
    pub(super) fn new(
        (line, kind): (Line, MediaKind),
        (ssrc, name): (u32, String),
        numbered: Numbered,
        repair: Option<Repair>,
    ) -> Self {
        Self {
            line,
            kind,
            ssrc,
            name,
            numbered,
            repair,
            watched: None,
            reported: Reported::default(),
            window: Window::default(),
            keep: Keep::default(),
            share: Share::default(),
            twice: Vec::new(),
        }
    }

    /// Sends a packet again that is kept: as padding for a probe, or because it is missing. Says how many
    /// bytes that were.
    pub(super) fn repeat(
        &mut self,
        t: Time,
        path: Path,
        sequence: u64,
        cluster: Option<Cluster>,
        wire: &mut Wire,
    ) -> Option<usize> {
        let kept = self.keep.get(t, sequence)?;
        let sequenced = self.repair.as_mut()?.next();
        let packet = Packet {
            numbered: &self.numbered,
            header: Header {
                payload_type: kept.payload_type,
                marker: kept.part.is(Kind::MARKER),
                padding: false,
                sequence: sequenced.index as u16,
                timestamp: kept.part.timestamp,
                ssrc: sequenced.ssrc,
                extensions: kept.extensions,
                number: 0,
                time: [0; 3],
            },
            sequenced,
            original: Some(kept.part.sequence as u16),
            payload: &kept.payload,
            patch: kept.patch.map(|patch| (kept.codec, patch)),
            watched: self.watched,
            part: Part {
                kind: kept.part.kind | Kind::REPAIRS,
                ..kept.part
            },
            cluster,
        };
        let bytes = kept.payload.len();
        wire.send(t, path, packet).map(|()| bytes)
    }

    /// Sends what the peer misses, as far as it is kept and its share allows.
    pub(super) fn repair(&mut self, t: Time, path: Path, number: u16, wire: &mut Wire) {
        let Some(sequence) = self.extend(number) else {
            return;
        };
        let missing = self.keep.missing(t, sequence);
        if missing.is_some_and(|bytes| self.share.again(t, bytes)) {
            self.repeat(t, path, sequence, None, wire);
            self.keep.repeated(t, sequence);
            if self.twice.len() < TWICE {
                self.twice.push(sequence);
            }
        }
    }

    /// Sends once more what was sent again since something was last written, in case that is lost too: some
    /// milliseconds later, because losses come in bursts. Not where something waits on the path: there it would do
    /// harm.
    pub(super) fn repair_twice(&mut self, t: Time, path: Path, wire: &mut Wire) {
        let estimator = wire.estimator.as_ref();
        let is_free = estimator.is_none_or(Estimator::is_free);
        for sequence in std::mem::take(&mut self.twice) {
            let bytes = self.keep.get(t, sequence).map(|kept| kept.payload.len());
            if is_free && bytes.is_some_and(|bytes| self.share.twice(t, bytes)) {
                self.repeat(t, path, sequence, None, wire);
            }
        }
    }

    /// Sends padding alone. Says how many bytes that were.
    pub(super) fn blank(
        &mut self,
        t: Time,
        path: Path,
        bytes: usize,
        cluster: Option<Cluster>,
        wire: &mut Wire,
    ) -> Option<usize> {
        let repair = self.repair.as_mut()?;
        let payload_type = repair.payload_types.iter().flatten().next().copied()?;
        let sequenced = repair.next();
        let mut padding = [0; BLANK];
        let length = bytes.clamp(16, BLANK);
        padding[length - 1] = length as u8;
        let packet = Packet {
            numbered: &self.numbered,
            header: Header {
                payload_type,
                marker: false,
                padding: true,
                sequence: sequenced.index as u16,
                timestamp: self.reported.newest.map_or(0, |(timestamp, ..)| timestamp),
                ssrc: sequenced.ssrc,
                extensions: Extensions::default(),
                number: 0,
                time: [0; 3],
            },
            sequenced,
            original: None,
            payload: &padding[..length],
            patch: None,
            watched: None,
            part: Part::new(wire.number, 0, Kind::empty(), None),
            cluster,
        };
        wire.send(t, path, packet).map(|()| length)
    }

    /// Keeps a packet that was sent, if it can be sent again.
    pub(super) fn keep(&mut self, codec: Codec, kept: impl FnOnce(u8) -> Kept) {
        let repair = self.repair.as_ref();
        let payload_type = repair.and_then(|repair| repair.payload_types[codec.number()]);
        if let Some(payload_type) = payload_type {
            self.keep.keep(kept(payload_type));
        }
    }

    /// The number nearest to the newest that ends so.
    fn extend(&self, number: u16) -> Option<u64> {
        let newest = self.window.newest()?;
        let ahead = number.wrapping_sub(newest as u16) as i16;
        newest.checked_add_signed(ahead.into())
    }
}
