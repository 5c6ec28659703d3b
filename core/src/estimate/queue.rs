//! How long packets wait on the path: what they take, beside the least that any took lately.

use std::time::Duration;

use crate::time::Time;

/// The least of so long ago at most is compared with, once and once more. 10 s: a clock that drifts by 500
/// parts in a million has gone wrong by 10 ms after two of them, and whatever else fills the queue for
/// good is part of the path then.
const MEMORY: Duration = Duration::from_secs(10);

/// What waits so long for so long is a queue that stands, which no slope tells.
const STANDS: (Duration, Duration) = (Duration::from_millis(80), Duration::from_millis(500));
/// Of it, what has to be left after less was sent for so long; otherwise it is not ours: 80 %.
const OURS: (u32, u32) = (4, 5);
const TRIED: Duration = Duration::from_secs(1);
/// And then nothing is done about it for so long.
const OTHERS: Duration = Duration::from_secs(10);

/// What grows in so many feedbacks in a row, by so much in all, and by this in each.
const SURGE: (u32, Duration) = (3, Duration::from_millis(80));
const MORE: Duration = Duration::from_millis(10);

/// What packets take, microseconds; between two clocks, so only differences say something.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The least since `since`, and in the time before that.
    least: Option<i64>,
    before: Option<i64>,
    since: Time,
    /// The least of the feedback that is being read, and of the last one.
    reading: Option<i64>,
    last: Option<i64>,
    /// Since when so much waits.
    stands: Option<Time>,
    /// When less was sent for that, and what waited then.
    tried: Option<(Time, Duration)>,
    /// Until then it is believed to be that of others.
    others: Time,
    /// In how many feedbacks in a row more waited than in the one before, and what waited before them.
    surge: (u32, Duration),
}

impl Queue {
    /// A packet took so long.
    pub(super) fn took(&mut self, micros: i64) {
        self.reading = Some(self.reading.map_or(micros, |least| least.min(micros)));
    }

    /// A feedback was read.
    pub(super) fn told(&mut self, t: Time) {
        let Some(read) = self.reading.take() else {
            return;
        };
        if t.since(self.since) >= MEMORY {
            self.before = self.least.take();
            self.since = t;
        }
        self.least = Some(self.least.map_or(read, |least| least.min(read)));
        let before = self.waits();
        self.last = Some(read);
        let waits = self.waits();
        if waits > before + MORE {
            self.surge.0 += 1;
        } else {
            self.surge = (0, waits);
        }
        if waits < STANDS.0 {
            (self.stands, self.tried) = (None, None);
        } else {
            self.stands.get_or_insert(t);
        }
    }

    /// Whether a queue stands, and less is to be sent for that. Asked when that can be done.
    pub(super) fn stands(&mut self, t: Time) -> bool {
        let Some(since) = self.stands.filter(|_| t >= self.others) else {
            return false;
        };
        let waits = self.waits();
        if let Some((tried, before)) = self.tried {
            if t < tried + TRIED {
                return false;
            }
            if waits > before * OURS.0 / OURS.1 {
                (self.stands, self.tried) = (None, None);
                self.others = t + OTHERS;
                return false;
            }
        } else if t < since + STANDS.1 {
            return false;
        }
        self.tried = Some((t, waits));
        true
    }

    /// Whether a queue grows so fast that no line through delays is needed to tell: that takes as long
    /// again, where far more is sent than the path carries any more.
    pub(super) fn surges(&self) -> bool {
        let (times, from) = self.surge;
        times >= SURGE.0 && self.waits() >= from + SURGE.1
    }

    /// How long what came last had waited.
    pub(super) fn waits(&self) -> Duration {
        let least = match (self.least, self.before) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let (Some(last), Some(least)) = (self.last, least) else {
            return Duration::ZERO;
        };
        let waits = last.saturating_sub(least);
        Duration::from_micros(waits.try_into().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_told_until_it_is_usual() {
        let mut queue = Queue::default();
        let mut told = |ms, took: &[i64]| {
            for took in took {
                queue.took(took * 1_000);
            }
            queue.told(Time::from_millis(ms));
            queue.waits().as_millis()
        };
        assert_eq!(told(0, &[]), 0);
        assert_eq!(told(100, &[-5_000, -4_970]), 0);
        assert_eq!(told(200, &[-4_900, -4_800]), 100);
        assert_eq!(told(300, &[]), 100);
        assert_eq!(told(10_100, &[-4_900]), 100);
        assert_eq!(told(20_000, &[-4_950]), 50);
        assert_eq!(told(20_200, &[-4_900]), 50);
        assert_eq!(told(41_000, &[-4_900]), 0);
    }

    #[test]
    fn a_queue_that_grows_with_each_feedback_surges_and_what_trembles_does_not() {
        let surges = |all: &[i64]| {
            let mut queue = Queue::default();
            let mut at = 0;
            all.iter().position(|took| {
                queue.took(took * 1_000);
                at += 50;
                queue.told(Time::from_millis(at));
                queue.surges()
            })
        };
        assert_eq!(surges(&[20, 20, 60, 90, 120, 150]), Some(4));
        assert_eq!(surges(&[20, 20, 40, 60, 80, 99]), None);
        assert_eq!(surges(&[20, 20, 45, 70, 95, 120]), Some(5));
        assert_eq!(surges(&[20, 120, 30, 125, 128, 200, 130]), None);
    }
}
