//! Many meetings, each made by one number.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use tsuji_tests::scenario::scenarios;
use tsuji_tests::{Report, RunOptions, Scenario, run, run_twice};

/// Seeds that the ordinary test run tries.
const SEEDS: u64 = 200;
/// One in so many is run twice.
const TWICE: u64 = 10;

/// Runs all scenarios on two threads and tells of all that failed.
fn all(count: u64, play: impl Fn(u64) -> (String, Report) + Sync) {
    let next = AtomicU64::new(0);
    let failures = Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let (again, report) = play(number);
                    if let Some(violation) = report.violations.first() {
                        let mut failures = failures.lock().expect("nobody panics with it");
                        let _ = writeln!(failures, "{violation}\n  to see it again: {again}");
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panics with it");
    assert!(failures.is_empty(), "\n{failures}");
}

fn command(rest: &str) -> String {
    format!("cargo run --release -p tsuji-tests --bin simulate -- {rest}")
}

#[test]
fn two_hundred_meetings_on_all_kinds_of_networks_break_no_promise() {
    all(SEEDS, |seed| {
        let scenario = Scenario::from_seed(seed);
        let report = if seed % TWICE == 0 {
            run_twice(&scenario)
        } else {
            run(&scenario, RunOptions::default())
        };
        (command(&format!("--seed {seed}")), report)
    });
}

/// Each line: a seed, or the JSON of a scenario that was made smaller. After `#`: what it found.
const REGRESSIONS: &str = include_str!("../seeds.txt");

#[test]
fn what_was_found_once_stays_away() {
    let lines = REGRESSIONS.lines().map(|line| line.split(" #").next());
    let lines = lines.flatten().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    all(lines.len() as u64, |number| {
        let line = lines[number as usize];
        match line.parse() {
            Ok(seed) => {
                let report = run_twice(&Scenario::from_seed(seed));
                (command(&format!("--twice --seed {seed}")), report)
            }
            Err(_) => {
                let scenario = serde_json::from_str(line).expect("a seed or a scenario");
                let report = run_twice(&scenario);
                (command(&format!("--twice --scenario '{line}'")), report)
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Fresh numbers each time; a failing scenario is made smaller before it is shown.
    #[test]
    fn no_meeting_at_all_breaks_a_promise(scenario in scenarios()) {
        let report = run(&scenario, RunOptions::default());
        let json = serde_json::to_string(&scenario).unwrap_or_default();
        let again = command(&format!("--scenario '{json}'"));
        prop_assert!(report.violations.is_empty(), "{}\n  to see it again: {again}", report.violations[0]);
    }
}
