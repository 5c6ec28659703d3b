//! Trouble that may come a million times a second, logged at a bounded rate.

use std::time::Duration;

use tsuji_core::Time;

/// Counts one kind of trouble and says when to log it.
#[derive(Debug)]
pub struct Trouble {
    interval: Duration,
    count: u64,
    unlogged: u64,
    quiet_until: Time,
}

impl Trouble {
    /// Logs at most once per `interval`.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            count: 0,
            unlogged: 0,
            quiet_until: Time::ZERO,
        }
    }

    /// It happened. The answer, if there is one, is how often it did since it was last logged:
    /// log it now.
    pub fn happened(&mut self, t: Time) -> Option<u64> {
        self.happened_to(t, 1)
    }

    /// The same, to so many at once.
    pub fn happened_to(&mut self, t: Time, many: u64) -> Option<u64> {
        self.count += many;
        self.unlogged += many;
        if t < self.quiet_until {
            return None;
        }
        self.quiet_until = t + self.interval;
        Some(std::mem::take(&mut self.unlogged))
    }

    /// How often it happened in all.
    pub fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_trouble_is_one_line_per_interval_and_none_is_forgotten() {
        let mut trouble = Trouble::new(Duration::from_secs(10));
        assert_eq!(trouble.happened(Time::from_millis(1)), Some(1));
        for ms in 2..1_000 {
            assert_eq!(trouble.happened(Time::from_millis(ms)), None);
        }
        assert_eq!(trouble.happened(Time::from_millis(10_001)), Some(999));
        assert_eq!(trouble.count(), 1_000);
    }
}
