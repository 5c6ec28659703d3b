//! Transport-wide sequence numbers (draft-holmer-rmcat-transport-wide-cc-extensions-01) that can be.
//!
//! str0m extends each number to 64 bits, from the newest so far. One that comes to lie before the
//! first becomes nearly 2^64 that way, and the next feedback is made of all numbers in between: two
//! packets would end the server. So what is far from the newest, or before the beginning, is not
//! shown to str0m. The newest is taken from authentic packets only.

/// The number of the header extension in our offers: str0m's `ExtensionMap::standard`.
const EXTENSION: u8 = 3;
/// The last number with which a peer may begin. Browsers begin with 0 or 1. Half of all: no two of
/// them are so far apart that one lies before the beginning.
const LAST_BEGINNING: u16 = 0x7fff;
/// How far from the newest a number may be. 16,000: what 1,000 packets a second make of the longest
/// interruption that a connection survives.
const FARTHEST: i64 = 16_000;

/// The numbers of one peer.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Extended; `None` until an authentic packet had one.
    newest: Option<i64>,
}

impl Numbers {
    /// Whether a datagram that is to be taken for RTP may be shown to str0m.
    pub(super) fn admit(&self, datagram: &[u8]) -> bool {
        numbers(datagram).all(|number| match self.newest {
            None => number <= LAST_BEGINNING,
            Some(newest) => {
                let extended = extend(newest, number);
                extended >= 0 && (extended - newest).abs() <= FARTHEST
            }
        })
    }

    /// An authentic packet had this number.
    pub(super) fn note(&mut self, number: u16) {
        let newest = self.newest.unwrap_or_else(|| number.into());
        self.newest = Some(newest.max(extend(newest, number)));
    }
}

/// The number nearest to `newest` that ends in `number`.
fn extend(newest: i64, number: u16) -> i64 {
    let ahead = number.wrapping_sub(newest as u16) as i16;
    newest + i64::from(ahead)
}

/// All numbers in the header extension of an RTP packet (RFC 3550, 5.3.1; RFC 8285, 4), however
/// many there are.
fn numbers(datagram: &[u8]) -> impl Iterator<Item = u16> {
    let (long, mut rest) = elements(datagram).unwrap_or_default();
    std::iter::from_fn(move || {
        loop {
            let (head, behind) = rest.split_first()?;
            if *head == 0 {
                rest = behind;
                continue;
            }
            let (id, length, behind) = if long {
                let (length, behind) = behind.split_first()?;
                (*head, usize::from(*length), behind)
            } else {
                (head >> 4, usize::from(head & 0x0f) + 1, behind)
            };
            let value = behind.get(..length)?;
            rest = behind.get(length..)?;
            if let (EXTENSION, [a, b, ..]) = (id, value) {
                return Some(u16::from_be_bytes([*a, *b]));
            }
        }
    })
}

/// The elements of the header extension, and whether their heads have two bytes.
fn elements(datagram: &[u8]) -> Option<(bool, &[u8])> {
    let first = datagram.first()?;
    if first & 0x10 == 0 {
        return None;
    }
    let at = 12 + 4 * usize::from(first & 0x0f);
    let (head, rest) = datagram.get(at..)?.split_first_chunk::<4>()?;
    let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let long = head[..2] != [0xbe, 0xde];
    Some((long, rest.get(..4 * words).unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u16) -> Vec<u8> {
        let [a, b] = number.to_be_bytes();
        let mut packet = vec![0x91; 16];
        packet.extend([0xbe, 0xde, 0, 2, 0x40, 7, 0, EXTENSION << 4 | 1, a, b, 0, 0]);
        packet
    }

    fn after(noted: &[u16]) -> Numbers {
        let mut numbers = Numbers::default();
        for number in noted {
            numbers.note(*number);
        }
        numbers
    }

    #[test]
    fn what_lies_before_the_beginning_or_far_away_is_refused() {
        assert!(after(&[]).admit(&packet(0)));
        assert!(after(&[]).admit(&packet(0x7fff)));
        assert!(!after(&[]).admit(&packet(0xffff)));
        assert!(!after(&[0]).admit(&packet(0xffff)));
        assert!(after(&[1]).admit(&packet(0)));
        assert!(!after(&[1]).admit(&packet(0xffff)));
        assert!(after(&[5]).admit(&packet(16_005)));
        assert!(!after(&[5]).admit(&packet(16_006)));
    }

    #[test]
    fn numbers_go_round_and_may_come_late() {
        let noted = after(&[10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 65_535, 3]);
        assert_eq!(noted.newest, Some(65_539));
        assert!(noted.admit(&packet(65_530)) && noted.admit(&packet(9)));
        assert!(!noted.admit(&packet(40_000)));
    }

    #[test]
    fn every_number_in_a_packet_counts_and_packets_without_one_pass() {
        let mut two = packet(7);
        two.truncate(20);
        two[18..20].copy_from_slice(&[0, 2]);
        two.extend([
            EXTENSION << 4 | 1,
            0,
            7,
            EXTENSION << 4 | 1,
            0xff,
            0xff,
            0,
            0,
        ]);
        assert!(!after(&[0]).admit(&two));
        two[16..18].copy_from_slice(&[0x10, 0x00]);
        two[20..].copy_from_slice(&[EXTENSION, 2, 0xff, 0xff, 0, 0, 0, 0]);
        assert!(!after(&[0]).admit(&two));
        for plain in [&[0x80; 40][..], &[0x90; 40], &[0x9f; 13], &[]] {
            assert!(after(&[0]).admit(plain));
        }
    }
}
