//! The time between pictures as they are shown, and when that is a freeze.

use std::time::Duration;

use crate::time::Time;

/// Distances whose mean counts.
const DISTANCES: usize = 30;
/// Before so many are known, nothing is judged.
const TOO_FEW: usize = 5;
/// 150 ms, in microseconds.
const AT_LEAST: u64 = 150_000;
/// A jitter buffer gives back a thousandth of its delay with each picture: 3 % a second.
const GIVEN_BACK: i64 = 1_000;
/// Clocks drift apart by 200 ppm at most.
const DRIFT: u64 = 5_000;
/// A jump of the timestamp by more is another clock: 30 s.
const JUMP: i64 = 30_000_000;
/// 90 kHz: 100 microseconds are 9 ticks.
const TICKS: i64 = 9;

/// Between two pictures that were shown, too much time passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) from: Time,
    /// `None` while it is open.
    pub(crate) to: Option<Time>,
    /// For how long pictures were held back before they were shown: so much earlier came, or did not come,
    /// what it is about.
    pub(crate) held: Duration,
}

/// Pictures of one stream, as a jitter buffer shows them: each so long after it was made as the latest of
/// the last ones needed. What is late for the first time freezes the picture, what is as late again does
/// not.
#[derive(Debug, Default)]
pub(crate) struct Rhythm {
    newest: Option<Newest>,
    /// From when a picture is made until it is shown, beside what all take, microseconds.
    delay: i64,
    distances: [u32; DISTANCES],
    /// How many of them are known, and which is the oldest when all are.
    known: usize,
    next: usize,
    sum: u64,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    timestamp: u32,
    /// When it was made, by the clock that made it, microseconds.
    made: i64,
    /// What the quickest took.
    least: i64,
    came: Time,
    shown: Time,
}

impl Rhythm {
    /// A picture can be decoded. Gives the freeze that it ends, if it does.
    pub(crate) fn picture(&mut self, timestamp: u32, at: Time) -> Option<Gap> {
        let came = at.as_micros().cast_signed();
        let Some(newest) = &mut self.newest else {
            self.begin(timestamp, at);
            return None;
        };
        let ticks = timestamp.wrapping_sub(newest.timestamp).cast_signed();
        let made = newest.made + i64::from(ticks) * 100 / TICKS;
        let drift = (at.since(newest.came).as_micros() as u64 / DRIFT).cast_signed();
        let least = (newest.least + drift).min(came - made);
        if (came - made - least).abs() > JUMP {
            self.forget();
            self.begin(timestamp, at);
            return None;
        }
        let held = Duration::from_micros(self.delay.cast_unsigned());
        let given_back = self.delay - self.delay / GIVEN_BACK - drift;
        self.delay = given_back.max(came - made - least).max(0);
        let shown = (made + least + self.delay).max(0).cast_unsigned();
        let before = newest.shown;
        let shown = Time::from_micros(shown).max(before);
        *newest = Newest {
            timestamp,
            made,
            least,
            came: at,
            shown,
        };
        let distance = shown.since(before).as_micros() as u64;
        let froze = self.threshold().is_some_and(|least| distance >= least);
        self.note(u32::try_from(distance).unwrap_or(u32::MAX));
        froze.then_some(Gap {
            from: before,
            to: Some(shown),
            held,
        })
    }

    /// What comes next is another picture: the time until then is no freeze.
    pub(crate) fn forget(&mut self) {
        self.newest = None;
        (self.delay, self.known, self.next, self.sum) = (0, 0, 0, 0);
    }

    /// From when on the time without a picture is a freeze, and that.
    pub(crate) fn due(&self) -> Option<(Time, Gap)> {
        let shown = self.newest?.shown;
        let gap = Gap {
            from: shown,
            to: None,
            held: Duration::from_micros(self.delay.max(0).cast_unsigned()),
        };
        Some((shown + Duration::from_micros(self.threshold()?), gap))
    }

    fn begin(&mut self, timestamp: u32, at: Time) {
        self.newest = Some(Newest {
            timestamp,
            made: at.as_micros().cast_signed(),
            least: 0,
            came: at,
            shown: at,
        });
    }

    fn note(&mut self, distance: u32) {
        self.sum += u64::from(distance);
        let oldest = std::mem::replace(&mut self.distances[self.next], distance);
        self.next = (self.next + 1) % DISTANCES;
        match self.known == DISTANCES {
            true => self.sum -= u64::from(oldest),
            false => self.known += 1,
        }
    }

    /// The shortest freeze, microseconds.
    fn threshold(&self) -> Option<u64> {
        if self.known < TOO_FEW {
            return None;
        }
        let mean = self.sum / self.known as u64;
        Some((3 * mean).max(mean + AT_LEAST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    /// Pictures made every so many milliseconds that come as said, and the freezes.
    fn gaps(interval: u64, count: u64, late: impl Fn(u64) -> Option<u64>) -> Vec<(Time, Time)> {
        let mut rhythm = Rhythm::default();
        let pictures = (0..count).filter_map(|n| Some((n * interval, late(n)?)));
        let gaps =
            pictures.filter_map(|(made, late)| rhythm.picture(made as u32 * 90, at(made + late)));
        gaps.map(|gap| (gap.from, gap.to.unwrap())).collect()
    }

    #[test]
    fn w3c_rule() {
        // 33 + 150 ms; 3 × 200 ms.
        for (interval, left_out, freezes) in [(33, 4, 0), (33, 5, 1), (200, 1, 0), (200, 2, 1)] {
            let skip = |n| (!(40..40 + left_out).contains(&n)).then_some(0);
            let found = gaps(interval, 80, skip);
            assert_eq!(found.len(), freezes, "{interval} {left_out}");
        }
        assert_eq!(
            gaps(33, 80, |n| (!(40..50).contains(&n)).then_some(0)),
            [(at(39 * 33), at(50 * 33))]
        );
    }

    #[test]
    fn nothing_is_judged_before_a_few_came() {
        assert_eq!(gaps(33, 30, |n| (!(5..20).contains(&n)).then_some(0)), []);
    }

    #[test]
    fn who_is_late_again_freezes_nothing_and_who_is_late_a_little_neither() {
        assert_eq!(
            gaps(33, 300, |n| Some(if n % 10 == 9 { 140 } else { 20 })),
            []
        );
        let late = gaps(33, 300, |n| {
            Some(if n >= 100 && n % 10 == 0 { 250 } else { 20 })
        });
        assert_eq!(late, [(at(99 * 33 + 20), at(100 * 33 + 250))]);
    }

    #[test]
    fn a_freeze_tells_how_long_before_it_that_came_which_it_is_about() {
        let mut rhythm = Rhythm::default();
        let mut gaps = Vec::new();
        for n in 0..160 {
            // One is late by half a second; later, some are missing.
            let late = if n == 40 { 500 } else { 0 };
            if !(100..120).contains(&n) {
                gaps.extend(rhythm.picture(n * 3_000, at(u64::from(n) * 33 + late)));
            }
        }
        let held: Vec<u128> = gaps.iter().map(|gap| gap.held.as_millis()).collect();
        assert_eq!(held.len(), 2);
        assert!(held[0] == 0 && (400..500).contains(&held[1]), "{held:?}");
    }

    #[test]
    fn an_open_one_is_due_as_soon_as_it_is_long_enough() {
        let mut rhythm = Rhythm::default();
        for n in 0..40 {
            rhythm.picture(n * 3_000, at(u64::from(n) * 33));
        }
        let (due, Gap { from: since, .. }) = rhythm.due().unwrap();
        assert_eq!(since.as_micros() / 1_000, 39 * 33);
        assert!(due.since(since) > Duration::from_millis(182));
        assert!(due.since(since) < Duration::from_millis(185));
        rhythm.forget();
        assert_eq!(rhythm.due(), None);
    }
}
