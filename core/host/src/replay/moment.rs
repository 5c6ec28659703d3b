//! Moments as people write and read them.

use std::str::FromStr;

use jiff::{Timestamp, civil, tz::TimeZone};
use tsuji_core::{Time, WallTime};

/// A moment of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    /// Since the start of the server.
    Elapsed(Time),
    /// At this time of day (UTC), the first one after the start.
    TimeOfDay(civil::Time),
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected seconds, such as 12.5, or a time of day, such as 14:03:10";
        if text.contains(':') {
            return text.parse().map(Moment::TimeOfDay).map_err(|_| EXPECTED);
        }
        let seconds: f64 = text.parse().map_err(|_| EXPECTED)?;
        let duration = std::time::Duration::try_from_secs_f64(seconds).map_err(|_| EXPECTED)?;
        Ok(Moment::Elapsed(Time::ZERO + duration))
    }
}

impl Moment {
    /// The time since `epoch`, which is `t = 0`.
    pub(super) fn since(self, epoch: WallTime) -> Time {
        match self {
            Moment::Elapsed(time) => time,
            Moment::TimeOfDay(of_day) => {
                let start = timestamp(epoch, Time::ZERO).to_zoned(TimeZone::UTC).time();
                let micros = |time: civil::Time| {
                    i64::try_from(time.duration_since(civil::Time::midnight()).as_micros())
                        .unwrap_or(0)
                };
                let after = (micros(of_day) - micros(start)).rem_euclid(24 * 3_600 * 1_000_000);
                Time::from_micros(after.unsigned_abs())
            }
        }
    }
}

/// What a wall clock showed (UTC).
pub(super) fn wall_clock(epoch: WallTime, t: Time, format: &str) -> String {
    timestamp(epoch, t).strftime(format).to_string()
}

fn timestamp(epoch: WallTime, t: Time) -> Timestamp {
    let micros = epoch.as_unix_micros().saturating_add(t.as_micros());
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-06-15, 15:06:40.
    const EPOCH: WallTime = WallTime::from_unix_micros(1_750_000_000_000_000);

    #[test]
    fn a_moment_is_seconds_or_a_time_of_day() {
        let since = |text: &str| text.parse::<Moment>().map(|moment| moment.since(EPOCH));
        assert_eq!(since("12.5"), Ok(Time::from_millis(12_500)));
        assert_eq!(since("15:06:40"), Ok(Time::ZERO));
        assert_eq!(since("15:06:41.25"), Ok(Time::from_millis(1_250)));
        let day = 24 * 3_600 * 1_000;
        assert_eq!(
            since("15:06:39"),
            Ok(Time::from_millis(day - 1_000)),
            "tomorrow"
        );
        for bad in ["", "-1", "1e99", "NaN", "25:00:00", "12:", "p1"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_clock_shows_the_time_of_the_recording() {
        let shown = wall_clock(EPOCH, Time::from_millis(90_500), "%H:%M:%S%.3f");
        assert_eq!(shown, "15:08:10.500");
    }
}
