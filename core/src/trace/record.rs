//! Writing a full trace while it happens.

use super::format::{FRAME_BYTES, FrameType, close_frame, open_frame};
use super::full;
use crate::input::Input;
use crate::limits::LocalAddress;
use crate::output::Output;
use crate::time::Time;

/// Turns inputs and their outputs into frames.
///
/// For each input in this order: [`begin`](Self::begin), [`output`](Self::output) for each output,
/// [`end`](Self::end). Between two inputs [`take`](Self::take) gives what has gathered as a
/// [`Block`]. Whoever can't store a block drops it: the next one says which inputs are missing.
#[derive(Debug)]
pub struct Recorder {
    sockets: Vec<LocalAddress>,
    buffer: Vec<u8>,
    /// Where the frame of the current input begins.
    open: Option<usize>,
    /// The time of the last frame.
    last: Time,
    /// When the first input of the block came.
    since: Option<Time>,
    /// Inputs so far.
    inputs: u64,
    /// Inputs before this block.
    inputs_before: u64,
}

/// Frames whose checksums are still missing: [`seal`](super::seal) them before they are stored.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Whole frames.
    pub bytes: Vec<u8>,
    /// How many inputs they hold.
    pub inputs: u64,
    /// Whether a file can begin with it.
    pub is_start: bool,
}

impl Recorder {
    /// A recorder for an [`Sfu`](crate::Sfu) with these addresses that has seen nothing yet.
    pub fn new(addresses: &[LocalAddress]) -> Self {
        Self {
            sockets: addresses.to_vec(),
            buffer: Vec::new(),
            open: None,
            last: Time::ZERO,
            since: None,
            inputs: 0,
            inputs_before: 0,
        }
    }

    /// Bytes gathered.
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// When the oldest input came that is not in a block yet.
    pub fn since(&self) -> Option<Time> {
        self.since
    }

    /// An input, before it is handed in.
    pub fn begin(&mut self, t: Time, input: &Input<'_>) {
        self.end();
        // As the `Sfu` does: time never runs backwards.
        let t = t.max(self.last);
        let elapsed = u32::try_from(t.since(self.last).as_micros()).ok();
        if self.buffer.is_empty() || elapsed.is_none() {
            self.mark(t);
        }
        let elapsed = u32::try_from(t.since(self.last).as_micros()).unwrap_or(0);
        self.last = t;
        self.inputs += 1;
        self.since.get_or_insert(t);
        self.open = Some(open_frame(&mut self.buffer, FrameType::INPUT));
        full::put_input(&mut self.buffer, &self.sockets, elapsed, input);
    }

    /// An output of the current input.
    pub fn output(&mut self, output: &Output) {
        if self.open.is_some() {
            full::put_output(&mut self.buffer, &self.sockets, output);
        }
    }

    /// All outputs of the current input were told.
    pub fn end(&mut self) {
        let Some(start) = self.open.take() else {
            return;
        };
        if self.buffer.len() - start <= FRAME_BYTES {
            close_frame(&mut self.buffer, start);
        } else {
            // Nobody would read it. The mark that follows says that one input is missing.
            self.buffer.truncate(start);
            self.mark(self.last);
        }
    }

    /// Takes what has gathered; goes on with `empty`, which saves an allocation if it has room.
    pub fn take(&mut self, mut empty: Vec<u8>) -> Block {
        self.end();
        empty.clear();
        let inputs = self.inputs - self.inputs_before;
        self.inputs_before = self.inputs;
        self.since = None;
        Block {
            bytes: std::mem::replace(&mut self.buffer, empty),
            inputs,
            is_start: true,
        }
    }

    /// Recording ends; the last block.
    pub fn finish(mut self) -> Block {
        self.end();
        let start = open_frame(&mut self.buffer, FrameType::END);
        full::put_end(&mut self.buffer, self.inputs);
        close_frame(&mut self.buffer, start);
        self.take(Vec::new())
    }

    fn mark(&mut self, t: Time) {
        let start = open_frame(&mut self.buffer, FrameType::MARK);
        full::put_mark(&mut self.buffer, t, self.inputs);
        close_frame(&mut self.buffer, start);
        self.last = t;
    }
}
