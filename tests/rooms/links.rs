//! What a viewer sees over bad links: the figures that must hold. `docs/links.md` has all of them.

use std::time::Duration;

use tsuji_tests::links::{Outcome, measure, profiles};

fn over(name: &str) -> Outcome {
    let profiles = profiles();
    let profile = profiles.iter().find(|profile| profile.name == name);
    measure(profile.expect("a profile"), 1)
}

#[test]
fn a_link_that_becomes_narrow_freezes_no_picture_for_more_than_a_second() {
    let outcome = over("5 Mbit/s → 300 kbit/s");
    let longest = outcome.longest();
    assert!(longest <= Duration::from_millis(1_100), "{longest:?}");
    assert!(outcome.first_picture().is_some());
}

#[test]
fn a_link_that_comes_back_is_used_again() {
    let outcome = over("5 Mbit/s → 150 kbit/s for 20 s");
    let back = outcome.back.expect("the pictures come back");
    assert!(back <= Duration::from_secs(10), "{back:?}");
}

#[test]
fn what_a_link_carries_is_used() {
    // At 3 Mbit/s, one step more is all that it carries.
    for (name, least) in [("3 Mbit/s", 0.65), ("5 Mbit/s, 4 others", 0.8)] {
        let outcome = over(name);
        let used = outcome.used.expect("a steady link");
        assert!(used > least, "{name}: {used}");
        let freezes = &outcome.freezes;
        assert!(freezes.is_empty(), "{name}: {freezes:?}");
    }
}

/// Fewer pictures a second instead of none.
#[test]
fn a_narrow_link_carries_two_pictures() {
    let outcome = over("300 kbit/s");
    let paused = outcome.paused.as_secs_f64() / outcome.watched.as_secs_f64();
    assert!(paused < 0.02, "{paused}");
    assert!(outcome.frozen_share() < 0.005, "{}", outcome.frozen_share());
}

#[test]
fn loss_is_repaired_before_it_is_seen() {
    let outcome = over("10 Mbit/s, 5 % lost");
    let share = outcome.frozen_share();
    assert!(share < 0.005, "{share}");
    let used = outcome.used.expect("a steady link");
    assert!(used > 0.95, "{used}");
}

#[test]
fn a_publisher_who_loses_packets_costs_its_viewers_no_layer() {
    let outcome = over("10 Mbit/s, 10 % lost on publishers' uplinks");
    let used = outcome.used.expect("a steady link");
    assert!(used > 0.95, "{used}");
    assert_eq!(outcome.paused, Duration::ZERO);
}
