//! A hash of everything that a run gave out, to compare two runs.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;
use tsuji_core::Time;

/// What was given out so far.
#[derive(Debug)]
pub(crate) struct Digest(SipHasher13);

impl Default for Digest {
    fn default() -> Self {
        Self(SipHasher13::new_with_keys(0, 0))
    }
}

impl Digest {
    pub(crate) fn add(&mut self, kind: u8, t: Time, bytes: &[u8]) {
        self.0.write_u8(kind);
        self.0.write_u64(t.as_micros());
        self.0.write_usize(bytes.len());
        self.0.write(bytes);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.finish()
    }
}
