//! Simulated meetings, on virtual time and bad networks, replayed in another process.

use std::fs;

use tempfile::TempDir;
use tsuji_tests::{RunOptions, Scenario, run};

use crate::replay;

#[test]
fn simulated_meetings_are_replayed_to_the_byte_in_another_process() {
    let folder = TempDir::new().expect("the system has room");
    for seed in 0..4 {
        let options = RunOptions {
            record: true,
            ..RunOptions::default()
        };
        let report = run(&Scenario::from_seed(seed), options);
        let file = folder.path().join(format!("seed{seed}-000.trace"));
        fs::write(&file, report.trace.expect("a trace")).expect("the system has room");
        replay(&file, &[]).check_equal();
    }
}
