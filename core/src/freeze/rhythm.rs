//! The time between pictures as they are shown, and when that is a freeze.

use std::time::Duration;

use crate::time::Time;

/// Distances whose mean counts.
const DISTANCES: usize = 30;
/// Before so many are known, nothing is judged.
const TOO_FEW: u8 = 5;
/// 150 ms, in microseconds.
const AT_LEAST: u64 = 150_000;
/// What is longer than it may be by less, microseconds, is a freeze to one clock and none to another. 15 ms.
const CLOSE: u64 = 15_000;
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
    /// It is hardly long enough.
    pub(crate) close: bool,
}

/// Pictures of one stream, as a jitter buffer shows them: each so long after it was made as the latest of
/// the last ones needed. What is late for the first time freezes the picture, what is as late again does
/// not.
///
/// What each picture changes comes first: there is one for each stream of each viewer.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Rhythm {
    newest: Option<Newest>,
    /// From when a picture is made until it is shown, beside what all take, microseconds.
    delay: i64,
    /// Of all distances.
    sum: u64,
    /// How many of them are known, and which is the oldest when all are.
    known: u8,
    next: u8,
    distances: [u32; DISTANCES],
    /// Since when they are enough to judge by.
    judges: Option<Time>,
    /// What came since the newest is not known.
    skips: bool,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    timestamp: u32,
    /// When it would have come, had it been as quick as the quickest, microseconds.
    expected: i64,
    came: Time,
    shown: Time,
}

impl Rhythm {
    /// A picture can be decoded. Gives the freeze that it ends, if it does.
    pub(crate) fn picture(&mut self, timestamp: u32, at: Time) -> Option<Gap> {
        let held = Duration::from_micros(self.delay.cast_unsigned());
        if std::mem::take(&mut self.skips) {
            self.step(timestamp, at, self.skipped(at));
            // There may have been a pause of which nothing is known.
            self.judges = self.judges.and(Some(at));
            return None;
        }
        let (before, shown) = self.step(timestamp, at, 1)?;
        let distance = shown.micros_since(before);
        let over = self
            .threshold()
            .and_then(|least| distance.checked_sub(least));
        self.note(distance);
        if self.known == TOO_FEW {
            self.judges.get_or_insert(shown);
        }
        over.map(|over| Gap {
            from: before,
            to: Some(shown),
            held,
            close: over < CLOSE,
        })
    }

    /// So many pictures could be decoded, evenly, of which this is the last one.
    pub(crate) fn pictures(&mut self, count: u8, timestamp: u32, at: Time) {
        if let Some((before, shown)) = self.step(timestamp, at, count.into()) {
            let each = shown.micros_since(before) / u64::from(count.max(1));
            (0..count).for_each(|_| self.note(each));
        }
    }

    /// How many pictures there were that nothing is known of, up to this time.
    fn skipped(&self, at: Time) -> u64 {
        let passed = self
            .newest
            .map_or(Duration::ZERO, |newest| at.since(newest.came));
        let passed = passed.as_micros() as u64;
        let pictures = (passed * u64::from(self.known)).checked_div(self.sum);
        pictures.unwrap_or(1)
    }

    /// So many pictures later, one can be decoded. Gives when the one before was shown, and this one.
    fn step(&mut self, timestamp: u32, at: Time, pictures: u64) -> Option<(Time, Time)> {
        let came = at.as_micros().cast_signed();
        let Some(newest) = &mut self.newest else {
            self.begin(timestamp, at);
            return None;
        };
        let drift = (at.micros_since(newest.came) / DRIFT).cast_signed();
        let expected = newest.expected + made_between(newest.timestamp, timestamp) + drift;
        let expected = expected.min(came);
        let late = came - expected;
        if late > JUMP {
            self.forget();
            self.begin(timestamp, at);
            return None;
        }
        let pictures = pictures.min(GIVEN_BACK as u64).cast_signed();
        let given_back = self.delay - self.delay * pictures / GIVEN_BACK - drift;
        self.delay = given_back.max(late).max(0);
        let shown = (expected + self.delay).max(0).cast_unsigned();
        let before = newest.shown;
        let shown = Time::from_micros(shown).max(before);
        *newest = Newest {
            timestamp,
            expected,
            came: at,
            shown,
        };
        Some((before, shown))
    }

    /// Whether as many are known as are looked at.
    pub(crate) fn is_regular(&self) -> bool {
        usize::from(self.known) == DISTANCES
    }

    /// What comes next is another picture: the time until then is no freeze.
    pub(crate) fn forget(&mut self) {
        (self.newest, self.judges) = (None, None);
        (self.delay, self.known, self.next, self.sum) = (0, 0, 0, 0);
        self.skips = false;
    }

    /// Pictures come that nothing is known of, but that they came in time: no freeze is in the time until the next.
    pub(crate) fn skip(&mut self) {
        self.skips = true;
    }

    /// From when on the time without a picture is a freeze, and that.
    pub(crate) fn due(&self) -> Option<(Time, Gap)> {
        let shown = self.newest?.shown;
        let gap = Gap {
            from: shown,
            to: None,
            held: Duration::from_micros(self.delay.max(0).cast_unsigned()),
            close: false,
        };
        Some((shown + Duration::from_micros(self.threshold()?), gap))
    }

    /// From when until when all freezes are known.
    pub(crate) fn judged(&self) -> Option<(Time, Time)> {
        self.judges.zip(self.newest.map(|newest| newest.shown))
    }

    fn begin(&mut self, timestamp: u32, at: Time) {
        self.newest = Some(Newest {
            timestamp,
            expected: at.as_micros().cast_signed(),
            came: at,
            shown: at,
        });
    }

    fn note(&mut self, distance: u64) {
        let distance = u32::try_from(distance).unwrap_or(u32::MAX);
        self.sum += u64::from(distance);
        let oldest = std::mem::replace(&mut self.distances[usize::from(self.next)], distance);
        self.next = (self.next + 1) % DISTANCES as u8;
        match usize::from(self.known) == DISTANCES {
            true => self.sum -= u64::from(oldest),
            false => self.known += 1,
        }
    }

    /// The shortest freeze, microseconds.
    fn threshold(&self) -> Option<u64> {
        if self.known < TOO_FEW {
            return None;
        }
        let mean = self.sum / u64::from(self.known);
        Some((3 * mean).max(mean + AT_LEAST))
    }
}

/// How much later than another a picture was made, by their timestamps. Microseconds.
#[inline]
pub(super) fn made_between(timestamp: u32, other: u32) -> i64 {
    i64::from(other.wrapping_sub(timestamp).cast_signed()) * 100 / TICKS
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
    fn what_is_hardly_a_freeze_is_told_to_be_and_it_is_known_from_when_on_all_are_found() {
        for (gap, close) in [
            (184, Some(true)),
            (196, Some(true)),
            (199, Some(false)),
            (182, None),
        ] {
            let mut rhythm = Rhythm::default();
            let shown = (0..40).chain([39 * 33 + gap]);
            let shown: Vec<u64> = shown.map(|n| if n < 40 { n * 33 } else { n }).collect();
            let found = shown
                .iter()
                .filter_map(|ms| rhythm.picture(*ms as u32 * 90, at(*ms)));
            let found: Vec<bool> = found.map(|gap| gap.close).collect();
            assert_eq!(found, Vec::from_iter(close), "{gap}");
            assert_eq!(rhythm.judged(), Some((at(5 * 33), at(39 * 33 + gap))));
            rhythm.forget();
            assert_eq!(rhythm.judged(), None);
        }
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
    fn what_is_skipped_is_no_freeze_and_what_was_held_back_is_given_back_meanwhile() {
        // After the 50th was late, by nothing at first, pictures of 3 s are skipped; then two are late.
        for (late, skipped, late_again, freezes) in [
            (300, true, 250, 1),
            (300, false, 250, 1),
            (300, true, 600, 2),
            (300, false, 600, 2),
            (0, true, 250, 1),
        ] {
            let mut rhythm = Rhythm::default();
            let mut found = 0;
            for n in 0..200_u64 {
                if skipped && (100..190).contains(&n) {
                    rhythm.skip();
                    continue;
                }
                let late = match n {
                    50 => late,
                    195 => late_again,
                    _ => 0,
                };
                found += usize::from(
                    rhythm
                        .picture(n as u32 * 2_970, at(n * 33 + late))
                        .is_some(),
                );
            }
            assert_eq!(found, freezes, "{late} {skipped} {late_again}");
        }
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

    #[test]
    fn what_came_before_something_unknown_is_not_judged() {
        let mut rhythm = Rhythm::default();
        for n in 0..20_u64 {
            assert_eq!(rhythm.picture(n as u32 * 2_970, at(n * 33)), None);
        }
        assert!(rhythm.judged().unwrap().0 < at(300));
        rhythm.skip();
        assert_eq!(rhythm.picture(360_000, at(4_000)), None);
        assert_eq!(rhythm.judged(), Some((at(4_000), at(4_000))));
    }
}
