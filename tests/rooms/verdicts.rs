//! Freezes are found where they are seen, and put down to whom they are due to. `verdicts` measures it at
//! length.

use tsuji_core::freeze::Culprit;
use tsuji_tests::verdicts::{Plan, Tally, call, healthy, pairs, singles};

fn tally(plans: impl IntoIterator<Item = Plan>, seeds: u64) -> Tally {
    let mut tally = Tally::default();
    for plan in plans {
        for seed in 1..=seeds {
            tally.add(&call(&plan, seed));
        }
    }
    tally
}

#[test]
fn each_fault_alone_is_found_and_blamed_on_whom_it_is_due_to() {
    let strong = singles().into_iter();
    let strong = strong.filter(|plan| plan.name.contains("Strong"));
    let mut tally = Tally::default();
    for plan in strong {
        let mut its = Tally::default();
        for seed in 1..=2 {
            let outcome = call(&plan, seed);
            its.add(&outcome);
            tally.add(&outcome);
        }
        // Once it is over, not just while it lasted. What only a page saw is told as one for each of its reports.
        assert!(its.told * 2 >= its.seen, "{}: {its:?}", plan.name);
    }
    assert!(tally.seen > 50, "{tally:?}");
    assert!(tally.detected() >= 97., "{tally:?}");
    assert!(tally.certain() >= 97., "{tally:?}");
    assert_eq!(tally.unfounded, 0, "{tally:?}");
    assert!(tally.rightness() >= 95., "{tally}");
    for culprit in [
        Culprit::PublisherDevice,
        Culprit::PublisherUplink,
        Culprit::Server,
        Culprit::ViewerDownlink,
        Culprit::ViewerDevice,
    ] {
        let all = tally
            .judged
            .iter()
            .filter(|((truth, _), _)| *truth == culprit);
        assert!(all.map(|(_, count)| count).sum::<u32>() >= 5, "{tally}");
        assert!(
            tally.recall(culprit) >= 95. && tally.precision(culprit) >= 95.,
            "{tally}"
        );
    }
}

#[test]
fn of_two_faults_at_once_one_is_blamed() {
    let tally = tally(pairs().into_iter().step_by(8), 1);
    assert!(tally.verdicts > 20, "{tally:?}");
    assert!(tally.rightness() >= 80., "{tally}");
    assert_eq!(tally.unfounded, 0, "{tally:?}");
}

#[test]
fn in_a_healthy_call_nothing_froze() {
    let tally = tally(healthy().into_iter().step_by(4), 1);
    assert_eq!((tally.seen, tally.told), (0, 0), "{tally:?}");
}
