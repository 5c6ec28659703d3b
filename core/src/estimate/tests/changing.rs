//! Paths that change, and what is wanted of them.

use super::{first, mean, most, part};
use crate::estimate::link::{Link, Sample, run};

#[test]
fn what_a_path_carries_is_found_at_once() {
    for (rate, within) in [
        (150e3, 1.2),
        (300e3, 1.2),
        (1e6, 0.6),
        (5e6, 1.),
        (20e6, 1.5),
    ] {
        let samples = run(&Link::of(rate), 10, 1);
        let near = |s: &Sample| (0.8..1.1).contains(&(s.estimate / rate));
        let found = first(&samples, 0., near);
        assert!(
            found.is_some_and(|found| found <= within),
            "{rate}: {found:?}"
        );
        let waits = most(&samples, |s| s.waits);
        assert!(waits <= 320., "{rate}: {waits} ms");
    }
}

#[test]
fn a_path_that_becomes_narrow_is_believed_at_once() {
    for (from, to, within, drained) in [
        (5e6, 300e3, 0.5, 2.5),
        (5e6, 150e3, 0.8, 3.),
        (5e6, 1e6, 0.5, 2.),
        (2e6, 1e6, 0.5, 2.5),
        (1e6, 500e3, 0.5, 3.),
    ] {
        for seed in 1..=3 {
            let link = Link {
                rates: vec![(0, from), (10_000, to)],
                ..Link::of(from)
            };
            let samples = run(&link, 30, seed);
            let below = first(&samples, 10., |s| s.estimate < to);
            let name = format!("{from} to {to}, seed {seed}");
            assert!(
                below.is_some_and(|below| below <= within),
                "{name}: {below:?}"
            );
            // Two packets are no queue.
            let few = 40_f64.max(2. * 1_230. * 8e3 / to);
            let empty = first(&samples, 10. + within, |s| s.waits < few);
            let empty = empty.map(|empty| empty + within);
            assert!(
                empty.is_some_and(|empty| empty <= drained),
                "{name}: {empty:?}"
            );
            let used = mean(part(&samples, 15., 30.), |s| s.came / to);
            assert!(used > 0.85, "{name}: {used}");
        }
    }
}

#[test]
fn a_path_that_becomes_wide_is_found_within_seconds() {
    for (from, to, within) in [(300e3, 5e6, 5.), (1e6, 2e6, 5.), (150e3, 1e6, 5.)] {
        for seed in 1..=3 {
            let link = Link {
                rates: vec![(0, from), (10_000, to)],
                ..Link::of(from)
            };
            let samples = run(&link, 30, seed);
            let found = first(&samples, 10., |s| s.estimate > 0.8 * to);
            let name = format!("{from} to {to}, seed {seed}");
            assert!(
                found.is_some_and(|found| found <= within),
                "{name}: {found:?}"
            );
        }
    }
}

#[test]
fn after_a_dip_all_is_back_within_seconds() {
    let link = Link {
        rates: vec![(0, 5e6), (10_000, 300e3), (20_000, 5e6)],
        ..Link::of(5e6)
    };
    for seed in 1..=3 {
        let samples = run(&link, 30, seed);
        let back = first(&samples, 20., |s| s.estimate > 0.8 * 5e6);
        assert!(back.is_some_and(|back| back <= 4.), "{back:?}");
    }
}

#[test]
fn who_sends_little_is_believed_what_probes_found_and_not_more() {
    let link = Link {
        demand: vec![(0, 2e6)],
        most: 250e3,
        ..Link::of(5e6)
    };
    let samples = run(&link, 60, 1);
    let late = part(&samples, 5., 60.);
    assert!(late.iter().all(|s| (2e6..5.5e6).contains(&s.estimate)));
    assert!(mean(late, |s| s.padding) < 30e3);
    // Where all that is wanted is known to fit, nothing is tried.
    let link = Link {
        demand: vec![(0, 400e3)],
        ..Link::of(5e6)
    };
    let samples = run(&link, 60, 1);
    assert_eq!(most(part(&samples, 5., 60.), |s| s.padding), 0.);
    assert!(most(&samples, |s| s.estimate) < 1.5e6);
}

#[test]
fn more_that_is_wanted_is_found_out_at_once() {
    let link = Link {
        demand: vec![(0, 300e3), (20_000, 4e6)],
        ..Link::of(5e6)
    };
    let samples = run(&link, 40, 1);
    let found = first(&samples, 20., |s| s.estimate > 4e6);
    assert!(found.is_some_and(|found| found < 2.), "{found:?}");
}

#[test]
fn what_others_take_is_left_to_them_and_taken_back() {
    let link = Link {
        others: vec![(0, 0.), (15_000, 2e6), (30_000, 0.)],
        ..Link::of(3e6)
    };
    for seed in 1..=3 {
        let samples = run(&link, 45, seed);
        let shared = part(&samples, 18., 30.);
        assert!(mean(shared, |s| s.estimate) < 1.05e6);
        assert!(mean(shared, |s| s.came) > 0.8e6);
        assert!(mean(shared, |s| s.waits) < 60.);
        assert!(mean(part(&samples, 35., 45.), |s| s.came) > 2.5e6);
    }
}

#[test]
fn feedback_that_stops_lets_less_be_believed_and_nothing_stands_still_after_it() {
    let link = Link {
        mute: (10_000, 20_000),
        ..Link::of(2e6)
    };
    let samples = run(&link, 30, 1);
    let before = samples[99].estimate;
    let mute = part(&samples, 10., 20.);
    assert!(mute[..18].iter().all(|s| s.estimate > 0.95 * before));
    assert!(mute[99].estimate < 0.5 * before);
    assert!(most(mute, |s| s.estimate) < 1.1 * before, "and never more");
    let back = first(&samples, 20., |s| s.estimate >= 0.99 * before);
    assert!(back.is_some_and(|back| back <= 0.2), "{back:?}");
}

#[test]
fn a_path_that_carries_nothing_for_a_while_is_used_as_before() {
    for seed in 1..=3 {
        let link = Link {
            rates: vec![(0, 3e6), (10_000, 0.), (15_000, 3e6)],
            ..Link::of(3e6)
        };
        let samples = run(&link, 30, seed);
        let back = first(&samples, 15., |s| s.estimate > 0.7 * 3e6);
        assert!(back.is_some_and(|back| back < 4.), "{back:?}");
    }
}

#[test]
fn another_path_is_found_out_again() {
    for (from, to, within) in [(5e6, 400e3, 1.5), (400e3, 5e6, 1.5)] {
        let link = Link {
            rates: vec![(0, from), (10_000, to)],
            moves: Some(10_000),
            ..Link::of(from)
        };
        let samples = run(&link, 20, 1);
        let near = |s: &Sample| (0.7..1.3).contains(&(s.estimate / to));
        let found = first(&samples, 10., near);
        assert!(
            found.is_some_and(|found| found <= within),
            "{from}: {found:?}"
        );
        let after = part(&samples, 10., 20.);
        assert!(most(after, |s| s.estimate) < 1.3 * to.max(600e3));
    }
}

#[test]
fn padding_keeps_something_flowing_where_nothing_fits() {
    let link = Link {
        least: 300e3 as u64,
        most: 0.,
        ..Link::of(2e6)
    };
    let samples = run(&link, 20, 1);
    let sent = mean(part(&samples, 5., 20.), |s| s.sent);
    assert!((280e3..380e3).contains(&sent), "{sent}");
}

#[test]
fn a_queue_that_others_keep_filled_is_not_yielded_to_for_ever() {
    // 120 ms of other traffic, whatever is sent.
    let link = Link {
        stands: vec![(0, 0.), (10_000, 120.)],
        ..Link::of(2e6)
    };
    let samples = run(&link, 60, 1);
    let used = mean(part(&samples, 15., 60.), |s| s.came / s.capacity);
    assert!(used > 0.6, "{used}");
}

#[test]
fn after_a_short_dip_what_was_there_before_is_tried_at_once() {
    for seed in 1..=3 {
        let link = Link {
            rates: vec![(0, 3e6), (10_000, 1.2e6), (11_500, 3e6)],
            ..Link::of(3e6)
        };
        let samples = run(&link, 20, seed);
        assert!(samples[114].estimate < 1.3e6);
        let back = first(&samples, 11.5, |s| s.estimate > 0.8 * 3e6);
        assert!(back.is_some_and(|back| back <= 1.5), "{seed}: {back:?}");
    }
}

#[test]
fn after_a_narrow_time_all_is_back_soon_after_its_queue() {
    for narrow in [60e3, 120e3, 300e3] {
        for seed in 1..=3 {
            let link = Link {
                rates: vec![(0, 5e6), (10_000, narrow), (13_000, 5e6)],
                queue: 1_000.,
                ..Link::of(5e6)
            };
            let samples = run(&link, 20, seed);
            assert!(samples[129].estimate < 1.1 * narrow);
            let empty = first(&samples, 13., |s| s.waits < 20.).unwrap();
            let some = first(&samples, 13. + empty, |s| s.estimate > 2. * narrow);
            assert!(some.is_some_and(|some| some <= 1.5), "{narrow}: {some:?}");
            let all = first(&samples, 13. + empty, |s| s.estimate > 0.8 * 5e6);
            assert!(all.is_some_and(|all| all <= 2.), "{narrow}: {all:?}");
        }
    }
}

#[test]
fn what_a_link_overflowed_with_keeps_nothing_from_being_tried() {
    // A queue so short that loss tells of it before delay does.
    let link = Link {
        rates: vec![(0, 5e6), (10_000, 600e3), (14_000, 5e6)],
        queue: 10.,
        ..Link::of(5e6)
    };
    for seed in 1..=3 {
        let samples = run(&link, 25, seed);
        let back = first(&samples, 14., |s| s.estimate > 0.7 * 5e6);
        assert!(back.is_some_and(|back| back <= 4.), "{seed}: {back:?}");
    }
}
