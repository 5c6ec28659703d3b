//! Whose datagram is it? One table access, however many participants there are.
//!
//! A 5-tuple that a participant has proved to be its own maps to it. A STUN request names its
//! participant by our own username fragment, see `transport::Credentials`; the participant's ICE
//! agent checks its MESSAGE-INTEGRITY, and only then is the tuple learnt. Whatever else comes from
//! an unknown tuple is dropped and counted. No reply, so no reflection.

use std::time::Duration;

use hashbrown::HashMap;
use siphasher::sip::SipHasher13;

use crate::path::Path;
use crate::time::Time;

/// Nobody takes a tuple over from somebody who used it less than this long ago. A participant with
/// valid credentials of its own could otherwise cut another off by forging its address. 5 s: a
/// browser sends something on a live path at least every 2.5 s (RFC 7675 asks for 5 s).
const HOLD: Duration = Duration::from_secs(5);

/// The proved paths.
#[derive(Debug)]
pub(crate) struct AddressTable {
    /// Looked up, never iterated. Keyed, so that nobody can choose addresses that collide.
    owners: HashMap<Path, Owner, Keys>,
}

#[derive(Debug)]
struct Owner {
    participant: usize,
    last_used: Time,
}

#[derive(Clone, Debug)]
struct Keys(u64, u64);

impl std::hash::BuildHasher for Keys {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

impl AddressTable {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self {
            owners: HashMap::with_hasher(Keys(key.0, key.1)),
        }
    }

    /// Whose tuple it is; noted as used at `t`.
    pub(crate) fn owner(&mut self, t: Time, path: &Path) -> Option<usize> {
        let owner = self.owners.get_mut(path)?;
        owner.last_used = t;
        Some(owner.participant)
    }

    /// Whose tuple it is, without using it.
    pub(crate) fn peek(&self, path: &Path) -> Option<usize> {
        self.owners.get(path).map(|owner| owner.participant)
    }

    /// When the tuple was last used.
    pub(crate) fn last_used(&self, path: &Path) -> Option<Time> {
        self.owners.get(path).map(|owner| owner.last_used)
    }

    /// Whether `participant` may prove the tuple: it is free, its own, or long unused.
    pub(crate) fn may_claim(&self, t: Time, path: &Path, participant: usize) -> bool {
        self.owners.get(path).is_none_or(|owner| {
            owner.participant == participant || t.since(owner.last_used) >= HOLD
        })
    }

    /// `participant` has proved the tuple. Gives the owner that it was taken from, if any, and
    /// whether it is new to `participant`.
    pub(crate) fn learn(&mut self, t: Time, path: Path, participant: usize) -> Learnt {
        let owner = Owner {
            participant,
            last_used: t,
        };
        match self.owners.insert(path, owner) {
            Some(before) if before.participant == participant => Learnt::Known,
            Some(before) => Learnt::TakenFrom(before.participant),
            None => Learnt::New,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.owners.len()
    }

    pub(crate) fn forget(&mut self, path: &Path) {
        self.owners.remove(path);
    }
}

/// What [`AddressTable::learn`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learnt {
    Known,
    New,
    TakenFrom(usize),
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn tuple(port: u16) -> Path {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Path::udp(at(10_000), at(port))
    }

    #[test]
    fn a_live_path_is_not_taken_over() {
        let mut table = AddressTable::new((1, 2));
        let at = Time::from_millis;
        assert!(table.may_claim(at(0), &tuple(1), 7));
        assert_eq!(table.learn(at(0), tuple(1), 7), Learnt::New);
        assert_eq!(table.owner(at(3_000), &tuple(1)), Some(7));
        assert!(!table.may_claim(at(7_999), &tuple(1), 8));
        assert!(table.may_claim(at(8_000), &tuple(1), 8));
        assert_eq!(table.learn(at(8_000), tuple(1), 8), Learnt::TakenFrom(7));
        assert_eq!(table.owner(at(8_000), &tuple(1)), Some(8));
    }

    #[test]
    fn nobody_owns_what_was_never_proved() {
        let mut table = AddressTable::new((1, 2));
        table.learn(Time::ZERO, tuple(1), 7);
        assert_eq!(table.owner(Time::ZERO, &tuple(2)), None);
        table.forget(&tuple(1));
        assert_eq!(table.owner(Time::ZERO, &tuple(1)), None);
    }
}
