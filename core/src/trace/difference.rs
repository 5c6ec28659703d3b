//! What a replay says when it is not the same again.

use std::fmt;
use std::ops::Range;

use crate::ids::ParticipantId;
use crate::output::Notice;
use crate::path::{Path, Transport};
use crate::time::Time;

/// The first moment at which a replay was not the same again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// When.
    pub at: Time,
    /// After which input, from 0.
    pub input: u64,
    /// At which of its outputs, from 0.
    pub output: usize,
    /// Whose output, where that is known.
    pub participant: Option<ParticipantId>,
    /// What is different.
    pub difference: Difference,
}

/// One output and another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// There was an output in the recording only.
    Missing(Side),
    /// There was an output in the replay only.
    Unexpected(Side),
    /// Both had one, and they are not comparable.
    Other {
        /// In the recording.
        recorded: Side,
        /// In the replay.
        replayed: Side,
    },
    /// A datagram with other bytes.
    Bytes {
        /// Where it was sent.
        path: Path,
        /// How long it was, in the recording and in the replay.
        lengths: (usize, usize),
        /// Which bytes differ, as far as both have them.
        ranges: Vec<Range<usize>>,
    },
    /// A notice that says something else.
    Notice {
        /// In the recording.
        recorded: Box<Notice>,
        /// In the replay.
        replayed: Box<Notice>,
    },
}

/// What one side did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// It sent a datagram.
    Transmit {
        /// From where to where.
        path: Path,
        /// Of how many bytes.
        bytes: usize,
    },
    /// It told a notice.
    Notice(Box<Notice>),
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}, ", self.at)?;
        match self.participant {
            Some(participant) => write!(f, "{participant}, ")?,
            None => f.write_str("nobody's yet, ")?,
        }
        let (input, output) = (self.input, self.output);
        let difference = &self.difference;
        write!(f, "output {output} of input {input}: {difference}")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Missing(side) => write!(f, "the recording has {side}, the replay nothing"),
            Difference::Unexpected(side) => {
                write!(f, "the replay has {side}, the recording nothing")
            }
            Difference::Other { recorded, replayed } => {
                write!(f, "the recording has {recorded}, the replay {replayed}")
            }
            Difference::Bytes {
                path,
                lengths: (recorded, replayed),
                ranges,
            } => {
                write!(f, "the datagram to {} differs", path.remote)?;
                if recorded != replayed {
                    write!(f, " in its length, {recorded} bytes and now {replayed}")?;
                }
                let and = if recorded == replayed { "" } else { " and" };
                let names = ranges.iter().map(name).collect::<Vec<_>>().join(", ");
                match names.as_str() {
                    "" => Ok(()),
                    names => write!(f, "{and} in bytes {names} of {recorded}"),
                }
            }
            Difference::Notice { recorded, replayed } => {
                let (recorded, replayed) = (format!("{recorded:?}"), format!("{replayed:?}"));
                let (before, after) = apart(&recorded, &replayed);
                write!(f, "the notice says …{after}… instead of …{before}…")
            }
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Side::Transmit { path, bytes } => {
                let over = match path.transport {
                    Transport::Udp => "",
                    Transport::Tcp => " over TCP",
                };
                let (from, to) = (path.local, path.remote);
                write!(f, "a datagram of {bytes} bytes from {from} to {to}{over}")
            }
            Side::Notice(notice) => {
                let text = format!("{notice:?}");
                let (short, _) = apart(&text, "");
                write!(f, "the notice {short}…")
            }
        }
    }
}

/// `3` or `64 to 127`.
fn name(range: &Range<usize>) -> String {
    match range.len() {
        0 | 1 => range.start.to_string(),
        _ => format!("{} to {}", range.start, range.end - 1),
    }
}

/// Where two texts part, with a little before and after: what people want to see of two long
/// descriptions.
fn apart<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    const BEFORE: usize = 24;
    const AFTER: usize = 40;
    let parts = a.bytes().zip(b.bytes()).position(|(a, b)| a != b);
    let parts = parts.unwrap_or(a.len().min(b.len()));
    let cut = |text: &'a str| {
        let start = text.floor_char_boundary(parts.saturating_sub(BEFORE));
        let end = text.floor_char_boundary(parts + AFTER);
        text.get(start..end).unwrap_or_default()
    };
    (cut(a), cut(b))
}
