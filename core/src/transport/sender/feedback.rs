//! What a peer tells in RTCP: of what it was sent, and of what it sends (RFC 3550, 6; RFC 4585; RFC 5104).

use crate::transport::receiver::SenderReport;

/// Transport-layer and payload-specific feedback, and formats of these.
const TRANSPORT: u8 = 205;
const PAYLOAD: u8 = 206;
const NACK: u8 = 1;
const TRANSPORT_WIDE: u8 = 15;
const PLI: u8 = 1;
const FIR: u8 = 4;
/// Reports of senders.
const SENDER: u8 = 200;

/// A packet of a compound one, as far as anybody cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transport) enum Told<'a> {
    /// Packets of this SSRC are missing: four bytes for some of them, for [`missing`].
    Missing(u32, &'a [u8]),
    /// The picture of this SSRC can't be decoded (PLI).
    Stuck(u32),
    /// The same (FIR): entries for [`asked`].
    Asked(&'a [u8]),
    /// Transport-wide feedback: the packet.
    Arrivals(&'a [u8]),
    /// What it sends itself.
    Sends(SenderReport),
    /// Nothing that is needed.
    Nothing,
}

/// Whether a datagram is RTCP (RFC 5761, 4; RFC 7983, 7).
pub(in crate::transport) fn is_rtcp(datagram: &[u8]) -> bool {
    let head = datagram.first_chunk::<2>();
    head.is_some_and(|head| head[0] >> 6 == 2 && (192..224).contains(&head[1]))
}

/// The packets of a compound one (RFC 3550, 6.1), up to where it can't be read.
pub(in crate::transport) fn packets(compound: &[u8]) -> impl Iterator<Item = Told<'_>> {
    let mut rest = compound;
    std::iter::from_fn(move || {
        let (&[first, kind, a, b], _) = rest.split_first_chunk::<4>()?;
        let bytes = 4 * (usize::from(u16::from_be_bytes([a, b])) + 1);
        let packet = rest.get(..bytes)?;
        rest = &rest[bytes..];
        Some(told(first & 0x1f, kind, packet))
    })
}

fn told(format: u8, kind: u8, packet: &[u8]) -> Told<'_> {
    let head = packet.split_first_chunk::<12>();
    let Some((&[_, _, _, _, e, f, g, h, a, b, c, d], body)) = head else {
        return Told::Nothing;
    };
    let ssrc = u32::from_be_bytes([a, b, c, d]);
    match (kind, format) {
        (TRANSPORT, NACK) => Told::Missing(ssrc, body),
        (TRANSPORT, TRANSPORT_WIDE) => Told::Arrivals(packet),
        (PAYLOAD, PLI) => Told::Stuck(ssrc),
        (PAYLOAD, FIR) => Told::Asked(body),
        // RFC 3550, 6.4.1: behind the sender's SSRC come NTP time, RTP time, and counts.
        (SENDER, _) => match body.split_first_chunk::<12>() {
            // The count of packets is 0: nothing was sent yet.
            None | Some((&[.., 0, 0, 0, 0], _)) => Told::Nothing,
            Some((&[i, j, k, l, m, n, o, p, ..], _)) => Told::Sends(SenderReport {
                ssrc: u32::from_be_bytes([e, f, g, h]),
                ntp: u64::from_be_bytes([a, b, c, d, i, j, k, l]),
                timestamp: u32::from_be_bytes([m, n, o, p]),
            }),
        },
        _ => Told::Nothing,
    }
}

/// The numbers that a NACK says are missing (RFC 4585, 6.2.1).
pub(in crate::transport) fn missing(entries: &[u8]) -> impl Iterator<Item = u16> {
    let (entries, _) = entries.as_chunks::<4>();
    entries.iter().flat_map(|[a, b, c, d]| {
        let first = u16::from_be_bytes([*a, *b]);
        let behind = u16::from_be_bytes([*c, *d]);
        let behind = (0..16_u16).filter(move |bit| behind >> bit & 1 != 0);
        std::iter::once(first).chain(behind.map(move |bit| first.wrapping_add(bit + 1)))
    })
}

/// The SSRCs of which a FIR wants a picture (RFC 5104, 4.3.1).
pub(super) fn asked(entries: &[u8]) -> impl Iterator<Item = u32> {
    let (entries, _) = entries.as_chunks::<8>();
    let ssrc = |entry: &[u8; 8]| u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]);
    entries.iter().map(ssrc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_packet_of_a_compound_one_is_read() {
        let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
        let nack = [
            0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9, 0xff, 0xfe, 0x80, 0x03,
        ];
        let pli = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 8];
        let fir = [
            0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 0, 0, 0,
        ];
        let wide = [
            0x8f, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0,
        ];
        let mut sender = [0; 28];
        sender[..4].copy_from_slice(&[0x80, 200, 0, 6]);
        let idle = sender;
        sender[4..24]
            .copy_from_slice(&[0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1]);
        let sends = SenderReport {
            ssrc: 7,
            ntp: 1 << 32 | 2,
            timestamp: 3,
        };
        let compound = [&report[..], &nack, &pli, &fir, &wide, &idle, &sender].concat();
        let all: Vec<_> = packets(&compound).collect();
        let expected = [
            Told::Nothing,
            Told::Missing(9, &nack[12..]),
            Told::Stuck(8),
            Told::Asked(&fir[12..]),
            Told::Arrivals(&wide),
            Told::Nothing,
            Told::Sends(sends),
        ];
        assert_eq!(all, expected);
        let numbers: Vec<_> = missing(&nack[12..]).collect();
        assert_eq!(numbers, [0xfffe, 0xffff, 0, 14]);
        assert_eq!(asked(&fir[12..]).collect::<Vec<_>>(), [7]);
    }

    #[test]
    fn what_is_broken_ends_it() {
        assert_eq!(packets(&[]).count(), 0);
        assert_eq!(packets(&[0x81, 205, 0, 9, 0, 0, 0, 1]).count(), 0);
        let short = [0x81, 205, 0, 1, 0, 0, 0, 1, 0x80];
        assert_eq!(packets(&short).collect::<Vec<_>>(), [Told::Nothing]);
        assert_eq!(missing(&[1, 2, 3]).count() + asked(&[0; 7]).count(), 0);
    }

    #[test]
    fn rtcp_is_told_from_rtp() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x8f, 205]));
        assert!(!is_rtcp(&[0x80, 96]) && !is_rtcp(&[22, 200]) && !is_rtcp(&[0x80]));
    }
}
