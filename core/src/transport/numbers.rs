//! Which transport-wide sequence numbers (draft-holmer-rmcat-transport-wide-cc-extensions-01) may be
//! shown to str0m.
//!
//! str0m extends each number to 64 bits, from the newest so far, and keeps it until it has told the
//! peer, at the latest 50 ms later. It trusts the peer with both:
//!
//! - One that comes to lie before the first becomes nearly 2^64, and the next feedback is made of
//!   all numbers in between: two packets would end the server.
//! - One feedback counts to 65,535. And it has so many bytes: who sends what takes more of them than
//!   there are would make str0m keep ever more.
//!
//! So [`Numbers`] has of each peer what str0m has, or more, and [`Numbers::admit`] says which packets
//! leave that within bounds: whatever is not told yet has room in one feedback. A browser that
//! sends 10,000 packets a second without a gap is far from them.
//!
//! Only authentic packets change anything. Of some of them str0m says nothing (padding, probes,
//! retransmissions of what is there); some of those it does not count either. All are taken for
//! counted here.

use std::collections::VecDeque;
use std::time::Duration;

use super::extension::numbers;
use crate::time::Time;

/// The last number with which a peer may begin. Browsers begin with 0 or 1. Half of all: no two of
/// them are so far apart that one lies before the beginning.
const LAST_BEGINNING: i64 = 0x7fff;
/// How far from the newest a number may be. 16,000: what 1,000 packets a second make of the longest
/// interruption that a connection survives.
const FARTHEST: i64 = 16_000;
/// How far before the newest that str0m has for sure. Below half of all numbers, so that str0m
/// extends as is done here, whatever it has.
const FARTHEST_UNCERTAIN: i64 = 24_000;
/// From the first to the last number of one feedback. It can count to 65,535.
const SPAN: i64 = 60_000;
/// After so long, str0m has told of a number, if it was given the time: its `TWCC_INTERVAL`.
const INTERVAL: Duration = Duration::from_millis(50);
/// What one feedback may take. str0m has 1,030 bytes for it, and begins to divide when it comes
/// near to the end.
const BYTES: usize = 900;
/// What a number takes at most: its time (two bytes), a chunk for itself, two for the gap before
/// it, and one for what comes behind.
const MOST: u8 = 10;
/// What it takes right behind another one: its time in one byte, and a chunk that is there already.
const LEAST: u8 = 1;
/// Times that are so close fit into one byte, which has 63.75 ms.
const CLOSE: Duration = Duration::from_millis(60);
/// Times that are farther apart than 8.19 s don't fit into one feedback.
const FAR: Duration = Duration::from_secs(8);
/// Numbers that are remembered after they were told. One that comes late makes str0m tell again
/// what lies behind it, as far as it remembers: 100. More here, because some may not be there.
const TOLD: usize = 256;

/// The numbers of one peer.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// All that str0m may remember, ascending.
    receipts: VecDeque<Receipt>,
    /// What lies before it has been told.
    untold: usize,
    /// What the untold ones take at most.
    bytes: usize,
    /// The newest that str0m has for sure.
    certain: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Receipt {
    /// Extended.
    number: i64,
    at: Time,
    /// What it takes in a feedback, at most.
    bytes: u8,
}

impl Numbers {
    /// Whether a datagram that is to be taken for RTP may be shown to str0m now.
    pub(super) fn admit(&self, now: Time, datagram: &[u8]) -> bool {
        let mut numbers = numbers(datagram);
        match (numbers.next(), numbers.next()) {
            (None, _) => true,
            (Some(number), None) => self.is_possible(number) && self.has_room(now, number),
            (Some(_), Some(_)) => false,
        }
    }

    /// An authentic packet was shown to str0m.
    pub(super) fn shown(&mut self, now: Time, datagram: &[u8]) {
        let Some(number) = numbers(datagram).next() else {
            return;
        };
        let number = self.extend(number);
        let Some(place) = self.place(number) else {
            return;
        };
        let untold = self.receipts.range(place..self.untold.max(place));
        self.bytes += untold.map(|again| usize::from(again.bytes)).sum::<usize>();
        self.untold = self.untold.min(place);
        let mut receipt = Receipt {
            number,
            at: now,
            bytes: MOST,
        };
        if let Some(behind) = self.receipts.get_mut(place) {
            self.bytes += usize::from(MOST - behind.bytes);
            behind.bytes = MOST;
        } else {
            receipt.bytes = self.bytes_behind_all(now, number);
        }
        self.bytes += usize::from(receipt.bytes);
        self.receipts.insert(place, receipt);
    }

    /// str0m has told us of a packet with this number, which was shown to it.
    pub(super) fn told_of(&mut self, number: u16) {
        let number = self.extend(number);
        self.certain = self.certain.max(Some(number));
    }

    /// str0m has done all that is due until now.
    pub(super) fn done_until(&mut self, now: Time) {
        while let Some(receipt) = self.receipts.get(self.untold)
            && receipt.at + INTERVAL <= now
        {
            self.bytes -= usize::from(receipt.bytes);
            self.untold += 1;
        }
        let forgotten = self.untold.saturating_sub(TOLD);
        self.receipts.drain(..forgotten);
        self.untold -= forgotten;
    }

    /// Whether str0m would extend the number as is done here, to one that is not absurd.
    fn is_possible(&self, number: u16) -> bool {
        let extended = self.extend(number);
        let Some(newest) = self.receipts.back() else {
            return extended <= LAST_BEGINNING;
        };
        let is_certain = match self.certain {
            Some(certain) => extended - certain <= FARTHEST_UNCERTAIN,
            None => extended <= LAST_BEGINNING,
        };
        extended >= 0 && (extended - newest.number).abs() <= FARTHEST && is_certain
    }

    /// Whether the next feedback could tell it too.
    fn has_room(&self, now: Time, number: u16) -> bool {
        let number = self.extend(number);
        let Some(place) = self.place(number) else {
            return true;
        };
        let Some(behind) = self.receipts.get(place) else {
            let last = self.receipts.range(self.untold..).next_back();
            let bytes = self.bytes + usize::from(self.bytes_behind_all(now, number));
            return bytes <= BYTES
                && number - self.first_untold().unwrap_or(number) <= SPAN
                && last.is_none_or(|last| now.since(last.at) <= FAR);
        };
        if place == 0 && self.receipts.len() >= TOLD {
            return false;
        }
        // What it would make str0m tell again.
        let again = self.receipts.range(place..self.untold.max(place));
        let bytes = again.map(|again| usize::from(again.bytes)).sum::<usize>();
        let first = self
            .first_untold()
            .map_or(number, |first| first.min(number));
        let newest = self.receipts.back().map_or(number, |newest| newest.number);
        self.bytes + bytes + 2 * usize::from(MOST) <= BYTES
            && newest - first <= SPAN
            && now.since(behind.at) <= FAR
            && self.is_near(now, place)
    }

    /// Whether the times of what would be told behind and before `place` fit together.
    fn is_near(&self, now: Time, place: usize) -> bool {
        let before = self
            .receipts
            .range(self.untold.min(place)..place)
            .next_back();
        if before.is_some_and(|before| now.since(before.at) > FAR) {
            return false;
        }
        let again = self.receipts.range(place..).map(|receipt| receipt.at);
        let count = (self.untold + 1).saturating_sub(place);
        let mut pairs = again.clone().zip(again.skip(1)).take(count);
        pairs.all(|(one, other)| one.max(other).since(one.min(other)) <= FAR)
    }

    fn first_untold(&self) -> Option<i64> {
        self.receipts.get(self.untold).map(|first| first.number)
    }

    fn bytes_behind_all(&self, now: Time, number: i64) -> u8 {
        let last = self.receipts.range(self.untold..).next_back();
        let is_next = |last: &Receipt| last.number + 1 == number && now.since(last.at) <= CLOSE;
        if last.is_some_and(is_next) {
            LEAST
        } else {
            MOST
        }
    }

    /// Where it belongs, unless it is there.
    fn place(&self, number: i64) -> Option<usize> {
        let found = self
            .receipts
            .binary_search_by_key(&number, |receipt| receipt.number);
        found.err()
    }

    /// The number nearest to the newest that ends in `number`.
    fn extend(&self, number: u16) -> i64 {
        let Some(newest) = self.receipts.back().map(|newest| newest.number) else {
            return number.into();
        };
        let ahead = number.wrapping_sub(newest as u16) as i16;
        newest + i64::from(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::extension::packet;

    /// A peer, and the time between two of its packets.
    struct Peer {
        numbers: Numbers,
        now: Time,
    }

    impl Peer {
        fn new() -> Self {
            Self {
                numbers: Numbers::default(),
                now: Time::from_millis(1_000),
            }
        }

        /// Sends an authentic packet. Whether str0m got to see it.
        fn send(&mut self, number: u16, is_told: bool) -> bool {
            let packet = packet(&[number]);
            if !self.numbers.admit(self.now, &packet) {
                return false;
            }
            self.numbers.shown(self.now, &packet);
            if is_told {
                self.numbers.told_of(number);
            }
            assert!(self.numbers.bytes <= BYTES);
            assert!(self.numbers.receipts.len() <= TOLD + BYTES);
            true
        }

        fn pass(&mut self, micros: u64) {
            self.now = self.now + Duration::from_micros(micros);
            self.numbers.done_until(self.now);
        }

        /// How many of these are refused, with so much time after each.
        fn refused(&mut self, numbers: impl IntoIterator<Item = u16>, micros: u64) -> usize {
            let mut refused = 0;
            for number in numbers {
                refused += usize::from(!self.send(number, true));
                self.pass(micros);
            }
            refused
        }
    }

    fn after(noted: &[u16]) -> Peer {
        let mut peer = Peer::new();
        assert_eq!(peer.refused(noted.iter().copied(), 50_000), 0);
        peer
    }

    #[test]
    fn what_lies_before_the_beginning_or_far_away_is_refused() {
        for (noted, number, is_admitted) in [
            (&[][..], 0, true),
            (&[], 0x7fff, true),
            (&[], 0xffff, false),
            (&[0], 0xffff, false),
            (&[1], 0, true),
            (&[1], 0xffff, false),
            (&[5], 16_005, true),
            (&[5], 16_006, false),
        ] {
            assert_eq!(
                after(noted).send(number, true),
                is_admitted,
                "{noted:?} {number}"
            );
        }
    }

    #[test]
    fn numbers_go_round_and_may_come_late() {
        let noted = [10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 65_535, 3];
        let peer = after(&noted);
        assert_eq!(peer.numbers.extend(3), 65_539);
        assert!(after(&noted).send(65_530, true) && after(&noted).send(9, true));
        assert!(!after(&noted).send(40_000, true));
    }

    #[test]
    fn two_numbers_in_a_packet_are_refused_and_none_pass() {
        let numbers = Numbers::default();
        assert!(!numbers.admit(Time::ZERO, &packet(&[1, 2])));
        assert!(numbers.admit(Time::ZERO, &packet(&[])));
    }

    #[test]
    fn what_no_browser_exceeds_is_never_refused() {
        let round = |count: u32| (0..count).map(|number| number as u16);
        assert_eq!(
            Peer::new().refused(round(200_000), 100),
            0,
            "10,000 a second"
        );
        let lossy = round(50_000).filter(|number| !number.is_multiple_of(3));
        assert_eq!(Peer::new().refused(lossy, 1_000), 0, "a third is lost");
        let swapped = round(50_000).map(|number| number ^ 1);
        assert_eq!(
            Peer::new().refused(swapped, 1_000),
            0,
            "each pair comes the wrong way"
        );
        let late = round(50_000).map(|number| number ^ 0x1f);
        assert_eq!(
            Peer::new().refused(late, 1_000),
            0,
            "each 32 come the wrong way"
        );
        let mut peer = after(&[0]);
        assert_eq!(peer.refused(1..=800, 0), 0, "800 at once, after a silence");
        peer.pass(12_000_000);
        assert_eq!(
            peer.refused(12_000..12_500, 1_000),
            0,
            "after an interruption"
        );
    }

    #[test]
    fn what_has_no_room_in_a_feedback_has_to_wait_for_the_next() {
        let gaps = || (0..1_000u16).map(|number| 2 * number);
        let mut peer = after(&[0]);
        let refused = peer.refused(gaps().skip(1), 0);
        assert!((900..980).contains(&refused), "{refused}");
        peer.pass(49_999);
        assert!(!peer.send(400, true));
        peer.pass(1);
        assert!(peer.send(400, true));
    }

    #[test]
    fn a_feedback_never_counts_to_65_536() {
        let mut peer = after(&[0]);
        assert_eq!(peer.refused([16_000, 32_000, 48_000, 64_000], 0), 0);
        let next = 14_464;
        assert_eq!(peer.numbers.extend(next), 80_000);
        assert!(!peer.send(next, true));
        peer.pass(50_000);
        assert!(peer.send(next, true));
    }

    #[test]
    fn what_str0m_may_not_have_counted_leads_nowhere() {
        let mut peer = after(&[0]);
        assert!(peer.send(16_000, false));
        peer.pass(50_000);
        assert!(!peer.send(32_000, false) && peer.send(24_000, false));
        assert!(peer.send(10_000, true), "late, after what may not be there");
        peer.pass(50_000);
        assert!(peer.send(32_000, false));
    }

    #[test]
    fn what_comes_late_makes_all_behind_it_count_again() {
        let mut peer = after(&[0]);
        assert_eq!(peer.refused((1..=160).map(|number| 2 * number), 1_000), 0);
        peer.pass(50_000);
        assert_eq!(peer.numbers.bytes, 0);
        assert!(peer.send(301, true));
        assert!(peer.numbers.bytes >= 10 * usize::from(MOST));
        assert!(!peer.send(101, true), "it would take more than there is");
        peer.pass(50_000);
        assert_eq!(peer.numbers.bytes, 0);
    }

    #[test]
    fn times_that_do_not_fit_into_one_feedback_are_refused() {
        let mut peer = after(&[1, 3, 5]);
        peer.pass(9_000_000);
        assert!(!peer.send(4, true) && !peer.send(0, true));
        assert!(peer.send(6, true));
    }
}
