//! Making decisions again.

use std::fmt;
use std::net::SocketAddr;

use super::entry::{Dropped, Head, LATEST, PathName, Protocol};
use super::step::Step;
use crate::ids::ParticipantId;
use crate::input::Command;
use crate::output::{Notice, Output};
use crate::sfu::Sfu;
use crate::time::Time;
use crate::trace::cursor::Cursor;
use crate::trace::format::{Damage, Frame, FrameType, Header};
use crate::trace::running::Running;

/// Bytes of a snapshot at most. 64 MiB: 10,000 participants with all their slots.
const MAX_STATE: usize = 64 * 1024 * 1024;

/// An [`Sfu`] without connections that is told what connections told when a trace was recorded,
/// and whose decisions are compared.
///
/// Give it frame after frame with [`load`](Self::load), and take what happened with
/// [`step`](Self::step) in between.
#[derive(Debug)]
pub struct DecisionsReplay {
    sfu: Sfu,
    now: Time,
    /// The number of the next entry; `None` until a snapshot came, and after a gap.
    next: Option<u64>,
    /// Parts of a snapshot.
    state: Vec<u8>,
    head: Option<SnapshotHead>,
    /// What is left of the entries that were loaded.
    entries: Vec<u8>,
    at: usize,
}

#[derive(Clone, Copy, Debug)]
struct SnapshotHead {
    at: Time,
    number: u64,
    running: Running,
}

/// What a frame brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// Entries to step through.
    Entries,
    /// A replay can begin here; one that is under way was compared.
    Snapshot,
    /// Nothing yet.
    Nothing,
    /// Recording ended on purpose.
    End,
    /// Entries are missing, because recording did not keep up. The replay goes on at a snapshot:
    /// this one, or the next.
    Gap {
        /// How many.
        missing: u64,
    },
}

/// An entry, and what came of it.
#[derive(Clone, Debug)]
pub struct Happened {
    /// Which entry, from 0.
    pub number: u64,
    /// When.
    pub at: Time,
    /// What went in.
    pub arrived: Arrived,
    /// What happened inside, in order.
    pub steps: Vec<Step>,
    /// What signaling was told, without descriptions and candidates.
    pub notices: Vec<Notice>,
}

/// What went in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Arrived {
    /// A datagram from an address that a participant has proved.
    Datagram {
        /// Whose.
        from: Option<ParticipantId>,
        /// What it was.
        protocol: Protocol,
        /// Its length.
        bytes: u64,
    },
    /// An ICE check.
    Check {
        /// Of whom.
        of: Option<ParticipantId>,
        /// Where it came from: the pseudonym of the address.
        remote: Option<SocketAddr>,
        /// Its length.
        bytes: u64,
    },
    /// A path is no more: its TCP connection has ended.
    Closed {
        /// Whose.
        of: Option<ParticipantId>,
    },
    /// A command, without descriptions; of candidates, their type.
    Command(Command),
    /// Time: so many participants had something to do.
    Timeout {
        /// How many.
        participants: usize,
    },
    /// Since the entry before, datagrams were dropped.
    Dropped(Dropped),
}

/// Why a replay of decisions can't go on as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Odd {
    /// What was decided is not what was decided then.
    Decision {
        /// When.
        at: Time,
        /// In which entry, from 0.
        number: u64,
        /// Whose input it was.
        participant: Option<ParticipantId>,
    },
    /// The state is not what it was then, though all decisions were the same.
    State {
        /// When.
        at: Time,
        /// Before which entry.
        number: u64,
    },
    /// The trace says what no recorder writes.
    Damage(Damage),
}

impl From<Damage> for Odd {
    fn from(damage: Damage) -> Self {
        Odd::Damage(damage)
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Odd::Decision {
                at,
                number,
                participant,
            } => {
                write!(f, "at {at}, ")?;
                match participant {
                    Some(participant) => write!(f, "{participant}, ")?,
                    None => f.write_str("nobody's, ")?,
                }
                write!(f, "entry {number}: something else is decided")
            }
            Odd::State { at, number } => {
                write!(f, "at {at}, before entry {number}: the state is another")
            }
            Odd::Damage(damage) => damage.fmt(f),
        }
    }
}

impl DecisionsReplay {
    /// A replay of a trace with this header. Secrets and certificates are not needed.
    pub fn new(header: &Header) -> Self {
        Self {
            sfu: Sfu::scripted(&header.addresses, header.limits.clone(), header.epoch),
            now: Time::ZERO,
            next: None,
            state: Vec::new(),
            head: None,
            entries: Vec::new(),
            at: 0,
        }
    }

    /// The `Sfu`, as it is after the last entry.
    pub fn sfu(&self) -> &Sfu {
        &self.sfu
    }

    /// The time of the last entry.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The time of the next entry, if one is loaded.
    pub fn next_at(&self) -> Option<Time> {
        let rest = self.entries.get(self.at..)?;
        let mut cursor = Cursor::new(rest);
        cursor.varint().ok()?;
        let elapsed = cursor.varint().ok()?;
        Some(self.now + std::time::Duration::from_micros(elapsed))
    }

    /// Takes the next frame. Entries that are still loaded are forgotten.
    ///
    /// # Errors
    /// When it says what no recorder writes, or shows that the replay went another way.
    pub fn load(&mut self, frame: Frame<'_>) -> Result<Reading, Odd> {
        self.entries.clear();
        self.at = 0;
        let cursor = Cursor::new(frame.payload);
        match frame.frame_type {
            FrameType::SNAPSHOT => self.snapshot(cursor),
            FrameType::DECISIONS => Ok(self.decisions(cursor)?),
            FrameType::END => Ok(self.end(cursor)?),
            _ => Ok(Reading::Nothing),
        }
    }

    fn end(&mut self, mut cursor: Cursor<'_>) -> Result<Reading, Damage> {
        let number = cursor.u64()?;
        match self.next.map(|next| number.checked_sub(next)) {
            Some(Some(0)) | None => Ok(Reading::End),
            Some(Some(missing)) => Ok(Reading::Gap { missing }),
            Some(None) => Err(Damage::Content),
        }
    }

    fn decisions(&mut self, mut cursor: Cursor<'_>) -> Result<Reading, Damage> {
        let at = Time::from_micros(cursor.u64()?);
        let number = cursor.u64()?;
        let Some(next) = self.next else {
            return Ok(Reading::Nothing);
        };
        if at < self.now || at > LATEST || number < next {
            return Err(Damage::Content);
        }
        if number > next {
            self.next = None;
            let missing = number - next;
            return Ok(Reading::Gap { missing });
        }
        self.now = at;
        self.entries.extend_from_slice(cursor.rest());
        Ok(Reading::Entries)
    }

    fn snapshot(&mut self, mut cursor: Cursor<'_>) -> Result<Reading, Odd> {
        let is_last = cursor.u8()? != 0;
        if self.head.is_none() {
            self.state.clear();
            self.head = Some(SnapshotHead {
                at: Time::from_micros(cursor.u64()?),
                number: cursor.u64()?,
                running: Running(cursor.u64()?),
            });
        }
        self.state.extend_from_slice(cursor.rest());
        if self.state.len() > MAX_STATE {
            return Err(Damage::Content.into());
        }
        let (true, Some(head)) = (is_last, self.head) else {
            return Ok(Reading::Nothing);
        };
        self.head = None;
        if head.at < self.now
            || head.at > LATEST
            || self.next.is_some_and(|next| head.number < next)
        {
            return Err(Damage::Content.into());
        }
        if let Some(next) = self.next
            && next < head.number
        {
            self.restore(head)?;
            let missing = head.number - next;
            return Ok(Reading::Gap { missing });
        }
        if self.next.is_some() {
            let running = self.sfu.script().map(|script| script.running());
            if self.sfu.state() != self.state || running != Some(head.running) {
                return Err(Odd::State {
                    at: head.at,
                    number: head.number,
                });
            }
        } else {
            self.restore(head)?;
        }
        Ok(Reading::Snapshot)
    }

    fn restore(&mut self, head: SnapshotHead) -> Result<(), Damage> {
        if !self.sfu.restore(&self.state, head.at) {
            return Err(Damage::Content);
        }
        if let Some(script) = self.sfu.script() {
            script.resume(head.running);
        }
        (self.now, self.next) = (head.at, Some(head.number));
        Ok(())
    }

    /// Replays the next entry that is loaded; `None` when all are.
    ///
    /// # Errors
    /// When something else is decided than then. Going on is allowed, but then the trace and the
    /// replay tell of different meetings.
    pub fn step(&mut self) -> Result<Option<Happened>, Odd> {
        let (Some(number), Some(rest)) = (self.next, self.entries.get(self.at..)) else {
            return Ok(None);
        };
        if rest.is_empty() {
            return Ok(None);
        }
        let mut cursor = Cursor::new(rest);
        let length = cursor.size()?;
        let entry = cursor.bytes(length)?.to_vec();
        self.at += rest.len() - cursor.rest().len();
        self.next = Some(number.checked_add(1).ok_or(Damage::Content)?);

        let script = self.sfu.script().ok_or(Damage::Content)?;
        let (elapsed, head) = script.begin(&entry)?;
        let at = self.now + std::time::Duration::from_micros(elapsed);
        if at > LATEST {
            return Err(Damage::Content.into());
        }
        self.now = at;
        let arrived = self.arrived(&head);
        let possible = self.sfu.replay(at, &head);
        let mut notices = Vec::new();
        while let Some(output) = self.sfu.poll() {
            if let Output::Notice(notice) = output {
                notices.push(notice);
            }
        }
        let script = self.sfu.script().ok_or(Damage::Content)?;
        if !script.end()? || !possible {
            return Err(Odd::Decision {
                at,
                number,
                participant: arrived.participant(),
            });
        }
        Ok(Some(Happened {
            number,
            at,
            arrived,
            steps: script.steps().to_vec(),
            notices,
        }))
    }

    fn arrived(&self, head: &Head) -> Arrived {
        match head {
            Head::Datagram {
                index,
                protocol,
                bytes,
                ..
            } => Arrived::Datagram {
                from: self.sfu.id_of(*index),
                protocol: *protocol,
                bytes: *bytes,
            },
            Head::Check { index, path, bytes } => Arrived::Check {
                of: self.sfu.id_of(*index),
                remote: match path {
                    PathName::Proved(_) => None,
                    PathName::Other((_, remote)) => Some(*remote),
                },
                bytes: *bytes,
            },
            Head::Closed { index, .. } => Arrived::Closed {
                of: self.sfu.id_of(*index),
            },
            Head::Command(command) => Arrived::Command(command.clone()),
            Head::Timeout(due) => Arrived::Timeout {
                participants: due.len(),
            },
            Head::Dropped(dropped) => Arrived::Dropped(*dropped),
        }
    }
}

impl Arrived {
    /// Whose it is.
    pub fn participant(&self) -> Option<ParticipantId> {
        match self {
            Arrived::Datagram { from, .. } => *from,
            Arrived::Check { of, .. } | Arrived::Closed { of } => *of,
            Arrived::Command(command) => Some(command.participant()),
            Arrived::Timeout { .. } | Arrived::Dropped(_) => None,
        }
    }
}
