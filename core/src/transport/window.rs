//! Which numbers of a stream were sent, or came: no number twice. What is sent makes a nonce of each (RFC 7714, 8.1);
//! what comes again was repeated by somebody (RFC 3711, 3.3.2).

/// How far behind the newest one a number may be. 1,024: what comes later than that is of no use any more.
const SPAN: u64 = 1_024;
const WORDS: usize = (SPAN / 64) as usize;

/// The numbers of one SSRC.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The newest one, and behind it one.
    next: u64,
    taken: [u64; WORDS],
}

impl Window {
    /// Takes an extended number for a packet. `false`: it was taken, or may have been.
    #[must_use]
    pub(super) fn take(&mut self, number: u64) -> bool {
        if number + SPAN < self.next {
            return false;
        }
        let (word, bit) = ((number / 64) as usize % WORDS, 1 << (number % 64));
        if number >= self.next {
            let ahead = (number - self.next + 1).min(SPAN);
            let first = number + 1 - ahead;
            if ahead == 1 {
                self.taken[word] &= !bit;
            } else {
                for number in first..=number {
                    self.taken[(number / 64) as usize % WORDS] &= !(1 << (number % 64));
                }
            }
            self.next = number + 1;
        }
        let is_new = self.taken[word] & bit == 0;
        self.taken[word] |= bit;
        is_new
    }

    /// The newest number that was taken.
    pub(super) fn newest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_number_is_given_twice(steps in prop::collection::vec(-1_500..1_500_i64, 1..400)) {
            let (mut window, mut taken, mut at) = (Window::default(), BTreeSet::new(), 3_000_i64);
            for step in steps {
                at = (at + step).max(0);
                let number = at.cast_unsigned();
                let newest = window.newest();
                let is_given = window.take(number);
                prop_assert!(!is_given || taken.insert(number), "{} twice", number);
                let is_near = newest.is_none_or(|newest| number + SPAN > newest);
                prop_assert!(is_given || taken.contains(&number) || !is_near);
            }
        }
    }

    #[test]
    fn what_is_late_is_taken_once() {
        let mut window = Window::default();
        assert!([5, 7, 6].into_iter().all(|number| window.take(number)));
        assert!(!window.take(6) && !window.take(5) && window.take(4));
        assert!(window.take(70_000) && !window.take(7) && window.take(69_000));
        assert_eq!(window.newest(), Some(70_000));
    }
}
