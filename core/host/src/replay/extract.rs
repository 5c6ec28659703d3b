//! The decisions of a full trace, as a trace of their own.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tsuji_core::trace::{Header, Replay, seal};

use super::ReplayFault;

/// Decisions in memory before they are written. 8 MiB: more than one input makes.
const RING: usize = 8 * 1024 * 1024;

/// Writes what is decided while a full trace is replayed.
pub(super) struct Extract {
    path: PathBuf,
    file: BufWriter<File>,
    next: u64,
}

impl Extract {
    /// Made with mode 0600, as everything about a meeting.
    pub(super) fn create(
        path: &Path,
        header: &Header,
        replay: &mut Replay,
    ) -> Result<Self, ReplayFault> {
        replay.keep_decisions(RING);
        let header = replay.sfu().decisions_header(header.build.clone());
        let create = || {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(path)?;
            let mut file = BufWriter::new(file);
            file.write_all(&header.to_bytes())?;
            Ok(file)
        };
        Ok(Self {
            path: path.to_owned(),
            file: create().map_err(fault(path))?,
            next: 0,
        })
    }

    /// Writes what is new.
    pub(super) fn note(&mut self, replay: &Replay) -> Result<(), ReplayFault> {
        let blocks = replay.sfu().decisions();
        while let Some((number, block)) = blocks.and_then(|ring| ring.block_from(self.next)) {
            let mut bytes = block.bytes.clone();
            seal(&mut bytes);
            self.file.write_all(&bytes).map_err(fault(&self.path))?;
            self.next = number + 1;
        }
        Ok(())
    }

    /// Nothing follows.
    pub(super) fn finish(mut self, replay: &mut Replay) -> Result<(), ReplayFault> {
        replay.flush_decisions();
        self.note(replay)?;
        let end = replay.sfu().decisions_end();
        let written = self.file.write_all(&end).and_then(|()| self.file.flush());
        written.map_err(fault(&self.path))
    }
}

fn fault(path: &Path) -> impl Fn(io::Error) -> ReplayFault {
    |source| ReplayFault::Write {
        path: path.to_owned(),
        source,
    }
}
