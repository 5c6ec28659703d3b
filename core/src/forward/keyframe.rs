//! When to ask a publisher for a keyframe.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Merges the wishes of all viewers of one publisher.
///
/// At most one request goes out per interval, however many want one. A wish stays until a keyframe
/// has come, so that a lost request, or a lost keyframe, is asked for again.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyframeRequests {
    interval: Duration,
    last_sent: Option<Time>,
    wanted: bool,
}

impl KeyframeRequests {
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            last_sent: None,
            wanted: false,
        }
    }

    /// Somebody can't decode without one.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// A keyframe came, or there is nobody left who would use one.
    pub(crate) fn satisfied(&mut self) {
        self.wanted = false;
    }

    /// When [`KeyframeRequests::take`] will say yes.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.wanted.then(|| {
            self.last_sent
                .map_or(Time::ZERO, |last| last + self.interval)
        })
    }

    /// Whether to send a request now. Saying yes counts as sent.
    pub(crate) fn take(&mut self, t: Time) -> bool {
        let due = self.deadline().is_some_and(|deadline| deadline <= t);
        if due {
            self.last_sent = Some(t);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_wishes_cost_one_request_per_interval() {
        let mut requests = KeyframeRequests::new(Duration::from_millis(500));
        let mut sent = Vec::new();
        for ms in 0..1_200 {
            requests.want();
            if requests.take(Time::from_millis(ms)) {
                sent.push(ms);
            }
        }
        assert_eq!(sent, [0, 500, 1_000]);
    }

    #[test]
    fn a_request_is_repeated_until_a_keyframe_comes() {
        let mut requests = KeyframeRequests::new(Duration::from_millis(500));
        requests.want();
        assert!(requests.take(Time::ZERO));
        assert_eq!(requests.deadline(), Some(Time::from_millis(500)));
        assert!(!requests.take(Time::from_millis(499)));
        assert!(requests.take(Time::from_millis(500)));
        requests.satisfied();
        assert_eq!(requests.deadline(), None);
        assert!(!requests.take(Time::from_millis(5_000)));
    }
}
