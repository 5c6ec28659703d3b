//! Makes freezes of all kinds on purpose in a call of real browsers, and counts how often the server blames the
//! right one. Makes network namespaces, so it runs as root, on Linux.
//!
//! ```text
//!  Plan: faults ─► Call: three Chromiums, a server ─┬─► its history: freezes, facts, verdicts ─┐
//!                    ▲ signals, firewalls, queues   └─► getStats of each page: freezeCount ────┴─► Report
//! ```
//! `cargo run --workspace --bin browser_verdicts -- --rounds 3 --markdown docs/verdicts-browsers.md`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(clippy::disallowed_methods, reason = "real browsers, on real time")]

mod call;
mod fault;
mod outcome;
mod plan;
mod report;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use outcome::Outcome;
use report::Report;

/// Measures verdicts on freezes in real browsers.
#[derive(Debug, Parser)]
struct Options {
    /// How often each fault is made, alone and in its pairs; and minutes in which nothing is done.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Only what has this in its name.
    #[arg(long, default_value = "")]
    only: String,
    /// Cameras show portraits, 316 x 178 pixels, 12 pictures a second, one encoding: less work for a small
    /// machine. Otherwise Chromium's test picture, 640 x 480, 30 pictures a second, three encodings.
    #[arg(long)]
    portraits: bool,
    /// Print each wrong verdict, with its facts.
    #[arg(long)]
    verbose: bool,
    /// Write the report to this file.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Keep what was seen and told in this file, a line of JSON for each fault.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Run no browsers: judge what was kept in this file, with the verdicts of this build.
    #[arg(long)]
    judge: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = Options::parse();
    let mut report = Report::new(&options);
    if let Some(file) = &options.judge {
        for outcome in kept(file) {
            report.add(outcome);
        }
    } else {
        let Some(mut call) = call::Call::open(options.portraits).await else {
            return;
        };
        for round in 0..options.rounds {
            let mut plans = plan::all(round);
            plans.retain(|plan| plan.name().contains(&options.only));
            for plan in plans {
                let outcome = call.make(&plan, round).await;
                keep(options.keep.as_deref(), &outcome);
                report.add(outcome);
            }
        }
        call.close().await;
    }
    let text = report.text();
    println!("{text}");
    if let Some(file) = &options.markdown {
        fs::write(file, text).expect("the report can be written");
    }
}

/// What was kept in a file.
fn kept(file: &Path) -> Vec<Outcome> {
    let text = fs::read_to_string(file).expect("a file");
    let outcomes = text.lines().map(serde_json::from_str);
    outcomes
        .collect::<Result<_, _>>()
        .expect("what this program kept")
}

fn keep(file: Option<&Path>, outcome: &Outcome) {
    use std::io::Write;
    let Some(file) = file else {
        return;
    };
    let line = serde_json::to_string(outcome).expect("plain figures");
    let file = fs::File::options().create(true).append(true).open(file);
    let kept = file.and_then(|mut file| writeln!(file, "{line}"));
    kept.expect("the file can be written");
}
