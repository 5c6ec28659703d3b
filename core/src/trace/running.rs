//! A hash of words, one after the other.

use serde::{Deserialize, Serialize};

/// 64 bits that depend on every word mixed in, and on their order. Not for use against people who
/// choose the words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running(pub(super) u64);

impl Running {
    pub(crate) fn mix(&mut self, word: u64) {
        // Odd, so that multiplying loses nothing; rotated, so that high bits count too.
        self.0 = (self.0 ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }
}
