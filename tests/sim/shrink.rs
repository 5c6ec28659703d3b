//! Making a failing scenario as small as it can be.

use proptest::strategy::ValueTree;

use crate::invariants::Violation;
use crate::scenario::Scenario;

/// Attempts: after so many, what is left is short enough to be read.
const ATTEMPTS: usize = 400;

/// Tries what is simpler than the scenario of `seed`, as long as the same invariant breaks. `None`
/// when none breaks to begin with.
pub fn shrink(
    seed: u64,
    broken: impl Fn(&Scenario) -> Option<Violation>,
) -> Option<(Scenario, Violation)> {
    let mut tree = Scenario::tree(seed);
    let mut smallest = tree.current();
    let mut found = broken(&smallest)?;
    for _ in 0..ATTEMPTS {
        let scenario = tree.current();
        let again = broken(&scenario).filter(|other| other.invariant == found.invariant);
        let further = match again {
            Some(again) => {
                (smallest, found) = (scenario, again);
                tree.simplify()
            }
            None => tree.complicate(),
        };
        if !further {
            break;
        }
    }
    Some((smallest, found))
}
