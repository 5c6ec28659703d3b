//! What one input looks like in a trace of decisions.

use std::net::SocketAddr;

use crate::input::Command;
use crate::participant::Index;
use crate::time::Time;
use crate::trace::cursor::{Cursor, put_address, put_value, put_varint};
use crate::trace::format::Damage;

const COMMAND: u8 = 1;
const TIMEOUT: u8 = 2;
const CHECK: u8 = 3;
const DROPPED: u8 = 4;
const CLOSED: u8 = 5;
/// And the protocol.
const DATAGRAM: u8 = 0x10;

/// The latest `t` that is believed: ten years. Computing with a later one could overflow.
pub(crate) const LATEST: Time = Time::from_millis(10 * 366 * 24 * 3_600 * 1_000);

/// What a datagram is, by its first bytes (RFC 7983, 7; RFC 5761, 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// Checks of ICE.
    Stun,
    /// The handshake.
    Dtls,
    /// Media.
    Rtp,
    /// Feedback and reports.
    Rtcp,
    /// Nothing of WebRTC's.
    Other,
}

impl Protocol {
    const ALL: [Protocol; 5] = [
        Protocol::Stun,
        Protocol::Dtls,
        Protocol::Rtp,
        Protocol::Rtcp,
        Protocol::Other,
    ];

    fn of(datagram: &[u8]) -> Self {
        match datagram {
            [0..=3, ..] => Protocol::Stun,
            [20..=63, ..] => Protocol::Dtls,
            [128..=191, second, ..] if (64..96).contains(&(second & 0x7f)) => Protocol::Rtcp,
            [128..=191, ..] => Protocol::Rtp,
            _ => Protocol::Other,
        }
    }
}

/// Datagrams that were dropped without looking at what they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Empty or too long.
    pub size: u64,
    /// From an address that nobody has proved.
    pub unknown_address: u64,
    /// STUN requests that name nobody.
    pub unknown_ufrag: u64,
    /// Those for which the system had no room.
    pub overflowed: u64,
}

impl Dropped {
    pub(super) fn since(&self, before: &Dropped) -> Dropped {
        Dropped {
            size: self.size - before.size,
            unknown_address: self.unknown_address - before.unknown_address,
            unknown_ufrag: self.unknown_ufrag - before.unknown_ufrag,
            overflowed: self.overflowed - before.overflowed,
        }
    }
}

/// The path of a datagram as it is recorded: the place of our socket in the configuration, and the remote address
/// under its pseudonym.
pub(crate) type PathAlias = (usize, SocketAddr);

/// One of the paths that a participant has proved, or another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathName {
    Proved(usize),
    Other(PathAlias),
}

/// An input, as far as decisions depend on it.
#[derive(Clone, Debug)]
pub(crate) enum Head {
    Datagram {
        index: Index,
        path: PathName,
        protocol: Protocol,
        bytes: u64,
    },
    /// A STUN request that names a participant.
    Check {
        index: Index,
        path: PathName,
        bytes: u64,
    },
    /// A path of a participant is no more.
    Closed {
        index: Index,
        path: PathName,
    },
    Command(Command),
    /// Who was served.
    Timeout(Vec<Index>),
    Dropped(Dropped),
}

pub(super) fn put_datagram(buffer: &mut Vec<u8>, index: Index, path: PathName, datagram: &[u8]) {
    buffer.push(DATAGRAM | Protocol::of(datagram) as u8);
    put_varint(buffer, index as u64);
    put_path(buffer, path);
    put_varint(buffer, datagram.len() as u64);
}

pub(super) fn put_check(buffer: &mut Vec<u8>, index: Index, path: PathName, datagram: &[u8]) {
    buffer.push(CHECK);
    put_varint(buffer, index as u64);
    put_path(buffer, path);
    put_varint(buffer, datagram.len() as u64);
}

pub(super) fn put_closed(buffer: &mut Vec<u8>, index: Index, path: PathName) {
    buffer.push(CLOSED);
    put_varint(buffer, index as u64);
    put_path(buffer, path);
}

pub(super) fn put_command(buffer: &mut Vec<u8>, command: &Command) {
    buffer.push(COMMAND);
    put_value(buffer, &redacted(command));
}

pub(super) fn put_timeout(buffer: &mut Vec<u8>, due: &[Index]) {
    buffer.push(TIMEOUT);
    put_varint(buffer, due.len() as u64);
    for index in due {
        put_varint(buffer, *index as u64);
    }
}

pub(super) fn put_dropped(buffer: &mut Vec<u8>, dropped: &Dropped) {
    buffer.push(DROPPED);
    put_varint(buffer, dropped.size);
    put_varint(buffer, dropped.unknown_address);
    put_varint(buffer, dropped.unknown_ufrag);
    put_varint(buffer, dropped.overflowed);
}

fn put_path(buffer: &mut Vec<u8>, path: PathName) {
    match path {
        PathName::Proved(place) => put_varint(buffer, place as u64 + 1),
        PathName::Other((local, remote)) => {
            buffer.push(0);
            put_varint(buffer, local as u64);
            put_address(buffer, remote);
        }
    }
}

impl Head {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Damage> {
        Ok(match cursor.u8()? {
            COMMAND => Head::Command(cursor.value()?),
            TIMEOUT => {
                let count = cursor.size()?;
                // Each takes a byte at least.
                if count > cursor.rest().len() {
                    return Err(Damage::Content);
                }
                let due: Result<_, _> = (0..count).map(|_| cursor.size()).collect();
                Head::Timeout(due?)
            }
            CHECK => Head::Check {
                index: cursor.size()?,
                path: read_path(cursor)?,
                bytes: cursor.varint()?,
            },
            CLOSED => Head::Closed {
                index: cursor.size()?,
                path: read_path(cursor)?,
            },
            DROPPED => Head::Dropped(Dropped {
                size: cursor.varint()?,
                unknown_address: cursor.varint()?,
                unknown_ufrag: cursor.varint()?,
                overflowed: cursor.varint()?,
            }),
            tag => {
                let number = tag.checked_sub(DATAGRAM).ok_or(Damage::Content)?;
                let protocol = Protocol::ALL.get(usize::from(number));
                Head::Datagram {
                    protocol: *protocol.ok_or(Damage::Content)?,
                    index: cursor.size()?,
                    path: read_path(cursor)?,
                    bytes: cursor.varint()?,
                }
            }
        })
    }
}

fn read_path(cursor: &mut Cursor<'_>) -> Result<PathName, Damage> {
    Ok(match cursor.size()?.checked_sub(1) {
        Some(place) => PathName::Proved(place),
        None => PathName::Other((cursor.size()?, cursor.address()?)),
    })
}

/// A command without descriptions, which hold ICE passwords, and of candidates no more than their
/// type.
fn redacted(command: &Command) -> Command {
    let mut command = command.clone();
    match &mut command {
        Command::Answer { sdp, .. } => sdp.clear(),
        Command::Candidate { candidate, .. } => {
            *candidate = candidate.as_deref().map(|text| kind_of(text).to_owned());
        }
        Command::Enter { .. }
        | Command::Mute { .. }
        | Command::Share { .. }
        | Command::View { .. }
        | Command::Leave { .. }
        | Command::Signaling { .. }
        | Command::Report { .. }
        | Command::Restart { .. } => {}
    }
    command
}

/// The type of a candidate (RFC 8839, 5.1).
fn kind_of(candidate: &str) -> &'static str {
    let mut words = candidate.split_ascii_whitespace();
    let is_typ = |word: &&str| *word == "typ";
    match words.by_ref().find(is_typ).and_then(|_| words.next()) {
        Some("host") => "host",
        Some("srflx") => "srflx",
        Some("prflx") => "prflx",
        Some("relay") => "relay",
        // The end of candidates can be said by an empty one too.
        _ if candidate.is_empty() => "",
        _ => "unknown",
    }
}
