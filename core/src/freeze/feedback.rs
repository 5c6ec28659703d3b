//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1).

/// What the times of a feedback count in: 64 ms, and 250 µs.
const REFERENCE: i64 = 64_000;
const DELTA: i64 = 250;

/// What a feedback says of one packet after the other: the number, and when it came by the viewer's clock,
/// microseconds; `None` where it did not. Ends where the feedback can't be read.
pub(crate) fn packets(feedback: &[u8]) -> impl Iterator<Item = (u16, Option<i64>)> {
    let mut statuses = statuses(feedback);
    let (first, reference, mut deltas) = match feedback.split_first_chunk::<20>() {
        Some((head, _)) => {
            let reference = i64::from(u32::from_be_bytes([0, head[16], head[17], head[18]]));
            let first = u16::from_be_bytes([head[12], head[13]]);
            (first, reference * REFERENCE, statuses.deltas)
        }
        None => (0, 0, &[][..]),
    };
    let (mut at, mut number) = (reference, first);
    std::iter::from_fn(move || {
        let status = statuses.next()?;
        let delta = match (status, deltas) {
            (0, _) => None,
            (1, [small, rest @ ..]) => {
                deltas = rest;
                Some(i64::from(*small))
            }
            (2, [high, low, rest @ ..]) => {
                deltas = rest;
                Some(i64::from(i16::from_be_bytes([*high, *low])))
            }
            _ => return None,
        };
        let this = number;
        number = number.wrapping_add(1);
        at += delta.unwrap_or(0) * DELTA;
        Some((this, delta.map(|_| at)))
    })
}

/// The symbols of the chunks.
#[derive(Clone, Debug)]
struct Statuses<'a> {
    chunks: &'a [u8],
    deltas: &'a [u8],
    left: usize,
    /// What is left of the present chunk: a run, or a vector.
    run: usize,
    symbol: u8,
    bits: u16,
    width: u32,
}

fn statuses(feedback: &[u8]) -> Statuses<'_> {
    let (left, body) = match feedback.split_first_chunk::<20>() {
        Some((head, body)) => (u16::from_be_bytes([head[14], head[15]]).into(), body),
        None => (0, &[][..]),
    };
    let mut covered = 0;
    let mut chunks = 0;
    while covered < left
        && let Some(chunk) = body.get(chunks..chunks + 2)
    {
        let word = u16::from_be_bytes([chunk[0], chunk[1]]);
        covered += match word >> 14 {
            0 | 1 => usize::from(word & 0x1fff).max(1),
            2 => 14,
            _ => 7,
        };
        chunks += 2;
    }
    let (chunks, deltas) = body.split_at(chunks);
    Statuses {
        chunks,
        deltas,
        left,
        run: 0,
        symbol: 0,
        bits: 0,
        width: 0,
    }
}

impl Iterator for Statuses<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.left = self.left.checked_sub(1)?;
        while self.run == 0 {
            let ([a, b], rest) = self.chunks.split_first_chunk::<2>()?;
            let word = u16::from_be_bytes([*a, *b]);
            self.chunks = rest;
            (self.run, self.width) = match word >> 14 {
                0 | 1 => (usize::from(word & 0x1fff), 0),
                2 => (14, 1),
                _ => (7, 2),
            };
            self.symbol = (word >> 13 & 3) as u8;
            self.bits = word << 2;
        }
        self.run -= 1;
        if self.width == 0 {
            return Some(self.symbol);
        }
        let symbol = (self.bits >> (16 - self.width)) as u8;
        self.bits <<= self.width;
        Some(symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(first: u16, count: u16, chunks: &[u16], deltas: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
        bytes.extend(first.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        bytes.extend([0, 0, 2, 9]);
        bytes.extend(chunks.iter().flat_map(|chunk| chunk.to_be_bytes()));
        bytes.extend(deltas);
        bytes
    }

    #[test]
    fn runs_and_vectors_are_read_with_their_times() {
        // Three that came; one bit each: came, not, came (of 14); two bits each: large, none, small.
        let chunks = [0x2003, 0b1010_1000_0000_0000, 0b1110_0001_0000_0000];
        let told = feedback(0xfffe, 3 + 14 + 3, &chunks, &[4, 8, 4, 4, 4, 0xff, 0xfc, 8]);
        let all: Vec<_> = packets(&told).collect();
        assert_eq!(all.len(), 20);
        assert_eq!(
            all[..3],
            [
                (0xfffe, Some(129_000)),
                (0xffff, Some(131_000)),
                (0, Some(132_000))
            ]
        );
        assert_eq!(
            all[3..6],
            [(1, Some(133_000)), (2, None), (3, Some(134_000))]
        );
        assert!(all[6..17].iter().all(|(_, at)| at.is_none()));
        assert_eq!(
            all[17..],
            [(15, Some(133_000)), (16, None), (17, Some(135_000))]
        );
    }

    #[test]
    fn what_can_not_be_read_ends_it() {
        assert_eq!(packets(&[]).count(), 0);
        assert_eq!(packets(&feedback(0, 9, &[], &[])).count(), 0);
        assert_eq!(packets(&feedback(0, 9, &[0x2009], &[1, 1])).count(), 2);
        let empty = feedback(0, 9, &[0, 0], &[1; 9]);
        assert!(packets(&empty).all(|(_, at)| at.is_none()));
        assert_eq!(
            packets(&feedback(0, 2, &[0b1111_1100_0000_0000], &[0; 9])).count(),
            0
        );
    }
}
