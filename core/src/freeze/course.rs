//! What comes of a stream in one place, be it pictures or a sound: where there is nothing to show, or to play.

use std::time::Duration;

use super::calm::Calm;
use super::frames::{Frames, Kind, Part};
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
    calm: Calm,
    rhythm: Rhythm,
    sound: Option<Box<Playout>>,
}

impl Course {
    /// Passes so many packets of one picture that leave together, if nothing is to be found out of them or what was
    /// before: nearly all are like that. Says whether it did. Those between the first and the last are not looked at.
    #[inline]
    pub(super) fn goes_on(&mut self, first: &Part, last: &Part, count: usize, at: Time) -> bool {
        let goes_on = self.frames.follows(first)
            && last.sequence + 1 == first.sequence + count as u64
            && last.timestamp == first.timestamp
            && !last.is(Kind::SOUND)
            && (!last.is(Kind::MARKER) || self.calm.takes(last.timestamp, at));
        if goes_on {
            self.frames.advance(last);
        }
        goes_on
    }

    /// A packet passes. Gives the gap that ends with it, if one does.
    pub(super) fn packet(&mut self, part: Part, at: Time) -> Option<Gap> {
        if part.is(Kind::SOUND) {
            let sound = self.sound.get_or_insert_default();
            return sound.packet(part.sequence, part.timestamp, at);
        }
        if self.frames.follows(&part) {
            let timestamp = self.frames.advance(&part)?;
            self.calm.settle(&mut self.rhythm);
            let ended = self.rhythm.picture(timestamp, at);
            self.calm.begin(timestamp, at, self.rhythm.is_regular());
            return ended;
        }
        self.out_of_order(part, at)
    }

    fn out_of_order(&mut self, part: Part, at: Time) -> Option<Gap> {
        self.calm.settle(&mut self.rhythm);
        let (rhythm, mut ended) = (&mut self.rhythm, None);
        self.frames.take(part, at, |timestamp| {
            ended = rhythm.picture(timestamp, at).or(ended);
        });
        ended
    }

    /// From when on the time without a picture is a freeze, and that. Of a sound it is not known whether there is
    /// one: who is silent may send nothing.
    pub(super) fn due(&self) -> Option<(Time, Gap)> {
        let (due, gap) = self.rhythm.due()?;
        let lasted = self.calm.lasted();
        let from = gap.from + lasted;
        Some((due + lasted, Gap { from, ..gap }))
    }

    /// Whether the last picture is known to have been one of those that come evenly, and that lately: no gap is open.
    pub(super) fn is_even(&self, now: Time) -> bool {
        !self.waits() && self.calm.goes_on(now)
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
        self.calm = Calm::default();
        self.rhythm.forget();
        self.frames = Frames::default();
        self.sound = None;
    }

    /// Goes on with this number behind others of which nothing is known but that they came in time.
    pub(super) fn resume(&mut self, sequence: u64) {
        self.calm = Calm::default();
        self.frames = Frames::default();
        self.frames.resume(sequence);
        self.rhythm.skip();
        self.sound = None;
    }

    /// Whether something came that can't be decoded for what is missing before it.
    pub(super) fn waits(&self) -> bool {
        self.frames.waits().is_some()
    }

    /// Whether something has been missing for so long that only a keyframe helps.
    pub(super) fn is_stuck(&self, now: Time) -> bool {
        let since = self.frames.waits();
        since.is_some_and(|since| since + PATIENCE <= now)
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    /// A minute of pictures of two packets, mostly a few milliseconds from when they are due, some of them late, now and
    /// then none, and at times a packet behind others. Gives the gaps, and when one was open. `calm`: what is even is
    /// told later.
    fn minute(seed: u64, calm: bool) -> (Vec<Gap>, Vec<u64>) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut random = move |below: u32| u64::from(rng.next_u32() % below);
        let each = 20 + random(60);
        let mut course = Course::default();
        let (mut gaps, mut open) = (Vec::new(), Vec::new());
        let (mut at, mut made, mut sequence) = (0, 1_000, 0);
        while made < 60_000 {
            made += each;
            if random(200) == 0 {
                made += 100 + random(700);
            }
            let late = if random(150) == 0 { random(500) } else { 0 };
            at = at.max(made + random(8) + late);
            let mut parts = [false, true].map(|is_last| {
                sequence += 1;
                let mut kind = Kind::empty();
                kind.set(Kind::MARKER, is_last);
                kind.set(Kind::KEY | Kind::FIRST, !is_last && sequence == 1);
                Part::new(sequence, made as u32 * 90, kind, None)
            });
            if random(150) == 0 {
                parts.reverse();
            }
            // As it was, up to this moment.
            let due = course.due().map(|(due, _)| due);
            open.extend(due.filter(|due| *due < Time::from_millis(at)).map(|_| at));
            let at = Time::from_millis(at);
            if !calm || !course.goes_on(&parts[0], &parts[1], 2, at) {
                gaps.extend(parts.into_iter().filter_map(|part| course.packet(part, at)));
            }
        }
        (gaps, open)
    }

    #[test]
    fn pictures_that_come_evenly_show_the_same_gaps_when_they_are_told_later() {
        let (mut all, mut other) = (0, 0);
        for seed in 0..100 {
            let ((calm, open), (each, as_open)) = (minute(seed, true), minute(seed, false));
            all += each.len();
            // One that is hardly long enough is one to the other, or none.
            let is_there = |gap: &Gap, gaps: &[Gap]| {
                let apart = |a: Time, b: Time| a.since(b).max(b.since(a)).as_millis();
                let (from, to) = (gap.from, gap.to.unwrap());
                gaps.iter()
                    .any(|other| apart(from, other.from) < 20 && apart(to, other.to.unwrap()) < 20)
            };
            let clear = |gaps: &[Gap], others: &[Gap]| {
                let clear = gaps.iter().filter(|gap| !gap.close);
                clear.filter(|gap| !is_there(gap, others)).count()
            };
            other += clear(&calm, &each) + clear(&each, &calm);
            other += open.len().abs_diff(as_open.len());
        }
        assert!(all > 700 && other * 100 < all, "{other} of {all}");
    }
}
