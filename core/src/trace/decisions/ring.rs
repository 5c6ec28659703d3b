//! The last minutes, in bounded memory.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::trace::Block;

/// Blocks of a trace of decisions. When they get too many the oldest are forgotten, up to one that
/// begins with a snapshot, so that a replay can begin there.
#[derive(Debug)]
pub struct Ring {
    max_bytes: usize,
    bytes: usize,
    blocks: VecDeque<Arc<Block>>,
    /// How many blocks were forgotten.
    forgotten: u64,
}

impl Ring {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            blocks: VecDeque::new(),
            forgotten: 0,
        }
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    pub(crate) fn push(&mut self, mut block: Block) {
        block.bytes.shrink_to_fit();
        self.bytes += block.bytes.len();
        self.blocks.push_back(Arc::new(block));
        let mut too_many = self.bytes > self.max_bytes;
        while too_many || self.blocks.front().is_some_and(|block| !block.is_start) {
            let Some(oldest) = self.blocks.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes.len();
            self.forgotten += 1;
            too_many = self.bytes > self.max_bytes;
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All blocks, oldest first. The first begins with a snapshot.
    pub fn blocks(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.blocks.iter()
    }

    /// The first block from number `number` on that is still there, with its number. Blocks are
    /// counted from 0. For whoever stores them all.
    pub fn block_from(&self, number: u64) -> Option<(u64, &Arc<Block>)> {
        let number = number.max(self.forgotten);
        let place = usize::try_from(number - self.forgotten).ok()?;
        Some((number, self.blocks.get(place)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(bytes: usize, is_start: bool) -> Block {
        Block {
            bytes: vec![7; bytes],
            inputs: 1,
            is_start,
        }
    }

    #[test]
    fn a_ring_keeps_what_fits_and_begins_with_a_snapshot() {
        let mut ring = Ring::new(100);
        for number in 0..20 {
            ring.push(block(20, number % 3 == 0));
            assert!(ring.bytes() <= 100);
            let first = ring.blocks().next();
            assert!(first.is_none_or(|block| block.is_start));
        }
        assert_eq!(ring.blocks().count(), 5, "15 to 19");
        assert_eq!(ring.block_from(0).map(|(number, _)| number), Some(15));
        assert_eq!(ring.block_from(17).map(|(number, _)| number), Some(17));
        assert!(ring.block_from(20).is_none());
    }

    #[test]
    fn a_block_that_does_not_fit_leaves_nothing_and_what_follows_needs_a_snapshot() {
        let mut ring = Ring::new(100);
        ring.push(block(101, true));
        ring.push(block(5, false));
        assert_eq!((ring.bytes(), ring.blocks().count()), (0, 0));
        ring.push(block(5, true));
        assert_eq!(ring.block_from(0).map(|(number, _)| number), Some(2));
    }
}
