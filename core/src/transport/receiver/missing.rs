//! Packets that are missing, and when they are asked for (generic NACK, RFC 4585, 6.2.1).

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use crate::time::Time;

/// How long a packet may come late before it is asked for. 8 ms: what overtakes others on the way does so by less.
const LATE: Duration = Duration::from_millis(8);
/// How long an answer takes until the first has come. 100 ms, as libwebrtc has it.
const ANSWER: Duration = Duration::from_millis(100);
/// How much later than usual an answer may come before it is asked again. 15 ms. Who is asked twice for what is on
/// its way sends it twice, and no more for a while: senders bound what they repeat.
const MARGIN: Duration = Duration::from_millis(15);
/// The longest that an answer is taken to take. 500 ms.
const SLOWEST: Duration = Duration::from_millis(500);
/// Requests for one packet, each after a longer time. 7: until a second and more after it was missed. Later than that
/// a keyframe has come.
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
    /// How long answers take.
    answer: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    due: Time,
    /// How often it was asked for, and when first.
    asked: u32,
    first: Time,
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
                first: due,
            });
        }
        self.find_next();
    }

    /// One came late, or again.
    pub(super) fn came(&mut self, t: Time, number: u64) {
        let entries = &self.entries;
        let Ok(place) = entries.binary_search_by_key(&number, |entry| entry.number) else {
            return;
        };
        // Of what was asked for more than once nobody knows to which request it is the answer.
        if let Some(entry) = self.entries.remove(place)
            && entry.asked == 1
        {
            let took = t.since(entry.first).min(SLOWEST);
            let usual = self.answer.unwrap_or(took);
            self.answer = Some((usual * 3 + took) / 4);
        }
        self.find_next();
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
        let again = self.answer.unwrap_or(ANSWER) + MARGIN;
        self.entries.retain_mut(|entry| {
            if entry.due > t + TOGETHER {
                return true;
            }
            if entry.asked == TIMES {
                return false;
            }
            due.push(entry.number as u16);
            if entry.asked == 0 {
                entry.first = t;
            }
            entry.asked += 1;
            // Longer each time, by a half of the first.
            entry.due = t + again * (entry.asked + 1) / 2;
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
        let waiting = (missing.deadline(), missing.due(at(107)));
        assert_eq!(waiting, (Some(at(108)), Vec::new()));
        missing.came(at(107), 65_535);
        assert_eq!(missing.due(at(108)), [65_534, 0]);
        assert_eq!(
            missing.deadline(),
            Some(at(223)),
            "nothing is known of answers"
        );
        missing.came(at(158), 65_536);
        let mut asked = Vec::new();
        while let Some(next) = missing.deadline() {
            if !missing.due(next).is_empty() {
                asked.push(next.as_micros() / 1_000);
            }
        }
        // Answers take 50 ms, as one has shown.
        assert_eq!(asked, [223, 320, 450, 613, 808, 1_035]);
    }

    #[test]
    fn nobody_is_asked_again_before_an_answer_can_be_there() {
        let mut missing = Missing::default();
        for round in 0..20 {
            let t = round * 1_000;
            missing.skipped(at(t), round..round + 1);
            assert_eq!(missing.due(at(t + 8)).len(), 1);
            missing.came(at(t + 8 + 50), round);
        }
        missing.skipped(at(30_000), 50..51);
        assert_eq!(missing.due(at(30_008)).len(), 1);
        assert_eq!(missing.deadline(), Some(at(30_008 + 50 + 15)));
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
