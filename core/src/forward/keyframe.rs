//! When to ask a publisher for a keyframe.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::Layer;
use crate::time::Time;

/// Merges the wishes of all viewers of one publisher's picture.
///
/// At most one request goes out per interval, for all layers that are wanted then, however many
/// want them. A wish stays until a keyframe has come, so that a lost request, or a lost keyframe,
/// is asked for again.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyframeRequests {
    interval: Duration,
    last_sent: Option<Time>,
    wanted: [bool; Layer::ALL.len()],
}

impl KeyframeRequests {
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            last_sent: None,
            wanted: [false; Layer::ALL.len()],
        }
    }

    /// Somebody can't decode without one.
    pub(crate) fn want(&mut self, layer: Layer) {
        self.wanted[layer as usize] = true;
    }

    /// A keyframe came.
    pub(crate) fn satisfied(&mut self, layer: Layer) {
        self.wanted[layer as usize] = false;
    }

    /// There is nobody left who would use one.
    pub(crate) fn unwanted(&mut self) {
        self.wanted = [false; Layer::ALL.len()];
    }

    /// When [`KeyframeRequests::take`] will give something.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.wanted.contains(&true).then(|| {
            self.last_sent
                .map_or(Time::ZERO, |last| last + self.interval)
        })
    }

    /// The layers for which to send a request now. They count as asked for.
    pub(crate) fn take(&mut self, t: Time) -> Vec<Layer> {
        if self.deadline().is_none_or(|deadline| deadline > t) {
            return Vec::new();
        }
        self.last_sent = Some(t);
        let wanted = |layer: &Layer| self.wanted[*layer as usize];
        Layer::ALL.into_iter().filter(wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Layer::{Full, Quarter};

    #[test]
    fn a_hundred_wishes_cost_one_request_per_interval() {
        let mut requests = KeyframeRequests::new(Duration::from_millis(500));
        let mut sent = Vec::new();
        for ms in 0..1_200 {
            requests.want(if ms % 2 == 0 { Quarter } else { Full });
            let layers = requests.take(Time::from_millis(ms));
            if !layers.is_empty() {
                sent.push((ms, layers));
            }
        }
        let both = vec![Quarter, Full];
        let expected = [(0, vec![Quarter]), (500, both.clone()), (1_000, both)];
        assert_eq!(sent, expected);
    }

    #[test]
    fn a_request_is_repeated_until_a_keyframe_comes() {
        let mut requests = KeyframeRequests::new(Duration::from_millis(500));
        requests.want(Full);
        assert_eq!(requests.take(Time::ZERO), [Full]);
        assert_eq!(requests.deadline(), Some(Time::from_millis(500)));
        assert_eq!(requests.take(Time::from_millis(499)), []);
        requests.satisfied(Quarter);
        assert_eq!(requests.take(Time::from_millis(500)), [Full]);
        requests.satisfied(Full);
        assert_eq!(requests.deadline(), None);
        assert_eq!(requests.take(Time::from_millis(5_000)), []);
    }
}
