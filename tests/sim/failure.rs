//! What a failing run leaves behind: how to see it again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::run::{Report, RunOptions, run};
use crate::scenario::Scenario;

/// Tells of a failing run, with the command that repeats it, and keeps its scenario and the traces
/// of its cores in files. `name` begins the names of the files; `again` is what repeats it.
///
/// Without failure there is nothing to tell.
pub fn tell(name: &str, scenario: &Scenario, report: &Report, again: &str) -> Option<String> {
    let first = report.violations.first()?;
    let mut text = format!("{name}: {first}\n  again: {}", command(again));
    match keep(&folder(), name, scenario) {
        Ok(files) => {
            for file in files {
                let _ = write!(text, "\n  kept: {}", file.display());
            }
        }
        Err(error) => {
            let _ = write!(text, "\n  its files cannot be kept: {error}");
        }
    }
    Some(text)
}

/// The command line of the simulator with these options.
pub fn command(options: &str) -> String {
    format!("cargo run --release -p tsuji-tests --bin simulate -- {options}")
}

/// Where files of failing runs are kept: beside what cargo builds.
fn folder() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let built = program.ancestors().skip(1);
    let mut built = built.skip_while(|path| path.ends_with("deps"));
    let beside = built.next().map(Path::to_path_buf).unwrap_or_default();
    beside.join("failed")
}

/// Runs a scenario again, because recording is not free, and writes down the scenario and the trace
/// of each core.
///
/// # Errors
/// What the file system says.
pub fn keep(folder: &Path, name: &str, scenario: &Scenario) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let mut files = vec![folder.join(format!("{name}.json"))];
    fs::write(&files[0], scenario.to_json() + "\n")?;
    let options = RunOptions {
        record: true,
        ..RunOptions::default()
    };
    for (core, trace) in run(scenario, options).traces.iter().enumerate() {
        let file = folder.join(format!("{name}-core{core}-000.trace"));
        fs::write(&file, trace)?;
        files.push(file);
    }
    Ok(files)
}
