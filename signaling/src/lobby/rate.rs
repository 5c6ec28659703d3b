//! How often something may happen: the generic cell rate algorithm (ITU-T I.371, A.2), which needs
//! one point in time for each thing that it watches.

use std::time::Duration;

use tsuji_core::Time;

const MINUTE: Duration = Duration::from_secs(60);

/// Watches one thing. It may happen `per_minute` times at once, and again as often in each minute
/// that follows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meter {
    /// When all of it will be as if nothing had happened.
    settled: Time,
}

impl Meter {
    /// Whether it may happen at `now`.
    pub(super) fn allows(&self, per_minute: u32, now: Time) -> bool {
        self.after(per_minute, now) <= now + MINUTE
    }

    /// It happens at `now`, unless it may not; tells whether.
    pub(super) fn spend(&mut self, per_minute: u32, now: Time) -> bool {
        let allowed = self.allows(per_minute, now);
        if allowed {
            self.settled = self.after(per_minute, now);
        }
        allowed
    }

    /// From when on nothing is known of it any more.
    pub(super) fn settled(&self) -> Time {
        self.settled
    }

    fn after(&self, per_minute: u32, now: Time) -> Time {
        // A limit of 0 is one of never: what happens takes more than the whole minute.
        let each = MINUTE
            .checked_div(per_minute)
            .unwrap_or(MINUTE + Duration::from_micros(1));
        self.settled.max(now) + each
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_each_in_its_time() {
        let mut meter = Meter::default();
        let at = |seconds: u64| Time::from_millis(seconds * 1_000);
        let burst = (0..100).filter(|_| meter.spend(6, at(100))).count();
        assert_eq!(burst, 6);
        assert!(!meter.spend(6, at(109)));
        assert!(meter.spend(6, at(110)));
        assert!(!meter.spend(6, at(119)));
        assert_eq!(meter.settled(), at(170));
        let later = (0..100).filter(|_| meter.spend(6, at(500))).count();
        assert_eq!(later, 6, "a pause saves up one minute's worth and no more");
    }

    #[test]
    fn a_limit_of_none_lets_nothing_happen() {
        let mut meter = Meter::default();
        assert!(!meter.spend(0, Time::from_millis(5)));
        assert_eq!(meter.settled(), Time::ZERO);
    }
}
