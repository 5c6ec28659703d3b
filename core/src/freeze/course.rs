//! What comes of a stream in one place, be it pictures or a sound: where there is nothing to show, or to play.

use std::time::Duration;

use super::frames::{Frames, Part};
use super::playout::Playout;
use super::rhythm::{Gap, Rhythm};
use crate::time::Time;

/// How long what is missing may still be repaired: 300 ms, a round trip of far links and a half.
const PATIENCE: Duration = Duration::from_millis(300);

/// A stream as it passes a place. In this order in memory, so that few lines of it are touched for a picture.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Course {
    frames: Frames,
    /// Since when something is missing that what comes depends on.
    stuck: Option<Time>,
    rhythm: Rhythm,
    sound: Option<Box<Playout>>,
}

impl Course {
    /// A packet passes. Gives the gap that ends with it, if one does.
    #[inline]
    pub(super) fn packet(&mut self, part: Part, at: Time) -> Option<Gap> {
        if part.sound {
            let sound = self.sound.get_or_insert_default();
            return sound.packet(part.sequence, part.timestamp, at);
        }
        // Nearly all packets: nothing is stuck then, neither before nor behind it.
        if self.frames.follows(&part) {
            let shows = self.frames.advance(&part);
            return shows.and_then(|timestamp| self.rhythm.picture(timestamp, at));
        }
        self.out_of_order(part, at)
    }

    fn out_of_order(&mut self, part: Part, at: Time) -> Option<Gap> {
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

    /// From when until when all freezes of pictures are known.
    pub(super) fn judged(&self) -> Option<(Time, Time)> {
        self.rhythm.judged()
    }

    /// Whether enough passed to judge by.
    pub(super) fn is_known(&self) -> bool {
        self.rhythm.due().is_some() || self.sound.is_some()
    }

    /// Another picture or sound follows: the time until then is no gap.
    pub(super) fn forget(&mut self) {
        self.rhythm.forget();
        self.frames = Frames::default();
        self.sound = None;
        self.stuck = None;
    }

    /// Goes on with this number behind others of which nothing is known but that they came in time.
    pub(super) fn resume(&mut self, sequence: u64) {
        self.frames = Frames::default();
        self.frames.resume(sequence);
        self.rhythm.skip();
        self.sound = None;
        self.stuck = None;
    }

    /// Whether something has been missing for so long that only a keyframe helps.
    pub(super) fn is_stuck(&self, now: Time) -> bool {
        self.stuck.is_some_and(|since| since + PATIENCE <= now)
    }
}
