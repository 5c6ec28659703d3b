//! Passwords of rooms.
//!
//! Kept as HMAC-SHA-256 (RFC 2104) under a key that is as old as the process, with the room's
//! number in front. No slow hash: that would protect passwords from somebody who reads this
//! process's memory, where the keys of the media are as well, and would hand everybody else a way
//! to keep the thread busy that all rooms share. Against guessing stand the limits: see
//! [`Limits::passwords_per_minute_per_room`](crate::Limits::passwords_per_minute_per_room). The
//! comparison takes the same time wherever the difference is.

use std::fmt;

use aws_lc_rs::hmac;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tsuji_core::RoomId;

/// Another stream of the generator than the names of rooms have.
const STREAM: u64 = 1;

/// Makes and checks what is kept of passwords.
pub(crate) struct Passwords(hmac::Key);

/// What is kept of one password.
#[derive(Clone, Copy)]
pub(crate) struct Lock([u8; 32]);

impl Passwords {
    /// `seed`: as for [`RoomCodes::new`](crate::room_code::RoomCodes::new).
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        rng.set_stream(STREAM);
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// What to keep of a room's password.
    pub(crate) fn lock(&self, room: RoomId, password: &str) -> Lock {
        let tag = hmac::sign(&self.0, &message(room, password));
        let mut lock = [0; 32];
        lock.copy_from_slice(tag.as_ref());
        Lock(lock)
    }

    /// Whether it is the room's password.
    pub(crate) fn opens(&self, lock: &Lock, room: RoomId, password: &str) -> bool {
        hmac::verify(&self.0, &message(room, password), &lock.0).is_ok()
    }
}

fn message(room: RoomId, password: &str) -> Vec<u8> {
    [&room.0.to_be_bytes(), password.as_bytes()].concat()
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords")
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_opens_its_own_room_only_and_shows_nowhere() {
        let passwords = Passwords::new([1; 32]);
        let lock = passwords.lock(RoomId(1), "open sesame");
        assert!(passwords.opens(&lock, RoomId(1), "open sesame"));
        for wrong in ["", "open sesam", "open sesame ", "Open sesame"] {
            assert!(!passwords.opens(&lock, RoomId(1), wrong), "{wrong}");
        }
        assert!(!passwords.opens(&lock, RoomId(2), "open sesame"));
        assert!(!Passwords::new([2; 32]).opens(&lock, RoomId(1), "open sesame"));
        assert_eq!(format!("{passwords:?} {lock:?}"), "Passwords Lock");
    }
}
