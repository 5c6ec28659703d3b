//! Packets that are missing, and when they are asked for (generic NACK, RFC 4585, 6.2.1).

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use crate::time::Time;

/// How long a packet may come late before it is asked for. 8 ms: what overtakes others on the way does so by less.
const LATE: Duration = Duration::from_millis(8);
/// How long the answer to the first request is waited for; each time by so much longer. 40 ms: who is near is asked
/// again soon, and who is far is not asked many times for what is on its way.
const AGAIN: Duration = Duration::from_millis(40);
/// Requests for one packet. 7: until 1.1 s after it was missed. Later than that a keyframe has come.
const TIMES: u32 = 7;
/// What is due so soon after something else goes with it.
const TOGETHER: Duration = Duration::from_millis(5);
/// Packets that are missing at once. 512: more than a second of video; the oldest are given up.
const MOST: usize = 512;

/// What is missing of one stream.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// In order of their numbers.
    entries: VecDeque<Entry>,
    /// The first that is due.
    next: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    due: Time,
    asked: u32,
}

impl Missing {
    /// Something came, but these before it did not.
    pub(super) fn skipped(&mut self, t: Time, numbers: Range<u64>) {
        let last = numbers.end;
        let first = numbers.start.max(last.saturating_sub(MOST as u64));
        let due = t + LATE;
        for number in first..last {
            if self.entries.len() == MOST {
                self.entries.pop_front();
            }
            self.entries.push_back(Entry {
                number,
                due,
                asked: 0,
            });
        }
        self.find_next();
    }

    /// One came late, or again.
    pub(super) fn came(&mut self, number: u64) {
        if let Ok(place) = self
            .entries
            .binary_search_by_key(&number, |entry| entry.number)
        {
            self.entries.remove(place);
            self.find_next();
        }
    }

    /// When something is to be asked for.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.next
    }

    /// What is to be asked for now.
    pub(super) fn due(&mut self, t: Time) -> Vec<u16> {
        if self.next.is_none_or(|next| next > t) {
            return Vec::new();
        }
        let mut due = Vec::new();
        self.entries.retain_mut(|entry| {
            if entry.due > t + TOGETHER {
                return true;
            }
            if entry.asked == TIMES {
                return false;
            }
            due.push(entry.number as u16);
            entry.asked += 1;
            entry.due = t + AGAIN * entry.asked;
            true
        });
        self.find_next();
        due
    }

    fn find_next(&mut self) {
        self.next = self.entries.iter().map(|entry| entry.due).min();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn what_is_missing_is_asked_for_again_and_again_and_given_up() {
        let mut missing = Missing::default();
        assert_eq!((missing.deadline(), missing.due(at(0))), (None, Vec::new()));
        missing.skipped(at(100), 65_534..65_537);
        assert_eq!(
            (missing.deadline(), missing.due(at(107))),
            (Some(at(108)), Vec::new())
        );
        missing.came(65_535);
        assert_eq!(missing.due(at(108)), [65_534, 0]);
        missing.came(65_536);
        let mut asked = Vec::new();
        while let Some(next) = missing.deadline() {
            if !missing.due(next).is_empty() {
                asked.push(next);
            }
        }
        assert_eq!(asked, [148, 228, 348, 508, 708, 948].map(at));
    }

    #[test]
    fn what_is_due_soon_goes_along_and_no_more_is_kept_than_helps() {
        let mut missing = Missing::default();
        missing.skipped(at(0), 5..6);
        missing.skipped(at(4), 7..8);
        assert_eq!(missing.due(at(8)), [5, 7]);
        missing.skipped(at(20), 8..100_000);
        assert_eq!(missing.due(at(28)).len(), MOST);
    }
}
