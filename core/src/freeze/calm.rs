//! Pictures that come as evenly as they were made: nothing is to be found out about them one by one.

use std::time::Duration;

use super::rhythm::{Rhythm, made_between};
use crate::time::Time;

/// What is no longer apart can be no gap: 120 ms.
const APART: Duration = Duration::from_millis(120);
/// What comes sooner or later by less, compared with the first of them, is even. 10 ms.
const EVEN: i64 = 10_000;
/// So many at most: as many as count for the mean of their distances.
const COUNT: u8 = 30;

/// Pictures behind one of which all was found out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calm {
    /// When that came, and when the last one did.
    first: Time,
    last: Time,
    /// Their timestamps.
    began: u32,
    timestamp: u32,
    count: u8,
    /// There may be some.
    is_calm: bool,
}

impl Calm {
    /// A picture can be shown of which all was found out. `regular`: enough is known of those before it.
    pub(super) fn begin(&mut self, timestamp: u32, at: Time, regular: bool) {
        *self = Self {
            first: at,
            last: at,
            began: timestamp,
            timestamp,
            count: 0,
            is_calm: regular,
        };
    }

    /// A picture can be shown. Says whether it is even with those before it.
    #[inline]
    pub(super) fn takes(&mut self, timestamp: u32, at: Time) -> bool {
        if !self.goes_on(at) || self.count == COUNT {
            return false;
        }
        let took = at.micros_since(self.first).cast_signed();
        let is_even = (took - made_between(self.began, timestamp)).abs() < EVEN;
        if is_even {
            self.count += 1;
            (self.last, self.timestamp) = (at, timestamp);
        }
        is_even
    }

    /// Whether the next one may be even.
    pub(super) fn goes_on(&self, now: Time) -> bool {
        self.is_calm && now < self.last + APART
    }

    /// Tells of all that were even, at once.
    pub(super) fn settle(&mut self, rhythm: &mut Rhythm) {
        let calm = std::mem::take(self);
        if calm.count > 0 {
            rhythm.pictures(calm.count, calm.timestamp, calm.last);
        }
    }

    /// How much later than the first one the last one was made.
    pub(super) fn lasted(&self) -> Duration {
        let made = made_between(self.began, self.timestamp);
        Duration::from_micros(made.max(0).cast_unsigned())
    }
}
