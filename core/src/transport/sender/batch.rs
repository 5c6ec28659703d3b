//! What leaves together: packets that lie one behind the other, as they are handed to the system.

use crate::output::Transmit;
use crate::path::Path;

/// Datagrams that lie together at most. 32: all of a frame, but for the keyframes of a large screen.
const TOGETHER: usize = 32;

/// Datagrams of one connection that were not handed out yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    transmits: Vec<Transmit>,
    /// So many bytes will be written, into the memory of this, if it is needed.
    expected: usize,
    spent: Option<Transmit>,
}

impl Batch {
    /// Says how many bytes the next packets take, so that there is room for all at once, and gives memory for them.
    pub(super) fn expect(&mut self, bytes: usize, spent: Option<Transmit>) {
        (self.expected, self.spent) = (bytes, spent);
    }

    /// That memory, if it was not needed.
    pub(super) fn unused(&mut self) -> Option<Transmit> {
        self.spent.take()
    }

    /// Where the next packet of so many bytes is written to, behind those before it that go the same way.
    pub(super) fn with(&mut self, path: Path, bytes: usize) -> &mut Transmit {
        let last = self.transmits.last();
        let goes_on = last.is_some_and(|last| last.path == path && last.count() < TOGETHER);
        if !goes_on {
            let room = bytes.max(std::mem::take(&mut self.expected));
            let mut transmit = match self.spent.take() {
                Some(spent) => spent.emptied(path),
                None => Transmit::new(path, Vec::new()),
            };
            transmit.payload.reserve_exact(room);
            self.push(transmit);
        }
        let last = self.transmits.len() - 1;
        &mut self.transmits[last]
    }

    /// One more, whole.
    pub(super) fn push(&mut self, transmit: Transmit) {
        self.transmits.push(transmit);
    }

    /// All of them, in order.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Transmit> {
        // One of which nothing could be sealed is empty.
        let all = self.transmits.drain(..);
        all.filter(|transmit| !transmit.payload.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn path(port: u16) -> Path {
        let local = SocketAddr::from(([127, 0, 0, 1], 1));
        Path::udp(local, SocketAddr::from(([127, 0, 0, 1], port)))
    }

    fn write(batch: &mut Batch, port: u16, bytes: &[u8]) {
        let transmit = batch.with(path(port), bytes.len());
        let start = transmit.payload.len();
        transmit.payload.extend_from_slice(bytes);
        transmit.end(start);
    }

    #[test]
    fn what_goes_one_way_lies_together_and_is_what_was_written() {
        let mut batch = Batch::default();
        batch.expect(1_000, None);
        for bytes in [&b"one"[..], b"two", b"three"] {
            write(&mut batch, 2, bytes);
        }
        batch.push(Transmit::new(path(2), b"report".to_vec()));
        write(&mut batch, 3, b"other");
        let all: Vec<Transmit> = batch.drain().collect();
        let texts = |transmit: &Transmit| transmit.datagrams().map(<[u8]>::to_vec).collect();
        let texts: Vec<Vec<Vec<u8>>> = all.iter().map(texts).collect();
        let expected = [
            vec![&b"one"[..], b"two", b"three"],
            vec![b"report"],
            vec![b"other"],
        ];
        assert_eq!(texts, expected);
        assert_eq!(
            (all[0].payload.capacity(), batch.drain().count()),
            (1_000, 0)
        );
    }

    #[test]
    fn no_more_lie_together_than_a_system_takes() {
        let mut batch = Batch::default();
        for _ in 0..70 {
            write(&mut batch, 2, &[1]);
        }
        let counts: Vec<usize> = batch.drain().map(|transmit| transmit.count()).collect();
        assert_eq!(counts, [32, 32, 6]);
    }
}
