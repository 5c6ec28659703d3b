//! Which layers of a picture its publisher is to send.

use serde::{Deserialize, Serialize};

use super::track::Track;
use super::view::Shown;
use crate::ids::{Layer, Source};
use crate::limits::LINGER;
use crate::time::Time;

/// Some of the layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerSet([bool; Layer::ALL.len()]);

impl LayerSet {
    pub(crate) fn insert(&mut self, layer: Layer) {
        self.0[layer as usize] = true;
    }

    fn of(layers: &[Layer]) -> Self {
        let mut set = Self::default();
        layers.iter().for_each(|layer| set.insert(*layer));
        set
    }

    fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] || other.0[i]))
    }

    /// The smallest first.
    pub(crate) fn layers(self) -> Vec<Layer> {
        let layers = Layer::ALL.into_iter();
        layers.filter(|layer| self.0[*layer as usize]).collect()
    }
}

/// What a viewer takes of a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) shown: Shown,
    /// What it is to get now, as far as that lives and its link carries it.
    pub(crate) aimed: Option<Layer>,
    pub(crate) playing: Option<Layer>,
}

/// The layers that these viewers take: what each sees best, what it gets until then, and while what it
/// sees best does not come, or is too much for its link, all below. And the smallest, which anybody can
/// fall back to at once when its link gets worse, as long as there is anybody.
pub(crate) fn taken(
    source: Source,
    track: &Track,
    viewers: impl IntoIterator<Item = Taken>,
) -> LayerSet {
    let mut set = LayerSet::default();
    let offered = source.layers();
    for Taken {
        shown,
        aimed,
        playing,
    } in viewers
    {
        let Some(needed) = track.needed(shown) else {
            continue;
        };
        let fits = |layer: &&Layer| **layer >= needed;
        let needed = offered.iter().find(fits).copied().unwrap_or(Layer::Full);
        set.insert(needed);
        offered.iter().take(1).for_each(|layer| set.insert(*layer));
        playing.into_iter().for_each(|layer| set.insert(layer));
        let limited = aimed.is_some_and(|aimed| aimed < needed);
        if limited || !track.lives(needed) {
            let below = offered.iter().filter(|layer| **layer < needed);
            below.for_each(|layer| set.insert(*layer));
        }
    }
    set
}

/// What a publisher was told to send. More is told at once, less after a while.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Demand {
    told: LayerSet,
    /// When to tell that some are not taken any more.
    less_at: Option<Time>,
}

impl Demand {
    /// At first, all are sent.
    pub(crate) fn new(source: Source) -> Self {
        Self {
            told: LayerSet::of(source.layers()),
            less_at: None,
        }
    }

    /// When [`Demand::update`] is due again.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.less_at
    }

    /// The publisher has switched it off: what is sent is nobody's question.
    pub(crate) fn rest(&mut self) {
        self.less_at = None;
    }

    /// These are taken now. What to tell the publisher, if anything.
    pub(crate) fn update(&mut self, t: Time, taken: LayerSet) -> Option<LayerSet> {
        let before = self.told;
        let all = before.union(taken);
        let waits = all != taken && *self.less_at.get_or_insert(t + LINGER) > t;
        if waits {
            self.told = all;
        } else {
            self.less_at = None;
            self.told = taken;
        }
        (self.told != before).then_some(self.told)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use Layer::{Full, Half, Quarter};

    fn tile(width: u16) -> Taken {
        Taken {
            shown: Shown::Tile {
                width,
                height: 1,
                whole: false,
            },
            aimed: None,
            playing: None,
        }
    }

    const HIDDEN: Taken = Taken {
        shown: Shown::Hidden,
        aimed: None,
        playing: None,
    };

    #[test]
    fn who_takes_what_decides_what_is_sent() {
        let mut track = Track::new(Source::Camera);
        for layer in Layer::ALL {
            track.arrived(
                Time::ZERO,
                layer,
                (crate::codec::VideoCodec::Vp8, None),
                1_000,
            );
        }
        let playing = |layer, taken| Taken {
            playing: Some(layer),
            ..taken
        };
        let limited = |layer| Taken {
            aimed: Some(layer),
            ..tile(1_000)
        };
        let cases = [
            (vec![limited(Quarter)], vec![Quarter, Half, Full]),
            (vec![limited(Full)], vec![Quarter, Full]),
            (vec![], vec![]),
            (vec![HIDDEN], vec![]),
            (vec![tile(100), HIDDEN], vec![Quarter]),
            (vec![tile(600)], vec![Quarter, Half]),
            (vec![tile(1_000), tile(100)], vec![Quarter, Full]),
            (vec![playing(Full, tile(600))], vec![Quarter, Half, Full]),
        ];
        for (viewers, layers) in cases {
            let told = format!("{viewers:?}");
            let set = taken(Source::Camera, &track, viewers);
            assert_eq!(set.layers(), layers, "{told}");
        }
    }

    #[test]
    fn while_a_layer_does_not_come_those_below_it_are_taken() {
        let track = Track::new(Source::Camera);
        let set = taken(Source::Camera, &track, [tile(1_000)]);
        assert_eq!(set.layers(), Layer::ALL);
        let track = Track::new(Source::Screen);
        let set = taken(Source::Screen, &track, [tile(100)]);
        assert_eq!(set.layers(), [Half], "a screen has no quarter");
    }

    #[test]
    fn more_is_told_at_once_and_less_after_a_while() {
        let mut demand = Demand::new(Source::Camera);
        let at = Time::from_millis;
        let set = LayerSet::of;
        assert_eq!(demand.update(at(0), set(&Layer::ALL)), None);
        assert_eq!(demand.update(at(0), set(&[])), None);
        assert_eq!(demand.deadline(), Some(Time::ZERO + LINGER));
        assert_eq!(demand.update(at(1_999), set(&[])), None);
        assert_eq!(demand.update(at(2_000), set(&[])), Some(set(&[])));
        assert_eq!(demand.deadline(), None);
        assert_eq!(demand.update(at(2_001), set(&[Full])), Some(set(&[Full])));
        // What comes and goes meanwhile is not told.
        assert_eq!(demand.update(at(3_000), set(&[])), None);
        assert_eq!(demand.update(at(3_500), set(&[Full])), None);
        assert_eq!(demand.deadline(), None);
        let both = Some(set(&[Quarter, Full]));
        assert_eq!(demand.update(at(4_000), set(&[Quarter])), both);
        let later = at(4_000) + LINGER + Duration::from_millis(1);
        assert_eq!(demand.update(later, set(&[Quarter])), Some(set(&[Quarter])));
    }
}
