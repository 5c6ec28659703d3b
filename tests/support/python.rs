//! Programs in Python, with exactly the packages that they were written for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::program::workspace;

/// The interpreter of an environment of its own below `target`, made when it is first needed and
/// again when `requirements` have changed.
pub fn python(name: &str, requirements: &Path) -> PathBuf {
    let directory = workspace().join("target").join(format!("python-{name}"));
    let wanted = fs::read_to_string(requirements).expect("a list of packages");
    let made = directory.join("requirements.txt");
    let interpreter = directory.join("bin/python");
    if fs::read_to_string(&made).is_ok_and(|made| made == wanted) {
        return interpreter;
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&directory));
    run(Command::new(&interpreter)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .arg("--requirement")
        .arg(requirements));
    fs::write(made, wanted).expect("a directory of ours");
    interpreter
}

fn run(command: &mut Command) {
    let status = command.status();
    let status = status.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}
