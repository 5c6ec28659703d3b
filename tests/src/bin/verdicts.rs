//! Makes freezes of all kinds on purpose, on virtual time, and counts how often the core blames the right
//! one.
//!
//! `cargo run --release --workspace --bin verdicts -- --seeds 50 --markdown docs/verdicts.md`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::Parser;
use tsuji_core::freeze::Culprit;
use tsuji_tests::verdicts::{Outcome, Plan, Tally, call, healthy, pairs, singles};

/// What stands above the tables.
const HEAD: &str = "\
# Whose fault was it? How often the core is right

Made by `cargo run --release --workspace --bin verdicts -- --seeds SEEDS --markdown docs/verdicts.md`, on
virtual time: four people, everybody sees everybody; faults happen to the first as a publisher, to the second
as a viewer.

- *Seen* are freezes by the simulator's own measure at the viewers, *told* are those that the core found without
  asking them, or that only a page told of. Pages report as `web/client/app/digest.js` does.
- Of two faults at once, a verdict counts as right when it names one that was under way for that picture until
  4 s before (9 s, of a link that was narrow: what waits in it comes out slowly); the table by culprit has only freezes of which one thing was the cause.
- What only a page saw is told as one freeze for each report, up to three seconds later: the core knows how long
  it was, not when, and it counts as seen where anything froze in that time. `DecoderLate` has more freezes seen
  than told for that reason.
- *Dark* is for how long pictures froze, or were said not to fit through the path, in each call and at all
  viewers together, while something went wrong; *and behind* is for how long that went on when it was over:
  what a server can make shorter.

";

/// Measures verdicts on freezes.
#[derive(Debug, Parser)]
struct Options {
    /// How often each call is made, with another seed each time.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Only calls with this in their names.
    #[arg(long, default_value = "")]
    only: String,
    /// Only calls in which one thing goes wrong.
    #[arg(long)]
    singles: bool,
    /// Print each wrong verdict, and each freeze that nobody told of.
    #[arg(long)]
    verbose: bool,
    /// Write the report to this file.
    #[arg(long)]
    markdown: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut report = HEAD.replace("SEEDS", &options.seeds.max(1).to_string());
    let groups = [
        ("One fault", singles()),
        ("Two faults at once", pairs()),
        ("Nothing wrong", healthy()),
    ];
    let groups = groups.into_iter().take(if options.singles { 1 } else { 3 });
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
    for (plan, outcomes) in plans.iter().zip(outcomes(plans, options.seeds.max(1))) {
        let mut tally = Tally::default();
        for (seed, outcome) in (1..).zip(&outcomes) {
            if options.verbose {
                tell(plan, seed, outcome);
            }
            tally.add(outcome);
            all.add(outcome);
        }
        let [during, behind] = tally.dark_seconds();
        let _ = writeln!(
            lines,
            "| {} | {} of {} | {} | {} | {:.1} | {during:.2} | {behind:.2} |",
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
         | call | told of seen | told | unfounded | right, % | dark, s | and behind, s |\n\
         |---|---|---|---|---|---|---|\n{lines}\n",
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

/// What came of each plan with each seed. Calls are made on all cores.
fn outcomes(plans: &[Plan], seeds: u64) -> Vec<Vec<Outcome>> {
    let seeds_of = |plan: usize| (1..=seeds).map(move |seed| (plan, seed));
    let calls: Vec<(usize, u64)> = (0..plans.len()).flat_map(seeds_of).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        while let Some((plan, seed)) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
            made.push(((*plan, *seed), call(&plans[*plan], *seed)));
        }
        made
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut made: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let threads = threads.into_iter();
        threads
            .flat_map(|thread| thread.join().expect("a call panicked"))
            .collect()
    });
    made.sort_by_key(|(place, _)| *place);
    let mut all = vec![Vec::new(); plans.len()];
    for ((plan, _), outcome) in made {
        all[plan].push(outcome);
    }
    all
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
