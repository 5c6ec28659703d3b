//! Time as the core sees it: what the runtime says it is.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment, in microseconds since `t = 0` of the [`Sfu`](crate::Sfu) that it belongs to.
///
/// Monotonic and supplied by the caller: the core never reads a clock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Time(u64);

impl Time {
    /// `t = 0`.
    pub const ZERO: Time = Time(0);

    /// A moment `micros` microseconds after `t = 0`.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// A moment `millis` milliseconds after `t = 0`.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    /// Microseconds since `t = 0`.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// What is not urgent is done at moments that are the same for everybody, so that whoever drives this wakes up
/// once for all of them. 50 ms apart, in microseconds.
const MOMENTS: u64 = 50_000;

impl Time {
    /// [`Time::since`] in microseconds. A `Duration` is divided, which is much for each packet.
    pub(crate) const fn micros_since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The first of those moments that is not before.
    pub(crate) fn moment(self) -> Self {
        Self(self.0.div_ceil(MOMENTS).saturating_mul(MOMENTS))
    }
}

/// The first of these, if there is any.
pub(crate) fn earliest<const N: usize>(times: [Option<Time>; N]) -> Option<Time> {
    let mut first = None;
    // Plainly: this is asked for each packet that is forwarded.
    for time in &times {
        if let Some(time) = time
            && first.is_none_or(|first| *time < first)
        {
            first = Some(*time);
        }
    }
    first
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Time(self.0.saturating_add(micros))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;

    /// Saturates at `t = 0`.
    fn sub(self, duration: Duration) -> Time {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Time(self.0.saturating_sub(micros))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// The wall-clock time of `t = 0`, in microseconds since the Unix epoch (UTC).
///
/// Only sender reports (RFC 3550, 6.4.1) and people who read a trace need it; no decision does.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct WallTime(u64);

impl WallTime {
    /// `micros` microseconds since the Unix epoch.
    pub const fn from_unix_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_unix_micros(self) -> u64 {
        self.0
    }
}
