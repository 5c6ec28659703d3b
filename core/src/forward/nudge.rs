//! When to have a path probed again.
//!
//! An estimator probes when more is wanted than before, after a long rest, and where little is sent of
//! what is estimated. A viewer of a narrow link who gets less than it wants has none of these: nothing
//! would find out for a long time that its path carries more. So what is wanted is said to be less, and
//! then again what it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::share::part;
use crate::time::Time;

/// Between two changes. 1.5 s: a probe every three.
const INTERVAL: Duration = Duration::from_millis(1_500);
/// What is said meanwhile: 80 %.
const LESS: (u64, u64) = (80, 100);

/// What is said of one path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Nudge {
    /// When to say something else.
    at: Option<Time>,
    less: bool,
}

impl Nudge {
    /// What is said to be desired where it is `desired`; `unmet`: that is not sent.
    pub(crate) fn of(&mut self, t: Time, unmet: bool, desired: u64) -> u64 {
        if !unmet {
            *self = Self::default();
            return desired;
        }
        let at = *self.at.get_or_insert(t + INTERVAL);
        if at <= t {
            self.less = !self.less;
            self.at = Some(t + INTERVAL);
        }
        if self.less {
            part(desired, LESS)
        } else {
            desired
        }
    }

    /// When [`Nudge::of`] says something else.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_rises_again_and_again_until_it_is_had() {
        let mut nudge = Nudge::default();
        let mut said = |ms, unmet| nudge.of(Time::from_millis(ms), unmet, 1_000);
        assert_eq!(said(0, false), 1_000);
        assert_eq!(said(100, true), 1_000);
        assert_eq!(said(1_599, true), 1_000);
        assert_eq!(said(1_600, true), 800);
        assert_eq!(said(3_099, true), 800);
        assert_eq!(said(3_100, true), 1_000);
        assert_eq!(said(4_600, true), 800);
        assert_eq!(said(4_700, false), 1_000);
        assert_eq!(nudge.deadline(), None);
    }
}
