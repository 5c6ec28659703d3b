//! What the frames of a full trace say.
//!
//! ```text
//! MARK      time (u64, µs since t = 0) · number of the next input (u64, from 0)
//! INPUT     time since the frame before (u32, µs) · input · outputs until the payload ends
//!   input   0 · path · length (u16) · the datagram
//!           1 · length (u32) · the command
//!           2                                             the timeout
//!           3 · path                                      it is closed
//!           4 · datagrams (u32)                           an overflow
//!   output  0 · path · fingerprint                        a datagram to send
//!           1 · length (u32) · the notice
//!   path    local · remote address
//!   local   n + 1 (u8): the n-th socket of the header · 0, 0 (UDP) or 1 (TCP), address: any other
//!   address 4 · 4 bytes · port (u16)  or  6 · 16 bytes · port (u16) · flow (u32) · scope (u32)
//! END       how many inputs there were (u64)
//! ```
//! A block of frames begins with a mark, so that a block which was lost on the way to the file
//! shows as a jump in the number.

use std::net::SocketAddr;

use super::cursor::{Cursor, put_address, put_value};
use super::decisions::LATEST;
use super::fingerprint::Fingerprint;
use super::format::{Damage, Frame, FrameType, Header};
use crate::input::{Command, Datagram, Input};
use crate::limits::LocalAddress;
use crate::output::{Notice, Output};
use crate::path::{Path, Transport};
use crate::time::Time;

const DATAGRAM: u8 = 0;
const COMMAND: u8 = 1;
const TIMEOUT: u8 = 2;
const CLOSED: u8 = 3;
const OVERFLOW: u8 = 4;
const TRANSMIT: u8 = 0;
const NOTICE: u8 = 1;
const OTHER_LOCAL: u8 = 0;
const UDP: u8 = 0;
const TCP: u8 = 1;

/// One input with what came of it.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Which input, from 0.
    pub number: u64,
    /// Its time.
    pub at: Time,
    /// The input.
    pub input: Input<'a>,
    /// The outputs that followed it, in order.
    pub outputs: Vec<Expected<'a>>,
}

/// An output as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// A datagram.
    Transmit {
        /// Which way it went.
        path: Path,
        /// What it was.
        fingerprint: Fingerprint<'a>,
    },
    /// A notice.
    Notice(Box<Notice>),
}

/// What a frame of a full trace says.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// Something went in.
    Input(Record<'a>),
    /// Everything before this is complete.
    Mark,
    /// Inputs are missing here, because recording did not keep up.
    Gap {
        /// How many.
        missing: u64,
    },
    /// Recording ended on purpose.
    End,
}

/// Understands the frames of one full trace, in order and over all its files.
#[derive(Clone, Debug)]
pub struct Decoder {
    sockets: Vec<(Transport, SocketAddr)>,
    now: Time,
    next: u64,
}

impl Decoder {
    /// Begins with the first frame after the header.
    pub fn new(header: &Header) -> Self {
        let sockets = header.addresses.iter();
        let sockets = sockets.map(|a| (a.transport, a.socket)).collect();
        Self {
            sockets,
            now: Time::ZERO,
            next: 0,
        }
    }

    /// The time of the last frame.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many inputs there were so far, missing ones included.
    pub fn inputs(&self) -> u64 {
        self.next
    }

    /// What a frame says. Frames of types that belong to no full trace say nothing.
    ///
    /// # Errors
    /// When it says what no recorder writes.
    pub fn decode<'a>(&mut self, frame: Frame<'a>) -> Result<Option<Item<'a>>, Damage> {
        let mut cursor = Cursor::new(frame.payload);
        match frame.frame_type {
            FrameType::MARK => {
                let at = Time::from_micros(cursor.u64()?);
                let number = cursor.u64()?;
                if at < self.now || at > LATEST || number < self.next {
                    return Err(Damage::Content);
                }
                let missing = number - self.next;
                (self.now, self.next) = (at, number);
                Ok(Some(match missing {
                    0 => Item::Mark,
                    missing => Item::Gap { missing },
                }))
            }
            FrameType::INPUT => self.input(cursor).map(Item::Input).map(Some),
            FrameType::END => {
                let number = cursor.u64()?;
                let missing = number.checked_sub(self.next).ok_or(Damage::Content)?;
                self.next = number;
                Ok(Some(match missing {
                    0 => Item::End,
                    missing => Item::Gap { missing },
                }))
            }
            _ => Ok(None),
        }
    }

    fn input<'a>(&mut self, mut cursor: Cursor<'a>) -> Result<Record<'a>, Damage> {
        let elapsed = std::time::Duration::from_micros(cursor.u32()?.into());
        let at = self.now + elapsed;
        let number = self.next;
        let after = number.checked_add(1).ok_or(Damage::Content)?;
        if at > LATEST {
            return Err(Damage::Content);
        }
        let input = match cursor.u8()? {
            DATAGRAM => Input::Datagram(Datagram {
                path: self.path(&mut cursor)?,
                payload: {
                    let length = cursor.u16()?.into();
                    cursor.bytes(length)?
                },
            }),
            COMMAND => Input::Command(cursor.value()?),
            TIMEOUT => Input::Timeout,
            CLOSED => Input::Closed(self.path(&mut cursor)?),
            OVERFLOW => Input::Overflow {
                datagrams: cursor.u32()?,
            },
            _ => return Err(Damage::Content),
        };
        let mut outputs = Vec::new();
        while !cursor.is_empty() {
            outputs.push(match cursor.u8()? {
                TRANSMIT => Expected::Transmit {
                    path: self.path(&mut cursor)?,
                    fingerprint: Fingerprint::read(&mut cursor)?,
                },
                NOTICE => Expected::Notice(Box::new(cursor.value()?)),
                _ => return Err(Damage::Content),
            });
        }
        (self.now, self.next) = (at, after);
        Ok(Record {
            number,
            at,
            input,
            outputs,
        })
    }

    fn path(&self, cursor: &mut Cursor<'_>) -> Result<Path, Damage> {
        let (transport, local) = match cursor.u8()? {
            OTHER_LOCAL => {
                let transport = match cursor.u8()? {
                    UDP => Transport::Udp,
                    TCP => Transport::Tcp,
                    _ => return Err(Damage::Content),
                };
                (transport, cursor.address()?)
            }
            number => {
                let socket = self.sockets.get(usize::from(number) - 1);
                socket.copied().ok_or(Damage::Content)?
            }
        };
        Ok(Path {
            transport,
            local,
            remote: cursor.address()?,
        })
    }
}

pub(super) fn put_mark(buffer: &mut Vec<u8>, at: Time, next: u64) {
    buffer.extend_from_slice(&at.as_micros().to_le_bytes());
    buffer.extend_from_slice(&next.to_le_bytes());
}

pub(super) fn put_end(buffer: &mut Vec<u8>, inputs: u64) {
    buffer.extend_from_slice(&inputs.to_le_bytes());
}

/// `elapsed`: microseconds since the frame before.
pub(super) fn put_input(
    buffer: &mut Vec<u8>,
    sockets: &[LocalAddress],
    elapsed: u32,
    input: &Input<'_>,
) {
    buffer.extend_from_slice(&elapsed.to_le_bytes());
    match input {
        Input::Datagram(datagram) => {
            buffer.push(DATAGRAM);
            put_path(buffer, sockets, &datagram.path);
            // No datagram is longer than 65,535 bytes.
            let length = u16::try_from(datagram.payload.len()).unwrap_or(u16::MAX);
            buffer.extend_from_slice(&length.to_le_bytes());
            let whole = datagram.payload.get(..length.into());
            buffer.extend_from_slice(whole.unwrap_or(datagram.payload));
        }
        Input::Command(command) => put_command(buffer, command),
        Input::Timeout => buffer.push(TIMEOUT),
        Input::Overflow { datagrams } => {
            buffer.push(OVERFLOW);
            buffer.extend_from_slice(&datagrams.to_le_bytes());
        }
        Input::Closed(path) => {
            buffer.push(CLOSED);
            put_path(buffer, sockets, path);
        }
    }
}

fn put_command(buffer: &mut Vec<u8>, command: &Command) {
    buffer.push(COMMAND);
    put_value(buffer, command);
}

pub(super) fn put_output(buffer: &mut Vec<u8>, sockets: &[LocalAddress], output: &Output) {
    match output {
        Output::Transmit(transmit) => {
            for datagram in transmit.datagrams() {
                buffer.push(TRANSMIT);
                put_path(buffer, sockets, &transmit.path);
                Fingerprint::put(buffer, datagram);
            }
        }
        Output::Notice(notice) => {
            buffer.push(NOTICE);
            put_value(buffer, notice);
        }
    }
}

fn put_path(buffer: &mut Vec<u8>, sockets: &[LocalAddress], path: &Path) {
    let own = (path.transport, path.local);
    let place = sockets.iter().position(|a| (a.transport, a.socket) == own);
    let number = place.and_then(|place| u8::try_from(place + 1).ok());
    match number {
        Some(number) => buffer.push(number),
        None => {
            buffer.push(OTHER_LOCAL);
            buffer.push(match path.transport {
                Transport::Udp => UDP,
                Transport::Tcp => TCP,
            });
            put_address(buffer, path.local);
        }
    }
    put_address(buffer, path.remote);
}
