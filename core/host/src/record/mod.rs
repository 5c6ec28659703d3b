//! Recording a full trace of a media thread.
//!
//! ```text
//!  media thread                    bounded queue              writer thread
//!  Recording ── blocks of frames ─────────────────► checksums ─► files, one after the other
//!            ◄──────────── empty buffers ──────────
//! ```
//! The media thread only copies into memory. It never waits: when the queue is full a block is
//! dropped, the next one says how many inputs are missing, and the log says so.

mod segments;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use tsuji_core::trace::{Block, Header, Kind, Recorder, Secrets};
use tsuji_core::{Config, Input, Output, Time, WallTime};

use crate::trouble::Trouble;
pub(crate) use segments::next_segment;
use segments::{Rotation, Segments};

/// Which build this is, as traces tell it.
pub(crate) const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("TSUJI_BUILD"), ")");

/// The bounds of a recording.
#[derive(Clone, Debug)]
struct Limits {
    /// Bytes after which a block goes to the writer. 64 KiB: some 50 full datagrams, so that the
    /// hand-over costs nothing for each of them.
    block_bytes: usize,
    /// How long an input waits for its block to fill. 1 s: no more is lost in a crash.
    block_age: Duration,
    /// Blocks in the queue. 512, which is 32 MiB: seconds of a busy server, while a disk is busy
    /// with something else.
    queue: usize,
    /// The shortest time between two log lines about lost blocks. 10 s.
    log_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            block_bytes: 64 * 1024,
            block_age: Duration::from_secs(1),
            queue: 512,
            log_interval: Duration::from_secs(10),
        }
    }
}

/// What the command line says about recording.
#[derive(Clone, Debug)]
pub(crate) struct RecordOptions {
    /// Where to.
    pub(crate) directory: PathBuf,
    /// Bytes of one file at most.
    pub(crate) max_bytes: u64,
    /// How long one file is written.
    pub(crate) max_age: Duration,
}

/// No recording could begin.
#[derive(Debug, thiserror::Error)]
#[error("cannot record to {}: {source}", .path.display())]
pub struct RecordError {
    path: PathBuf,
    source: io::Error,
}

impl RecordError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self { path, source }
    }
}

/// The media thread's side. Without a recording every call does nothing.
#[derive(Debug, Default)]
pub(crate) struct Recording(Option<Active>);

#[derive(Debug)]
struct Active {
    recorder: Recorder,
    limits: Limits,
    blocks: Sender<Block>,
    /// Buffers that the writer is done with.
    empty: Receiver<Vec<u8>>,
    lost: Trouble,
    writer: JoinHandle<()>,
}

impl Recording {
    /// Begins a trace of an `Sfu` that is made with the same `config`, `seed` and `epoch`.
    pub(crate) fn start(
        options: &RecordOptions,
        config: &Config,
        seed: [u8; 32],
        epoch: WallTime,
        hermetic: bool,
    ) -> Result<Self, RecordError> {
        let header = Header {
            build: BUILD.to_owned(),
            kind: Kind::Full,
            shard: 0,
            segment: 0,
            hermetic,
            epoch,
            addresses: config.addresses.clone(),
            limits: config.limits.clone(),
            secrets: Some(Secrets {
                seed,
                certificate: config.certificate.clone(),
            }),
        };
        let rotation = Rotation {
            max_bytes: options.max_bytes,
            max_age: options.max_age,
        };
        let segments = Segments::start(&options.directory, header, rotation)?;
        tracing::warn!(
            file = %segments.path().display(),
            "recording everything: whoever has these files can see and hear the meetings"
        );
        let limits = Limits::default();
        let (blocks, blocks_out) = crossbeam_channel::bounded(limits.queue);
        let (empty_in, empty) = crossbeam_channel::bounded(limits.queue);
        let writer = std::thread::Builder::new()
            .name("tsuji-record".to_owned())
            .spawn(move || writer::run(segments, &blocks_out, &empty_in))
            .map_err(RecordError::at(&options.directory))?;
        Ok(Self(Some(Active {
            recorder: Recorder::new(&config.addresses),
            lost: Trouble::new(limits.log_interval),
            limits,
            blocks,
            empty,
            writer,
        })))
    }

    /// An input, before the core gets it.
    pub(crate) fn begin(&mut self, t: Time, input: &Input<'_>) {
        if let Some(active) = &mut self.0 {
            active.recorder.begin(t, input);
        }
    }

    /// An output of it.
    pub(crate) fn output(&mut self, output: &Output) {
        if let Some(active) = &mut self.0 {
            active.recorder.output(output);
        }
    }

    /// The input has no more outputs.
    pub(crate) fn end(&mut self, t: Time) {
        let Some(active) = &mut self.0 else {
            return;
        };
        active.recorder.end();
        if active.recorder.bytes() >= active.limits.block_bytes {
            self.hand_over(t);
        }
    }

    /// When [`Recording::flush`] is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let active = self.0.as_ref()?;
        Some(active.recorder.since()? + active.limits.block_age)
    }

    /// Hands over what has waited for long enough.
    pub(crate) fn flush(&mut self, t: Time) {
        if self.deadline().is_some_and(|deadline| deadline <= t) {
            self.hand_over(t);
        }
    }

    fn hand_over(&mut self, t: Time) {
        let Some(active) = &mut self.0 else {
            return;
        };
        let empty = active.empty.try_recv().unwrap_or_default();
        match active.blocks.try_send(active.recorder.take(empty)) {
            Ok(()) => {}
            Err(TrySendError::Full(block)) => {
                if let Some(blocks) = active.lost.happened(t) {
                    let inputs = block.inputs;
                    tracing::warn!(
                        blocks,
                        inputs,
                        "the disk does not keep up: the trace has a gap"
                    );
                }
            }
            // The writer has said why.
            Err(TrySendError::Disconnected(_)) => self.0 = None,
        }
    }
}

impl Drop for Recording {
    /// Writes what is left. The one place that waits for the disk: nothing is forwarded any more.
    fn drop(&mut self) {
        let Some(active) = self.0.take() else {
            return;
        };
        let last = active.recorder.finish();
        // A writer that is gone has said why.
        let _ = active.blocks.send(last);
        drop(active.blocks);
        let _ = active.writer.join();
    }
}

#[cfg(test)]
mod tests;
