//! Runs simulated meetings from seeds and says what broke, if anything, and how to see it again.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use proptest::strategy::ValueTree;
use tsuji_tests::invariants::Invariants;
use tsuji_tests::{Picture, Report, RunOptions, Scenario, run, run_twice};

/// Runs simulated meetings on virtual time: people, networks, the lobby and the core, all of it
/// decided by one number.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Run one seed, and tell what happens in it.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Run the seeds from A up to, not including, B.
    #[arg(long, value_name = "A..B", default_value = "0..200")]
    seeds: Seeds,
    /// Go on with further seeds until so many minutes are over.
    #[arg(long)]
    minutes: Option<u64>,
    /// Run a scenario that was printed before: its JSON.
    #[arg(long, conflicts_with_all = ["seed", "seeds"])]
    scenario: Option<String>,
    /// Run each scenario twice and compare all bytes.
    #[arg(long)]
    twice: bool,
    /// Make a failing scenario as small as possible.
    #[arg(long)]
    shrink: bool,
    /// Seeds at once; by default one for each core.
    #[arg(long)]
    jobs: Option<usize>,
    /// With `--seed` or `--scenario`: write a trace to this file, for `tsuji replay`.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Measure a steady meeting of so many people instead.
    #[arg(long, value_name = "PEOPLE")]
    measure: Option<usize>,
    /// With `--measure`: what cameras send, 30 frames a second of three packets or 10 of one.
    #[arg(long, value_enum, default_value = "full")]
    camera: CameraOption,
    /// Go through the seeds until this invariant is found broken, and fail if it never is.
    #[arg(long, value_name = "INVARIANT")]
    expect: Option<String>,
    /// Print the invariants.
    #[arg(long)]
    invariants: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum CameraOption {
    Full,
    Light,
}

/// A range of seeds.
#[derive(Clone, Copy, Debug)]
struct Seeds {
    begin: u64,
    end: u64,
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is not two numbers with two dots between them");
        let (begin, end) = text.split_once("..").ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse().map_err(|_| wrong());
        let (begin, end) = (number(begin)?, number(end)?);
        if begin >= end {
            return Err(format!("{text} has no seed in it"));
        }
        Ok(Self { begin, end })
    }
}

/// What many runs gave.
#[derive(Debug, Default)]
struct Sum {
    runs: u64,
    failures: u64,
    participant_seconds: f64,
    steps: u64,
    /// Summed over all threads.
    busy: Duration,
}

impl Sum {
    fn add(&mut self, report: &Report, busy: Duration) {
        self.runs += 1;
        self.failures += u64::from(!report.violations.is_empty());
        self.participant_seconds += report.participant_seconds;
        self.steps += report.steps;
        self.busy += busy;
    }

    fn line(&self) -> String {
        let rate = self.participant_seconds / self.busy.as_secs_f64().max(1e-9);
        format!(
            "{} runs, {} failed; {:.0} participant-seconds, {} inputs; {rate:.0} participant-seconds per second per core",
            self.runs, self.failures, self.participant_seconds, self.steps
        )
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match act(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

/// Says whether all runs were fine.
fn act(options: &Options) -> Result<bool, String> {
    if options.invariants {
        for (name, promise) in Invariants::table() {
            say(&format!("{name}: {promise}"));
        }
        return Ok(true);
    }
    if let Some(people) = options.measure {
        let picture = match options.camera {
            CameraOption::Full => Picture::Full,
            CameraOption::Light => Picture::Light,
        };
        return one(options, &Scenario::meeting(0, people, picture, 60));
    }
    if let Some(seed) = options.seed {
        let scenario = Scenario::from_seed(seed);
        say(&serde_json::to_string(&scenario).unwrap_or_default());
        let fine = one(options, &scenario)?;
        if !fine && options.shrink {
            shrink(options, seed);
        }
        return Ok(fine);
    }
    if let Some(text) = &options.scenario {
        let scenario = serde_json::from_str(text)
            .map_err(|error| format!("the scenario was not understood: {error}"))?;
        return one(options, &scenario);
    }
    if let Some(invariant) = &options.expect {
        return Ok(expect(options, invariant));
    }
    Ok(many(options))
}

fn expect(options: &Options, invariant: &str) -> bool {
    for seed in options.seeds.begin..options.seeds.end {
        let report = go(options, &Scenario::from_seed(seed));
        let found = report.violations.iter();
        if let Some(found) = found.into_iter().find(|v| v.invariant == invariant) {
            say(&format!("seed {seed}: {found}"));
            return true;
        }
    }
    false
}

fn one(options: &Options, scenario: &Scenario) -> Result<bool, String> {
    let mut sum = Sum::default();
    let begin = Instant::now();
    let before = computed(begin);
    let report = go(options, scenario);
    sum.add(&report, computed(begin).saturating_sub(before));
    for violation in &report.violations {
        say(&violation.to_string());
    }
    say(&sum.line());
    if let (Some(file), Some(trace)) = (&options.trace, &report.trace) {
        std::fs::write(file, trace)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(report.violations.is_empty())
}

fn many(options: &Options) -> bool {
    let next = AtomicU64::new(options.seeds.begin);
    let sum = Mutex::new(Sum::default());
    let begin = Instant::now();
    let minutes = options.minutes.map(|m| Duration::from_secs(60 * m));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..options.jobs.unwrap_or(cores).max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let over = match minutes {
                        Some(minutes) => begin.elapsed() >= minutes,
                        None => seed >= options.seeds.end,
                    };
                    if over {
                        return;
                    }
                    let before = computed(begin);
                    let report = go(options, &Scenario::from_seed(seed));
                    let busy = computed(begin).saturating_sub(before);
                    if let Some(first) = report.violations.first() {
                        say(&format!("seed {seed}: {first}\n  {}", repeat(seed)));
                        if options.shrink {
                            shrink(options, seed);
                        }
                    }
                    let mut sum = sum.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    sum.add(&report, busy);
                }
            });
        }
    });
    let sum = sum
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    say(&sum.line());
    sum.failures == 0
}

fn go(options: &Options, scenario: &Scenario) -> Report {
    if options.twice {
        run_twice(scenario)
    } else {
        let options = RunOptions {
            record: options.trace.is_some(),
            ..RunOptions::default()
        };
        run(scenario, options)
    }
}

/// Tries what is simpler, as long as the same invariant breaks.
fn shrink(options: &Options, seed: u64) {
    let broken = |scenario: &Scenario| go(options, scenario).violations.into_iter().next();
    let mut tree = Scenario::tree(seed);
    let mut smallest = tree.current();
    let Some(first) = broken(&smallest) else {
        return;
    };
    let mut found = first.clone();
    for _ in 0..400 {
        let scenario = tree.current();
        let again = broken(&scenario).filter(|other| other.invariant == first.invariant);
        let further = match again {
            Some(again) => {
                (smallest, found) = (scenario, again);
                tree.simplify()
            }
            None => tree.complicate(),
        };
        if !further {
            break;
        }
    }
    let mut text = format!("seed {seed}, made smaller: {found}\n");
    let json = serde_json::to_string(&smallest).unwrap_or_default();
    let _ = writeln!(
        text,
        "  cargo run --release -p tsuji-tests --bin simulate -- --scenario '{json}'"
    );
    say(text.trim_end());
}

fn repeat(seed: u64) -> String {
    format!("cargo run --release -p tsuji-tests --bin simulate -- --seed {seed}")
}

/// How long this thread has computed, where the system tells (Linux): other work on the machine
/// would count otherwise.
fn computed(begin: Instant) -> Duration {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = schedule.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| begin.elapsed(), Duration::from_nanos)
}

/// Output that may be cut off: a closed pipe is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}
