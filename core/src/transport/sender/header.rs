//! RTP headers with their extensions (RFC 3550, 5.1; RFC 8285).

use std::ops::Range;

use str0m::media::Mid;
use str0m::rtp::{Extension, ExtensionMap};

use crate::transport::Extensions;

/// A header without extensions.
const FIXED: usize = 12;
/// The longest name of an m-line.
const MID: usize = 16;
/// Header and extensions at most: the longest MID, and each of the others, with a head of one byte each.
pub(super) const MOST: usize = FIXED + 4 + 1 + MID + 3 + 4 + 2 + 2;
/// Marks extensions whose heads have one byte (RFC 8285, 4.2).
const ONE_BYTE: [u8; 2] = [0xbe, 0xde];
/// The greatest number of an extension with a head of one byte.
const GREATEST: u8 = 14;

/// What is negotiated of an m-line's header extensions: their numbers, 1 to 14.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    /// The element with the line's own name (RFC 9143, 15), and its length.
    mid: ([u8; 1 + MID], usize),
    transport: Option<u8>,
    time: Option<u8>,
    level: Option<u8>,
    orientation: Option<u8>,
}

impl Numbered {
    pub(super) fn of(map: &ExtensionMap, mid: Mid) -> Self {
        let number = |extension| map.id_of(extension).filter(|id| *id <= GREATEST);
        let mut element = ([0; 1 + MID], 0);
        let (name, (bytes, length)) = (mid.as_bytes(), &mut element);
        if let Some(id) = number(Extension::RtpMid)
            && let Some(value) = bytes.get_mut(1..1 + name.len())
            && !name.is_empty()
        {
            value.copy_from_slice(name);
            *length = 1 + name.len();
            bytes[0] = head(id, name.len());
        }
        Self {
            mid: element,
            transport: number(Extension::TransportSequenceNumber),
            time: number(Extension::AbsoluteSendTime),
            level: number(Extension::AudioLevel),
            orientation: number(Extension::VideoOrientation),
        }
    }

    /// Whether packets are counted for transport-wide feedback.
    pub(super) fn counts(&self) -> bool {
        self.transport.is_some()
    }

    /// Without what is for transport-wide feedback.
    pub(super) fn uncounted(self) -> Self {
        Self {
            transport: None,
            ..self
        }
    }
}

/// What a header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    /// There is nothing but padding behind it.
    pub(super) padding: bool,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    /// Transport-wide.
    pub(super) number: u16,
    /// When it is sent: seconds, 6 bits before the point and 18 behind.
    pub(super) time: [u8; 3],
    pub(super) extensions: Extensions,
}

/// Bytes of a header, from the first.
pub(super) struct Written {
    bytes: [u8; MOST],
    length: usize,
}

impl Written {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn put(&mut self, bytes: &[u8]) {
        let range = self.range(bytes.len());
        self.bytes[range].copy_from_slice(bytes);
    }

    fn range(&mut self, length: usize) -> Range<usize> {
        let from = self.length;
        self.length += length;
        from..self.length
    }

    fn element(&mut self, id: Option<u8>, value: &[u8]) {
        if let Some(id) = id {
            self.put(&[head(id, value.len())]);
            self.put(value);
        }
    }
}

/// Of an element with a value of 1 to 16 bytes.
fn head(id: u8, length: usize) -> u8 {
    id << 4 | (length.wrapping_sub(1) as u8 & 0x0f)
}

impl Header {
    /// As an m-line wants it.
    #[inline]
    pub(super) fn write(&self, numbered: &Numbered) -> Written {
        let mut written = Written {
            bytes: [0; MOST],
            length: FIXED + 4,
        };
        let (mid, length) = &numbered.mid;
        written.put(&mid[..*length]);
        written.element(numbered.transport, &self.number.to_be_bytes());
        written.element(numbered.time, &self.time);
        if let Some((level, voice)) = self.extensions.audio_level {
            let value = u8::from(voice) << 7 | (level.unsigned_abs() & 0x7f);
            written.element(numbered.level, &[value]);
        }
        if let Some(orientation) = self.extensions.orientation {
            written.element(numbered.orientation, &[orientation.0]);
        }
        let has_extensions = written.length > FIXED + 4;
        if has_extensions {
            written.length = written.length.next_multiple_of(4);
        } else {
            written.length = FIXED;
        }
        let words = (written.length.saturating_sub(FIXED + 4) / 4) as u8;
        let first = 0x80 | u8::from(self.padding) << 5 | u8::from(has_extensions) << 4;
        let bytes = &mut written.bytes;
        bytes[0] = first;
        bytes[1] = u8::from(self.marker) << 7 | (self.payload_type & 0x7f);
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        if has_extensions {
            bytes[12..14].copy_from_slice(&ONE_BYTE);
            bytes[15] = words;
        }
        written
    }
}

/// The value of the extension for the absolute time of sending, for a moment in microseconds since 1970:
/// NTP counts from 1900, which is a multiple of 64 s before.
pub(super) fn time(unix_micros: u64) -> [u8; 3] {
    let seconds = unix_micros / 1_000_000 % 64;
    let rest = unix_micros % 1_000_000;
    let value = ((seconds << 18) + (rest << 18) / 1_000_000) as u32;
    let [_, a, b, c] = value.to_be_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Orientation;

    fn header(extensions: Extensions) -> Header {
        Header {
            payload_type: 96,
            marker: true,
            padding: false,
            sequence: 0x0102,
            timestamp: 0x0304_0506,
            ssrc: 0x0708_090a,
            number: 0x0b0c,
            time: [1, 2, 3],
            extensions,
        }
    }

    #[test]
    fn a_header_has_what_is_negotiated_and_is_a_multiple_of_four() {
        let extensions = Extensions {
            audio_level: Some((-5, true)),
            orientation: Some(Orientation(3)),
        };
        let map = ExtensionMap::standard();
        let written = header(extensions).write(&Numbered::of(&map, Mid::from("ab")));
        let expected = [
            0x90, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xbe, 0xde, 0, 4, 0x41, b'a', b'b', 0x31,
            0x0b, 0x0c, 0x22, 1, 2, 3, 0x10, 0x85, 0xd0, 3, 0, 0,
        ];
        assert_eq!(written.bytes(), expected);
        let longest = Mid::from("0123456789abcdef");
        let written = header(extensions).write(&Numbered::of(&map, longest));
        assert_eq!(written.bytes().len(), MOST);
        let none = Numbered::of(&ExtensionMap::empty(), longest);
        let written = header(extensions).write(&none);
        assert_eq!(written.bytes(), [&[0x80], &expected[1..12]].concat());
    }

    #[test]
    fn extensions_whose_numbers_are_too_great_are_left_out() {
        let mut map = ExtensionMap::empty();
        map.set(15, Extension::RtpMid);
        map.set(3, Extension::TransportSequenceNumber);
        let numbered = Numbered::of(&map, Mid::from("a"));
        assert!(numbered.counts() && !numbered.uncounted().counts());
        let written = header(Extensions::default()).write(&numbered);
        assert_eq!(written.bytes()[14..], [0, 1, 0x31, 0x0b, 0x0c, 0]);
    }

    #[test]
    fn the_time_of_sending_counts_64_seconds() {
        assert_eq!(time(64_000_000), [0, 0, 0]);
        assert_eq!(time(65_500_000), [0x06, 0, 0]);
    }
}
