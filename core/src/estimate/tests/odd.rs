//! Rest, news, and what makes no sense.

use std::time::Duration;

use crate::estimate::link::Told;
use crate::estimate::news::SOON;
use crate::estimate::path::Path;
use crate::estimate::{Estimator, Pace};
use crate::time::Time;

/// What feedback says after a packet with this number came at this time.
type Teller<'a> = &'a dyn Fn(u16, i64) -> Told;

/// Somebody who gets a packet of 1,000 bytes every 10 ms, whose feedback comes at once.
struct Steady {
    estimator: Estimator,
    number: u64,
    ms: u64,
}

impl Steady {
    fn new(desired: u64) -> Self {
        let mut estimator = Estimator::new(500_000);
        let pace = Pace { least: 0, desired };
        estimator.pace(Time::ZERO, pace);
        Self {
            estimator,
            number: 0,
            ms: 0,
        }
    }

    fn now(&self) -> Time {
        Time::from_millis(self.ms)
    }

    /// For so long; with what feedback says of the packets that were just sent.
    fn run(&mut self, ms: u64, told: impl Fn(u16, i64) -> Told) {
        for _ in 0..ms / 10 {
            self.number += 1;
            let now = self.now();
            self.estimator.sent(now, self.number, 1_000, None);
            if self.estimator.deadline().is_some_and(|due| due <= now) {
                self.estimator.timeout(now);
                self.estimator.padding(now);
            }
            let told = told(self.number as u16, self.ms as i64 * 1_000 + 50_000);
            self.estimator.told(now, told.into_iter());
            self.ms += 10;
        }
    }
}

#[test]
fn nothing_is_believed_before_feedback_and_little_memory_taken_before_anything_is_sent() {
    let estimator = Estimator::new(500_000);
    assert!(size_of_val(&estimator) <= 32);
    assert!(size_of::<Path>() < 2_048);
    let mut steady = Steady::new(5_000_000);
    assert_eq!(steady.estimator.deadline(), None);
    steady.run(5_000, |_, _| Vec::new());
    assert_eq!(steady.estimator.estimate(), None);
    steady.run(10, |number, at| vec![(number, Some(at))]);
    assert_eq!(steady.estimator.estimate(), Some(500_000));
}

#[test]
fn who_is_sent_nothing_rests_and_what_is_known_stays() {
    let mut steady = Steady::new(5_000_000);
    let came = |number, at| vec![(number, Some(at))];
    steady.run(5_000, came);
    let known = steady.estimator.estimate();
    let mut wakes = 0;
    while let Some(due) = steady.estimator.deadline() {
        steady.estimator.timeout(due);
        while steady.estimator.padding(due).is_some() {}
        wakes += 1;
        assert!(wakes < 200, "{due}");
        assert!(due < Time::from_millis(16_000), "{due}");
    }
    assert_eq!(steady.estimator.padding(Time::from_millis(20_000)), None);
    let kept = steady.estimator.path.as_ref().unwrap().memory();
    assert_eq!(kept, 0);
    assert_eq!(steady.estimator.estimate(), known);
    // An hour and more later, over a path that takes a second longer.
    steady.ms = 5_000_000;
    steady.run(2_000, |number, at| vec![(number, Some(at + 1_000_000))]);
    assert!(steady.estimator.estimate() >= known);
}

#[test]
fn what_was_believed_before_an_outage_is_believed_again_at_once() {
    let mut steady = Steady::new(5_000_000);
    let came = |number, at| vec![(number, Some(at))];
    steady.run(5_000, came);
    let known = steady.estimator.estimate().unwrap();
    steady.run(6_000, |_, _| Vec::new());
    assert!(steady.estimator.estimate().unwrap() < known / 2);
    steady.run(30, came);
    assert!(steady.estimator.estimate().unwrap() >= known);
}

#[test]
fn feedback_that_makes_no_sense_changes_nothing() {
    let plain = |number, at| vec![(number, Some(at))];
    let known = {
        let mut steady = Steady::new(0);
        steady.run(10_000, plain);
        steady.estimator.estimate()
    };
    let of_none = |number: u16, at| {
        vec![
            (number, Some(at)),
            (number + 1, Some(at)),
            (number + 30_000, None),
        ]
    };
    let twice = |number, at| {
        vec![
            (number, Some(at)),
            (number, Some(at + 90_000)),
            (number, None),
        ]
    };
    let late = |number: u16, at| {
        let before = number.saturating_sub(4);
        match number % 4 {
            0 => (before + 1..=number)
                .map(|n| (n, Some(at - 10_000 * i64::from(number - n))))
                .collect(),
            _ => Vec::new(),
        }
    };
    let lost_first = |number: u16, at| {
        vec![
            (number.saturating_sub(1), Some(at - 10_000)),
            (number, None),
        ]
    };
    let beyond = |number, at| {
        vec![
            (number, Some(i64::MAX)),
            (number, Some(i64::MIN)),
            (number, Some(at)),
        ]
    };
    let odd: [(&str, Teller<'_>); 5] = [
        ("of none", &of_none),
        ("twice", &twice),
        ("late", &late),
        ("lost first", &lost_first),
        ("beyond", &beyond),
    ];
    for (name, told) in odd {
        let mut steady = Steady::new(0);
        steady.run(10_000, told);
        let (here, known) = (steady.estimator.estimate().unwrap(), known.unwrap());
        assert!(
            here.abs_diff(known) < known / 20,
            "{name}: {here}, not {known}"
        );
    }
}

#[test]
fn a_clock_that_jumps_is_no_queue() {
    for jump in [-5_000_000_i64, 5_000_000, -(1 << 40), 1 << 40] {
        let mut steady = Steady::new(0);
        steady.run(5_000, |number, at| vec![(number, Some(at))]);
        let before = steady.estimator.estimate().unwrap();
        steady.run(5_000, |number, at| vec![(number, Some(at + jump))]);
        let after = steady.estimator.estimate().unwrap();
        assert!(after >= before, "{jump}: {before}, {after}");
    }
}

#[test]
fn time_that_jumps_or_stands_still_ends_nothing() {
    let mut steady = Steady::new(5_000_000);
    let came = |number, at| vec![(number, Some(at))];
    steady.run(1_000, came);
    for ms in [2_000, 1_000_000, 500, u64::MAX / 2_000, 0] {
        steady.ms = ms;
        let now = steady.now();
        steady.estimator.timeout(now);
        steady.estimator.padding(now);
        steady
            .estimator
            .told(now, [(0, Some(0)), (7, None)].into_iter());
        steady.estimator.moved(now);
    }
    steady.ms = 2_000_000;
    steady.run(5_000, came);
    assert!(steady.estimator.estimate().is_some());
}

#[test]
fn losses_of_probes_are_no_losses_of_what_flows() {
    let mut steady = Steady::new(5_000_000);
    steady.run(5_000, |number, at| vec![(number, Some(at))]);
    let known = steady.estimator.estimate().unwrap();
    let mut probes = 0;
    for _ in 0..3_000 {
        steady.run(10, |number, at| vec![(number, Some(at))]);
        let now = steady.now();
        steady.estimator.timeout(now);
        while let Some(padding) = steady.estimator.padding(now) {
            for _ in 0..10 {
                steady.number += 1;
                let (number, bytes) = (steady.number, padding.bytes / 10);
                let cluster = Some(padding.cluster);
                steady.estimator.sent(now, number, bytes, cluster);
                let lost = [(number as u16, None)];
                steady.estimator.told(now, lost.into_iter());
                probes += 1;
            }
        }
    }
    assert!(probes > 100, "{probes}");
    assert!(steady.estimator.estimate().unwrap() >= known);
}

#[test]
fn demand_wakes_nobody_who_is_sent_nothing_but_who_could_be() {
    let mut steady = Steady::new(1_000_000);
    steady.run(1_000, |number, at| vec![(number, Some(at))]);
    let now = Time::from_millis(30_000);
    steady.estimator.timeout(now);
    let mut pace = Pace {
        least: 0,
        desired: 9_000_000,
    };
    steady.estimator.pace(now, pace);
    assert_eq!(steady.estimator.deadline(), None);
    assert_eq!(steady.estimator.padding(now), None);
    pace.least = 100_000;
    steady.estimator.pace(now, pace);
    assert!(steady.estimator.deadline().is_some());
}

#[test]
fn news_comes_every_200_ms_at_most_or_when_it_is_much() {
    let mut steady = Steady::new(0);
    let mut news = Vec::new();
    for n in 0..500_u64 {
        let now = Time::from_millis(n * 10);
        steady.estimator.sent(now, n, 1_000, None);
        let told = [(n as u16, Some(n as i64 * 10_000))];
        if steady.estimator.told(now, told.into_iter()).news {
            news.push((n * 10, steady.estimator.estimate().unwrap()));
        }
    }
    assert!(news.len() > 3);
    for pair in news.windows(2) {
        let change = pair[1].1 as f64 / pair[0].1 as f64;
        assert!(change > 1.03);
        let apart = Duration::from_millis(pair[1].0 - pair[0].0);
        assert!(apart >= SOON, "{pair:?}");
    }
}
