//! The name of a room, as people read it to each other.

use std::fmt;
use std::str::FromStr;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// The letters of a room's name: no I and no O, which sound or look like others.
const ALPHABET: &[u8; 24] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const LETTERS: usize = 11;

/// The name of a room: `XXXX-XXX-XXXX`, eleven of 24 letters, 50.4 bits.
///
/// Read in any case, with or without dashes and spaces; written in one way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RoomCode([u8; LETTERS]);

/// A text that cannot be the name of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a room's name is eleven letters from A to Z without I and O, like KUMA-ARE-TSUJ")]
pub struct BadRoomCode;

impl RoomCode {
    /// Whether a room of this name has a password: one name in 24 is kept for those, so that no
    /// memory is needed to know that a link is not enough.
    pub fn is_locked(&self) -> bool {
        let place = |letter: &u8| ALPHABET.iter().position(|known| known == letter);
        let sum: usize = self.0.iter().filter_map(place).sum();
        sum.is_multiple_of(ALPHABET.len())
    }
}

impl FromStr for RoomCode {
    type Err = BadRoomCode;

    fn from_str(text: &str) -> Result<Self, BadRoomCode> {
        let mut code = [0; LETTERS];
        let mut letters = text.chars().filter(|&c| !is_separator(c));
        for place in &mut code {
            let letter = letters.next().ok_or(BadRoomCode)?.to_ascii_uppercase();
            let letter = u8::try_from(letter).map_err(|_| BadRoomCode)?;
            if !ALPHABET.contains(&letter) {
                return Err(BadRoomCode);
            }
            *place = letter;
        }
        match letters.next() {
            None => Ok(Self(code)),
            Some(_) => Err(BadRoomCode),
        }
    }
}

/// Word processors and messengers turn `-` into other dashes.
fn is_separator(c: char) -> bool {
    c == '-' || ('\u{2010}'..='\u{2015}').contains(&c) || c.is_whitespace()
}

impl fmt::Display for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, &letter) in self.0.iter().enumerate() {
            if place == 4 || place == 7 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<RoomCode> for String {
    fn from(code: RoomCode) -> String {
        code.to_string()
    }
}

impl TryFrom<String> for RoomCode {
    type Error = BadRoomCode;

    fn try_from(text: String) -> Result<Self, BadRoomCode> {
        text.parse()
    }
}

/// Makes room names from a seed that nobody else knows: ChaCha20 (RFC 8439), so that somebody who
/// saw any number of names cannot tell the next.
pub struct RoomCodes(ChaCha20Rng);

impl RoomCodes {
    /// `seed`: 32 bytes from the operating system's generator.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// The next name, every one equally likely among those of rooms with a password (`locked`), or
    /// those of rooms without.
    pub fn generate(&mut self, locked: bool) -> RoomCode {
        loop {
            let code = RoomCode(std::array::from_fn(|_| self.letter()));
            if code.is_locked() == locked {
                return code;
            }
        }
    }

    /// Five random bits at a time; the values above 23 are thrown away, because a remainder would
    /// make some letters likelier.
    fn letter(&mut self) -> u8 {
        loop {
            let five_bits = self.0.next_u32() >> 27;
            if let Some(&letter) = ALPHABET.get(five_bits as usize) {
                return letter;
            }
        }
    }
}

impl fmt::Debug for RoomCodes {
    /// Shows nothing of the generator: its state tells all names to come.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomCodes")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_has_fifty_bits_and_uses_all_its_letters_evenly() {
        let bits = LETTERS as f64 * (ALPHABET.len() as f64).log2();
        assert!((50.4..50.5).contains(&bits), "{bits}");

        let mut codes = RoomCodes::new([7; 32]);
        let mut count = BTreeMap::<u8, u32>::new();
        for _ in 0..24_000 {
            for letter in codes.generate(false).0 {
                *count.entry(letter).or_default() += 1;
            }
        }
        assert_eq!(count.keys().copied().collect::<Vec<_>>(), ALPHABET);
        // 11,000 expected for each; the standard deviation is 103.
        assert!(
            count.values().all(|n| (10_400..11_600).contains(n)),
            "{count:?}"
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_codes_and_another_seed_others() {
        let list = |seed| {
            let mut codes = RoomCodes::new([seed; 32]);
            (0..100).map(|_| codes.generate(false)).collect::<Vec<_>>()
        };
        assert_eq!(list(1), list(1));
        assert!(list(1).iter().zip(list(2)).all(|(a, b)| *a != b));
    }

    #[test]
    fn one_code_in_24_is_for_rooms_with_a_password() {
        let mut codes = RoomCodes::new([7; 32]);
        assert!((0..1_000).all(|_| !codes.generate(false).is_locked()));
        assert!((0..1_000).all(|_| codes.generate(true).is_locked()));
        let example: RoomCode = "KUMA-ARE-TSUJ".parse().unwrap();
        assert!(!example.is_locked());
    }

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let code: RoomCode = "KUMA-ARE-TSUJ".parse().unwrap();
        for text in [
            "kumaaretsuj",
            " Kuma are TSUJ\n",
            "kuma–are—tsuj",
            "k-u-m-a-a-r-e-t-s-u-j",
        ] {
            assert_eq!(text.parse(), Ok(code), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in [
            "",
            "KUMA",
            "KUMA-ARE-TSUJX",
            "KUMA-ARE-TSUI",
            "KUMA-ARE-TSU0",
            "ＫUMA-ARE-TSUJ",
        ] {
            assert_eq!(text.parse::<RoomCode>(), Err(BadRoomCode), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seed: [u8; 32], locked: bool) {
            let code = RoomCodes::new(seed).generate(locked);
            let text = code.to_string();
            prop_assert_eq!(text.len(), 13);
            prop_assert_eq!(text.parse(), Ok(code));
            prop_assert_eq!(text.to_lowercase().replace('-', "").parse(), Ok(code));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = text.parse::<RoomCode>();
        }
    }
}
