//! What travels in the clear: the kinds of datagram (RFC 7983) and RTP headers (RFC 3550, 5.1).

/// A datagram by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Stun,
    Dtls,
    Rtp(Rtp),
    Rtcp(Rtcp),
    Other,
}

/// An RTP header, whose packet may be cut off after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rtp {
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
    /// Bytes of the header with its extensions.
    pub(super) header: usize,
}

#[cfg(test)]
impl Rtp {
    /// Without extensions.
    pub(super) fn bare(ssrc: u32, sequence: u16) -> Self {
        Self {
            ssrc,
            sequence,
            header: 12,
        }
    }
}

/// The first packet of a compound RTCP packet, as far as SRTCP leaves it in the clear
/// (RFC 3711, 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rtcp {
    packet_type: u8,
    count: u8,
}

/// Bytes that SRTCP leaves in the clear.
const RTCP_CLEAR: usize = 8;
/// A DTLS record header (RFC 6347, 4.1).
const DTLS_HEADER: usize = 13;

impl Seen {
    pub(super) fn of(datagram: &[u8]) -> Self {
        match datagram {
            [0..=3, ..] => Seen::Stun,
            [20..=63, ..] => Seen::Dtls,
            // RFC 5761, 4: which payload types are RTCP.
            [first @ 128..=191, packet_type @ 192..=223, ..] => Seen::Rtcp(Rtcp {
                packet_type: *packet_type,
                count: first & 0x1f,
            }),
            [128..=191, ..] => rtp(datagram).map_or(Seen::Other, Seen::Rtp),
            _ => Seen::Other,
        }
    }

    /// How many of its bytes are no media and no key.
    pub(super) fn clear_bytes(self, datagram: &[u8]) -> usize {
        match self {
            Seen::Stun => datagram.len(),
            Seen::Dtls => DTLS_HEADER.min(datagram.len()),
            Seen::Rtp(rtp) => rtp.header.min(datagram.len()),
            Seen::Rtcp(_) => RTCP_CLEAR.min(datagram.len()),
            Seen::Other => 0,
        }
    }
}

impl Rtcp {
    /// A picture loss indication (RFC 4585, 6.3.1).
    pub(super) fn is_pli(self) -> bool {
        (self.packet_type, self.count) == (206, 1)
    }
}

fn rtp(datagram: &[u8]) -> Option<Rtp> {
    let [first, _, s0, s1, _, _, _, _, c0, c1, c2, c3, rest @ ..] = datagram else {
        return None;
    };
    let sources = 4 * usize::from(first & 0x0f);
    let mut header = 12 + sources;
    if first & 0x10 != 0 {
        header += 4;
        if let Some([_, _, l0, l1]) = rest.get(sources..sources + 4) {
            header += 4 * usize::from(u16::from_be_bytes([*l0, *l1]));
        }
    }
    Some(Rtp {
        ssrc: u32::from_be_bytes([*c0, *c1, *c2, *c3]),
        sequence: u16::from_be_bytes([*s0, *s1]),
        header,
    })
}

/// The header extension with this id (RFC 8285, 4.2 and 4.3) of an RTP packet.
pub(super) fn extension(datagram: &[u8], id: u8) -> Option<&[u8]> {
    let (first, behind) = (datagram.first()?, datagram.get(12..)?);
    if first & 0x10 == 0 {
        return None;
    }
    let (&[p0, p1, l0, l1], rest) = behind
        .get(4 * usize::from(first & 0x0f)..)?
        .split_first_chunk()?;
    let length = 4 * usize::from(u16::from_be_bytes([l0, l1]));
    let mut elements = rest.get(..length)?;
    let short = [p0, p1] == [0xbe, 0xde];
    if !short && (p0, p1 & 0xf0) != (0x10, 0x00) {
        return None;
    }
    loop {
        let (found, length, behind) = match (elements, short) {
            // Padding.
            ([0, behind @ ..], _) => {
                elements = behind;
                continue;
            }
            // RFC 8285, 4.2: the end, whatever follows.
            ([0xf0..=0xff, ..], true) => return None,
            ([head, behind @ ..], true) => (head >> 4, usize::from(head & 0x0f) + 1, behind),
            ([found, length, behind @ ..], false) => (*found, usize::from(*length), behind),
            _ => return None,
        };
        let value = behind.get(..length)?;
        if found == id {
            return Some(value);
        }
        elements = &behind[length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_known_by_its_first_bytes() {
        assert_eq!(Seen::of(&[]), Seen::Other);
        assert_eq!(Seen::of(&[0, 1]), Seen::Stun);
        assert_eq!(Seen::of(&[22, 254, 253]), Seen::Dtls);
        assert_eq!(Seen::of(&[128, 111]), Seen::Other, "too short for RTP");
        let Seen::Rtcp(rtcp) = Seen::of(&[0x81, 206, 0, 2]) else {
            panic!("not RTCP");
        };
        assert!(rtcp.is_pli());
    }

    #[test]
    fn an_rtp_header_ends_where_its_extensions_end() {
        let mut packet = vec![0x91, 96, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 7];
        packet.extend([0; 4]);
        packet.extend([0xbe, 0xde, 0, 2]);
        packet.extend([0xff; 100]);
        let seen = Seen::of(&packet);
        let expected = Rtp {
            ssrc: 7,
            sequence: 0x1234,
            header: 12 + 4 + 4 + 8,
        };
        assert_eq!(seen, Seen::Rtp(expected));
        assert_eq!(seen.clear_bytes(&packet), 28);
        for length in 0..packet.len() {
            let cut = &packet[..length];
            assert!(Seen::of(cut).clear_bytes(cut) <= length);
        }
    }

    #[test]
    fn an_extension_is_found_by_its_id_in_headers_of_both_kinds() {
        let head = |first, profile: [u8; 2], words| {
            let mut packet = vec![first, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
            packet.extend(profile);
            packet.extend([0, words]);
            packet
        };
        let mut short = head(0x90, [0xbe, 0xde], 2);
        short.extend([0x31, 1, 2, 0, 0x40, b'1', 0xa0, b'q']);
        assert_eq!(extension(&short, 3), Some(&[1, 2][..]));
        assert_eq!(extension(&short, 4), Some(&b"1"[..]));
        assert_eq!(extension(&short, 10), Some(&b"q"[..]));
        assert_eq!(extension(&short, 5), None);
        let mut long = head(0x90, [0x10, 0x00], 2);
        long.extend([3, 0, 0, 200, 2, b'q', b'x', 0]);
        assert_eq!(extension(&long, 3), Some(&[][..]));
        assert_eq!(extension(&long, 200), Some(&b"qx"[..]));
        let mut none = head(0x80, [0xbe, 0xde], 2);
        none.extend([0x40, b'1', 0, 0, 0, 0, 0, 0]);
        assert_eq!(extension(&none, 4), None);
        for packet in [short, long] {
            for length in 0..packet.len() {
                assert_eq!(extension(&packet[..length], 10), None);
            }
        }
    }
}
