//! What was sent, until feedback tells what became of it: 8 bytes a packet.

use crate::time::Time;

use super::Cluster;

/// Packets remembered at first: a small picture and sounds, for as long as feedback takes.
const FIRST: usize = 128;
/// And at most: what 20 Mbit/s are in one second. 16 KiB.
const MOST: usize = 2_048;
/// What is younger is not given up for what comes, where there is still memory to take. 2 s: a slow path,
/// and a feedback that was lost on it.
const YOUNG: u32 = 2_000_000;

/// One packet. All zero where there is none.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// When it left: the lower bits of microseconds. What is 71 minutes old has been forgotten before.
    at: u32,
    /// On the wire, without IP and UDP.
    bytes: u16,
    cluster: Option<Cluster>,
    fate: Fate,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    /// There is none with this number.
    #[default]
    Absent,
    /// Nothing was told of it.
    Open,
    /// It had not come when feedback told of it. It may yet.
    Lost,
    /// It came.
    Came,
}

/// What feedback says of a packet that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Its extended transport-wide number.
    pub(super) number: u64,
    /// When it left, microseconds.
    pub(super) sent: u64,
    pub(super) bytes: u16,
    pub(super) cluster: Option<Cluster>,
    /// It was said before that it had not come.
    pub(super) again: bool,
}

/// The packets sent last, by their numbers.
#[derive(Debug, Default)]
pub(super) struct History {
    /// As many as a power of two, or none.
    ring: Vec<Entry>,
    /// The number of the first packet that is remembered, and that after the newest.
    first: u64,
    next: u64,
}

impl History {
    /// A packet leaves. Says whether its number is one that can follow.
    pub(super) fn sent(
        &mut self,
        t: Time,
        number: u64,
        bytes: usize,
        cluster: Option<Cluster>,
    ) -> bool {
        if self.ring.is_empty() {
            self.ring.resize(FIRST, Entry::default());
            (self.first, self.next) = (number, number);
        }
        if number < self.next || number == u64::MAX {
            return false;
        }
        let at = t.as_micros() as u32;
        if number - self.first >= self.ring.len() as u64 && self.ring.len() < MOST {
            self.grow(at);
        }
        // Numbers that somebody else used.
        let skipped = (number - self.next).min(self.ring.len() as u64);
        for absent in number - skipped..number {
            *self.entry(absent) = Entry::default();
        }
        *self.entry(number) = Entry {
            at,
            bytes: bytes.min(u16::MAX.into()) as u16,
            cluster,
            fate: Fate::Open,
        };
        self.next = number + 1;
        self.first = self
            .first
            .max(self.next.saturating_sub(self.ring.len() as u64));
        true
    }

    /// The number that these 16 bits are of, if it is remembered.
    fn extend(&self, bits: u16) -> Option<u64> {
        let newest = self.next.checked_sub(1)?;
        let back = (newest as u16).wrapping_sub(bits);
        let number = newest.checked_sub(back.into())?;
        (number >= self.first).then_some(number)
    }

    /// Feedback tells of the packet with these 16 bits of a number. `None` where that is nothing new, or
    /// of no packet that is remembered.
    pub(super) fn told(&mut self, t: Time, bits: u16, came: bool) -> Option<Told> {
        let number = self.extend(bits)?;
        let entry = self.entry(number);
        let before = entry.fate;
        entry.fate = match (before, came) {
            (Fate::Open | Fate::Lost, true) => Fate::Came,
            (Fate::Open, false) => Fate::Lost,
            _ => return None,
        };
        let age = (t.as_micros() as u32).wrapping_sub(entry.at);
        Some(Told {
            number,
            sent: t.as_micros().saturating_sub(age.into()),
            bytes: entry.bytes,
            cluster: entry.cluster,
            again: before == Fate::Lost,
        })
    }

    /// Forgets all, and gives the memory back.
    pub(super) fn clear(&mut self) {
        self.ring = Vec::new();
        self.first = self.next;
    }

    /// What it takes, bytes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.ring.capacity() * size_of::<Entry>()
    }

    /// Makes room where what would be given up is young and nothing was told of it.
    fn grow(&mut self, at: u32) {
        let oldest = *self.entry(self.first);
        if oldest.fate != Fate::Open || at.wrapping_sub(oldest.at) > YOUNG {
            return;
        }
        let mut ring = vec![Entry::default(); self.ring.len() * 2];
        for number in self.first..self.next {
            let to = number as usize % ring.len();
            ring[to] = *self.entry(number);
        }
        self.ring = ring;
    }

    fn entry(&mut self, number: u64) -> &mut Entry {
        let at = number as usize & (self.ring.len() - 1);
        &mut self.ring[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn an_entry_takes_eight_bytes() {
        assert_eq!(size_of::<Entry>(), 8);
    }

    #[test]
    fn each_packet_is_told_of_once_or_as_come_after_it_was_lost() {
        let mut history = History::default();
        assert_eq!(history.told(at(0), 0, true), None);
        for number in 65_530..65_540 {
            assert!(history.sent(at(number), number, 1_200, None));
        }
        assert!(!history.sent(at(70_000), 65_539, 1_200, None), "twice");
        let told = history.told(at(70_000), 65_535, true).unwrap();
        assert_eq!((told.number, told.sent), (65_535, 65_535_000));
        assert_eq!(history.told(at(70_000), 65_535, true), None);
        assert_eq!(history.told(at(70_000), 65_535, false), None);
        let told = history.told(at(70_000), 3, false).unwrap();
        assert_eq!((told.number, told.again), (65_539, false));
        assert_eq!(history.told(at(70_000), 3, false), None);
        assert!(history.told(at(70_000), 3, true).unwrap().again);
        for strange in [4, 5_000, 40_000, 65_529] {
            assert_eq!(history.told(at(70_000), strange, true), None, "{strange}");
        }
    }

    #[test]
    fn numbers_that_are_left_out_are_of_no_packet() {
        let mut history = History::default();
        history.sent(at(0), 10, 100, None);
        history.sent(at(0), 13, 100, None);
        history.sent(at(0), 13 + 1_000_000, 100, None);
        assert_eq!(history.told(at(0), 11, true), None);
        assert_eq!(history.told(at(0), 13, true), None);
        let newest = (13 + 1_000_000) as u16;
        assert!(history.told(at(0), newest, true).is_some());
    }

    #[test]
    fn it_grows_while_what_is_young_would_be_given_up_and_no_further() {
        let mut history = History::default();
        for number in 0..10_000 {
            history.sent(at(number), number, 100, None);
        }
        assert_eq!(history.ring.len(), MOST);
        assert!(
            history
                .told(at(10_000), 10_000 - MOST as u16, true)
                .is_some()
        );
        assert!(
            history
                .told(at(10_000), 9_999 - MOST as u16, true)
                .is_none()
        );
        history.clear();
        for number in 0..10_000 {
            history.sent(at(number), number, 100, None);
            history.told(at(number), number as u16, true);
        }
        assert_eq!(history.ring.len(), FIRST);
        history.clear();
        for number in 0..10_000 {
            history.sent(at(20 * number), number, 100, None);
        }
        assert_eq!(history.ring.len(), FIRST, "all of 2.5 s");
    }

    #[test]
    fn what_grew_is_still_known() {
        let mut history = History::default();
        for number in 0..1_000 {
            history.sent(at(number), number, number as usize, None);
        }
        for number in 0..1_000 {
            let told = history.told(at(1_000), number, true).unwrap();
            assert_eq!((told.number, told.bytes), (number.into(), number));
        }
    }
}
