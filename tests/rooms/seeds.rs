//! Many meetings, each made by one number.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tsuji_tests::scenario::scenarios;
use tsuji_tests::{RunOptions, Scenario, failure, run, run_twice};

/// Seeds that the ordinary test run tries.
const SEEDS: u64 = 200;
/// One in so many is run twice, and another one once more, to the middle, to be weighed.
const TWICE: u64 = 10;

/// Plays all of `what` on two threads; shows what `play` has to say of those that failed.
fn all<T: Sync>(what: &[T], play: impl Fn(&T) -> Option<String> + Sync) {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(one) = what.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let failure = play(one);
                    failures
                        .lock()
                        .expect("nobody panics with it")
                        .extend(failure);
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panics with it");
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

#[test]
fn two_hundred_meetings_on_all_kinds_of_networks_break_no_promise() {
    let seeds: Vec<u64> = (0..SEEDS).collect();
    all(&seeds, |seed| {
        let scenario = Scenario::from_seed(*seed);
        let (report, twice) = if seed % TWICE == 0 {
            (run_twice(&scenario), "--twice ")
        } else {
            (run(&scenario, RunOptions::default()), "")
        };
        let tell = |report, again: &str| {
            let again = format!("{again}--seed {seed}");
            failure::tell(&format!("seed-{seed}"), &scenario, &report, &again)
        };
        let weighed = (seed % TWICE == 1).then(|| {
            let options = RunOptions {
                weigh: true,
                ..RunOptions::default()
            };
            tell(run(&scenario, options), "--weigh ")
        });
        tell(report, twice).or(weighed.flatten())
    });
}

/// Scenarios that broke a promise once, as small as they get. Each file is named for what it found.
fn regressions() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let entries = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

#[test]
fn what_was_found_once_stays_away() {
    let files = regressions();
    assert!(!files.is_empty());
    all(&files, |file| {
        let text = fs::read_to_string(file).expect("a file");
        let scenario = Scenario::from_json(&text).expect("a scenario");
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let again = format!("--twice --scenario tests/regressions/{name}.json");
        failure::tell(&name, &scenario, &run_twice(&scenario), &again)
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
        let again = format!("--scenario '{}'", scenario.to_json());
        let failure = failure::tell("fresh", &scenario, &report, &again);
        prop_assert!(failure.is_none(), "\n{}\n", failure.unwrap_or_default());
    }
}
