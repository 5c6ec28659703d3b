//! `tsuji doctor`: what usually goes wrong, found before anybody is invited.
//!
//! ```text
//!   Options ──► ports, reach, certificate, clock, system ──► Findings ──► a line for each,
//!                                                                         and an exit code
//! ```
//! It looks at this machine only: nothing is asked of anybody elsewhere. Whether people in other
//! networks get through is told by the page's own test of a connection.

mod certificate;
mod clock;
mod ports;
mod system;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Write};

use crate::options::Options;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    Fine,
    /// Meetings work, for some or for now.
    Warning,
    /// The server does not start, or nobody can meet.
    Failure,
}

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    grade: Grade,
    /// One word.
    about: &'static str,
    /// What is so, and what to do about it.
    text: String,
}

impl Finding {
    fn fine(about: &'static str, text: impl Into<String>) -> Self {
        Self::new(Grade::Fine, about, text)
    }

    fn warning(about: &'static str, text: impl Into<String>) -> Self {
        Self::new(Grade::Warning, about, text)
    }

    fn failure(about: &'static str, text: impl Into<String>) -> Self {
        Self::new(Grade::Failure, about, text)
    }

    fn new(grade: Grade, about: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { grade, about, text }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grade = match self.grade {
            Grade::Fine => "ok  ",
            Grade::Warning => "WARN",
            Grade::Failure => "FAIL",
        };
        write!(f, "{grade}  {:<12} {}", self.about, self.text)
    }
}

/// Checks everything and writes what was found; the result is the worst of it.
pub(crate) fn examine(options: &Options, out: &mut impl Write) -> io::Result<Grade> {
    let mut worst = Grade::Fine;
    let mut tell = |finding: Finding| {
        worst = worst.max(finding.grade);
        writeln!(out, "{finding}")
    };
    for finding in ports::tcp(options).into_iter().chain(ports::udp(options)) {
        tell(finding)?;
    }
    tell(certificate::check(options))?;
    tell(clock::check())?;
    for finding in system::check(options) {
        tell(finding)?;
    }
    let verdict = match worst {
        Grade::Fine => "Everything is as it should be.",
        Grade::Warning => "The server will run. Read the warnings before you invite people.",
        Grade::Failure => "Not like this: see what failed.",
    };
    writeln!(out, "\n{verdict}")?;
    Ok(worst)
}
