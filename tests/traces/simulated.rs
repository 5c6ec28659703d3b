//! Simulated meetings, on virtual time and bad networks, replayed in another process.

use tempfile::TempDir;
use tsuji_tests::{Scenario, failure};

use crate::{replay, traces};

#[test]
fn simulated_meetings_are_replayed_to_the_byte_in_another_process() {
    let folder = TempDir::new().expect("the system has room");
    for seed in 0..4 {
        let name = format!("seed-{seed}");
        let kept = failure::keep(folder.path(), &name, &Scenario::from_seed(seed));
        kept.expect("the system has room");
    }
    let traces = traces(folder.path());
    assert!(traces.len() >= 4);
    for file in traces {
        replay(&file, &[]).check_equal();
    }
}
