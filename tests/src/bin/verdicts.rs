//! Makes freezes of all kinds on purpose, on virtual time, and counts how often the core blames the right
//! one.
//!
//! `cargo run --release --workspace --bin verdicts -- --seeds 50 --markdown docs/verdicts.md`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tsuji_core::freeze::Culprit;
use tsuji_tests::verdicts::{Outcome, Plan, Tally, call, healthy, pairs, singles};

/// Measures verdicts on freezes.
#[derive(Debug, Parser)]
struct Options {
    /// How often each call is made, with another seed each time.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Only calls with this in their names.
    #[arg(long, default_value = "")]
    only: String,
    /// Print each wrong verdict, and each freeze that nobody told of.
    #[arg(long)]
    verbose: bool,
    /// Write the report to this file.
    #[arg(long)]
    markdown: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut report = String::new();
    let groups = [
        ("One fault", singles()),
        ("Two faults at once", pairs()),
        ("Nothing wrong", healthy()),
    ];
    for (name, mut plans) in groups {
        plans.retain(|plan| plan.name.contains(&options.only));
        if !plans.is_empty() {
            report.push_str(&group(name, &plans, &options));
        }
    }
    let Some(file) = &options.markdown else {
        return ExitCode::SUCCESS;
    };
    match std::fs::write(file, report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}

fn group(name: &str, plans: &[Plan], options: &Options) -> String {
    let mut all = Tally::default();
    let mut lines = String::new();
    for plan in plans {
        let mut tally = Tally::default();
        for seed in 1..=options.seeds.max(1) {
            let outcome = call(plan, seed);
            if options.verbose {
                tell(plan, seed, &outcome);
            }
            tally.add(&outcome);
            all.add(&outcome);
        }
        let _ = writeln!(
            lines,
            "| {} | {} of {} | {} | {} | {:.1} |",
            plan.name,
            tally.found,
            tally.seen,
            tally.told,
            tally.unfounded,
            tally.rightness()
        );
    }
    let text = format!(
        "## {name}\n\n{} freezes were seen, {:.1} % of them were told; {} were told, {:.1} % of them were \
         seen. {} verdicts, {:.1} % right; {} on pictures with which nothing was wrong.\n\n{all}\n\
         | call | told of seen | told | unfounded | right, % |\n|---|---|---|---|---|\n{lines}\n",
        all.seen,
        all.detected(),
        all.told,
        all.certain(),
        all.verdicts,
        all.rightness(),
        all.unfounded,
    );
    println!("{text}");
    text
}

fn tell(plan: &Plan, seed: u64, outcome: &Outcome) {
    for told in &outcome.told {
        let Some(verdict) = &told.freeze.verdict else {
            continue;
        };
        let right = told.truth.contains(&verdict.culprit);
        if right && told.seen {
            continue;
        }
        let (freeze, to) = (&told.freeze, told.freeze.to.unwrap_or_default());
        println!(
            "{} (seed {seed}): {} of {}, {} to {to}, seen: {}; {:?}, not {:?}\n    {}\n    {:?}",
            plan.name,
            told.viewer,
            freeze.track.participant,
            freeze.from,
            told.seen,
            verdict.culprit,
            told.truth,
            verdict.because("V", "P"),
            freeze.facts
        );
        debug_assert!(verdict.culprit != Culprit::Unknown || verdict.confidence == 0);
    }
    for (viewer, from, to) in &outcome.unfound {
        println!(
            "{} (seed {seed}): {viewer} saw a freeze from {from} to {to}",
            plan.name
        );
    }
}
