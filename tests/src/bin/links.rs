//! What a viewer sees over narrow, lossy, slow and changing links, on virtual time: a table, and a
//! plot of what some links carry and did carry.
//!
//! `cargo run --release --workspace --bin links -- --plot docs/links.svg`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tsuji_tests::links::{Outcome, Profile, dips, measure, plot, profiles};

/// Simulates viewers behind links of all kinds.
#[derive(Debug, Parser)]
struct Options {
    /// Only those with this in their names.
    #[arg(long, default_value = "")]
    only: String,
    /// Links that become narrow for a while, of all kinds, and the mean of them, instead of the report.
    #[arg(long)]
    dips: bool,
    /// How often each, with other losses each time.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Write a plot (SVG) of the links that change.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Print what each half second brought.
    #[arg(long)]
    samples: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut profiles = if options.dips { dips() } else { profiles() };
    profiles.retain(|profile| profile.name.contains(&options.only));
    println!(
        "| link | first picture, s | used | freezes | longest, s | frozen, % | \
         said not to fit, % | back, s |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut plots = Vec::new();
    let mut all = Vec::new();
    for profile in &profiles {
        let seeds = 1..=options.seeds.max(1);
        let outcomes: Vec<_> = seeds.map(|seed| measure(profile, seed)).collect();
        println!("{}", line(profile, &outcomes));
        if options.samples {
            for sample in &outcomes[0].samples {
                let layers = sample.layers.iter();
                let layers = layers.map(|layer| layer.map_or("-", |layer| layer.rid()));
                println!(
                    "{:6.1} s  media {:6.0}, all {:6.0} of {:6.0} kbit/s  {}",
                    sample.at,
                    sample.media / 1e3,
                    sample.carried / 1e3,
                    sample.capacity / 1e3,
                    layers.collect::<String>()
                );
            }
        }
        if !profile.is_steady() {
            plots.push((profile.name.clone(), outcomes[0].samples.clone()));
        }
        all.extend(outcomes);
    }
    if options.dips {
        println!("{}", mean_of(&all));
    }
    let Some(file) = options.plot else {
        return ExitCode::SUCCESS;
    };
    let plots: Vec<_> = plots
        .iter()
        .map(|(name, run)| (&name[..], &run[..]))
        .collect();
    match plot(&file, &plots) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}

/// Means of all runs.
fn mean_of(outcomes: &[Outcome]) -> String {
    let mean =
        |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64;
    let back = outcomes.iter().filter_map(|outcome| outcome.back);
    let back: Vec<f64> = back.map(|back| back.as_secs_f64()).collect();
    format!(
        "Mean: {:.1} freezes, the longest {:.1} s, {:.2} % of time; {:.1} % said not to fit; all back \
         in {} of {}, after {:.1} s, at most {:.1}",
        mean(|outcome| outcome.freezes.len() as f64),
        mean(|outcome| outcome.longest().as_secs_f64()),
        100. * mean(Outcome::frozen_share),
        100. * mean(|o| o.paused.as_secs_f64() / o.watched.as_secs_f64()),
        back.len(),
        outcomes.len(),
        back.iter().sum::<f64>() / back.len() as f64,
        back.iter().copied().fold(0., f64::max),
    )
}

/// The worst of all seeds, but of use, freezes and shares the mean.
fn line(profile: &Profile, outcomes: &[Outcome]) -> String {
    let seconds = |time: Option<Duration>| match time {
        Some(time) => format!("{:.1}", time.as_secs_f64()),
        None => "never".to_owned(),
    };
    let worst = |of: fn(&Outcome) -> Option<Duration>| {
        let all: Option<Vec<_>> = outcomes.iter().map(of).collect();
        seconds(all.and_then(|all| all.into_iter().max()))
    };
    let mean =
        |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64;
    let used = match profile.is_steady() {
        true => format!("{:.0} %", 100. * mean(|o| o.used.unwrap_or_default())),
        false => String::new(),
    };
    let back = match profile.returns() {
        Some(_) => worst(|outcome| outcome.back),
        None => String::new(),
    };
    let paused = mean(|o| o.paused.as_secs_f64() / o.watched.as_secs_f64());
    format!(
        "| {} | {} | {used} | {:.1} | {} | {:.2} | {:.1} | {back} |",
        profile.name,
        worst(Outcome::first_picture),
        mean(|outcome| outcome.freezes.len() as f64),
        worst(|outcome| Some(outcome.longest())),
        100. * mean(Outcome::frozen_share),
        100. * paused,
    )
}
