//! Recording a trace of the media side: a full one, or one of decisions.
//!
//! ```text
//!  media side                      bounded queue              writer thread
//!  Recording ── blocks of frames ─────────────────► checksums ─► files, one after the other
//!            ◄──────────── empty buffers ──────────
//! ```
//! Blocks of a full trace are made here; those of decisions are shared with the memory of the core.
//! The media side only copies into memory. It never waits: when the queue is full a block is
//! dropped, the next one says how many inputs are missing, and the log says so.

mod segments;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use tsuji_core::trace::{Block, Header, Kind, Recorder, Secrets};
use tsuji_core::{Config, Input, Output, Sfu, Time, WallTime};

use crate::trouble::Trouble;
use segments::{Rotation, Segments};
pub(crate) use segments::{next_segment, stamp};

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
    /// How much.
    pub(crate) kind: Kind,
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

/// How a recording goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordStats {
    /// Blocks that the disk was too slow for.
    pub(crate) lost: u64,
    /// Blocks that wait for the disk.
    pub(crate) waiting: usize,
}

/// The media side's part. Without a recording every call does nothing.
#[derive(Debug, Default)]
pub(crate) struct Recording(Option<Active>);

#[derive(Debug)]
struct Active {
    source: Source,
    limits: Limits,
    pieces: Sender<Piece>,
    /// Buffers that the writer is done with.
    empty: Receiver<Vec<u8>>,
    lost: Trouble,
    writer: JoinHandle<()>,
}

/// Where blocks come from.
#[derive(Debug)]
enum Source {
    /// Everything that goes in and out.
    Full(Recorder),
    /// The decisions that the core keeps; the number of the next block.
    Decisions { next: u64 },
}

/// What the writer gets.
#[derive(Debug)]
enum Piece {
    Own(Block),
    Shared(Arc<Block>),
}

impl Recording {
    /// Begins a trace of `sfu`, which is new and was made with `seed` and `config`. For decisions,
    /// it must keep them.
    pub(crate) fn start(
        options: &RecordOptions,
        config: &Config,
        seed: [u8; 32],
        epoch: WallTime,
        sfu: &Sfu,
    ) -> Result<Self, RecordError> {
        let kind = match options.kind {
            Kind::Full if !sfu.is_hermetic() => {
                tracing::warn!(
                    "on this platform bytes depend on more than what is recorded: recording \
                     decisions instead"
                );
                Kind::Decisions
            }
            kind => kind,
        };
        let (header, source) = match kind {
            Kind::Full => {
                let header = full_header(config, seed, epoch);
                (header, Source::Full(Recorder::new(&config.addresses)))
            }
            Kind::Decisions => {
                let header = sfu.decisions_header(BUILD.to_owned());
                (header, Source::Decisions { next: 0 })
            }
        };
        let rotation = Rotation {
            max_bytes: options.max_bytes,
            max_age: options.max_age,
        };
        let segments = Segments::start(&options.directory, header, rotation)?;
        let file = segments.path().display();
        match kind {
            Kind::Full => tracing::warn!(
                %file,
                "recording everything: whoever has these files can see and hear the meetings"
            ),
            Kind::Decisions => tracing::info!(%file, "recording decisions"),
        }
        let limits = Limits::default();
        let (pieces, pieces_out) = crossbeam_channel::bounded(limits.queue);
        let (empty_in, empty) = crossbeam_channel::bounded(limits.queue);
        let writer = std::thread::Builder::new()
            .name("tsuji-record".to_owned())
            .spawn(move || writer::run(segments, &pieces_out, &empty_in))
            .map_err(RecordError::at(&options.directory))?;
        Ok(Self(Some(Active {
            source,
            lost: Trouble::new(limits.log_interval),
            limits,
            pieces,
            empty,
            writer,
        })))
    }

    /// An input, before the core gets it.
    pub(crate) fn begin(&mut self, t: Time, input: &Input<'_>) {
        if let Some(recorder) = self.recorder() {
            recorder.begin(t, input);
        }
    }

    /// An output of it.
    pub(crate) fn output(&mut self, output: &Output) {
        if let Some(recorder) = self.recorder() {
            recorder.output(output);
        }
    }

    /// The input has no more outputs.
    pub(crate) fn end(&mut self, t: Time) {
        let Some(active) = &mut self.0 else {
            return;
        };
        if let Source::Full(recorder) = &mut active.source {
            recorder.end();
            if recorder.bytes() >= active.limits.block_bytes {
                self.hand_over(t);
            }
        }
    }

    /// When [`Recording::flush`] is due.
    pub(crate) fn deadline(&self, sfu: &Sfu) -> Option<Time> {
        let active = self.0.as_ref()?;
        let since = match &active.source {
            Source::Full(recorder) => recorder.since(),
            Source::Decisions { .. } => sfu.decisions_since(),
        };
        Some(since? + active.limits.block_age)
    }

    /// Hands over what has waited for long enough. To be called after each turn.
    pub(crate) fn flush(&mut self, t: Time, sfu: &mut Sfu) {
        let is_due = self.deadline(sfu).is_some_and(|deadline| deadline <= t);
        match self.0.as_ref().map(|active| &active.source) {
            Some(Source::Full(_)) if is_due => self.hand_over(t),
            Some(Source::Decisions { .. }) => {
                if is_due {
                    sfu.flush_decisions();
                }
                self.hand_over_decisions(t, sfu);
            }
            _ => {}
        }
    }

    /// Writes what is left. The one place that waits for the disk: nothing is forwarded any more.
    pub(crate) fn stop(&mut self, t: Time, sfu: &mut Sfu) {
        if let Some(Source::Decisions { .. }) = self.0.as_ref().map(|active| &active.source) {
            sfu.flush_decisions();
            self.hand_over_decisions(t, sfu);
        }
        let Some(active) = self.0.take() else {
            return;
        };
        let last = match active.source {
            Source::Full(recorder) => recorder.finish(),
            Source::Decisions { .. } => Block {
                bytes: sfu.decisions_end(),
                ..Block::default()
            },
        };
        // A writer that is gone has said why.
        let _ = active.pieces.send(Piece::Own(last));
        drop(active.pieces);
        let _ = active.writer.join();
    }

    /// How it goes; `None` when nothing is recorded (any more).
    pub(crate) fn stats(&self) -> Option<RecordStats> {
        self.0.as_ref().map(|active| RecordStats {
            lost: active.lost.count(),
            waiting: active.pieces.len(),
        })
    }

    fn recorder(&mut self) -> Option<&mut Recorder> {
        match &mut self.0.as_mut()?.source {
            Source::Full(recorder) => Some(recorder),
            Source::Decisions { .. } => None,
        }
    }

    fn hand_over(&mut self, t: Time) {
        let Some(active) = &mut self.0 else {
            return;
        };
        let Source::Full(recorder) = &mut active.source else {
            return;
        };
        let empty = active.empty.try_recv().unwrap_or_default();
        let piece = Piece::Own(recorder.take(empty));
        self.send(t, piece);
    }

    fn hand_over_decisions(&mut self, t: Time, sfu: &mut Sfu) {
        while let Some(active) = &mut self.0
            && let Source::Decisions { next } = &mut active.source
            && let Some((number, block)) = sfu.decisions().and_then(|ring| ring.block_from(*next))
        {
            *next = number + 1;
            let piece = Piece::Shared(Arc::clone(block));
            if !self.send(t, piece) {
                // A replay can go on from there.
                sfu.snapshot_decisions();
            }
        }
    }

    /// Whether it is on its way.
    fn send(&mut self, t: Time, piece: Piece) -> bool {
        let Some(active) = &mut self.0 else {
            return false;
        };
        match active.pieces.try_send(piece) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                if let Some(blocks) = active.lost.happened(t) {
                    tracing::warn!(blocks, "the disk does not keep up: the trace has a gap");
                }
                false
            }
            // The writer has said why.
            Err(TrySendError::Disconnected(_)) => {
                self.0 = None;
                false
            }
        }
    }
}

fn full_header(config: &Config, seed: [u8; 32], epoch: WallTime) -> Header {
    Header {
        build: BUILD.to_owned(),
        kind: Kind::Full,
        shard: config.shard.into(),
        segment: 0,
        hermetic: true,
        epoch,
        addresses: config.addresses.clone(),
        limits: config.limits.clone(),
        secrets: Some(Secrets {
            seed,
            certificate: config.certificate.clone(),
        }),
    }
}

#[cfg(test)]
mod tests;
