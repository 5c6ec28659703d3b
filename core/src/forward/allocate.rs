//! Divides what a viewer's link carries over the pictures that its page shows.

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
    /// Bits a second of each layer that there is.
    pub(crate) rates: [Option<u64>; Layer::ALL.len()],
    /// The largest that is of use.
    pub(crate) most: Layer,
    /// What it has.
    pub(crate) has: Option<Layer>,
}

impl Want {
    fn rate(&self, layer: Layer) -> Option<u64> {
        self.rates[layer as usize]
    }

    /// Those that it can use, the smallest first. Where all are larger than what is of use, the
    /// smallest of them.
    fn layers(&self) -> impl Iterator<Item = Layer> {
        let there = || Layer::ALL.into_iter().filter(|l| self.rate(*l).is_some());
        let smallest = there().next();
        there().filter(move |layer| *layer <= self.most || Some(*layer) == smallest)
    }

    /// The same for whom the smallest layer is enough.
    pub(crate) fn smallest(&self) -> Self {
        Self {
            most: Layer::Quarter,
            ..*self
        }
    }

    /// Bits a second of a layer; 0 of none.
    pub(crate) fn cost(&self, layer: Option<Layer>) -> u64 {
        layer.and_then(|layer| self.rate(layer)).unwrap_or(0)
    }

    /// Bits a second of all that it wants.
    pub(crate) fn all(&self) -> u64 {
        self.cost(self.layers().last())
    }

    /// What the next larger layer than `given` costs more, if there is one that is of use.
    pub(crate) fn next(&self, given: Option<Layer>) -> Option<u64> {
        let next = self
            .layers()
            .find(|layer| given.is_none_or(|given| *layer > given))?;
        Some(self.cost(Some(next)).saturating_sub(self.cost(given)) + margin(self.cost(Some(next))))
    }

    /// What the next larger layer than `has` costs more, with what must be left over for it.
    fn step(&self, given: Layer) -> Option<(Layer, u64, u64)> {
        let next = self.layers().find(|layer| *layer > given)?;
        let rate = self.rate(next)?;
        let more = rate.saturating_sub(self.rate(given)?);
        let is_new = self.has.is_none_or(|has| has < next);
        let spare = if is_new { margin(rate) } else { 0 };
        Some((next, more, spare))
    }
}

fn margin(rate: u64) -> u64 {
    rate.saturating_mul(MARGIN.0) / MARGIN.1
}

/// What each picture gets of `budget` bits a second; `None` where not even its smallest layer fits.
/// `wants`: the most wanted first. Smallest layers may go beyond it, by half of `slack` to begin, by
/// all of it to go on: an estimate of a path that carries little is mostly below what it carries, and
/// a picture is worth the try.
///
/// Everybody's smallest layer comes before anybody's larger one. Then, rank by rank, all go up one
/// step at a time, because the first step shows most for its price.
pub(crate) fn allocate(budget: u64, slack: u64, wants: &[Want]) -> Vec<Option<Layer>> {
    let mut spent: u64 = 0;
    let mut given: Vec<Option<Layer>> = wants
        .iter()
        .map(|want| {
            let smallest = want.layers().next()?;
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
    for rank in ranks {
        let mut rose = true;
        while std::mem::take(&mut rose) {
            for (want, given) in wants.iter().zip(&mut given) {
                let step = given.filter(|_| want.rank == rank);
                let Some((next, more, spare)) = step.and_then(|given| want.step(given)) else {
                    continue;
                };
                if spent.saturating_add(more).saturating_add(spare) <= budget {
                    spent += more;
                    *given = Some(next);
                    rose = true;
                }
            }
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Layer::{Full, Half, Quarter};

    const CAMERA: Want = Want {
        rank: 1,
        rates: [Some(150), Some(500), Some(1_700)],
        most: Full,
        has: None,
    };

    #[test]
    fn everybodys_smallest_layer_comes_before_anybodys_larger_one() {
        let wants = [CAMERA; 3];
        for (budget, expected) in [
            (0, [None, None, None]),
            (149, [None, None, None]),
            (150, [Some(Quarter), None, None]),
            (450, [Some(Quarter), Some(Quarter), Some(Quarter)]),
            (900, [Some(Half), Some(Quarter), Some(Quarter)]),
            (3_000, [Some(Full), Some(Half), Some(Half)]),
            (6_000, [Some(Full), Some(Full), Some(Full)]),
        ] {
            assert_eq!(allocate(budget, 0, &wants), expected, "{budget}");
        }
    }

    #[test]
    fn what_is_pinned_gets_all_that_it_wants_before_others_get_more() {
        let pinned = Want { rank: 0, ..CAMERA };
        let given = allocate(2_300, 0, &[pinned, CAMERA, CAMERA]);
        assert_eq!(given, [Some(Full), Some(Quarter), Some(Quarter)]);
    }

    #[test]
    fn a_small_tile_gets_what_fills_it_and_what_is_too_large_if_there_is_nothing_else() {
        let small = Want {
            most: Quarter,
            ..CAMERA
        };
        assert_eq!(allocate(9_000, 0, &[small]), [Some(Quarter)]);
        let no_half = Want {
            rates: [Some(150), None, Some(1_700)],
            most: Half,
            ..CAMERA
        };
        assert_eq!(allocate(9_000, 0, &[no_half]), [Some(Quarter)]);
        let one_size = Want {
            rates: [None, None, Some(1_700)],
            ..small
        };
        assert_eq!(allocate(9_000, 0, &[one_size]), [Some(Full)]);
        assert_eq!(allocate(1_500, 0, &[one_size]), [None]);
        let nothing = Want {
            rates: [None; 3],
            ..small
        };
        assert_eq!(allocate(9_000, 0, &[nothing]), [None]);
    }

    #[test]
    fn an_estimate_that_sways_switches_nothing() {
        let with = |has| [Want { has, ..CAMERA }];
        // 500 and 15 % of it.
        assert_eq!(allocate(574, 0, &with(Some(Quarter))), [Some(Quarter)]);
        assert_eq!(allocate(575, 0, &with(Some(Quarter))), [Some(Half)]);
        assert_eq!(allocate(500, 0, &with(Some(Half))), [Some(Half)]);
        assert_eq!(allocate(499, 0, &with(Some(Half))), [Some(Quarter)]);
        assert_eq!(allocate(150, 0, &with(Some(Quarter))), [Some(Quarter)]);
        assert_eq!(allocate(149, 0, &with(Some(Quarter))), [None]);
    }

    #[test]
    fn the_smallest_layer_is_tried_where_it_nearly_fits_and_given_up_later() {
        let with = |has| [Want { has, ..CAMERA }];
        assert_eq!(allocate(130, 40, &with(None)), [Some(Quarter)]);
        assert_eq!(allocate(129, 40, &with(None)), [None]);
        assert_eq!(allocate(110, 40, &with(Some(Quarter))), [Some(Quarter)]);
        assert_eq!(allocate(109, 40, &with(Some(Quarter))), [None]);
        // Nothing more is given of what is not there.
        assert_eq!(allocate(540, 900, &with(Some(Quarter))), [Some(Quarter)]);
    }

    fn want() -> impl Strategy<Value = Want> {
        let layer = (0..Layer::ALL.len()).prop_map(|number| Layer::ALL[number]);
        let rates = prop::array::uniform3(prop::option::of(1_u64..3_000));
        let has = prop::option::of(layer.clone());
        (0_u8..3, rates, layer, has).prop_map(|(rank, mut rates, most, has)| {
            // A larger layer has more bits.
            rates.sort_unstable();
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
            let rate = |want: &Want, layer: Option<Layer>| {
                layer.and_then(|layer| want.rate(layer)).unwrap_or(0)
            };
            let spent: u64 = wants.iter().zip(&given).map(|(want, layer)| rate(want, *layer)).sum();
            let smallest = |want: &Want| rate(want, want.layers().next());
            let pairs = || wants.iter().zip(&given);
            let more = pairs().any(|(want, layer)| rate(want, *layer) > smallest(want));
            let most = if more { budget } else { budget + slack };
            prop_assert!(spent <= most);
            for (want, given) in wants.iter().zip(&given) {
                if let Some(layer) = given {
                    prop_assert!(want.layers().any(|can| can == *layer));
                } else if let Some(smallest) = want.layers().next() {
                    let rate = want.rate(smallest).unwrap();
                    prop_assert!(spent + rate > budget, "nothing, while {smallest} fits");
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
