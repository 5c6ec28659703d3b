//! What of the estimate of a path is used.
//!
//! An estimate that follows every swing of a path is followed to the letter by nobody who wants a
//! steady picture:
//! - The burst of a keyframe, or a probe, makes it fall for a second. It rises at once when the path
//!   is free again; while it does, what flows goes on. One that falls on and on is of a path that has
//!   collapsed.
//! - Beyond what flows it is a guess, often half as much again as the path carries. So more is tried in
//!   steps, each when the last one has held.
//! - It climbs until the path fails, falls, and climbs again within seconds. What the path has just
//!   failed to carry is not tried again at once, and then in small steps.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::share::part;
use crate::time::{Time, earliest};

/// How long an estimate may be below what flows while it falls: 300 ms, one report of a browser and
/// a half.
const PATIENCE: Duration = Duration::from_millis(300);
/// The same while it rises.
const RECOVERY: Duration = Duration::from_secs(3);
/// Of what flows, the least that is a swing; less is believed at once: 35 %.
const SWING: (u64, u64) = (35, 100);
/// An estimate that falls twice in a row, below so much of what flows, will go on falling: the path has
/// collapsed, and how deep, nobody knows before it rises again. 60 %.
const DEEP: (u64, u64) = (60, 100);
/// After a collapse, how long only what is small is sent, at least and at most.
const COLLAPSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));
/// What flows for so long has held. 1 s: a path that carries a tenth less has lost what its queue does
/// not hold.
const HOLDS: Duration = Duration::from_secs(1);
/// Of what has held, what is tried next: 125 %.
const STEP: (u64, u64) = (125, 100);
/// Of what failed before, what is tried next: 112 %.
const SMALL_STEP: (u64, u64) = (112, 100);
/// An estimate that grows by so much at once comes from a probe: that much came through. 110 %.
const JUMP: (u64, u64) = (110, 100);
/// What flows more since so long is why the path fails, if it does.
const NEW: Duration = Duration::from_secs(6);
/// How long the first failure is remembered: 8 s. What follows a retry that failed, twice as long
/// each time, at most [`LONGEST`].
const FIRST: Duration = Duration::from_secs(8);
/// 64 s: a path that got better is used a minute later at worst.
const LONGEST: Duration = Duration::from_secs(64);
/// An estimate so far above what failed, from a probe, says that the path has become another: 160 %.
const OTHER: (u64, u64) = (160, 100);
/// Of what flowed when the path failed, the most that it is believed to carry: 95 %.
const BELIEVED: (u64, u64) = (95, 100);
/// When it fails, an estimate is below what came through: by so much more is believed, 112 %.
const CAME: (u64, u64) = (112, 100);

/// One path. All rates are bits a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Budget {
    /// When it was asked last.
    at: Time,
    estimate: u64,
    rises: bool,
    /// How often it has fallen in a row.
    falls: u32,
    /// Since when the estimate is below what flows.
    short_since: Option<Time>,
    /// Since when the path has collapsed.
    collapsed: Option<Time>,
    /// When patience ends.
    patient_until: Option<Time>,
    /// What flows, and since when that much.
    flows: (u64, Time),
    /// The most that has held.
    held: u64,
    /// What the path is believed to carry since it failed.
    failed: Option<u64>,
    /// As long as this, that is not exceeded.
    until: Time,
    /// How long the next failure is remembered.
    wait: Option<Duration>,
}

impl Budget {
    /// What of an estimate is to be used where `flows` is sent now.
    pub(crate) fn of(&mut self, t: Time, estimate: u64, flows: u64) -> u64 {
        self.at = t;
        self.hear(estimate);
        self.see(flows);
        self.patient_until = None;
        let (least, most) = COLLAPSE;
        let is_over = |since: &mut Time| t >= *since + if self.rises { least } else { most };
        self.collapsed.take_if(is_over);
        if estimate < flows {
            let since = *self.short_since.get_or_insert(t);
            let patience = if self.rises { RECOVERY } else { PATIENCE };
            let collapses = self.falls >= 2 && estimate < part(flows, DEEP);
            let swings = estimate >= part(flows, SWING) && !collapses;
            if swings && t < since + patience {
                self.patient_until = Some(since + patience);
                return flows;
            }
            self.fail(flows);
            if collapses {
                self.collapsed = Some(t);
            }
        } else {
            self.short_since = None;
            let (flows, since) = self.flows;
            if t >= since + HOLDS {
                self.held = self.held.max(flows);
            }
        }
        self.most().min(estimate)
    }

    /// Whether only what is small is to be sent.
    pub(crate) fn has_collapsed(&self) -> bool {
        self.collapsed.is_some()
    }

    /// When [`Budget::of`] may say something else although nothing has changed.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let (flows, since) = self.flows;
        let may_hold = flows > self.held && self.short_since.is_none();
        let holds = may_hold.then(|| since + HOLDS);
        let lifted = self.failed.map(|_| self.until);
        let (least, most) = COLLAPSE;
        let [soon, late] = [least, most].map(|time| self.collapsed.map(|since| since + time));
        let all = [holds, lifted, soon, late, self.patient_until];
        earliest(all.map(|due| due.filter(|due| *due > self.at)))
    }

    /// The most that is tried now.
    fn most(&self) -> u64 {
        match self.failed {
            Some(failed) if self.at < self.until => failed,
            Some(failed) => part(failed.max(self.held), SMALL_STEP),
            None => part(self.held.max(self.flows.0), STEP),
        }
    }

    fn hear(&mut self, estimate: u64) {
        let before = std::mem::replace(&mut self.estimate, estimate);
        if estimate != before {
            self.rises = estimate > before;
            self.falls = if self.rises {
                0
            } else {
                self.falls.saturating_add(1)
            };
        }
        if estimate > part(before, JUMP) {
            self.held = self.held.max(estimate);
        }
        let is_other = |failed| estimate > part(failed, OTHER);
        let is_old = self.at > self.until + LONGEST;
        if self.failed.is_some_and(is_other) || is_old {
            (self.failed, self.wait) = (None, None);
        }
    }

    fn see(&mut self, flows: u64) {
        let (before, _) = self.flows;
        if flows > before + before / 10 {
            self.flows = (flows, self.at);
        } else if flows < before {
            self.flows.0 = flows;
        }
    }

    fn fail(&mut self, flows: u64) {
        let came = part(self.estimate, CAME).min(part(flows, BELIEVED));
        self.held = self.held.min(came);
        let is_new = self.at < self.flows.1 + NEW;
        match &mut self.failed {
            // The same failure, as long as it goes on.
            Some(failed) if self.at < self.until => *failed = came.min(*failed),
            _ if is_new => {
                let wait = self.wait.unwrap_or(FIRST);
                self.failed = Some(came);
                self.until = self.at + wait;
                self.wait = Some(wait.saturating_mul(2).min(LONGEST));
            }
            _ => {}
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
        let mut budget = Budget::default();
        assert_eq!(budget.of(at(0), 2_000, 1_000), 2_000);
        assert_eq!(budget.of(at(10_000), 349, 1_000), 349);
    }

    #[test]
    fn after_a_collapse_only_what_is_small_is_sent_until_the_estimate_rises() {
        let mut budget = Budget::default();
        assert_eq!(budget.of(at(0), 4_000, 3_000), 4_000);
        assert_eq!(budget.of(at(10_000), 1_700, 3_000), 3_000, "a swing so far");
        assert_eq!(budget.of(at(10_200), 1_400, 3_000), 1_400);
        assert!(budget.has_collapsed());
        assert_eq!(budget.of(at(10_400), 300, 200), 300);
        assert_eq!(budget.of(at(11_199), 320, 200), 320);
        assert!(budget.has_collapsed());
        assert_eq!(budget.deadline(), Some(at(11_200)));
        assert_eq!(budget.of(at(11_200), 320, 200), 320);
        assert!(!budget.has_collapsed());
        // One that does not rise.
        budget.of(at(20_000), 4_000, 3_000);
        budget.of(at(20_200), 1_700, 3_000);
        budget.of(at(20_400), 1_400, 3_000);
        budget.of(at(23_399), 1_400, 200);
        assert!(budget.has_collapsed());
        budget.of(at(23_400), 1_400, 200);
        assert!(!budget.has_collapsed());
    }

    #[test]
    fn a_guess_is_tried_in_steps_each_when_the_last_one_has_held() {
        let mut budget = Budget::default();
        assert_eq!(budget.of(at(0), 1_000, 1_000), 1_000, "a probe");
        // It grows by less than a probe would make it.
        let mut estimate = 1_000;
        for ms in (200..2_000).step_by(200) {
            estimate += 90;
            budget.of(at(ms), estimate, 1_000);
        }
        assert_eq!(budget.of(at(2_000), estimate, 1_000), 1_250);
        assert_eq!(budget.of(at(2_200), estimate, 1_200), 1_500);
        assert_eq!(budget.deadline(), Some(at(3_200)));
        assert_eq!(budget.of(at(3_200), estimate, 1_200), 1_500);
        assert_eq!(budget.of(at(3_300), estimate, 1_000), 1_500, "it has held");
        assert_eq!(budget.of(at(3_400), 2_400, 1_000), 2_400, "a probe");
    }

    #[test]
    fn what_failed_soon_is_not_tried_again_at_once_and_less_often_each_time() {
        let mut budget = Budget::default();
        assert_eq!(budget.of(at(0), 2_500, 1_000), 2_500);
        let mut now = 10_000;
        for wait in [8_000, 16_000, 32_000, 64_000, 64_000] {
            budget.of(at(now), 2_000, 2_000);
            assert_eq!(budget.of(at(now + 200), 1_500, 2_000), 2_000);
            now += 500;
            assert_eq!(budget.of(at(now), 1_500, 2_000), 1_500);
            assert_eq!(budget.deadline(), Some(at(now + wait)));
            // What came through is a little more than the estimate says.
            for (ms, estimate) in [(200, 1_640), (400, 1_800), (600, 1_970), (800, 2_150)] {
                let used = budget.of(at(now + ms), estimate, 1_400);
                assert_eq!(used, estimate.min(1_680));
            }
            assert_eq!(budget.of(at(now + wait - 1), 2_150, 1_400), 1_680);
            now += wait;
            assert_eq!(budget.of(at(now), 2_150, 1_400), 1_881, "a small step");
        }
        now += 65_000;
        assert_eq!(budget.of(at(now), 2_150, 1_800), 2_150);
        budget.of(at(now + 200), 2_150, 2_150);
        budget.of(at(now + 400), 1_500, 2_150);
        assert_eq!(budget.of(at(now + 700), 1_500, 2_150), 1_500);
        assert_eq!(budget.deadline(), Some(at(now + 8_700)), "all is forgotten");
    }

    #[test]
    fn a_path_that_has_become_another_is_used_at_once() {
        let mut budget = Budget::default();
        assert_eq!(budget.of(at(0), 600, 2_000), 600);
        assert_eq!(budget.of(at(1_000), 1_000, 500), 672);
        assert_eq!(budget.of(at(1_200), 1_076, 500), 1_076);
        assert_eq!(budget.deadline(), None);
    }

    #[test]
    fn a_path_that_gets_worse_step_by_step_has_failed_once() {
        let mut budget = Budget::default();
        for (ms, estimate, flows) in [(0, 600, 2_000), (1_000, 400, 1_400), (2_000, 100, 600)] {
            assert_eq!(budget.of(at(ms), estimate, flows), estimate);
        }
        assert_eq!(budget.of(at(3_000), 109, 100), 109);
        assert_eq!(budget.of(at(7_999), 118, 100), 112);
        assert_eq!(budget.of(at(8_000), 128, 100), 125);
    }
}
