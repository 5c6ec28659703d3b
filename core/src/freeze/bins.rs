//! What was counted lately, by tenths of a second.

use std::ops::Range;

use crate::time::Time;

/// Microseconds of a bin: 100 ms.
const WIDTH: u64 = 100_000;
/// Bins that are kept: 12.8 s, the longest freeze that is looked into from its beginning on.
const COUNT: usize = 128;

/// Counts of the last seconds. Takes no memory elsewhere before the second one.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Bins<B> {
    /// The newest bin, which is what mostly changes, and its number.
    newest: B,
    number: u64,
    /// The number of the first one.
    first: Option<u64>,
    /// Those before it, once there are any; the place of the newest is not used.
    ring: Vec<B>,
}

impl<B: Default> Default for Bins<B> {
    fn default() -> Self {
        Self {
            newest: B::default(),
            number: 0,
            ring: Vec::new(),
            first: None,
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
        self.ring.resize(COUNT, B::default());
        self.ring[place(before)] = newest;
        // Of a long pause, the last round is enough.
        for empty in (before + 1).max(number.saturating_sub(COUNT as u64))..number {
            self.ring[place(empty)] = B::default();
        }
    }

    /// Changes the counts from one moment to another, as far as they are known.
    pub(crate) fn change(&mut self, from: Time, to: Time, mut change: impl FnMut(&mut B)) {
        for number in self.numbers(from, to) {
            match number == self.number {
                true => change(&mut self.newest),
                false => change(&mut self.ring[place(number)]),
            }
        }
    }

    /// The counts from one moment to another, as far as they are known, oldest first.
    pub(crate) fn between(&self, from: Time, to: Time) -> impl Iterator<Item = &B> {
        let all = self.numbers(from, to);
        all.map(|number| match number == self.number {
            true => &self.newest,
            false => &self.ring[place(number)],
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

#[cfg(test)]
mod tests {
    use super::*;

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
