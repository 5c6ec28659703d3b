//! RTP headers as they come (RFC 3550, 5.1; RFC 8285).

use str0m::rtp::{Extension, ExtensionMap};

const FIXED: usize = 12;
/// Marks extensions whose heads have one byte (RFC 8285, 4.2); what else there is has two (4.3).
const ONE_BYTE: [u8; 2] = [0xbe, 0xde];

/// The numbers of the header extensions that are read, one for all lines (RFC 8843, 9.1).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extmap {
    mid: Option<u8>,
    rid: Option<u8>,
    repaired: Option<u8>,
    number: Option<u8>,
    level: Option<u8>,
    orientation: Option<u8>,
}

impl Extmap {
    /// Takes over what a line has and none had before.
    pub(super) fn learn(&mut self, map: &ExtensionMap) {
        let of = |known: &mut Option<u8>, extension| *known = known.or(map.id_of(extension));
        of(&mut self.mid, Extension::RtpMid);
        of(&mut self.rid, Extension::RtpStreamId);
        of(&mut self.repaired, Extension::RepairedRtpStreamId);
        of(&mut self.number, Extension::TransportSequenceNumber);
        of(&mut self.level, Extension::AudioLevel);
        of(&mut self.orientation, Extension::VideoOrientation);
    }
}

/// What a header says. Nothing of it is certain before the packet turned out to be authentic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header<'a> {
    /// Bytes, with CSRCs and extensions.
    pub(super) length: usize,
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) padding: bool,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    /// The m-line (RFC 9143, 15), the encoding, and the encoding that is repaired (RFC 8852, 3).
    pub(super) mid: Option<&'a [u8]>,
    pub(super) rid: Option<&'a [u8]>,
    pub(super) repaired: Option<&'a [u8]>,
    /// Transport-wide.
    pub(super) number: Option<u16>,
    /// RFC 6464: −dBov, and whether it is voice.
    pub(super) level: Option<(i8, bool)>,
    /// 3GPP TS 26.114, 7.4.5: two bits.
    pub(super) orientation: Option<u8>,
}

impl<'a> Header<'a> {
    /// Reads a datagram that is no RTCP. `None`: it is no RTP (RFC 7983, 7), or broken.
    pub(super) fn parse(datagram: &'a [u8], extmap: &Extmap) -> Option<Self> {
        let (head, _) = datagram.split_first_chunk::<FIXED>()?;
        if head[0] >> 6 != 2 {
            return None;
        }
        let mut header = Self {
            length: FIXED + 4 * usize::from(head[0] & 0x0f),
            payload_type: head[1] & 0x7f,
            marker: head[1] & 0x80 != 0,
            padding: head[0] & 0x20 != 0,
            sequence: u16::from_be_bytes([head[2], head[3]]),
            timestamp: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            ssrc: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
            ..Self::default()
        };
        if head[0] & 0x10 != 0 {
            let (profile, rest) = datagram.get(header.length..)?.split_first_chunk::<4>()?;
            let bytes = 4 * usize::from(u16::from_be_bytes([profile[2], profile[3]]));
            let extensions = rest.get(..bytes)?;
            header.read(extensions, profile[..2] != ONE_BYTE, extmap);
            header.length += 4 + bytes;
        }
        (header.length <= datagram.len()).then_some(header)
    }

    /// Reads extensions, up to where they can't be read. `long`: their heads have two bytes.
    fn read(&mut self, mut rest: &'a [u8], long: bool, extmap: &Extmap) {
        while let Some((head, behind)) = rest.split_first() {
            if *head == 0 {
                rest = behind;
                continue;
            }
            let (id, length, behind) = if long {
                let Some((length, behind)) = behind.split_first() else {
                    return;
                };
                (*head, usize::from(*length), behind)
            } else {
                (head >> 4, usize::from(head & 0x0f) + 1, behind)
            };
            let Some((value, behind)) = behind.split_at_checked(length) else {
                return;
            };
            rest = behind;
            self.element(id, value, extmap);
        }
    }

    fn element(&mut self, id: u8, value: &'a [u8], extmap: &Extmap) {
        let is = |extension: Option<u8>| extension == Some(id);
        match *value {
            [a, b, ..] if is(extmap.number) => self.number = Some(u16::from_be_bytes([a, b])),
            [first, ..] if is(extmap.level) => {
                let level = (first & 0x7f).cast_signed();
                self.level = Some((-level, first & 0x80 != 0));
            }
            [first, ..] if is(extmap.orientation) => self.orientation = Some(first & 3),
            _ if is(extmap.mid) => self.mid = Some(value),
            _ if is(extmap.rid) => self.rid = Some(value),
            _ if is(extmap.repaired) => self.repaired = Some(value),
            _ => {}
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const EXTMAP: Extmap = Extmap {
        mid: Some(4),
        rid: Some(10),
        repaired: Some(11),
        number: Some(3),
        level: Some(1),
        orientation: Some(13),
    };

    /// A header with these elements behind two CSRCs.
    fn packet(profile: [u8; 2], elements: &[u8]) -> Vec<u8> {
        let mut packet = vec![0xb2, 0x80 | 96, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9];
        packet.extend([0; 8]);
        let words = elements.len().div_ceil(4);
        packet.extend([profile[0], profile[1], 0, words as u8]);
        packet.extend(elements);
        packet.resize(24 + 4 * words, 0);
        packet.extend(b"payload");
        packet
    }

    #[test]
    fn all_that_is_needed_is_read_whatever_lies_around_it() {
        let short = [
            0x20,
            9,
            0,
            0x31,
            1,
            2,
            0x40,
            b'7',
            0xa0,
            b'h',
            0xb1,
            b'f',
            b'f',
            0x10,
            0x80 | 37,
            0xd0,
            7,
        ];
        let long = [
            2,
            1,
            9,
            0,
            3,
            2,
            1,
            2,
            4,
            1,
            b'7',
            10,
            1,
            b'h',
            11,
            2,
            b'f',
            b'f',
            1,
            1,
            0x80 | 37,
            13,
            1,
            7,
            99,
            0,
        ];
        for (profile, elements) in [(ONE_BYTE, &short[..]), ([0x10, 0], &long)] {
            let packet = packet(profile, elements);
            let header = Header::parse(&packet, &EXTMAP).unwrap();
            let expected = Header {
                length: packet.len() - 7,
                payload_type: 96,
                marker: true,
                padding: true,
                sequence: 7,
                timestamp: 8,
                ssrc: 9,
                mid: Some(b"7"),
                rid: Some(b"h"),
                repaired: Some(b"ff"),
                number: Some(0x0102),
                level: Some((-37, true)),
                orientation: Some(3),
            };
            assert_eq!(header, expected);
        }
    }

    #[test]
    fn what_is_broken_is_nothing_or_read_as_far_as_it_goes() {
        let whole = packet(ONE_BYTE, &[0x31, 1, 2, 0x3f]);
        assert_eq!(Header::parse(&whole, &EXTMAP).unwrap().number, Some(0x0102));
        for length in 0..whole.len() - 7 {
            assert_eq!(Header::parse(&whole[..length], &EXTMAP), None, "{length}");
        }
        assert_eq!(Header::parse(&[0x40; 40], &EXTMAP), None, "another version");
    }
}
