//! What was recorded happens again: in another process, to the byte.
//!
//! The traces beside this file are recordings of real browsers, made by the `record_traces`
//! program. A trace is replayed by the code that recorded it: whoever changes what the core sends
//! records them anew, and sees in the change's diff that it does.

mod decisions;
mod files;
mod live;
mod simulated;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tsuji_tests::support::MIO;

/// Replays a trace in a process of its own.
fn replay(file: &Path, more: &[&str]) -> Replayed {
    let output = Command::new(MIO.executable())
        .arg("replay")
        .arg(file)
        .args(more)
        .output();
    Replayed(output.expect("the program starts"))
}

/// What `tsuji replay` said.
struct Replayed(Output);

impl Replayed {
    fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    fn errors(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Fails unless all of it was equal.
    fn check_equal(&self) {
        let (text, errors) = (self.text(), self.errors());
        assert_eq!(self.code(), Some(0), "{text}{errors}");
        assert!(
            text.contains("All ") && text.contains("are equal"),
            "{text}"
        );
        assert_eq!(errors, "");
    }
}

/// The first files of the traces in a folder, by name.
fn traces(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with("-000.trace"))
        .collect();
    files.sort();
    files
}
