//! What is under way to a viewer: packets of one picture that left together are remembered together.

use std::collections::VecDeque;

use super::{PAUSE, Sent, is_before};
use crate::freeze::frames::{Kind, Part};
use crate::time::Time;

/// Runs that are remembered until they are told of, and some behind that: at first, and where so many are under way.
const FIRST: usize = 128;
const MOST: usize = 2_048;
/// So many are given up together: where the oldest begin is far from all else in memory, and seldom looked at this way.
const GIVEN_UP: usize = 8;
/// Packets of one run: as many as it has bits for. And of all runs at most: half of all numbers.
const LONGEST: u8 = 15;
const _: () = assert!(MOST * (LONGEST as usize) < 1 << 15);
/// No slot.
const NONE: u8 = u8::MAX;

/// Packets of one picture that left one behind the other at one time. 20 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// When they left: the lower bits of microseconds. What is 71 minutes old has been forgotten before.
    at: u32,
    timestamp: u32,
    /// Of the first one: the transport-wide number, and the lower bits of the extended sequence number.
    number: u16,
    sequence: u16,
    /// Bit by bit, those that are told to have come, and not to.
    came: u16,
    lost: u16,
    count: u8,
    slot: u8,
    base: u8,
    /// That it begins, or a keyframe does, is of the first, [`Kind::MARKER`] of the last.
    kind: Kind,
}

/// One packet of a [`Run`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    run: Run,
    index: u8,
}

impl Default for Run {
    /// Of nothing, in no slot.
    fn default() -> Self {
        Self {
            at: 0,
            timestamp: 0,
            number: 0,
            sequence: 0,
            came: 0,
            lost: 0,
            count: 0,
            slot: NONE,
            base: 0,
            kind: Kind::empty(),
        }
    }
}

impl Run {
    pub(super) fn new(at: Time, packet: &Sent) -> Self {
        let part = &packet.part;
        Self {
            at: at.as_micros() as u32,
            timestamp: part.timestamp,
            number: packet.number,
            sequence: part.sequence as u16,
            came: 0,
            lost: 0,
            count: 1,
            slot: packet.slot.unwrap_or(NONE),
            base: part.base,
            kind: part.kind,
        }
    }

    /// Takes one more packet. Says whether that is of it.
    #[inline]
    pub(super) fn takes(&mut self, at: Time, packet: &Sent) -> bool {
        let part = &packet.part;
        let ahead = u16::from(self.count);
        let same = Kind::BASE | Kind::SOUND | Kind::REPAIRS;
        let other = (self.kind ^ part.kind) & same
            | self.kind & Kind::MARKER
            | part.kind & (Kind::KEY | Kind::FIRST);
        let takes = packet.number == self.number.wrapping_add(ahead)
            && part.sequence as u16 == self.sequence.wrapping_add(ahead)
            && part.timestamp == self.timestamp
            && at.as_micros() as u32 == self.at
            && packet.slot.unwrap_or(NONE) == self.slot
            && part.base == self.base
            && other.is_empty()
            && self.count < LONGEST;
        if takes {
            self.count += 1;
            self.kind |= part.kind;
        }
        takes
    }

    /// Whether the packet is the next one of the same slot, without a pause.
    pub(super) fn precedes(&self, at: Time, packet: &Sent) -> bool {
        let part = &packet.part;
        let next = self.sequence.wrapping_add(self.count.into());
        let repairs = (self.kind | part.kind).contains(Kind::REPAIRS);
        self.slot != NONE
            && packet.slot == Some(self.slot)
            && part.sequence as u16 == next
            && !repairs
            && u64::from((at.as_micros() as u32).wrapping_sub(self.at)) < PAUSE.as_micros() as u64
    }

    /// The number behind it.
    pub(super) fn end(&self) -> u16 {
        self.number.wrapping_add(self.count.into())
    }

    /// The last packet.
    pub(super) fn last(&self) -> Packet {
        Packet {
            run: *self,
            index: self.count.saturating_sub(1),
        }
    }
}

impl Packet {
    /// The place of its slot.
    pub(super) fn slot(&self) -> Option<usize> {
        (self.run.slot != NONE).then_some(self.run.slot.into())
    }

    /// It repeats another.
    pub(super) fn repairs(&self) -> bool {
        self.run.kind.contains(Kind::REPAIRS)
    }

    /// When it left.
    pub(super) fn left(&self, now: Time) -> Time {
        let age = (now.as_micros() as u32).wrapping_sub(self.run.at);
        Time::from_micros(now.as_micros().saturating_sub(age.into()))
    }

    /// `newest`: of the slot, the highest extended number.
    pub(super) fn part(&self, newest: u64) -> Part {
        let sequence = self.run.sequence.wrapping_add(self.index.into());
        let behind = (newest as u16).wrapping_sub(sequence).cast_signed();
        let mut kind = self.run.kind;
        if self.index > 0 {
            kind -= Kind::KEY | Kind::FIRST;
        }
        if self.index + 1 < self.run.count {
            kind -= Kind::MARKER;
        }
        Part {
            sequence: newest.saturating_add_signed(-i64::from(behind)),
            timestamp: self.run.timestamp,
            kind,
            base: self.run.base,
        }
    }
}

/// The runs that are under way, oldest first, but for the latest, and some that were told of.
#[derive(Debug, Default)]
pub(super) struct Runs(VecDeque<Run>);

impl Runs {
    /// One more. All before the number `told` was told of. Gives the number behind what is given up instead.
    pub(super) fn push(&mut self, run: Run, told: u16) -> Option<u16> {
        let length = self.0.len();
        if length == 0 {
            self.0.reserve_exact(FIRST);
        }
        // As many stay that were told of as were not.
        let is_old = |old: u16| {
            let (before, behind) = (told.wrapping_sub(old), run.end().wrapping_sub(told));
            !is_before(told, old) && before >= behind
        };
        let mut given_up = None;
        if length >= FIRST && length.is_multiple_of(GIVEN_UP) {
            let last = self.0.get(GIVEN_UP - 1).map(Run::end);
            given_up = last.filter(|last| length >= MOST || is_old(*last));
        }
        if given_up.is_some() {
            self.0.drain(..GIVEN_UP);
        }
        self.0.push_back(run);
        given_up
    }

    /// The oldest number that is remembered.
    pub(super) fn oldest(&self) -> Option<u16> {
        self.0.front().map(|run| run.number)
    }

    /// A packet is told to have come. `None` where that is known, or it is not remembered.
    pub(super) fn came(&mut self, number: u16) -> Option<Packet> {
        let (run, index) = self.find(number)?;
        let is_new = run.came & 1 << index == 0;
        run.came |= 1 << index;
        is_new.then_some(Packet { run: *run, index })
    }

    /// The same of one that came in time, like all around it. `None` where anything is known.
    pub(super) fn passed(&mut self, number: u16) -> Option<Packet> {
        let (run, index) = self.find_new(number)?;
        run.came |= 1 << index;
        Some(Packet { run: *run, index })
    }

    /// A packet is told not to have come. `None` where anything is known.
    pub(super) fn lost(&mut self, number: u16) -> Option<Packet> {
        let (run, index) = self.find_new(number)?;
        run.lost |= 1 << index;
        Some(Packet { run: *run, index })
    }

    /// One of which nothing is known yet.
    fn find_new(&mut self, number: u16) -> Option<(&mut Run, u8)> {
        let found = self.find(number)?;
        let (run, index) = &found;
        let is_known = (run.came | run.lost) & 1 << *index != 0;
        (!is_known).then_some(found)
    }

    fn find(&mut self, number: u16) -> Option<(&mut Run, u8)> {
        let oldest = self.oldest()?;
        let ahead = number.wrapping_sub(oldest);
        let is_before = |run: &Run| run.number.wrapping_sub(oldest) <= ahead;
        let place = self.0.partition_point(is_before).checked_sub(1)?;
        let run = self.0.get_mut(place)?;
        let index = u8::try_from(number.wrapping_sub(run.number)).ok()?;
        (index < run.count).then_some((run, index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(number: u16, sequence: u64, timestamp: u32, kind: Kind) -> Sent {
        let part = Part {
            sequence,
            timestamp,
            kind,
            base: 3,
        };
        Sent {
            number,
            slot: Some(0),
            part,
        }
    }

    #[test]
    fn what_is_remembered_of_packets_is_small_and_says_all_of_each_part() {
        assert_eq!(size_of::<Run>(), 20);
        let at = Time::from_millis(5_000_000);
        let base = Kind::BASE;
        let kinds = [base | Kind::FIRST | Kind::KEY, base, base | Kind::MARKER];
        let all = kinds.iter().zip(0_u16..).map(|(kind, n)| {
            let sequence = 70_000 + u64::from(n);
            sent(0xffff_u16.wrapping_add(n), sequence, 7, *kind)
        });
        let all: Vec<_> = all.collect();
        let mut run = Run::new(at, &all[0]);
        assert!(all[1..].iter().all(|packet| run.takes(at, packet)));
        let mut runs = Runs::default();
        runs.push(run, 0xffff);
        for sent in &all {
            let packet = runs.came(sent.number).unwrap();
            assert_eq!(packet.left(at + std::time::Duration::from_secs(2)), at);
            for newest in [70_000, 70_004, 90_000] {
                assert_eq!(packet.part(newest), sent.part);
            }
            assert!(runs.came(sent.number).is_none() && runs.lost(sent.number).is_none());
        }
        assert!(runs.came(0xfffe).is_none() && runs.came(2).is_none());
    }

    #[test]
    fn another_picture_and_what_does_not_follow_are_another_run() {
        let at = Time::from_millis(9);
        let first = sent(1, 5, 7, Kind::FIRST);
        let marked = sent(1, 5, 7, Kind::FIRST | Kind::MARKER);
        let follows = sent(2, 6, 7, Kind::empty());
        assert!(Run::new(at, &first).takes(at, &follows));
        assert!(!Run::new(at, &marked).takes(at, &follows));
        assert!(!Run::new(at, &first).takes(Time::from_millis(10), &follows));
        for other in [
            sent(3, 6, 7, Kind::empty()),
            sent(2, 7, 7, Kind::empty()),
            sent(2, 6, 8, Kind::empty()),
            sent(2, 6, 7, Kind::FIRST),
            sent(2, 6, 7, Kind::BASE),
            sent(2, 6, 7, Kind::REPAIRS),
            Sent {
                slot: None,
                ..follows
            },
        ] {
            assert!(!Run::new(at, &first).takes(at, &other), "{other:?}");
        }
        let mut run = Run::new(at, &first);
        let count =
            (1..99).filter(|n| run.takes(at, &sent(1 + n, 5 + u64::from(*n), 7, Kind::empty())));
        assert_eq!(count.count(), usize::from(LONGEST) - 1);
    }

    #[test]
    fn what_is_not_told_of_is_remembered_up_to_a_bound() {
        let mut runs = Runs::default();
        let push = |runs: &mut Runs, n: u16, told: u16| {
            let run = Run::new(Time::ZERO, &sent(n, n.into(), 0, Kind::MARKER));
            runs.push(run, told)
        };
        for n in 0..1_000 {
            push(&mut runs, n, n.saturating_sub(10));
            assert!(runs.0.len() <= FIRST);
        }
        let given_up = (1_000..4_000).filter(|n| push(&mut runs, *n, 990).is_some());
        let given_up = given_up.count() * GIVEN_UP;
        let left = 4_000 - runs.0.len();
        assert!((MOST - GIVEN_UP + 1..=MOST).contains(&runs.0.len()));
        assert!(given_up > 900 && runs.oldest() == Some(left as u16));
    }
}
