//! Writing a trace of decisions while they are made.

use super::call::{Call, mix_notice};
use super::entry::{self, Dropped, PathName};
use super::outcome::Outcome;
use super::packet::put_event;
use super::pseudonym::Pseudonyms;
use super::ring::Ring;
use crate::input::Command;
use crate::output::Notice;
use crate::participant::{Index, Participant};
use crate::time::Time;
use crate::trace::Block;
use crate::trace::cursor::put_varint;
use crate::trace::format::{FrameType, close_frame, open_frame, seal};
use crate::trace::full::put_end;
use crate::trace::running::Running;
use crate::transport::{Event, Fault};

/// Outcomes that are not plain; see the module's documentation.
pub(super) const FAULT: u8 = 0x01;
pub(super) const BAD_ANSWER: u8 = 0x02;
pub(super) const HANDSHAKE: u8 = 0x10;
pub(super) const EVENTS: u8 = 0x04;
pub(super) const VALUE: u8 = 0x08;

/// Bytes after which a frame ends. 16 KiB: no more is lost when a file is cut off, and what a frame
/// costs by itself does not count.
const FRAME: usize = 16 * 1024;

/// Bytes after which a block goes into the ring. 64 KiB.
const BLOCK: usize = 64 * 1024;

/// Bytes between two snapshots at least. 256 KiB: about a minute of a small meeting.
const BETWEEN_SNAPSHOTS: usize = 256 * 1024;

/// Bytes between two snapshots, as a multiple of the last one: so much, that they take a ninth of
/// the trace at most.
const SNAPSHOT_SHARE: usize = 8;

/// Bytes of one frame of a snapshot. 1 MiB.
const SNAPSHOT_PART: usize = 1024 * 1024;

/// Gathers what an [`Sfu`](crate::Sfu) is told and what it decides.
#[derive(Debug)]
pub(crate) struct Writer {
    names: Pseudonyms,
    ring: Ring,
    /// Whole frames, but for the one that is open.
    block: Block,
    /// Where the open frame begins.
    frame: Option<usize>,
    /// The input that is being handled.
    entry: Vec<u8>,
    open: bool,
    /// Plain outcomes since the last one that was written down.
    plain: u64,
    running: Running,
    dropped: Dropped,
    /// The time of the last entry, and of the one before.
    last: Time,
    before: Time,
    /// When the first entry of the block came.
    since: Option<Time>,
    /// Entries so far.
    entries: u64,
    after_snapshot: usize,
    /// The size of the last snapshot; `None` when the next one is due whatever its size.
    snapshot: Option<usize>,
}

impl Writer {
    pub(crate) fn new(names: Pseudonyms, ring: Ring, now: Time) -> Self {
        Self {
            names,
            ring,
            block: Block::default(),
            frame: None,
            entry: Vec::new(),
            open: false,
            plain: 0,
            running: Running::default(),
            dropped: Dropped::default(),
            last: now,
            before: now,
            since: None,
            entries: 0,
            after_snapshot: 0,
            snapshot: None,
        }
    }

    pub(crate) fn names(&self) -> &Pseudonyms {
        &self.names
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// When the oldest entry came that is not in the ring yet.
    pub(crate) fn since(&self) -> Option<Time> {
        self.since
    }

    /// Whether the next input should be preceded by a snapshot.
    pub(crate) fn wants_snapshot(&self) -> bool {
        let Some(last) = self.snapshot else {
            return true;
        };
        let most = (self.ring.max_bytes() / 4).max(BETWEEN_SNAPSHOTS);
        self.after_snapshot >= (SNAPSHOT_SHARE * last).clamp(BETWEEN_SNAPSHOTS, most)
    }

    pub(crate) fn want_snapshot(&mut self) {
        self.snapshot = None;
    }

    /// Says that nothing follows what is there now.
    pub(crate) fn end_frame_of_file(&self) -> Vec<u8> {
        let mut frame = Vec::new();
        let start = open_frame(&mut frame, FrameType::END);
        put_end(&mut frame, self.entries);
        close_frame(&mut frame, start);
        seal(&mut frame);
        frame
    }

    /// The state before the next input: a new block begins with it.
    pub(crate) fn snapshot(&mut self, state: &[u8]) {
        self.end_block();
        self.block.is_start = true;
        let last = state.len().div_ceil(SNAPSHOT_PART).max(1) - 1;
        for part in 0..=last {
            let bytes = state.get(part * SNAPSHOT_PART..).unwrap_or_default();
            let bytes = &bytes[..bytes.len().min(SNAPSHOT_PART)];
            let buffer = &mut self.block.bytes;
            let start = open_frame(buffer, FrameType::SNAPSHOT);
            buffer.push(u8::from(part == last));
            if part == 0 {
                buffer.extend_from_slice(&self.last.as_micros().to_le_bytes());
                buffer.extend_from_slice(&self.entries.to_le_bytes());
                buffer.extend_from_slice(&self.running.0.to_le_bytes());
            }
            buffer.extend_from_slice(bytes);
            close_frame(buffer, start);
        }
        (self.snapshot, self.after_snapshot) = (Some(state.len()), 0);
    }

    pub(crate) fn datagram(&mut self, t: Time, index: Index, path: PathName, payload: &[u8]) {
        self.begin(t);
        entry::put_datagram(&mut self.entry, index, path, payload);
    }

    pub(crate) fn check(&mut self, t: Time, index: Index, path: PathName, payload: &[u8]) {
        self.begin(t);
        entry::put_check(&mut self.entry, index, path, payload);
    }

    pub(crate) fn closed(&mut self, t: Time, index: Index, path: PathName) {
        self.begin(t);
        entry::put_closed(&mut self.entry, index, path);
    }

    pub(crate) fn command(&mut self, t: Time, command: &Command) {
        self.begin(t);
        entry::put_command(&mut self.entry, command);
    }

    pub(crate) fn timeout(&mut self, t: Time, due: &[Index]) {
        self.begin(t);
        entry::put_timeout(&mut self.entry, due);
    }

    /// How many datagrams were dropped since the beginning. A flood of them costs one entry
    /// between two inputs that matter.
    pub(crate) fn dropped(&mut self, t: Time, dropped: Dropped) {
        if dropped != self.dropped {
            let new = dropped.since(&self.dropped);
            self.dropped = dropped;
            self.begin(t);
            entry::put_dropped(&mut self.entry, &new);
            self.end();
        }
    }

    fn begin(&mut self, t: Time) {
        self.end();
        self.entry.clear();
        self.before = self.last;
        self.last = t;
        self.since.get_or_insert(t);
        let elapsed = t.since(self.before).as_micros();
        put_varint(&mut self.entry, elapsed as u64);
        self.open = true;
    }

    pub(crate) fn call(&mut self, index: Index, call: &Call<'_>) {
        call.mix_into(&mut self.running, index);
    }

    pub(crate) fn notice(&mut self, notice: &Notice) {
        mix_notice(&mut self.running, notice);
    }

    /// What a call gave, and the events that it caused, of the participant that was called.
    pub(crate) fn outcome<R: Outcome>(
        &mut self,
        result: &Result<R, Fault>,
        events: &[Event],
        participant: Option<&mut Participant>,
    ) {
        let is_plain = result.as_ref().is_ok_and(R::is_plain) && events.is_empty();
        if is_plain {
            self.plain += 1;
            return;
        }
        let buffer = &mut self.entry;
        put_varint(buffer, self.plain);
        self.plain = 0;
        let mut flags = match result {
            Ok(value) if value.is_plain() => 0,
            Ok(_) => VALUE,
            Err(Fault::BadAnswer(_)) => BAD_ANSWER,
            Err(Fault::Handshake(_)) => HANDSHAKE,
            Err(_) => FAULT,
        };
        if !events.is_empty() {
            flags |= EVENTS;
        }
        buffer.push(flags);
        if flags & EVENTS != 0
            && let Some(participant) = participant
        {
            put_varint(buffer, events.len() as u64);
            for event in events {
                put_event(buffer, participant, event);
            }
        }
        if flags & VALUE != 0
            && let Ok(value) = result
        {
            value.put(buffer);
        }
    }

    /// The input is handled.
    pub(crate) fn end(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        self.plain = 0;
        let [a, b, ..] = self.running.0.to_le_bytes();
        self.entry.extend_from_slice(&[a, b]);
        let buffer = &mut self.block.bytes;
        let start = match self.frame {
            Some(start) => start,
            None => {
                let start = open_frame(buffer, FrameType::DECISIONS);
                buffer.extend_from_slice(&self.before.as_micros().to_le_bytes());
                buffer.extend_from_slice(&self.entries.to_le_bytes());
                *self.frame.insert(start)
            }
        };
        let length = buffer.len();
        put_varint(buffer, self.entry.len() as u64);
        buffer.extend_from_slice(&self.entry);
        self.after_snapshot += buffer.len() - length;
        self.entries += 1;
        self.block.inputs += 1;
        if buffer.len() - start >= FRAME {
            self.end_frame();
        }
        if self.block.bytes.len() >= BLOCK {
            self.end_block();
        }
    }

    fn end_frame(&mut self) {
        if let Some(start) = self.frame.take() {
            close_frame(&mut self.block.bytes, start);
        }
    }

    /// Puts into the ring what has gathered.
    pub(crate) fn end_block(&mut self) {
        self.end_frame();
        self.since = None;
        if !self.block.bytes.is_empty() {
            self.ring.push(std::mem::take(&mut self.block));
        }
    }
}
