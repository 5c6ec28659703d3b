//! What was counted lately, by tenths of a second.

use crate::time::Time;

/// Microseconds of a bin: 100 ms.
const WIDTH: u64 = 100_000;
/// Bins that are kept: 12.8 s, the longest freeze that is looked into from its beginning on.
const COUNT: usize = 128;

/// Counts of the last seconds. Takes no memory before the first.
#[derive(Debug)]
pub(crate) struct Bins<B> {
    /// The number of the newest bin.
    newest: u64,
    ring: Vec<B>,
}

impl<B> Default for Bins<B> {
    fn default() -> Self {
        Self {
            newest: 0,
            ring: Vec::new(),
        }
    }
}

impl<B: Copy + Default> Bins<B> {
    /// The counts of this moment.
    pub(crate) fn at(&mut self, t: Time) -> &mut B {
        let number = t.as_micros() / WIDTH;
        if self.ring.is_empty() {
            self.ring = vec![B::default(); COUNT];
            self.newest = number;
        }
        while self.newest < number {
            // Of a long pause, the last round is enough.
            self.newest = (self.newest + 1).max(number.saturating_sub(COUNT as u64));
            self.ring[self.newest as usize % COUNT] = B::default();
        }
        &mut self.ring[self.newest as usize % COUNT]
    }

    /// Changes the counts from one moment to another, as far as they are known.
    pub(crate) fn change(&mut self, from: Time, to: Time, change: impl FnMut(&mut B)) {
        let (first, end) = self.numbers(from, to);
        let all = (first..end).map(|number| number as usize % COUNT);
        let mut change = change;
        for place in all {
            change(&mut self.ring[place]);
        }
    }

    /// The counts from one moment to another, as far as they are known, oldest first.
    pub(crate) fn between(&self, from: Time, to: Time) -> impl Iterator<Item = &B> {
        let (first, end) = self.numbers(from, to);
        (first..end).map(|number| &self.ring[number as usize % COUNT])
    }

    /// The first bin of a time, and the one behind the last.
    fn numbers(&self, from: Time, to: Time) -> (u64, u64) {
        let oldest = (self.newest + 1).saturating_sub(COUNT as u64);
        let first = (from.as_micros() / WIDTH).max(oldest);
        let last = (to.as_micros() / WIDTH).min(self.newest);
        match self.ring.is_empty() {
            true => (first, first),
            false => (first, last + 1),
        }
    }
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
