//! The one clock of the process.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tsuji_core::{Time, WallTime};

/// Turns the monotonic clock of the system into [`Time`]. Copies agree with each other, so both
/// threads tell the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Instant,
    epoch: WallTime,
}

impl Clock {
    /// A clock at `t = 0`.
    pub fn start() -> Self {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let micros = u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX);
        Self {
            base: Instant::now(),
            epoch: WallTime::from_unix_micros(micros),
        }
    }

    /// A clock that has run for some time.
    #[cfg(test)]
    pub(crate) fn started_before(time: Duration) -> Self {
        let clock = Self::start();
        let base = clock.base.checked_sub(time).unwrap_or(clock.base);
        Self { base, ..clock }
    }

    /// The wall-clock time of `t = 0`.
    pub fn epoch(&self) -> WallTime {
        self.epoch
    }

    /// The time since `t = 0`. Never goes back.
    pub fn now(&self) -> Time {
        let micros = u64::try_from(self.base.elapsed().as_micros()).unwrap_or(u64::MAX);
        Time::from_micros(micros)
    }

    /// How long to wait for `deadline`; `None` is forever.
    pub fn until(&self, deadline: Option<Time>) -> Option<Duration> {
        deadline.map(|deadline| deadline.since(self.now()))
    }
}
