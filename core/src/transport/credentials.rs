//! ICE credentials whose username fragment says whose they are.
//!
//! A STUN request from an unknown address names the participant that it is for by our own username
//! fragment (RFC 8445, 7.2.2). The fragment begins with the number of the shard, which a front has to
//! know before it has handed anything in, and with the participant's index, so that finding it costs
//! one table access, whoever else is connected.

use std::fmt;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;

/// ice-char (RFC 8839, 5.4).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// 6 bits each: one of the shard, 18 bits of index.
const PLACE_CHARS: usize = 4;
const INDEX_BITS: usize = 6 * (PLACE_CHARS - 1);
/// 48 bits against a stale or guessed fragment.
const RANDOM_CHARS: usize = 8;
/// 144 bits; RFC 8839 asks for 128 at least.
const PASSWORD_CHARS: usize = 24;

/// A local username fragment and password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// New credentials for the participant at `index`, below 2^18, of a shard below
    /// [`MAX_SHARDS`](crate::MAX_SHARDS).
    pub(crate) fn new(shard: u8, index: usize, rng: &mut ChaCha20Rng) -> Self {
        let place = usize::from(shard) << INDEX_BITS | index;
        let mut ufrag = String::with_capacity(PLACE_CHARS + RANDOM_CHARS);
        for shift in (0..PLACE_CHARS).rev() {
            ufrag.push(char_of((place >> (6 * shift)) as u64));
        }
        push_random(&mut ufrag, RANDOM_CHARS, rng);
        let mut password = String::with_capacity(PASSWORD_CHARS);
        push_random(&mut password, PASSWORD_CHARS, rng);
        Self { ufrag, password }
    }

    /// The index that a fragment begins with. Says nothing about the rest of it.
    pub(crate) fn index_of(ufrag: &str) -> Option<usize> {
        Some(place_of(ufrag)? & ((1 << INDEX_BITS) - 1))
    }

    /// The shard that a fragment names. Says nothing about the rest of it.
    pub(crate) fn shard_of(ufrag: &str) -> Option<u8> {
        u8::try_from(place_of(ufrag)? >> INDEX_BITS).ok()
    }
}

fn place_of(ufrag: &str) -> Option<usize> {
    let bytes = ufrag.as_bytes();
    if bytes.len() != PLACE_CHARS + RANDOM_CHARS {
        return None;
    }
    bytes[..PLACE_CHARS].iter().try_fold(0, |place, byte| {
        let digit = ALPHABET.iter().position(|c| c == byte)?;
        Some(place << 6 | digit)
    })
}

fn push_random(into: &mut String, chars: usize, rng: &mut ChaCha20Rng) {
    for _ in 0..chars {
        into.push(char_of(rng.next_u64()));
    }
}

/// The alphabet has 64 letters, so the low six bits choose without bias.
fn char_of(bits: u64) -> char {
    char::from(ALPHABET[(bits & 63) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn a_fragment_names_its_participant_and_shard() {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        for (shard, index) in [
            (0, 0),
            (1, 1),
            (0, 63),
            (63, 64),
            (7, 100_000),
            (63, (1 << 18) - 1),
        ] {
            let made = Credentials::new(shard, index, &mut rng);
            assert_eq!(Credentials::index_of(&made.ufrag), Some(index));
            assert_eq!(Credentials::shard_of(&made.ufrag), Some(shard));
            assert_eq!(made.password.len(), PASSWORD_CHARS);
        }
    }

    #[test]
    fn a_strangers_fragment_names_nobody() {
        for ufrag in [
            "",
            "abcd",
            "AAAAAAAAAAA",
            "AAAAAAAAAAAAA",
            "AAA-AAAAAAAA",
            "ääää",
        ] {
            assert_eq!(Credentials::index_of(ufrag), None, "{ufrag:?}");
            assert_eq!(Credentials::shard_of(ufrag), None, "{ufrag:?}");
        }
    }
}
