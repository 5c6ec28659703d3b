//! Divides what a viewer's link carries over the pictures that its page shows.

use super::quality::{Quality, Rates, Temporal};
use super::share::part;
use crate::ids::Layer;

/// Of the new rate, what must be left over before a picture gets a larger layer than it has: 15 %. An
/// estimate that sways around the price of a layer does not switch it to and fro.
const MARGIN: (u64, u64) = (15, 100);

/// One picture that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    /// Pictures of a lower rank get all that they want before others get more than their smallest
    /// layer.
    pub(crate) rank: u8,
    /// Bits a second of each layer that there is, and of less of it.
    pub(crate) rates: [Rates; Layer::ALL.len()],
    /// The largest that is of use.
    pub(crate) most: Layer,
    /// What it has.
    pub(crate) has: Option<Quality>,
}

impl Want {
    fn rate(&self, quality: Quality) -> Option<u64> {
        self.rates[quality.layer as usize][quality.temporal as usize]
    }

    /// The smallest layer that there is.
    fn least(&self) -> Option<Layer> {
        let mut there = Layer::ALL.into_iter();
        there.find(|layer| self.rates[*layer as usize] != Rates::default())
    }

    /// What it can use, the least first. Of the smallest layer, everything, because few pictures are
    /// better than none; of a larger one, no fewer pictures than the most that are not all. Where all
    /// layers are larger than what is of use, the smallest of them.
    fn steps(&self) -> impl Iterator<Item = Quality> {
        let least = self.least();
        let layers = Layer::ALL.into_iter();
        let layers = layers.filter(move |layer| *layer <= self.most || Some(*layer) == least);
        layers.flat_map(move |layer| {
            let rates = self.rates[layer as usize];
            let there = move |temporal: &Temporal| rates[*temporal as usize].is_some();
            let few = [Temporal::Middle, Temporal::Base].into_iter().find(there);
            let from = few.filter(|_| Some(layer) != least);
            let steps = Temporal::ALL.into_iter().filter(there);
            let steps = steps.filter(move |temporal| from.is_none_or(|from| from <= *temporal));
            steps.map(move |temporal| Quality { layer, temporal })
        })
    }

    /// The same for whom the smallest layer is enough.
    pub(crate) fn smallest(&self) -> Self {
        Self {
            most: Layer::Quarter,
            ..*self
        }
    }

    /// Bits a second; 0 of nothing. Where it was never measured with fewer pictures, of all.
    pub(crate) fn cost(&self, quality: Option<Quality>) -> u64 {
        let rate = |quality: Quality| {
            self.rate(quality)
                .or(self.rate(Quality::all(quality.layer)))
        };
        quality.and_then(rate).unwrap_or(0)
    }

    /// Bits a second of all that it wants.
    pub(crate) fn all(&self) -> u64 {
        self.cost(self.steps().last())
    }

    /// What the next step up from `given` costs more, if there is one that is of use.
    pub(crate) fn next(&self, given: Option<Quality>) -> Option<u64> {
        let is_more = |step: &Quality| given.is_none_or(|given| *step > given);
        let next = self.steps().find(is_more)?;
        Some(self.cost(Some(next)).saturating_sub(self.cost(given)) + margin(self.cost(Some(next))))
    }

    /// The next step up from `given`, what it costs more, and what must be left over for it.
    fn step(&self, given: Quality) -> Option<(Quality, u64, u64)> {
        let next = self.steps().find(|step| *step > given)?;
        let rate = self.rate(next)?;
        let more = rate.saturating_sub(self.rate(given)?);
        let is_new = self.has.is_none_or(|has| has < next);
        let spare = if is_new { margin(rate) } else { 0 };
        Some((next, more, spare))
    }
}

fn margin(rate: u64) -> u64 {
    part(rate, MARGIN)
}

/// What each picture gets of `budget` bits a second; `None` where not even the least of it fits.
/// `wants`: the most wanted first. The least may go beyond it, by half of `slack` to begin, by
/// all of it to go on: an estimate of a path that carries little is mostly below what it carries, and
/// a picture is worth the try.
///
/// Something of everybody comes before more of anybody, and everybody's smallest layer before anybody's
/// larger one. Then, rank by rank, all go up one step at a time, because the first step shows most for
/// its price.
pub(crate) fn allocate(budget: u64, slack: u64, wants: &[Want]) -> Vec<Option<Quality>> {
    let mut spent: u64 = 0;
    let mut given: Vec<Option<Quality>> = wants
        .iter()
        .map(|want| {
            let smallest = want.steps().next()?;
            let rate = want.rate(smallest)?;
            let slack = if want.has.is_some() { slack } else { slack / 2 };
            let with = spent.saturating_add(rate);
            if with > budget.saturating_add(slack) {
                return None;
            }
            spent = with;
            Some(smallest)
        })
        .collect();
    let mut ranks: Vec<u8> = wants.iter().map(|want| want.rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let mut raise = |may: &dyn Fn(&Want, Quality) -> bool| {
        let mut rose = true;
        while std::mem::take(&mut rose) {
            for (want, given) in wants.iter().zip(&mut given) {
                let Some((next, more, spare)) = given.and_then(|given| want.step(given)) else {
                    continue;
                };
                let with = spent.saturating_add(more).saturating_add(spare);
                if may(want, next) && with <= budget {
                    spent += more;
                    *given = Some(next);
                    rose = true;
                }
            }
        }
    };
    raise(&|want, next| want.least() == Some(next.layer));
    for rank in ranks {
        raise(&|want, _| want.rank == rank);
    }
    given
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUARTER: Quality = whole(Layer::Quarter);
    const HALF: Quality = whole(Layer::Half);
    const FULL: Quality = whole(Layer::Full);

    const fn whole(layer: Layer) -> Quality {
        let temporal = Temporal::All;
        Quality { layer, temporal }
    }

    const fn middle(layer: Layer) -> Quality {
        let temporal = Temporal::Middle;
        Quality { layer, temporal }
    }

    const fn only(rates: [Option<u64>; 3]) -> [Rates; 3] {
        let [q, h, f] = rates;
        [[None, None, q], [None, None, h], [None, None, f]]
    }

    const CAMERA: Want = Want {
        rank: 1,
        rates: only([Some(150), Some(500), Some(1_700)]),
        most: Layer::Full,
        has: None,
    };

    #[test]
    fn everybodys_smallest_layer_comes_before_anybodys_larger_one() {
        let wants = [CAMERA; 3];
        for (budget, expected) in [
            (0, [None, None, None]),
            (149, [None, None, None]),
            (150, [Some(QUARTER), None, None]),
            (450, [Some(QUARTER), Some(QUARTER), Some(QUARTER)]),
            (900, [Some(HALF), Some(QUARTER), Some(QUARTER)]),
            (3_000, [Some(FULL), Some(HALF), Some(HALF)]),
            (6_000, [Some(FULL), Some(FULL), Some(FULL)]),
        ] {
            assert_eq!(allocate(budget, 0, &wants), expected, "{budget}");
        }
    }

    #[test]
    fn what_is_pinned_gets_all_that_it_wants_before_others_get_more() {
        let pinned = Want { rank: 0, ..CAMERA };
        let given = allocate(2_300, 0, &[pinned, CAMERA, CAMERA]);
        assert_eq!(given, [Some(FULL), Some(QUARTER), Some(QUARTER)]);
    }

    #[test]
    fn a_small_tile_gets_what_fills_it_and_what_is_too_large_if_there_is_nothing_else() {
        let small = Want {
            most: Layer::Quarter,
            ..CAMERA
        };
        assert_eq!(allocate(9_000, 0, &[small]), [Some(QUARTER)]);
        let no_half = Want {
            rates: only([Some(150), None, Some(1_700)]),
            most: Layer::Half,
            ..CAMERA
        };
        assert_eq!(allocate(9_000, 0, &[no_half]), [Some(QUARTER)]);
        let one_size = Want {
            rates: only([None, None, Some(1_700)]),
            ..small
        };
        assert_eq!(allocate(9_000, 0, &[one_size]), [Some(FULL)]);
        assert_eq!(allocate(1_500, 0, &[one_size]), [None]);
        let nothing = Want {
            rates: only([None; 3]),
            ..small
        };
        assert_eq!(allocate(9_000, 0, &[nothing]), [None]);
    }

    #[test]
    fn an_estimate_that_sways_switches_nothing() {
        let with = |has| [Want { has, ..CAMERA }];
        // 500 and 15 % of it.
        assert_eq!(allocate(574, 0, &with(Some(QUARTER))), [Some(QUARTER)]);
        assert_eq!(allocate(575, 0, &with(Some(QUARTER))), [Some(HALF)]);
        assert_eq!(allocate(500, 0, &with(Some(HALF))), [Some(HALF)]);
        assert_eq!(allocate(499, 0, &with(Some(HALF))), [Some(QUARTER)]);
        assert_eq!(allocate(150, 0, &with(Some(QUARTER))), [Some(QUARTER)]);
        assert_eq!(allocate(149, 0, &with(Some(QUARTER))), [None]);
    }

    #[test]
    fn the_smallest_layer_is_tried_where_it_nearly_fits_and_given_up_later() {
        let with = |has| [Want { has, ..CAMERA }];
        assert_eq!(allocate(130, 40, &with(None)), [Some(QUARTER)]);
        assert_eq!(allocate(129, 40, &with(None)), [None]);
        assert_eq!(allocate(110, 40, &with(Some(QUARTER))), [Some(QUARTER)]);
        assert_eq!(allocate(109, 40, &with(Some(QUARTER))), [None]);
        // Nothing more is given of what is not there.
        assert_eq!(allocate(540, 900, &with(Some(QUARTER))), [Some(QUARTER)]);
    }

    #[test]
    fn pictures_are_left_out_where_not_all_fit() {
        let camera = Want {
            rates: [
                [Some(60), Some(90), Some(150)],
                [Some(200), Some(300), Some(500)],
                [Some(680), Some(1_020), Some(1_700)],
            ],
            ..CAMERA
        };
        let base = Quality {
            layer: Layer::Quarter,
            temporal: Temporal::Base,
        };
        let low = middle(Layer::Quarter);
        for (budget, expected) in [
            (59, [None, None]),
            (60, [Some(base), None]),
            (120, [Some(base), Some(base)]),
            (164, [Some(low), Some(base)]),
            // Everybody's smallest layer before anybody's larger one.
            (400, [Some(QUARTER), Some(QUARTER)]),
            (495, [Some(middle(Layer::Half)), Some(QUARTER)]),
            (645, [Some(middle(Layer::Half)), Some(middle(Layer::Half))]),
            (875, [Some(HALF), Some(middle(Layer::Half))]),
            (1_673, [Some(middle(Layer::Full)), Some(HALF)]),
        ] {
            assert_eq!(allocate(budget, 0, &[camera; 2]), expected, "{budget}");
        }
    }

    fn want() -> impl Strategy<Value = Want> {
        let layer = (0..Layer::ALL.len()).prop_map(|number| Layer::ALL[number]);
        let rates = prop::array::uniform3(prop::option::weighted(0.8, 1_u64..3_000));
        let fewer = prop::array::uniform3(prop::array::uniform2(prop::option::of(20_u64..90)));
        let temporal = (0..Temporal::ALL.len()).prop_map(|number| Temporal::ALL[number]);
        let quality = (layer.clone(), temporal);
        let quality = quality.prop_map(|(layer, temporal)| Quality { layer, temporal });
        let has = prop::option::of(quality);
        (0_u8..3, rates, fewer, layer, has).prop_map(|(rank, mut rates, fewer, most, has)| {
            // A larger layer has more bits, and more pictures have.
            rates.sort_unstable();
            let rates = std::array::from_fn(|layer| {
                let mut fewer = fewer[layer];
                fewer.sort_unstable();
                let smaller = rates[..layer].iter().flatten().max().copied().unwrap_or(0);
                let of = |share: Option<u64>| Some((rates[layer]? * share? / 100).max(smaller));
                [of(fewer[0]), of(fewer[1]), rates[layer]]
            });
            Want {
                rank,
                rates,
                most,
                has,
            }
        })
    }

    proptest! {
        #[test]
        fn the_budget_is_kept_and_what_fits_is_given(
            budget in 0_u64..20_000,
            slack in 0_u64..1_000,
            wants in prop::collection::vec(want(), 0..12),
        ) {
            let given = allocate(budget, slack, &wants);
            let rate = |want: &Want, given: Option<Quality>| {
                given.and_then(|given| want.rate(given)).unwrap_or(0)
            };
            let spent: u64 = wants.iter().zip(&given).map(|(want, layer)| rate(want, *layer)).sum();
            let smallest = |want: &Want| rate(want, want.steps().next());
            let pairs = || wants.iter().zip(&given);
            let more = pairs().any(|(want, layer)| rate(want, *layer) > smallest(want));
            let most = if more { budget } else { budget + slack };
            prop_assert!(spent <= most);
            for (want, given) in wants.iter().zip(&given) {
                if let Some(layer) = given {
                    prop_assert!(want.steps().any(|can| can == *layer));
                } else if let Some(smallest) = want.steps().next() {
                    let rate = want.rate(smallest).unwrap();
                    prop_assert!(spent + rate > budget, "nothing, while {smallest:?} fits");
                }
            }
        }

        #[test]
        fn who_has_what_was_given_keeps_it(
            budget in 0_u64..20_000,
            slack in 0_u64..1_000,
            wants in prop::collection::vec(want(), 0..12),
        ) {
            let given = allocate(budget, slack, &wants);
            let kept: Vec<_> = wants
                .iter()
                .zip(&given)
                .map(|(want, has)| Want { has: *has, ..*want })
                .collect();
            let again = allocate(budget, slack, &kept);
            for (before, now) in given.iter().zip(&again) {
                prop_assert!(now >= before, "{given:?} {again:?}");
            }
        }
    }
}
