//! Numbers that go on by one although some were left out on purpose.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How many runs of numbers that were left out are remembered, for those that come late. 64: two seconds
/// of a camera of which every second picture is left out.
const RUNS: usize = 64;

/// Closes the gaps of what was left out, and no others: what is missing may still come, and its place is
/// kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Gapless {
    /// The oldest first.
    runs: VecDeque<Run>,
    /// What is below has been forgotten.
    known_from: u64,
    newest: u64,
}

/// Numbers that follow each other, all left out.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Run {
    first: u64,
    /// The first behind it.
    end: u64,
    /// How many were left out before.
    before: u64,
}

impl Run {
    fn total(self) -> u64 {
        self.before
            .saturating_add(self.end.saturating_sub(self.first))
    }
}

impl Gapless {
    /// The highest number that came, or was left out.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// The place of a number that came among those that were not left out; `None` where it was left out,
    /// or that is not known any more.
    pub(super) fn place(&mut self, number: u64) -> Option<u64> {
        self.newest = self.newest.max(number);
        if number < self.known_from {
            return None;
        }
        // Mostly it is the newest.
        let before = self.runs.iter().rev().find(|run| run.first <= number);
        let left_out = match before {
            Some(run) if number < run.end => return None,
            Some(run) => run.total(),
            None => self.runs.front().map_or(0, |run| run.before),
        };
        number.checked_sub(left_out)
    }

    /// A number is left out; `all_before`: with all between it and the newest, which are of the same.
    /// One that comes late keeps its place.
    pub(super) fn leave_out(&mut self, number: u64, all_before: bool) {
        if number <= self.newest {
            return;
        }
        let first = if all_before {
            self.newest.saturating_add(1)
        } else {
            number
        };
        self.newest = number;
        let end = number.saturating_add(1);
        match self.runs.back_mut() {
            Some(run) if run.end == first => run.end = end,
            last => {
                let before = last.map_or(0, |run| run.total());
                self.runs.push_back(Run { first, end, before });
            }
        }
        if self.runs.len() > RUNS
            && let Some(forgotten) = self.runs.pop_front()
        {
            self.known_from = forgotten.end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_leaves_no_gap_and_what_is_missing_does() {
        let mut numbers = Gapless::default();
        assert_eq!(numbers.place(10), Some(10));
        numbers.leave_out(11, false);
        numbers.leave_out(12, false);
        assert_eq!(numbers.place(13), Some(11));
        // 14 is missing.
        numbers.leave_out(15, false);
        assert_eq!(numbers.place(16), Some(13));
        assert_eq!(numbers.place(14), Some(12), "late");
        assert_eq!(numbers.place(12), None, "left out");
        numbers.leave_out(14, false);
        assert_eq!(numbers.place(14), Some(12), "its place is kept");
        assert_eq!(numbers.place(9), Some(9), "before all");
    }

    #[test]
    fn what_is_known_to_belong_to_it_is_left_out_with_it() {
        let mut numbers = Gapless::default();
        assert_eq!(numbers.place(10), Some(10));
        numbers.leave_out(11, false);
        numbers.leave_out(14, true);
        assert_eq!(numbers.place(15), Some(11));
        assert_eq!(numbers.place(12), None);
    }

    #[test]
    fn what_is_too_old_has_no_place() {
        let mut numbers = Gapless::default();
        for number in 0..400 {
            match number % 4 {
                0 => assert_eq!(numbers.place(number), Some(number / 4)),
                _ => numbers.leave_out(number, false),
            }
        }
        assert_eq!(numbers.place(144), Some(36));
        assert_eq!(numbers.place(140), None);
        assert_eq!(numbers.runs.len(), RUNS);
    }
}
