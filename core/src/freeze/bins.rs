//! What was counted lately, by tenths of a second.

use std::ops::Range;

use crate::time::Time;

/// Microseconds of a bin: 100 ms.
const WIDTH: u64 = 100_000;
/// Bins that are kept: 12.8 s, the longest freeze that is looked into from its beginning on.
const COUNT: usize = 128;
/// So many lie beside the newest one before they go to the others, which are elsewhere in memory.
const BLOCK: usize = 4;

/// Counts of the last seconds. Takes no memory elsewhere before some are known.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Bins<B> {
    /// The newest bin, which is what mostly changes, and its number.
    newest: B,
    number: u64,
    /// The number of the first one.
    first: Option<u64>,
    /// Those before it in its block.
    block: [B; BLOCK],
    /// Those of the blocks before.
    ring: Vec<B>,
}

impl<B: Copy + Default> Default for Bins<B> {
    fn default() -> Self {
        Self {
            newest: B::default(),
            number: 0,
            first: None,
            block: Default::default(),
            ring: Vec::new(),
        }
    }
}

impl<B: Copy + Default> Bins<B> {
    /// The counts of this moment.
    pub(crate) fn at(&mut self, t: Time) -> &mut B {
        let number = t.as_micros() / WIDTH;
        if number > self.number || self.first.is_none() {
            self.begin(number);
        }
        &mut self.newest
    }

    /// The counts of the moment that was last asked for.
    pub(crate) fn newest(&mut self) -> &mut B {
        &mut self.newest
    }

    fn begin(&mut self, number: u64) {
        let newest = std::mem::take(&mut self.newest);
        let before = std::mem::replace(&mut self.number, number);
        if self.first.is_none() {
            self.first = Some(number);
            return;
        }
        self.block[before as usize % BLOCK] = newest;
        let (ended, begins) = (block_of(before), block_of(number));
        if ended.start != begins.start {
            self.ring.resize(COUNT, B::default());
            let ended_at = place(ended.start);
            self.ring[ended_at..ended_at + BLOCK].copy_from_slice(&std::mem::take(&mut self.block));
            // Of a long pause, the last round is enough.
            for empty in ended.end.max(begins.start.saturating_sub(COUNT as u64))..begins.start {
                self.ring[place(empty)] = B::default();
            }
        }
    }

    /// Changes the counts from one moment to another, as far as they are known.
    pub(crate) fn change(&mut self, from: Time, to: Time, mut change: impl FnMut(&mut B)) {
        for number in self.numbers(from, to) {
            change(match number {
                newest if newest == self.number => &mut self.newest,
                recent if block_of(self.number).contains(&recent) => {
                    &mut self.block[recent as usize % BLOCK]
                }
                old => &mut self.ring[place(old)],
            });
        }
    }

    /// The counts from one moment to another, as far as they are known, oldest first.
    pub(crate) fn between(&self, from: Time, to: Time) -> impl Iterator<Item = &B> {
        let all = self.numbers(from, to);
        all.map(|number| match number {
            newest if newest == self.number => &self.newest,
            recent if block_of(self.number).contains(&recent) => {
                &self.block[recent as usize % BLOCK]
            }
            old => &self.ring[place(old)],
        })
    }

    /// The numbers of the bins of a time that are known.
    fn numbers(&self, from: Time, to: Time) -> Range<u64> {
        let Some(first) = self.first else {
            return 0..0;
        };
        let oldest = first.max((self.number + 1).saturating_sub(COUNT as u64));
        let first = (from.as_micros() / WIDTH).max(oldest);
        let last = (to.as_micros() / WIDTH).min(self.number);
        first..last + 1
    }
}

fn place(number: u64) -> usize {
    number as usize % COUNT
}

/// The numbers of the bins that go to the ring together with this one.
fn block_of(number: u64) -> Range<u64> {
    let length = BLOCK as u64;
    let start = number / length * length;
    start..start + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_counted_is_known_for_its_time() {
        let mut bins = Bins::<u32>::default();
        let mut known = std::collections::BTreeMap::<u64, u32>::new();
        let mut number = 7_u64;
        for step in 0..5_000_u64 {
            number += [0, 1, 1, 1, 2, 3, 9, 130][(step * step / 7 % 8) as usize];
            *bins.at(Time::from_millis(number * 100)) += step as u32;
            *known.entry(number).or_default() += step as u32;
            let changed = number.saturating_sub(step % 40)..=number.saturating_sub(step % 3);
            let oldest = (number + 1).saturating_sub(COUNT as u64);
            let at = |number: u64| Time::from_millis(number * 100);
            bins.change(at(*changed.start()), at(*changed.end()), |count| {
                *count += 1
            });
            for number in changed.filter(|number| (oldest.max(7)..).contains(number)) {
                *known.entry(number).or_default() += 1;
            }
            let expected = (oldest.max(7)..=number).map(|number| known.get(&number).copied());
            let expected = expected.map(Option::unwrap_or_default);
            let counts = bins.between(at(0), at(number)).copied();
            assert!(counts.eq(expected), "{step}");
        }
    }

    #[test]
    fn what_is_old_is_forgotten_and_a_pause_counts_nothing() {
        let mut bins = Bins::<u32>::default();
        let at = Time::from_millis;
        let sum = |bins: &Bins<u32>, from, to| bins.between(at(from), at(to)).sum::<u32>();
        assert_eq!(sum(&bins, 0, 10_000), 0);
        for ms in 0..1_000 {
            *bins.at(at(ms)) += 1;
        }
        assert_eq!(sum(&bins, 0, 999), 1_000);
        assert_eq!(sum(&bins, 300, 499), 200);
        bins.change(at(300), at(499), |count| *count *= 2);
        assert_eq!(sum(&bins, 0, 999), 1_200);
        bins.change(at(300), at(499), |count| *count /= 2);
        *bins.at(at(13_500)) += 7;
        assert_eq!(sum(&bins, 0, 20_000), 207, "12.8 s");
        *bins.at(at(900_000)) += 1;
        assert_eq!(sum(&bins, 0, 900_000), 1);
    }
}
