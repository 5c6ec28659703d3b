//! Losses of all kinds.

use super::*;

/// Sends so many bits a second for a while over a path that loses a share of them: each `n`th, so
/// that nothing is left to chance.
fn send(loss: &mut Loss, from: u64, seconds: u64, bits: f64, share: f64, rate: f64) {
    let gap = (9_600. * 1e6 / bits) as u64;
    let mut owed = 0.;
    for (number, sent) in (from * 1_000_000..(from + seconds) * 1_000_000)
        .step_by(gap as usize)
        .enumerate()
    {
        let told = Told {
            number: number as u64,
            sent,
            bytes: 1_200,
            cluster: None,
            again: false,
        };
        owed += share;
        if owed >= 1. {
            owed -= 1.;
            loss.lost(&told);
        } else {
            loss.came(&told);
        }
        loss.update(Known {
            rate,
            waits: Duration::ZERO,
        });
    }
}

#[test]
fn loss_at_a_rate_far_below_what_is_carried_limits_nothing_then_or_later() {
    for share in [0.05, 0.1, 0.2, 0.4] {
        let mut loss = Loss::default();
        send(&mut loss, 0, 3, 500e3, share, 5e6);
        assert_eq!(loss.limit(), None);
        send(&mut loss, 3, 10, 5e6, share, 5e6);
        assert_eq!(loss.limit(), None, "{share}");
    }
}

#[test]
fn what_is_too_much_is_cut_and_grows_when_nothing_is_lost() {
    let mut loss = Loss::default();
    send(&mut loss, 0, 1, 3e6, 0.67, 3e6);
    let cut = loss.limit().unwrap();
    assert!((0.8e6..0.95e6).contains(&cut), "{cut}");
    send(&mut loss, 1, 1, cut, 0., 3e6);
    assert!(loss.limit().is_some());
    send(&mut loss, 2, 10, cut, 0., 3e6);
    let grown = loss.limit().unwrap();
    assert!((1.5e6..2.4e6).contains(&grown), "{grown}");
    send(&mut loss, 12, 10, cut, 0., 3e6);
    assert_eq!(loss.limit(), None);
}

#[test]
fn loss_that_stays_when_less_is_sent_is_the_paths_own() {
    let mut loss = Loss::default();
    send(&mut loss, 0, 1, 3e6, 0.25, 3e6);
    let cut = loss.limit().unwrap();
    send(&mut loss, 1, 2, cut, 0.25, 3e6);
    assert_eq!(loss.limit(), None);
    send(&mut loss, 3, 10, 3e6, 0.25, 3e6);
    assert_eq!(loss.limit(), None);
    // More than that is too much again.
    send(&mut loss, 13, 2, 3e6, 0.6, 3e6);
    assert!(loss.limit().is_some());
}

#[test]
fn a_path_that_carries_nothing_for_a_while_says_nothing_of_rates() {
    let mut loss = Loss::default();
    send(&mut loss, 0, 3, 3e6, 0., 3e6);
    send(&mut loss, 3, 2, 3e6, 1., 3e6);
    send(&mut loss, 5, 3, 3e6, 0., 3e6);
    assert_eq!(loss.limit(), None);
}

#[test]
fn what_comes_late_was_not_lost() {
    let mut loss = Loss::default();
    for number in 0..2_000 {
        let mut told = Told {
            number,
            sent: number * 5_000,
            bytes: 1_200,
            cluster: None,
            again: false,
        };
        if number % 2 == 0 {
            loss.lost(&told);
        } else {
            loss.came(&told);
            told.again = true;
            loss.came(&told);
        }
        loss.update(Known {
            rate: 2e6,
            waits: Duration::ZERO,
        });
    }
    assert_eq!(loss.limit(), None);
}

#[test]
fn a_limit_forbids_no_probe_when_little_is_lost_and_goes_when_more_comes_through() {
    let mut loss = Loss::default();
    assert!(loss.is_calm());
    send(&mut loss, 0, 1, 3e6, 0.67, 3e6);
    assert!(!loss.is_calm());
    let cut = loss.limit().unwrap();
    send(&mut loss, 1, 3, cut, 0., 3e6);
    assert!(loss.is_calm());
    let limit = loss.limit().unwrap();
    loss.lift(0.9 * limit);
    assert_eq!(loss.limit(), Some(limit));
    loss.lift(1.1 * limit);
    assert_eq!(loss.limit(), None);
}
