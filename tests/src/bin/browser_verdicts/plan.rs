//! What is made, in which order.

use serde::{Deserialize, Serialize};
use tsuji_core::freeze::Culprit;

use crate::fault::{Fault, Strength};

/// Faults at once; none: a minute in which nothing is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) faults: Vec<(Fault, Strength)>,
}

impl Plan {
    /// What the report calls it.
    pub(crate) fn name(&self) -> String {
        let names = self.faults.iter();
        let names: Vec<_> = names
            .map(|(fault, strength)| format!("{fault:?}, {strength:?}"))
            .collect();
        match &names[..] {
            [] => "healthy".to_owned(),
            names => names.join(" and "),
        }
    }
}

/// All of one round: each fault alone in each strength, pairs of different culprits, a healthy minute.
pub(crate) fn all(round: u32) -> Vec<Plan> {
    let mut plans = Vec::new();
    for fault in Fault::ALL {
        for strength in Strength::ALL {
            plans.push(Plan {
                faults: vec![(fault, strength)],
            });
        }
    }
    plans.extend(pairs(round as usize));
    plans.push(Plan { faults: Vec::new() });
    plans
}

/// Two of each two culprits, in both orders. Rounds take other faults of them, and other strengths.
fn pairs(round: usize) -> Vec<Plan> {
    let culprits = &Culprit::ALL[..Culprit::ALL.len() - 1];
    let of = |culprit: Culprit, place: usize| {
        let mut faults = Fault::ALL.to_vec();
        faults.retain(|fault| fault.culprit() == culprit);
        faults[place % faults.len()]
    };
    let mut plans = Vec::new();
    for first in culprits {
        for second in culprits.iter().filter(|second| *second != first) {
            let place = round + plans.len();
            let strength = Strength::ALL[place % 2];
            let faults = [of(*first, place), of(*second, round + place / 3)];
            plans.push(Plan {
                faults: faults.map(|fault| (fault, strength)).into(),
            });
        }
    }
    plans
}
