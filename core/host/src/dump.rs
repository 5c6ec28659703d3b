//! Writing down the decisions of the last minutes, which are always kept in memory.
//!
//! ```text
//!   SIGUSR1 ──────────► control::Handle ─┐
//!   POST /debug/trace ► front::Desk ─────┴─► Bell ─► each media side: Dumper ─► a thread ─► a file
//! ```
//! A media side only shares what is in memory; the thread computes checksums and writes. However
//! often the bell rings, there is one file of each side in [`PAUSE`] at most. What is written because
//! somebody in a meeting reported a problem is marked so in its name, and of those only the last
//! [`PROBLEMS`] stay: whoever presses that button should not be able to fill a disk.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Waker;
use std::time::Duration;

use tsuji_core::trace::{Block, Header, seal};
use tsuji_core::{Sfu, Time};

use crate::record::{BUILD, stamp};

/// The shortest time between two files. 10 s: whoever asks more often has the same minutes twice.
const PAUSE: Duration = Duration::from_secs(10);
/// Files about problems of each shard that stay. 20: some hundred megabytes with the memory of the
/// default.
const PROBLEMS: usize = 20;
/// How the names of such files end.
const PROBLEM: &str = "-problem.trace";

/// Nobody asked; somebody did, for the operator; or because of a problem.
const SILENT: u8 = 0;
const ASKED: u8 = 1;
const REPORTED: u8 = 2;

/// Asks the media sides for files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Vec<Rope>);

/// What reaches one of them.
#[derive(Clone, Debug)]
struct Rope {
    asked: Arc<AtomicU8>,
    media: Waker,
}

/// A media side's end.
#[derive(Debug)]
pub(crate) struct Dumper {
    asked: Arc<AtomicU8>,
    directory: PathBuf,
    quiet_until: Time,
}

impl Bell {
    /// Reaches one more media side, whose end this gives. Files go to `directory`; `media` ends the
    /// waiting of the side.
    pub(crate) fn add(&mut self, directory: PathBuf, media: Waker) -> Dumper {
        let asked = Arc::new(AtomicU8::new(SILENT));
        self.0.push(Rope {
            asked: Arc::clone(&asked),
            media,
        });
        Dumper {
            asked,
            directory,
            quiet_until: Time::ZERO,
        }
    }

    /// The operator wants the last minutes.
    pub(crate) fn ring(&self) {
        self.pull(ASKED);
    }

    /// Somebody in a meeting says that something is wrong.
    pub(crate) fn report(&self) {
        self.pull(REPORTED);
    }

    fn pull(&self, why: u8) {
        for rope in &self.0 {
            rope.asked.store(why, Ordering::SeqCst);
            rope.media.wake_by_ref();
        }
    }
}

impl Dumper {
    /// Begins to write a file if somebody has asked for one.
    pub(crate) fn turn(&mut self, t: Time, sfu: &mut Sfu) {
        let asked = self.asked.swap(SILENT, Ordering::SeqCst);
        if asked == SILENT {
            return;
        }
        if t < self.quiet_until {
            tracing::warn!("the last trace was written less than {PAUSE:?} ago: no other one");
            return;
        }
        sfu.flush_decisions();
        let Some(ring) = sfu.decisions() else {
            tracing::warn!("no trace is kept in memory (--trace-memory 0)");
            return;
        };
        self.quiet_until = t + PAUSE;
        let blocks: Vec<Arc<Block>> = ring.blocks().cloned().collect();
        let header = sfu.decisions_header(BUILD.to_owned());
        let end = sfu.decisions_end();
        let shard = format!("-shard{}", header.shard);
        let suffix = if asked == REPORTED {
            format!("{shard}{PROBLEM}")
        } else {
            format!("{shard}-decisions.trace")
        };
        let name = format!("tsuji-{}{suffix}", stamp(header.epoch, t));
        let directory = self.directory.clone();
        let work = move || {
            if asked == REPORTED {
                prune(&directory, &suffix, PROBLEMS - 1);
            }
            let path = directory.join(name);
            let file = path.display();
            match write(&path, &header, &blocks, &end) {
                Ok(bytes) => {
                    tracing::info!(%file, bytes, "the decisions of the last minutes are written");
                }
                Err(error) => {
                    tracing::error!(%error, %file, "the decisions of the last minutes are not written");
                }
            }
        };
        let thread = std::thread::Builder::new().name("tsuji-trace".to_owned());
        if let Err(error) = thread.spawn(work) {
            tracing::error!(%error, "the decisions of the last minutes are not written");
        }
    }
}

/// Leaves only the last so many files whose names end so: they begin with their time.
fn prune(directory: &Path, suffix: &str, most: usize) {
    let names = fs::read_dir(directory).map(|entries| {
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let ours = names.filter(|name| name.starts_with("tsuji-") && name.ends_with(suffix));
        ours.collect::<BTreeSet<_>>()
    });
    let names = names.unwrap_or_default();
    for name in names.iter().take(names.len().saturating_sub(most)) {
        if let Err(error) = fs::remove_file(directory.join(name)) {
            tracing::warn!(%error, file = name, "an old trace could not be removed");
        }
    }
}

fn write(path: &Path, header: &Header, blocks: &[Arc<Block>], end: &[u8]) -> io::Result<u64> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut bytes = 0;
    let mut put = |piece: &[u8]| {
        bytes += piece.len() as u64;
        file.write_all(piece)
    };
    put(&header.to_bytes())?;
    for block in blocks {
        let mut sealed = block.bytes.clone();
        seal(&mut sealed);
        put(&sealed)?;
    }
    put(end)?;
    file.sync_all()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_problems_only_the_last_stay_and_nothing_else_goes() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "tsuji-20260101T000000.000Z-shard0-problem.trace",
            "tsuji-20260102T000000.000Z-shard0-problem.trace",
            "tsuji-20260103T000000.000Z-shard0-problem.trace",
            "tsuji-20260101T000000.000Z-shard1-problem.trace",
            "tsuji-20260101T000000.000Z-shard0-decisions.trace",
            "somebody-shard0-problem.trace",
        ];
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        prune(folder.path(), "-shard0-problem.trace", 1);
        let left = names.map(|name| folder.path().join(name).exists());
        assert_eq!(left, [false, false, true, true, true, true]);
    }
}
