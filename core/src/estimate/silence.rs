//! What is believed while nothing is told, and when that is over.

use std::time::Duration;

use super::trend::Use;
use crate::time::Time;

/// So long after something was sent without any feedback since, less is believed, by so much; and again
/// each time half as long.
const SILENCE: Duration = Duration::from_secs(2);
const DOUBT: f64 = 0.8;

/// Since when nothing was told.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// When the first packet was sent of which nothing was told.
    since: Option<Time>,
    /// How often less was believed for that, and what was before.
    doubts: u32,
    before: Option<f64>,
}

impl Silence {
    /// A packet leaves.
    pub(super) fn sent(&mut self, t: Time) {
        self.since.get_or_insert(t);
    }

    /// Feedback tells of something that came.
    pub(super) fn heard(&mut self) {
        (self.since, self.doubts) = (None, 0);
    }

    /// When the first packet left of which nothing was told.
    pub(super) fn since(&self) -> Option<Time> {
        self.since
    }

    /// When less is believed, if nothing is told until then.
    pub(super) fn deadline(&self, round_trip: Duration) -> Option<Time> {
        Some(self.since? + (SILENCE + round_trip) + SILENCE / 2 * self.doubts)
    }

    /// What is believed of so many bits a second when that has come.
    pub(super) fn doubt(&mut self, bits: f64) -> f64 {
        self.before.get_or_insert(bits);
        self.doubts += 1;
        DOUBT * bits
    }

    /// What is to be believed again when something was told: what nothing came of for a while is no
    /// congestion, unless a queue says so.
    pub(super) fn is_over(&mut self, used: Use, is_empty: bool) -> Option<f64> {
        if used == Use::Over {
            self.before = None;
        }
        self.before.take_if(|_| is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_believed_before_is_believed_again_where_nothing_waits() {
        let trip = Duration::from_millis(100);
        let at = Time::from_millis;
        let mut silence = Silence::default();
        assert_eq!(silence.deadline(trip), None);
        silence.sent(at(1_000));
        silence.sent(at(1_500));
        assert_eq!(silence.deadline(trip), Some(at(3_100)));
        assert_eq!(silence.doubt(1e6), 0.8e6);
        assert_eq!(silence.deadline(trip), Some(at(4_100)));
        assert_eq!(silence.doubt(0.8e6), 0.8 * 0.8e6);
        silence.heard();
        assert_eq!(silence.deadline(trip), None);
        assert_eq!(silence.is_over(Use::Normal, false), None, "a queue drains");
        assert_eq!(silence.is_over(Use::Under, true), Some(1e6));
        assert_eq!(silence.is_over(Use::Normal, true), None, "once");
    }

    #[test]
    fn a_queue_that_grows_says_that_it_was_right_to_doubt() {
        let mut silence = Silence::default();
        silence.doubt(1e6);
        assert_eq!(silence.is_over(Use::Over, false), None);
        assert_eq!(silence.is_over(Use::Normal, true), None);
    }
}
