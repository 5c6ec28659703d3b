//! Tells the program which commit it was built from, for the headers of its traces.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=TSUJI_BUILD={}", build());
}

/// Release builds name their commit where there is one to name. Debug builds don't: they would
/// have to be made again for every commit.
fn build() -> String {
    if std::env::var("PROFILE").is_ok_and(|profile| profile != "release") {
        return "debug".to_owned();
    }
    let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) else {
        return "release".to_owned();
    };
    if Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["describe", "--always", "--dirty", "--tags"]).unwrap_or_else(|| "release".to_owned())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
