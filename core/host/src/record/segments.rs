//! The files of a trace, one after the other.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tsuji_core::trace::{Block, Header};
use tsuji_core::{Time, WallTime};

use super::RecordError;

/// When the next file begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    /// Bytes of one file, unless a single block is larger. Of decisions a file ends where a
    /// snapshot comes, and has up to some more.
    pub(super) max_bytes: u64,
    /// How long one file is written.
    pub(super) max_age: Duration,
}

/// Writes a trace to `tsuji-TIME-shardN-000.trace`, then `-001`, and so on.
///
/// Each file is made with mode 0600, never widened or narrowed later: it holds media and the keys
/// to it.
#[derive(Debug)]
pub(super) struct Segments {
    directory: PathBuf,
    header: Header,
    rotation: Rotation,
    file: File,
    path: PathBuf,
    bytes: u64,
    is_empty: bool,
    opened: Instant,
}

impl Segments {
    pub(super) fn start(
        directory: &Path,
        header: Header,
        rotation: Rotation,
    ) -> Result<Self, RecordError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(RecordError::at(directory))?;
        let path = directory.join(file_name(&header));
        let (file, bytes) = create(&path, &header).map_err(RecordError::at(&path))?;
        Ok(Self {
            directory: directory.to_owned(),
            header,
            rotation,
            file,
            path,
            bytes,
            is_empty: true,
            opened: Instant::now(),
        })
    }

    /// The file that is being written.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a block of whole frames.
    pub(super) fn write(&mut self, block: &Block) -> io::Result<()> {
        let bytes = block.bytes.len() as u64;
        let full = self.bytes.saturating_add(bytes) > self.rotation.max_bytes;
        let is_time = full || self.opened.elapsed() >= self.rotation.max_age;
        // Unless the last file has nothing but its header.
        if is_time && block.is_start && !self.is_empty {
            self.rotate()?;
        }
        self.is_empty = false;
        self.file.write_all(&block.bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Makes sure that it is all on the disk.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        File::open(&self.directory)?.sync_all()
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.finish()?;
        self.header.segment += 1;
        let path = self.directory.join(file_name(&self.header));
        (self.file, self.bytes) = create(&path, &self.header)?;
        self.path = path;
        self.opened = Instant::now();
        tracing::info!(file = %self.path.display(), "recording continues");
        Ok(())
    }
}

/// The path of the file after this one; `None` when its name is not one of ours.
pub(crate) fn next_segment(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let (start, number) = name.strip_suffix(".trace")?.rsplit_once('-')?;
    let number: u32 = number.parse().ok()?;
    let next = format!("{start}-{:03}.trace", number.checked_add(1)?);
    Some(path.with_file_name(next))
}

fn file_name(header: &Header) -> String {
    let start = stamp(header.epoch, Time::ZERO);
    let (shard, segment) = (header.shard, header.segment);
    format!("tsuji-{start}-shard{shard}-{segment:03}.trace")
}

/// A moment as it stands in file names: UTC, so that names sort by time wherever they come from.
pub(crate) fn stamp(epoch: WallTime, t: Time) -> String {
    let micros = epoch.as_unix_micros().saturating_add(t.as_micros());
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    let moment = Timestamp::from_microsecond(micros).unwrap_or_default();
    moment.strftime("%Y%m%dT%H%M%S.%3fZ").to_string()
}

fn create(path: &Path, header: &Header) -> io::Result<(File, u64)> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let prelude = header.to_bytes();
    file.write_all(&prelude)?;
    Ok((file, prelude.len() as u64))
}
