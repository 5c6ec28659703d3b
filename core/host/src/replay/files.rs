//! Reading a trace, file after file, in bounded memory.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tsuji_core::trace::{
    Damage, Decoder, FRAME_BYTES, Frame, Header, HeaderError, Item, Record, frame, frame_bytes,
};

use super::ReplayFault;
use crate::record::next_segment;

/// Bytes read at a time. 256 KiB: few system calls, and small beside one frame of the largest
/// size.
const READ_BYTES: usize = 256 * 1024;

/// What comes next.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// An input.
    Input(Record<'a>),
    /// Nothing.
    Stop(Stop),
}

/// What comes next of a trace of decisions.
#[derive(Debug)]
pub(super) enum NextFrame<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// Nothing.
    Stop(Stop),
}

/// Why nothing comes any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Recording ended on purpose.
    Complete,
    /// The last file just ends.
    CutOff {
        /// Which file.
        path: PathBuf,
        /// Bytes of a frame that is not whole.
        rest: usize,
    },
    /// Inputs are missing.
    Gap {
        /// How many.
        missing: u64,
    },
    /// A file is broken.
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// How.
        damage: Damage,
    },
    /// The next file belongs to another trace, or is none.
    NotContinued {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it; `None` when it is a trace.
        error: Option<HeaderError>,
    },
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Complete => f.write_str("The trace is complete."),
            Stop::CutOff { path, rest } => {
                let path = path.display();
                write!(
                    f,
                    "{path} ends before its recording did: the server is still running, or was \
                     killed."
                )?;
                match rest {
                    0 => Ok(()),
                    rest => write!(f, " Its last {rest} bytes are not a whole frame."),
                }
            }
            Stop::Gap { missing } => write!(
                f,
                "{missing} inputs are missing here: the disk did not keep up while recording."
            ),
            Stop::Damaged {
                path,
                offset,
                damage,
            } => write!(
                f,
                "{} is damaged at byte {offset}: {damage}.",
                path.display()
            ),
            Stop::NotContinued { path, error } => {
                let path = path.display();
                match error {
                    Some(error) => write!(f, "{path} does not continue the trace: {error}."),
                    None => write!(
                        f,
                        "{path} does not continue the trace: it is of another one."
                    ),
                }
            }
        }
    }
}

/// A trace, from its first file on.
#[derive(Debug)]
pub(super) struct Trace {
    segment: Segment,
    header: Header,
    decoder: Decoder,
}

impl Trace {
    pub(super) fn open(path: &Path) -> Result<Self, ReplayFault> {
        let mut segment = Segment::open(path)?;
        let header = segment.header()?.map_err(|source| ReplayFault::Header {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            segment,
            decoder: Decoder::new(&header),
            header,
        })
    }

    /// The header of the current file.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The next input. Once it said stop, it is not to be called again.
    pub(super) fn next(&mut self) -> Result<Next<'_>, ReplayFault> {
        loop {
            self.segment.skip();
            if !self.segment.has_frame()? {
                if let Some(stop) = self.continue_in_next()? {
                    return Ok(Next::Stop(stop));
                }
                continue;
            }
            let stop = match self.segment.frame() {
                Ok((frame, _)) if frame.is_input() => break,
                Ok((frame, taken)) => match self.decoder.decode(frame) {
                    Ok(Some(Item::Gap { missing })) => Stop::Gap { missing },
                    Ok(Some(Item::End)) => Stop::Complete,
                    Ok(_) => {
                        self.segment.taken = taken;
                        continue;
                    }
                    Err(damage) => self.segment.damaged(damage),
                },
                Err(damage) => self.segment.damaged(damage),
            };
            return Ok(Next::Stop(stop));
        }
        match self.segment.take(&mut self.decoder) {
            Ok(record) => Ok(Next::Input(record)),
            Err(stop) => Ok(Next::Stop(stop)),
        }
    }

    /// The next frame, whatever it is. Once it said stop, it is not to be called again.
    pub(super) fn next_frame(&mut self) -> Result<NextFrame<'_>, ReplayFault> {
        loop {
            self.segment.skip();
            if self.segment.has_frame()? {
                break;
            }
            if let Some(stop) = self.continue_in_next()? {
                return Ok(NextFrame::Stop(stop));
            }
        }
        match self.segment.frame() {
            Ok((_, taken)) => self.segment.taken = taken,
            Err(damage) => return Ok(NextFrame::Stop(self.damaged(damage))),
        }
        match self.segment.frame() {
            Ok((frame, _)) => Ok(NextFrame::Frame(frame)),
            Err(damage) => Ok(NextFrame::Stop(self.damaged(damage))),
        }
    }

    /// The frame that came last is broken.
    pub(super) fn damaged(&self, damage: Damage) -> Stop {
        self.segment.damaged(damage)
    }

    fn continue_in_next(&mut self) -> Result<Option<Stop>, ReplayFault> {
        let cut_off = Stop::CutOff {
            path: self.segment.path.clone(),
            rest: self.segment.buffer.len() - self.segment.start,
        };
        let Some(path) = next_segment(&self.segment.path).filter(|path| path.exists()) else {
            return Ok(Some(cut_off));
        };
        let mut segment = Segment::open(&path)?;
        match segment.header()? {
            Ok(header) if self.header.is_continued_by(&header) => {
                (self.segment, self.header) = (segment, header);
                Ok(None)
            }
            Ok(_) => Ok(Some(Stop::NotContinued { path, error: None })),
            // A crash just after the file was made.
            Err(HeaderError::NotATrace | HeaderError::Damaged) if segment.is_short() => {
                Ok(Some(cut_off))
            }
            Err(error) => {
                let error = Some(error);
                Ok(Some(Stop::NotContinued { path, error }))
            }
        }
    }
}

/// One file.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    /// Where the next frame begins in the buffer.
    start: usize,
    /// Bytes of the frame that was looked at last.
    taken: usize,
    /// Where the buffer begins in the file.
    offset: u64,
    ended: bool,
}

impl Segment {
    fn open(path: &Path) -> Result<Self, ReplayFault> {
        let file = File::open(path).map_err(|source| ReplayFault::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            buffer: Vec::new(),
            start: 0,
            taken: 0,
            offset: 0,
            ended: false,
        })
    }

    fn header(&mut self) -> Result<Result<Header, HeaderError>, ReplayFault> {
        // Nearly always there at once; a header is a few hundred bytes.
        while self.buffer.len() < FRAME_BYTES && !self.ended {
            self.read()?;
            if let Ok((header, taken)) = Header::parse(&self.buffer) {
                self.taken = taken;
                return Ok(Ok(header));
            }
        }
        Ok(Header::parse(&self.buffer).map(|(header, taken)| {
            self.taken = taken;
            header
        }))
    }

    /// Whether there is less in it than any header takes.
    fn is_short(&self) -> bool {
        self.ended && self.buffer.len() < 512
    }

    /// Leaves the frame that was looked at.
    fn skip(&mut self) {
        self.start += std::mem::take(&mut self.taken);
    }

    /// Reads on until the next frame is there, or found to be impossible. False at the end.
    fn has_frame(&mut self) -> Result<bool, ReplayFault> {
        loop {
            let waiting = self.buffer.get(self.start..).unwrap_or_default();
            if frame_bytes(waiting).is_some_and(|bytes| bytes <= waiting.len()) {
                return Ok(true);
            }
            // An impossible length is damage, however much comes.
            if frame(waiting).is_err() {
                return Ok(true);
            }
            if self.ended {
                return Ok(false);
            }
            self.read()?;
        }
    }

    fn frame(&self) -> Result<(Frame<'_>, usize), Damage> {
        let waiting = self.buffer.get(self.start..).unwrap_or_default();
        frame(waiting)?.ok_or(Damage::Length)
    }

    /// The record that is known to be there.
    fn take(&mut self, decoder: &mut Decoder) -> Result<Record<'_>, Stop> {
        let (path, offset) = (&self.path, self.offset + self.start as u64);
        let damaged = |damage| Stop::Damaged {
            path: path.clone(),
            offset,
            damage,
        };
        let waiting = self.buffer.get(self.start..).unwrap_or_default();
        let found = frame(waiting).and_then(|found| found.ok_or(Damage::Length));
        let (frame, taken) = found.map_err(damaged)?;
        self.taken = taken;
        match decoder.decode(frame) {
            Ok(Some(Item::Input(record))) => Ok(record),
            Ok(_) => Err(damaged(Damage::Content)),
            Err(damage) => Err(damaged(damage)),
        }
    }

    fn damaged(&self, damage: Damage) -> Stop {
        Stop::Damaged {
            path: self.path.clone(),
            offset: self.offset + self.start as u64,
            damage,
        }
    }

    /// Reads some more, and forgets what was dealt with.
    fn read(&mut self) -> Result<(), ReplayFault> {
        self.buffer.drain(..self.start);
        self.offset += self.start as u64;
        self.start = 0;
        let length = self.buffer.len();
        self.buffer.resize(length + READ_BYTES, 0);
        let read = loop {
            let place = self.buffer.get_mut(length..).unwrap_or_default();
            match self.file.read(place) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let count = read.map_err(|source| ReplayFault::Read {
            path: self.path.clone(),
            source,
        })?;
        self.buffer.truncate(length + count);
        self.ended = count == 0;
        Ok(())
    }
}
