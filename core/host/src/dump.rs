//! Writing down the decisions of the last minutes, which are always kept in memory.
//!
//! ```text
//!   SIGUSR1 ──────────► control::Handle ─┐
//!   POST /debug/trace ► front::Desk ─────┴─► Bell ─► each media side: Dumper ─► a thread ─► a file
//! ```
//! A media side only shares what is in memory; the thread computes checksums and writes. However
//! often the bell rings, there is one file of each side in [`PAUSE`] at most.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use tsuji_core::trace::{Block, Header, seal};
use tsuji_core::{Sfu, Time};

use crate::record::{BUILD, stamp};

/// The shortest time between two files. 10 s: whoever asks more often has the same minutes twice.
const PAUSE: Duration = Duration::from_secs(10);

/// Asks the media sides for files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Vec<Rope>);

/// What reaches one of them.
#[derive(Clone, Debug)]
struct Rope {
    asked: Arc<AtomicBool>,
    media: Waker,
}

/// A media side's end.
#[derive(Debug)]
pub(crate) struct Dumper {
    asked: Arc<AtomicBool>,
    directory: PathBuf,
    quiet_until: Time,
}

impl Bell {
    /// Reaches one more media side, whose end this gives. Files go to `directory`; `media` ends the
    /// waiting of the side.
    pub(crate) fn add(&mut self, directory: PathBuf, media: Waker) -> Dumper {
        let asked = Arc::new(AtomicBool::new(false));
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

    pub(crate) fn ring(&self) {
        for rope in &self.0 {
            rope.asked.store(true, Ordering::SeqCst);
            rope.media.wake_by_ref();
        }
    }
}

impl Dumper {
    /// Begins to write a file if somebody has asked for one.
    pub(crate) fn turn(&mut self, t: Time, sfu: &mut Sfu) {
        if !self.asked.swap(false, Ordering::SeqCst) {
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
        let name = format!(
            "tsuji-{}-shard{}-decisions.trace",
            stamp(header.epoch, t),
            header.shard
        );
        let path = self.directory.join(name);
        let work = move || match write(&path, &header, &blocks, &end) {
            Ok(bytes) => {
                let file = path.display();
                tracing::info!(%file, bytes, "the decisions of the last minutes are written");
            }
            Err(error) => {
                let file = path.display();
                tracing::error!(%error, %file, "the decisions of the last minutes are not written");
            }
        };
        let thread = std::thread::Builder::new().name("tsuji-trace".to_owned());
        if let Err(error) = thread.spawn(work) {
            tracing::error!(%error, "the decisions of the last minutes are not written");
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
