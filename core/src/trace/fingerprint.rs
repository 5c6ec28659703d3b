//! Enough of a datagram to tell later which of its bytes differ.

use std::ops::Range;

use twox_hash::XxHash3_64;

use super::cursor::Cursor;
use super::format::Damage;
use super::running::Running;

/// Bytes kept as they are. 32: the header of a STUN or DTLS message, or an RTP header with the
/// extensions that are sent; all of that travels in the clear anyway.
const HEAD: usize = 32;

/// Bytes after the head that share a hash of 16 bits. 64: a twentieth of a full datagram, and 3 %
/// of its size.
const CHUNK: usize = 64;

/// What is recorded of a datagram: its length, its first bytes, a 16-bit XXH3 of each 64 bytes
/// after them, and a 64-bit XXH3 over the hashes of all of those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint<'a> {
    length: usize,
    head: &'a [u8],
    chunks: &'a [u8],
    all: u64,
}

impl<'a> Fingerprint<'a> {
    /// Bytes of the datagram.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The first bytes of the datagram.
    pub fn head(&self) -> &'a [u8] {
        self.head
    }

    /// Writes the fingerprint of a datagram.
    pub(super) fn put(buffer: &mut Vec<u8>, datagram: &[u8]) {
        // No UDP datagram is longer.
        let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
        let (head, rest) = datagram.split_at(datagram.len().min(HEAD));
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(head);
        let mut all = Running::default();
        for chunk in rest.chunks(CHUNK) {
            buffer.extend_from_slice(&chunk_hash(&mut all, chunk));
        }
        if !rest.is_empty() {
            buffer.extend_from_slice(&all.0.to_le_bytes());
        }
    }

    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, Damage> {
        let length = usize::from(cursor.u16()?);
        let head = cursor.bytes(length.min(HEAD))?;
        let rest = length.saturating_sub(HEAD);
        let chunks = cursor.bytes(2 * rest.div_ceil(CHUNK))?;
        let all = if rest == 0 { 0 } else { cursor.u64()? };
        Ok(Self {
            length,
            head,
            chunks,
            all,
        })
    }

    /// Whether this is the fingerprint of `datagram`.
    pub fn is_of(&self, datagram: &[u8]) -> bool {
        self.length == datagram.len() && self.differences(datagram).is_empty()
    }

    /// Which bytes of `datagram` are not as they were, as ranges in order: exact in the head,
    /// whole chunks after it. What only one of the two has is not named.
    pub fn differences(&self, datagram: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let (head, rest) = datagram.split_at(datagram.len().min(HEAD));
        for (index, (before, now)) in self.head.iter().zip(head).enumerate() {
            if before != now {
                extend(&mut found, index..index + 1);
            }
        }
        let mut all = Running::default();
        for (index, chunk) in rest.chunks(CHUNK).enumerate() {
            let hash = chunk_hash(&mut all, chunk);
            let start = HEAD + index * CHUNK;
            if let Some(before) = self.chunks.get(2 * index..2 * index + 2)
                && before != hash
            {
                extend(&mut found, start..start + chunk.len());
            }
        }
        // One change in 65,536 leaves the hash of its chunk as it was.
        if found.is_empty() && self.length == datagram.len() && self.all != all.0 {
            found.push(HEAD..datagram.len());
        }
        found
    }
}

/// Takes the next chunk into the hash over everything, which is made of the hashes of the chunks so
/// that each byte is read once. Gives the chunk's own short hash.
fn chunk_hash(all: &mut Running, chunk: &[u8]) -> [u8; 2] {
    let hash = XxHash3_64::oneshot(chunk);
    all.mix(hash);
    let [a, b, ..] = hash.to_le_bytes();
    [a, b]
}

fn extend(ranges: &mut Vec<Range<usize>>, next: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == next.start => last.end = next.end,
        _ => ranges.push(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(datagram: &[u8]) -> Vec<u8> {
        let mut buffer = Vec::new();
        Fingerprint::put(&mut buffer, datagram);
        buffer
    }

    #[test]
    fn every_changed_byte_is_found_where_it_is() {
        for length in [0, 1, 31, 32, 33, 95, 96, 97, 500, 1_500] {
            let datagram: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let bytes = written(&datagram);
            let mut cursor = Cursor::new(&bytes);
            let fingerprint = Fingerprint::read(&mut cursor).unwrap();
            assert!(cursor.is_empty());
            assert!(fingerprint.is_of(&datagram), "{length}");
            for changed in 0..length {
                let mut other = datagram.clone();
                other[changed] ^= 0x40;
                let [range] = &fingerprint.differences(&other)[..] else {
                    panic!("{length}, {changed}");
                };
                assert!(range.contains(&changed) && range.len() <= CHUNK);
                assert!(changed >= HEAD || range.len() == 1, "exact in the head");
            }
            assert!(!fingerprint.is_of(&[datagram.as_slice(), &[0]].concat()));
        }
    }

    #[test]
    fn chunks_that_change_places_are_a_difference() {
        let mut datagram = vec![1; HEAD + 2 * CHUNK];
        datagram[HEAD..HEAD + CHUNK].fill(2);
        let bytes = written(&datagram);
        let fingerprint = Fingerprint::read(&mut Cursor::new(&bytes)).unwrap();
        datagram.rotate_left(CHUNK);
        datagram[..HEAD].fill(1);
        assert!(!fingerprint.is_of(&datagram));
    }
}
