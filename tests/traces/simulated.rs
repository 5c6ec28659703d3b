//! Simulated meetings, on virtual time and bad networks, replayed in another process.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tsuji_tests::support::MIO;
use tsuji_tests::{Scenario, failure, verdicts};

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

/// A meeting in which pictures freeze, as a full trace and as one of decisions: both say the same of each
/// freeze, judged again, as what was told while it went on.
#[test]
fn a_trace_of_either_kind_says_why_it_froze() {
    let folder = TempDir::new().expect("the system has room");
    let full = folder.path().join("froze.trace");
    std::fs::write(&full, verdicts::trace_of_a_stall()).expect("the system has room");
    let decisions = folder.path().join("decisions.trace");
    let told = replay(
        &full,
        &[
            "--verbose",
            "--decisions",
            decisions.to_str().expect("text"),
        ],
    );
    told.check_equal();
    let told = told.text();
    let over = told
        .lines()
        .filter(|line| line.contains(" froze: the server ("));
    let over = over.count();
    assert!(over > 3, "{told}");
    let why = |file: &Path| {
        let why = Command::new(MIO.executable())
            .args(["why", "--trace"])
            .arg(file)
            .output()
            .expect("the program starts");
        assert!(
            why.status.success(),
            "{}",
            String::from_utf8_lossy(&why.stderr)
        );
        String::from_utf8_lossy(&why.stdout).into_owned()
    };
    let (of_full, of_decisions) = (why(&full), why(&decisions));
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains(" did not "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(lines(&of_full), lines(&of_decisions));
    let freezes = lines(&of_full);
    let mut blames = freezes.iter().map(|line| line.contains("(server, "));
    assert!(blames.all(|server| server), "{of_full}");
    assert_eq!(freezes.len(), over, "{of_full}\n{told}");
}
