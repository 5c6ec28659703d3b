//! How much may be sent again: so that nobody who asks for everything gets more than that.
//!
//! What is sent again may be lost again, and whoever waits for that sees it: so a little of it is sent twice.

use std::time::Duration;

use crate::time::Time;

/// Of all that is sent, up to which share what is sent again is sent twice. 25 %: at 10 % of loss, all of it.
const TWICE: (u64, u64) = (25, 100);
/// Of all that is sent, what may be sent again. At 20 % of loss, a quarter is; at 15 % such a viewer would
/// be left with gaps.
const SHARE: (u64, u64) = (30, 100);
/// What is counted: the last one to two seconds.
const PERIOD: Duration = Duration::from_secs(1);
/// For so long, that it may is true, until all was sent again: after a cut, all that is missing is asked for
/// at once, and who gets half of it waits for a keyframe as who gets nothing does. 50 ms.
const HOLDS: Duration = Duration::from_millis(50);

/// Bytes of a stream that were sent.
#[derive(Debug, Default)]
pub(super) struct Share {
    since: Time,
    now: Bytes,
    before: Bytes,
    /// When it was last found that something may be sent again.
    found: Option<Time>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bytes {
    all: u64,
    again: u64,
}

impl Share {
    /// Something was sent the first time.
    pub(super) fn sent(&mut self, t: Time, bytes: usize) {
        self.advance(t);
        self.now.all += bytes as u64;
    }

    /// Whether something may be sent again; then it is.
    #[must_use]
    pub(super) fn again(&mut self, t: Time, bytes: usize) -> bool {
        let Bytes { all, again } = self.lately(t);
        if again * SHARE.1 <= all * SHARE.0 {
            self.found = Some(t);
        }
        let may = self.found.is_some_and(|found| t.since(found) < HOLDS);
        self.count_if(may && again <= all - again, bytes)
    }

    /// Whether what was sent again may be sent once more, in case it is lost; then it is.
    #[must_use]
    pub(super) fn twice(&mut self, t: Time, bytes: usize) -> bool {
        let Bytes { all, again } = self.lately(t);
        self.count_if(again * TWICE.1 < all * TWICE.0, bytes)
    }

    fn lately(&mut self, t: Time) -> Bytes {
        self.advance(t);
        Bytes {
            all: self.now.all + self.before.all,
            again: self.now.again + self.before.again,
        }
    }

    fn count_if(&mut self, may: bool, bytes: usize) -> bool {
        if may {
            self.now.all += bytes as u64;
            self.now.again += bytes as u64;
        }
        may
    }

    fn advance(&mut self, t: Time) {
        let passed = t.since(self.since);
        if passed >= PERIOD {
            let before = std::mem::take(&mut self.now);
            self.before = if passed < 2 * PERIOD {
                before
            } else {
                Bytes::default()
            };
            self.since = t;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_that_is_sent_no_more_than_its_share_is_sent_again() {
        let (mut share, mut all, mut again) = (Share::default(), 0, 0);
        for millis in 0..10_000 {
            let t = Time::from_millis(millis);
            share.sent(t, 1_000);
            all += 1_000;
            for _ in 0..2 {
                again += 1_000 * u64::from(share.again(t, 1_000));
            }
        }
        let part = 100 * again / (all + again);
        assert!((28..36).contains(&part), "{part} %");
    }

    #[test]
    fn only_a_little_is_sent_twice() {
        let mut share = Share::default();
        let mut twice = 0;
        for millis in 0..10_000 {
            let t = Time::from_millis(millis);
            share.sent(t, 1_000);
            twice += u64::from(share.twice(t, 1_000));
        }
        assert!((2_900..3_700).contains(&twice), "{twice}");
    }

    #[test]
    fn what_is_asked_for_at_once_is_sent_at_once() {
        let mut share = Share::default();
        share.sent(Time::ZERO, 100_000);
        let all = |share: &mut Share, t| (0..500).filter(|_| share.again(t, 1_000)).count();
        assert_eq!(all(&mut share, Time::from_millis(1)), 101, "once");
        assert_eq!(all(&mut share, Time::from_millis(51)), 0);
    }
}
