//! The layers of what somebody publishes, and which of them live.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::Layer;
use crate::time::Time;

/// A layer from which nothing came for so long is dead. 900 ms: its viewers have gone to another
/// within the second, and a camera that makes two pictures a second in the dark still lives.
const SILENCE: Duration = Duration::from_millis(900);

/// One picture as somebody publishes it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Track {
    /// When each living layer's newest packet came.
    layers: [Option<Time>; Layer::ALL.len()],
    /// When to look for the dead. Not later than is due; a packet does not move it.
    check: Option<Time>,
}

impl Track {
    /// A packet came. Whether its layer lives only since then.
    pub(crate) fn arrived(&mut self, t: Time, layer: Layer) -> bool {
        let is_new = self.layers[layer as usize].replace(t).is_none();
        if is_new {
            self.check.get_or_insert(t + SILENCE);
        }
        is_new
    }

    /// When [`Track::bury`] is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.check
    }

    /// Whether a layer has died.
    pub(crate) fn bury(&mut self, t: Time) -> bool {
        if self.check.is_none_or(|check| check > t) {
            return false;
        }
        let before = self.layers;
        for newest in &mut self.layers {
            *newest = newest.filter(|newest| *newest + SILENCE > t);
        }
        let oldest = self.layers.iter().flatten().min();
        self.check = oldest.map(|oldest| *oldest + SILENCE);
        self.layers.map(|newest| newest.is_some()) != before.map(|newest| newest.is_some())
    }

    /// Whether something comes of a layer.
    pub(crate) fn lives(&self, layer: Layer) -> bool {
        self.layers[layer as usize].is_some()
    }

    /// The living layer for who wants `wanted`: the largest that is not larger, else the smallest
    /// that is; `None` when nothing lives.
    pub(crate) fn best(&self, wanted: Layer) -> Option<Layer> {
        let living = || Layer::ALL.into_iter().filter(|layer| self.lives(*layer));
        let fitting = living().rfind(|layer| *layer <= wanted);
        fitting.or_else(|| living().next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Layer::{Full, Half, Quarter};

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn a_layer_that_stops_is_noticed_within_a_second() {
        let mut track = Track::default();
        assert_eq!(track.best(Full), None);
        let mut died = None;
        for ms in 0..5_000 {
            let t = at(ms);
            if ms % 33 == 0 {
                assert_eq!(track.arrived(t, Quarter), ms == 0);
                if ms <= 1_980 {
                    assert_eq!(track.arrived(t, Full), ms == 0);
                }
            }
            if track.deadline().is_some_and(|due| due <= t) && track.bury(t) {
                assert_eq!(died.replace(ms), None, "once");
            }
        }
        assert_eq!(died, Some(1_980 + 900));
        assert!(track.lives(Quarter) && !track.lives(Full));
        assert!(track.arrived(at(5_000), Full), "it is back");
    }

    #[test]
    fn who_wants_a_layer_gets_the_nearest_that_lives() {
        for (living, wanted, best) in [
            (&[][..], Full, None),
            (&[Quarter, Half, Full], Half, Some(Half)),
            (&[Quarter, Full], Half, Some(Quarter)),
            (&[Half, Full], Quarter, Some(Half)),
            (&[Full], Quarter, Some(Full)),
            (&[Quarter], Full, Some(Quarter)),
        ] {
            let mut track = Track::default();
            for layer in living {
                track.arrived(at(0), *layer);
            }
            assert_eq!(track.best(wanted), best, "{living:?} {wanted:?}");
        }
    }

    #[test]
    fn nothing_is_waited_for_when_nothing_lives() {
        let mut track = Track::default();
        track.arrived(at(0), Half);
        assert!(!track.bury(at(899)) && track.bury(at(900)));
        assert_eq!(track.deadline(), None);
    }
}
