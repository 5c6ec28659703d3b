//! Tokens with which a new WebSocket takes over somebody's stay.
//!
//! A token is 128 bits of a generator, and good for one stay. It is looked up by its HMAC-SHA-256
//! (RFC 2104) under a key that is as old as the process: how long a comparison takes tells
//! something about that, which nobody can steer, and nothing about the token.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::hmac;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tsuji_core::ParticipantId;

/// Another stream of the generator than the names of rooms and the key of passwords have.
const STREAM: u64 = 2;
/// 128 bits: RFC 4086 asks for that against guessing, and nothing needs more.
const TOKEN_BYTES: usize = 16;

/// What is kept of a token.
type Tag = [u8; 32];

/// The tokens of all who are in a room.
pub(crate) struct Tokens {
    key: hmac::Key,
    rng: ChaCha20Rng,
    holders: BTreeMap<Tag, ParticipantId>,
}

/// What resumes a stay. Whoever has it is the participant.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Tokens {
    /// `seed`: as for [`RoomCodes::new`](crate::room_code::RoomCodes::new).
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        rng.set_stream(STREAM);
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            rng,
            holders: BTreeMap::new(),
        }
    }

    /// A token for a stay that begins.
    pub(crate) fn issue(&mut self, participant: ParticipantId) -> Token {
        let mut bytes = [0; TOKEN_BYTES];
        self.rng.fill_bytes(&mut bytes);
        let token = Token(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        self.holders.insert(self.tag(token.as_str()), participant);
        token
    }

    /// Whose token it is, while that stay lasts.
    pub(crate) fn holder(&self, token: &str) -> Option<ParticipantId> {
        self.holders.get(&self.tag(token)).copied()
    }

    /// The stay is over.
    pub(crate) fn revoke(&mut self, token: &Token) {
        self.holders.remove(&self.tag(token.as_str()));
    }

    /// All stays are over.
    pub(crate) fn clear(&mut self) {
        self.holders.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.holders.len()
    }

    fn tag(&self, token: &str) -> Tag {
        let mut tag = [0; 32];
        tag.copy_from_slice(hmac::sign(&self.key, token.as_bytes()).as_ref());
        tag
    }
}

impl Token {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_holders_until_the_stay_is_over_and_shows_nowhere() {
        let mut tokens = Tokens::new([1; 32]);
        let (ren, mika) = (ParticipantId(1), ParticipantId(2));
        let (first, second) = (tokens.issue(ren), tokens.issue(mika));
        assert_ne!(first, second);
        assert_eq!(first.as_str().len(), 32);
        assert_eq!(tokens.holder(first.as_str()), Some(ren));
        assert_eq!(tokens.holder(second.as_str()), Some(mika));
        for wrong in ["", &first.as_str()[1..], &first.as_str().to_uppercase()] {
            assert_eq!(tokens.holder(wrong), None, "{wrong}");
        }
        tokens.revoke(&first);
        assert_eq!(tokens.holder(first.as_str()), None);
        assert_eq!(tokens.len(), 1);
        assert_eq!(format!("{tokens:?} {second:?}"), "Tokens Token");
    }

    #[test]
    fn another_seed_gives_other_tokens() {
        let first = Tokens::new([1; 32]).issue(ParticipantId(1));
        let again = Tokens::new([1; 32]).issue(ParticipantId(1));
        let other = Tokens::new([2; 32]).issue(ParticipantId(1));
        assert_eq!(first, again);
        assert_ne!(first, other);
    }
}
