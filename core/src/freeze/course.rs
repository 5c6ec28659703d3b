//! What comes of a stream in one place, be it pictures or a sound: where there is nothing to show, or to play.

use std::time::Duration;

use super::frames::{Frames, Part};
use super::playout::Playout;
use super::rhythm::{Gap, Rhythm};
use crate::time::Time;

/// How long what is missing may still be repaired: 300 ms, a round trip of far links and a half.
const PATIENCE: Duration = Duration::from_millis(300);

/// A stream as it passes a place.
#[derive(Debug, Default)]
pub(super) struct Course {
    frames: Frames,
    rhythm: Rhythm,
    sound: Playout,
    /// Since when something is missing that what comes depends on.
    stuck: Option<Time>,
}

impl Course {
    /// A packet passes. Gives the gap that ends with it, if one does.
    pub(super) fn packet(&mut self, part: Part, at: Time) -> Option<Gap> {
        if part.sound {
            return self.sound.packet(part.sequence, part.timestamp, at);
        }
        let (rhythm, mut ended) = (&mut self.rhythm, None);
        self.frames.take(part, |timestamp| {
            ended = rhythm.picture(timestamp, at).or(ended);
        });
        self.stuck = match self.frames.waits() {
            true => self.stuck.or(Some(at)),
            false => None,
        };
        ended
    }

    /// From when on the time without a picture is a freeze, and that. Of a sound it is not known whether there is
    /// one: who is silent may send nothing.
    pub(super) fn due(&self) -> Option<(Time, Gap)> {
        self.rhythm.due()
    }

    /// Whether enough passed to judge by.
    pub(super) fn is_known(&self) -> bool {
        self.rhythm.due().is_some() || self.sound.has_begun()
    }

    /// Another picture or sound follows: the time until then is no gap.
    pub(super) fn forget(&mut self) {
        self.rhythm.forget();
        self.frames = Frames::default();
        self.sound = Playout::default();
        self.stuck = None;
    }

    /// Goes on with this number behind others that are not known.
    pub(super) fn resume(&mut self, sequence: u64) {
        self.frames.resume(sequence);
    }

    /// Whether something has been missing for so long that only a keyframe helps.
    pub(super) fn is_stuck(&self, now: Time) -> bool {
        self.stuck.is_some_and(|since| since + PATIENCE <= now)
    }
}
