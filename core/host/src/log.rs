//! Where the log goes, and what a line of it looks like.
//!
//! Everything goes to stderr. What concerns somebody in a room has the fields `room` and
//! `participant`, in a span (`person`) or on the line itself, spelt the same everywhere: one `grep`
//! for `participant=p7` (in JSON `"participant":"p7"`) tells one person's story. A WebSocket that is
//! in no room has a `connection`, which its `enter` names too.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;

use clap::ValueEnum;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Warns of each message of a stranger that it cannot read. Whoever wants that says so behind it.
const QUIET: &str = "stun_types=off";

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object on each line, for programs.
    Json,
}

/// Begins to log. `filter` was checked.
pub(crate) fn start(filter: &str, format: LogFormat) {
    let filter = EnvFilter::new(format!("{QUIET},{filter}"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    match (format, is_journal()) {
        // The journal knows the time, and takes the level from the first bytes of the line.
        (LogFormat::Text, true) => lines
            .with_ansi(false)
            .without_time()
            .with_level(false)
            .with_writer(Journal)
            .init(),
        (LogFormat::Text, false) => lines
            .with_ansi(io::stderr().is_terminal())
            .with_writer(io::stderr)
            .init(),
        (LogFormat::Json, journal) => {
            let lines = lines.json().flatten_event(true).with_current_span(false);
            if journal {
                lines.with_writer(Journal).init();
            } else {
                lines.with_writer(io::stderr).init();
            }
        }
    }
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
}

/// Whether stderr goes to the journal of systemd, which says so in `JOURNAL_STREAM`: device and
/// inode (systemd.exec(5)).
fn is_journal() -> bool {
    let Ok(told) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    fs::metadata("/proc/self/fd/2")
        .is_ok_and(|stderr| told == format!("{}:{}", stderr.dev(), stderr.ino()))
}

/// Writes lines with their level as the journal reads it (sd-daemon(3)).
struct Journal;

struct Line {
    level: Level,
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = Line;

    fn make_writer(&'a self) -> Self::Writer {
        Line { level: Level::INFO }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        Line {
            level: *metadata.level(),
        }
    }
}

impl Write for Line {
    /// Gets whole lines.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut whole = format!("<{}>", priority(self.level)).into_bytes();
        whole.extend_from_slice(line);
        io::stderr().lock().write_all(&whole)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// syslog(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}
