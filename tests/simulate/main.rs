//! Runs simulated meetings from seeds and says what broke, if anything, and how to see it again.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use tsuji_tests::invariants::Invariants;
use tsuji_tests::{Picture, Report, RunOptions, Scenario, failure, run, run_twice, shrink};

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
    /// Run a scenario that was kept or printed before: a file, or its JSON.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "seeds"])]
    scenario: Option<String>,
    /// Run each scenario twice and compare all bytes.
    #[arg(long)]
    twice: bool,
    /// End each scenario in the middle, and see how much memory the cores hold then.
    #[arg(long, conflicts_with = "twice")]
    weigh: bool,
    /// Make failing scenarios as small as possible.
    #[arg(long)]
    shrink: bool,
    /// Seeds at once; by default one for each core.
    #[arg(long)]
    jobs: Option<usize>,
    /// With `--seed` or `--scenario`: write traces for `tsuji replay` to this folder. Failing runs
    /// leave theirs anyway.
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
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
        let scenario = Scenario::meeting(0, people, picture, 60);
        let again = format!("--scenario '{}'", scenario.to_json());
        return one(options, "measured", &scenario, &again);
    }
    if let Some(seed) = options.seed {
        let scenario = Scenario::from_seed(seed);
        say(&scenario.to_json());
        let fine = one(options, &name(seed), &scenario, &format!("--seed {seed}"))?;
        if !fine && options.shrink {
            make_smaller(options, seed);
        }
        return Ok(fine);
    }
    if let Some(given) = &options.scenario {
        let is_json = given.trim_start().starts_with('{');
        let text = if is_json {
            given.clone()
        } else {
            fs::read_to_string(given).map_err(|error| format!("cannot read {given}: {error}"))?
        };
        let scenario = Scenario::from_json(&text)
            .map_err(|error| format!("the scenario was not understood: {error}"))?;
        return one(
            options,
            "scenario",
            &scenario,
            &format!("--scenario '{given}'"),
        );
    }
    if let Some(invariant) = &options.expect {
        return Ok(expect(options, invariant));
    }
    Ok(many(options))
}

fn name(seed: u64) -> String {
    format!("seed-{seed}")
}

fn expect(options: &Options, invariant: &str) -> bool {
    for seed in options.seeds.begin..options.seeds.end {
        let scenario = Scenario::from_seed(seed);
        let mut report = go(options, &scenario);
        report.violations.retain(|v| v.invariant == invariant);
        let again = again(options, &format!("--seed {seed}"));
        if let Some(text) = failure::tell(&name(seed), &scenario, &report, &again) {
            say(&text);
            if options.shrink {
                make_smaller(options, seed);
            }
            return true;
        }
    }
    false
}

fn one(options: &Options, name: &str, scenario: &Scenario, command: &str) -> Result<bool, String> {
    let mut sum = Sum::default();
    let begin = Instant::now();
    let before = computed(begin);
    let report = go(options, scenario);
    sum.add(&report, computed(begin).saturating_sub(before));
    if let Some(text) = failure::tell(name, scenario, &report, &again(options, command)) {
        say(&text);
    }
    for further in report.violations.iter().skip(1) {
        say(&format!("then: {further}"));
    }
    say(&sum.line());
    if let Some(folder) = &options.traces {
        let kept = failure::keep(folder, name, scenario);
        kept.map_err(|error| format!("cannot write to {}: {error}", folder.display()))?;
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
                    let scenario = Scenario::from_seed(seed);
                    let report = go(options, &scenario);
                    let busy = computed(begin).saturating_sub(before);
                    let again = again(options, &format!("--seed {seed}"));
                    if let Some(text) = failure::tell(&name(seed), &scenario, &report, &again) {
                        say(&text);
                        if options.shrink {
                            make_smaller(options, seed);
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

/// What repeats a run: `command`, and whether it is run twice or only to the middle.
fn again(options: &Options, command: &str) -> String {
    let twice = if options.twice { "--twice " } else { "" };
    let weigh = if options.weigh { "--weigh " } else { "" };
    format!("{twice}{weigh}{command}")
}

fn go(options: &Options, scenario: &Scenario) -> Report {
    if options.twice {
        run_twice(scenario)
    } else {
        let options = RunOptions {
            weigh: options.weigh,
            ..RunOptions::default()
        };
        run(scenario, options)
    }
}

fn make_smaller(options: &Options, seed: u64) {
    let expected = &options.expect;
    let broken = |scenario: &Scenario| {
        let violations = go(options, scenario).violations.into_iter();
        let mut wanted = violations.filter(|v| expected.as_ref().is_none_or(|e| e == v.invariant));
        wanted.next()
    };
    let Some((smallest, found)) = shrink(seed, broken) else {
        return;
    };
    let json = smallest.to_json();
    say(&format!("{} made smaller: {found}\n{json}", name(seed)));
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
