//! What of a video stream can be shown: as a browser's jitter buffer and decoder decide it.

use std::collections::BTreeMap;
use std::time::Duration;

use tsuji_core::{Layer, Time, TrackId};

use crate::browser::Received;
use crate::freezes::Freezes;

/// How long a gap may stay open before a keyframe is asked for: retransmissions come first.
const STUCK: Duration = Duration::from_millis(300);
/// Between two requests.
const AGAIN: Duration = Duration::from_millis(500);
/// Pictures that wait for others.
const WAITING: usize = 128;

/// The decoder of one m-line.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Whose pictures it shows, and which encoding of them.
    stream: Option<(TrackId, Layer)>,
    newest_sequence: u64,
    /// The newest picture shown.
    shown: Option<u32>,
    /// Parts that came of pictures not yet shown.
    pictures: BTreeMap<u32, Parts>,
    stuck_since: Option<Time>,
    asked: Option<Time>,
    /// When a picture of the present source was shown last.
    pub last_shown: Option<Time>,
    /// Freezes of everything that it has shown.
    pub freezes: Freezes,
}

#[derive(Debug)]
struct Parts {
    missing: u32,
    keyframe: bool,
    made: Time,
}

impl Decoder {
    /// Whose pictures it shows.
    pub fn track(&self) -> Option<TrackId> {
        self.stream.map(|(track, _)| track)
    }

    /// The encoding that it shows.
    pub fn layer(&self) -> Option<Layer> {
        self.stream.map(|(_, layer)| layer)
    }

    /// Takes a packet.
    pub(crate) fn packet(&mut self, packet: &Received) {
        let stream = (packet.track(), packet.layer);
        if self.stream != Some(stream) {
            if packet.sequence < self.newest_sequence {
                return;
            }
            let is_same_source = self.track() == Some(packet.track());
            let mut freezes = std::mem::take(&mut self.freezes);
            if !is_same_source {
                freezes.forget();
            }
            *self = Self {
                freezes,
                stream: Some(stream),
                asked: self.asked,
                last_shown: self.last_shown.filter(|_| is_same_source),
                ..Self::default()
            };
        }
        self.newest_sequence = self.newest_sequence.max(packet.sequence);
        let place = packet.place;
        if self.shown.is_some_and(|shown| place.frame <= shown) {
            return;
        }
        let parts = self.pictures.entry(place.frame).or_insert(Parts {
            missing: (1 << place.parts) - 1,
            keyframe: place.keyframe,
            made: packet.made,
        });
        parts.missing &= !(1 << place.part);
        if self.show(packet.at) {
            self.last_shown = Some(packet.at);
            self.stuck_since = None;
        }
        if self.pictures.is_empty() {
            self.stuck_since = None;
        } else {
            self.stuck_since.get_or_insert(packet.at);
        }
        while self.pictures.len() > WAITING {
            self.pictures.pop_first();
        }
    }

    /// Shows what has become complete; says whether anything was.
    fn show(&mut self, t: Time) -> bool {
        let before = self.shown;
        let complete_key = |(frame, parts): (&u32, &Parts)| {
            (parts.keyframe && parts.missing == 0).then_some(*frame)
        };
        let key = self.pictures.iter().rev().find_map(complete_key);
        if let Some(key) = key {
            self.advance_to(key, t);
        }
        while let Some(next) = self.shown.map(|shown| shown + 1)
            && self.pictures.get(&next).is_some_and(|p| p.missing == 0)
        {
            self.advance_to(next, t);
        }
        self.shown != before
    }

    fn advance_to(&mut self, frame: u32, t: Time) {
        if let Some(parts) = self.pictures.get(&frame) {
            self.freezes.frame(parts.made, t);
        }
        self.shown = Some(frame);
        self.pictures = self.pictures.split_off(&(frame + 1));
    }

    /// When [`Decoder::asks`] may say yes.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let stuck = self.stuck_since? + STUCK;
        Some(self.asked.map_or(stuck, |asked| stuck.max(asked + AGAIN)))
    }

    /// Whether to ask for a keyframe now. Saying yes counts as asked.
    pub(crate) fn asks(&mut self, t: Time) -> bool {
        let due = self.deadline().is_some_and(|due| due <= t);
        if due {
            self.asked = Some(t);
        }
        due
    }
}
