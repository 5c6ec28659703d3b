//! What of the estimate of a path is used.
//!
//! An estimate that follows every swing of a path is followed to the letter by nobody who wants a
//! steady picture:
//! - The burst of a keyframe, or a probe, makes it fall for a second. It rises at once when the path
//!   is free again; while it does, what flows goes on.
//! - It climbs until the path fails, falls, and climbs again within seconds. What the path has just
//!   failed to carry is not tried again at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// How long an estimate may be below what flows while it falls: 300 ms, one report of a browser and
/// a half.
const PATIENCE: Duration = Duration::from_millis(300);
/// The same while it rises.
const RECOVERY: Duration = Duration::from_secs(3);
/// Of what flows, the least that is a swing; less is believed at once: 35 %.
const SWING: (u64, u64) = (35, 100);
/// What flows more since so long is why the path fails, if it does.
const NEW: Duration = Duration::from_secs(6);
/// How long the first failure is remembered: 8 s. What follows a retry that failed, twice as long
/// each time, at most [`LONGEST`].
const FIRST: Duration = Duration::from_secs(8);
/// 64 s: a path that got better is used a minute later at worst.
const LONGEST: Duration = Duration::from_secs(64);
/// An estimate so far above what failed, from a probe, says that the path has become another: 160 %.
const OTHER: (u64, u64) = (160, 100);
/// Of what flowed when the path failed, what it is believed to carry: 95 %.
const BELIEVED: (u64, u64) = (95, 100);

/// One path. All rates are bits a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Budget {
    estimate: u64,
    rises: bool,
    /// Since when it is below what flows.
    short_since: Option<Time>,
    /// When patience ends.
    patient_until: Option<Time>,
    /// What flows, and since when that much.
    flows: (u64, Time),
    /// What is not to be exceeded.
    ceiling: Option<u64>,
    /// As long as this.
    until: Time,
    /// How long the next failure is remembered.
    wait: Option<Duration>,
}

impl Budget {
    /// What of an estimate is to be used where `flows` is sent now.
    pub(crate) fn of(&mut self, t: Time, estimate: u64, flows: u64) -> u64 {
        self.note(t, estimate, flows);
        self.patient_until = None;
        if estimate < flows {
            let since = *self.short_since.get_or_insert(t);
            let patience = if self.rises { RECOVERY } else { PATIENCE };
            let swings = estimate >= flows.saturating_mul(SWING.0) / SWING.1;
            if swings && t < since + patience {
                self.patient_until = Some(since + patience);
                return flows;
            }
            self.fail(t, flows);
        } else {
            self.short_since = None;
        }
        self.ceiling.map_or(estimate, |most| most.min(estimate))
    }

    /// When [`Budget::of`] may say something else although nothing has changed.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let lifted = self.ceiling.map(|_| self.until);
        lifted.into_iter().chain(self.patient_until).min()
    }

    fn note(&mut self, t: Time, estimate: u64, flows: u64) {
        if estimate != self.estimate {
            self.rises = estimate > self.estimate;
            self.estimate = estimate;
        }
        let (before, _) = self.flows;
        if flows > before + before / 10 {
            self.flows = (flows, t);
        } else if flows < before {
            self.flows.0 = flows;
        }
        let beyond = |most: u64| estimate > most.saturating_mul(OTHER.0) / OTHER.1;
        if self.ceiling.is_some_and(beyond) {
            (self.ceiling, self.wait) = (None, None);
        }
        let over = t >= self.until;
        if over && self.ceiling.take().is_none() && t.since(self.until) > LONGEST {
            self.wait = None;
        }
    }

    fn fail(&mut self, t: Time, flows: u64) {
        let failed = flows.saturating_mul(BELIEVED.0) / BELIEVED.1;
        match &mut self.ceiling {
            // The same failure, as long as it goes on.
            Some(ceiling) => *ceiling = failed.min(*ceiling),
            None if t < self.flows.1 + NEW => {
                let wait = self.wait.unwrap_or(FIRST);
                self.ceiling = Some(failed);
                self.until = t + wait;
                self.wait = Some((2 * wait).min(LONGEST));
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn a_swing_changes_nothing_while_it_recovers() {
        let mut budget = Budget::default();
        assert_eq!(budget.of(at(0), 2_000, 1_000), 2_000);
        assert_eq!(budget.of(at(10_000), 400, 1_000), 1_000);
        assert_eq!(budget.deadline(), Some(at(10_300)));
        for (ms, estimate) in [(10_200, 500), (10_400, 600), (12_000, 900)] {
            assert_eq!(budget.of(at(ms), estimate, 1_000), 1_000);
            assert_eq!(budget.deadline(), Some(at(13_000)));
        }
        assert_eq!(budget.of(at(12_200), 1_100, 1_000), 1_100);
        assert_eq!(budget.deadline(), None);
    }

    #[test]
    fn what_stays_low_is_believed_and_what_is_very_low_at_once() {
        let mut budget = Budget::default();
        assert_eq!(budget.of(at(0), 2_000, 1_000), 2_000);
        assert_eq!(budget.of(at(10_000), 700, 1_000), 1_000);
        assert_eq!(budget.of(at(10_200), 650, 1_000), 1_000);
        assert_eq!(budget.of(at(10_300), 650, 1_000), 650);
        assert_eq!(budget.deadline(), None, "that flowed for long");
        let mut budget = Budget::default();
        assert_eq!(budget.of(at(0), 2_000, 1_000), 2_000);
        assert_eq!(budget.of(at(10_000), 349, 1_000), 349);
    }

    #[test]
    fn what_failed_soon_is_not_tried_again_at_once_and_less_often_each_time() {
        let mut budget = Budget::default();
        assert_eq!(budget.of(at(0), 3_000, 1_000), 3_000);
        let mut now = 10_000;
        for wait in [8_000, 16_000, 32_000, 64_000, 64_000] {
            assert_eq!(budget.of(at(now), 3_000, 2_000), 3_000);
            now += 1_000;
            assert_eq!(budget.of(at(now), 600, 2_000), 600);
            assert_eq!(budget.deadline(), Some(at(now + wait)));
            assert_eq!(budget.of(at(now + 500), 3_000, 1_000), 1_900);
            assert_eq!(budget.of(at(now + wait - 1), 3_000, 1_000), 1_900);
            now += wait;
            assert_eq!(budget.of(at(now), 3_000, 1_000), 3_000);
        }
        now += 65_000;
        assert_eq!(budget.of(at(now), 3_000, 1_000), 3_000);
        assert_eq!(budget.of(at(now), 3_000, 2_000), 3_000);
        assert_eq!(budget.of(at(now + 1), 600, 2_000), 600);
        assert_eq!(budget.deadline(), Some(at(now + 8_001)), "all is forgotten");
    }

    #[test]
    fn a_path_that_has_become_another_is_used_at_once() {
        let mut budget = Budget::default();
        assert_eq!(budget.of(at(0), 600, 2_000), 600);
        assert_eq!(budget.of(at(1_000), 3_000, 1_000), 1_900);
        assert_eq!(budget.of(at(1_200), 3_041, 1_000), 3_041);
        assert_eq!(budget.deadline(), None);
    }

    #[test]
    fn a_path_that_gets_worse_step_by_step_has_failed_once() {
        let mut budget = Budget::default();
        for (ms, estimate, flows) in [(0, 600, 2_000), (1_000, 400, 1_400), (2_000, 100, 600)] {
            assert_eq!(budget.of(at(ms), estimate, flows), estimate);
        }
        assert_eq!(budget.of(at(3_000), 900, 300), 570);
        assert_eq!(budget.of(at(7_999), 912, 300), 570);
        assert_eq!(budget.of(at(8_000), 900, 300), 900);
    }
}
