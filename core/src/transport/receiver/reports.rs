//! RTCP about what comes, as it is written (RFC 3550, 6.4.2; RFC 4585, 6.2.1 and 6.3.1).
//!
//! Each is a packet by itself: offers say that reports may have a reduced size (RFC 5506).

const RECEIVER: u8 = 201;
const TRANSPORT: u8 = 205;
const PAYLOAD: u8 = 206;
const NACK: u8 = 1;
const PLI: u8 = 1;

/// Streams of one receiver report: five bits count them.
pub(super) const BLOCKS: usize = 31;
/// Entries of one NACK. 64: each says 17 numbers at most.
const ENTRIES: usize = 64;

/// What is reported of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) ssrc: u32,
    /// What was lost since the last report, of 256.
    pub(super) fraction: u8,
    /// In all: 24 bits.
    pub(super) lost: i32,
    /// The highest number, extended to 32 bits.
    pub(super) highest: u32,
    pub(super) jitter: u32,
    /// The middle of the last sender report's NTP time, and the time since that came: seconds, 16 bits before the
    /// point and 16 behind.
    pub(super) last: u32,
    pub(super) delay: u32,
}

/// A receiver report.
pub(super) fn received(ours: u32, blocks: &[Block]) -> Vec<u8> {
    let mut words = vec![ours];
    for block in blocks {
        let lost = u32::from(block.fraction) << 24 | block.lost.cast_unsigned() & 0xff_ffff;
        words.extend([
            block.ssrc,
            lost,
            block.highest,
            block.jitter,
            block.last,
            block.delay,
        ]);
    }
    packet(blocks.len() as u8, RECEIVER, &words)
}

/// A picture is needed that depends on no other.
pub(super) fn stuck(ours: u32, media: u32) -> Vec<u8> {
    packet(PLI, PAYLOAD, &[ours, media])
}

/// These numbers are missing, ascending.
pub(super) fn missing(ours: u32, media: u32, numbers: &[u16]) -> Vec<u8> {
    let mut entries: Vec<(u16, u16)> = Vec::new();
    for number in numbers {
        if let Some((first, behind)) = entries.last_mut()
            && let Some(bit @ 0..16) = number.wrapping_sub(*first).checked_sub(1)
        {
            *behind |= 1 << bit;
        } else if entries.len() < ENTRIES {
            entries.push((*number, 0));
        }
    }
    let entries = entries
        .into_iter()
        .map(|(first, behind)| u32::from(first) << 16 | u32::from(behind));
    let words: Vec<u32> = [ours, media].into_iter().chain(entries).collect();
    packet(NACK, TRANSPORT, &words)
}

fn packet(format: u8, kind: u8, words: &[u32]) -> Vec<u8> {
    let mut packet = vec![0x80 | format, kind, 0, words.len() as u8];
    packet.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::sender::feedback::{Told, missing as read, packets};

    #[test]
    fn requests_are_read_as_they_were_meant() {
        let numbers = [65_533, 65_535, 0, 13, 14, 30, 200];
        let nack = missing(1, 2, &numbers);
        let Some(Told::Missing(2, entries)) = packets(&nack).next() else {
            panic!("{nack:?}");
        };
        assert_eq!(read(entries).collect::<Vec<_>>(), numbers);
        let pli = stuck(1, 2);
        assert_eq!(packets(&pli).collect::<Vec<_>>(), [Told::Stuck(2)]);
        let scattered: Vec<u16> = (0..2_000).map(|number| number * 20).collect();
        assert_eq!(missing(1, 2, &scattered).len(), 12 + 4 * ENTRIES);
    }

    #[test]
    fn a_report_is_written_as_rfc_3550_has_it() {
        let block = Block {
            ssrc: 2,
            fraction: 3,
            lost: -2,
            highest: 4,
            jitter: 5,
            last: 6,
            delay: 7,
        };
        let report = received(1, &[block]);
        let expected = [
            0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 3, 0xff, 0xff, 0xfe, 0, 0, 0, 4, 0, 0, 0, 5,
            0, 0, 0, 6, 0, 0, 0, 7,
        ];
        assert_eq!(report, expected);
    }
}
