//! Transport-wide feedback about what comes (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1).
//!
//! The peer's congestion control lives on it: which packet came, and when. A number that comes after it was told
//! to be missing is told again, with what lies behind it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Time;

/// How long what came waits to be told, if more comes. 80 ms: with the next packet that is 100 ms at most, as
/// browsers have it among themselves.
const INTERVAL: Duration = Duration::from_millis(80);
/// How much longer if nothing comes: 20 ms.
const LATEST: Duration = Duration::from_millis(20);
/// Packets that are told at once: more are told before their time.
const MOST: usize = 2_000;
/// Numbers that are remembered after they were told, for those that come late.
const TOLD: usize = 256;
/// From one number to the next: what is farther is another beginning, of which nobody waits to hear. 3,000: what 500
/// packets a second make of 6 s.
const FARTHEST: i64 = 3_000;
/// Packets that are made at once. 16: one is enough for who counts one by one; of what would need more, the rest is
/// not told.
const PACKETS: usize = 16;
/// Bytes of one packet: a datagram has room for them with all around them.
const BYTES: usize = 1_000;
/// Numbers of one packet: 16 bits count them.
const SPAN: i64 = 60_000;
/// Ticks of a time that differs from the one before, in microseconds; and of the reference time, in these.
const TICK: i64 = 250;
const REFERENCE: i64 = 256;

const TRANSPORT: u8 = 205;
const TRANSPORT_WIDE: u8 = 15;
/// What became of a packet: it is missing, came a little later than the one before, or much later, or earlier.
const MISSING: u8 = 0;
const SMALL: u8 = 1;
const LARGE: u8 = 2;

/// What came of a peer.
#[derive(Debug)]
pub(super) struct Wide {
    interval: Duration,
    /// Ascending.
    receipts: VecDeque<Receipt>,
    /// Those before it were told.
    untold: usize,
    /// When the first came that was not told.
    since: Option<Time>,
    /// Of which stream something came last.
    ssrc: u32,
    /// How many packets there were so far.
    count: u8,
}

#[derive(Clone, Copy, Debug)]
struct Receipt {
    /// Extended.
    number: i64,
    at: Time,
}

impl Default for Wide {
    fn default() -> Self {
        Self::every(INTERVAL)
    }
}

impl Wide {
    /// Tells so long after something came, or a little later.
    pub(super) fn every(interval: Duration) -> Self {
        Self {
            interval,
            receipts: VecDeque::new(),
            untold: 0,
            since: None,
            ssrc: 0,
            count: 0,
        }
    }

    /// A packet of this stream came.
    pub(super) fn came(&mut self, t: Time, number: u16, ssrc: u32) {
        self.ssrc = ssrc;
        let number = match self.receipts.back() {
            Some(newest) => {
                let step = number.wrapping_sub(newest.number as u16).cast_signed();
                newest.number + i64::from(step)
            }
            None => number.into(),
        };
        let place = match self.receipts.back() {
            Some(newest) if newest.number >= number => {
                let place = self
                    .receipts
                    .binary_search_by_key(&number, |receipt| receipt.number);
                let Err(place) = place else {
                    return;
                };
                if place == 0 && self.untold > 0 {
                    // What came before the first may be forgotten.
                    return;
                }
                place
            }
            _ => self.receipts.len(),
        };
        self.receipts.insert(place, Receipt { number, at: t });
        self.untold = self.untold.min(place);
        self.since.get_or_insert(t);
    }

    /// When to tell though nothing comes.
    pub(super) fn deadline(&self) -> Option<Time> {
        Some(self.since? + self.interval + LATEST)
    }

    /// Whether to tell now that something came.
    pub(super) fn is_due(&self, t: Time) -> bool {
        let waits = self.since.is_some_and(|since| since + self.interval <= t);
        waits || self.receipts.len() - self.untold >= MOST
    }

    /// Tells all that was not told, if that is due.
    pub(super) fn tell(&mut self, t: Time, ours: u32, to: &mut VecDeque<Vec<u8>>) {
        if !self.is_due(t) {
            return;
        }
        for _ in 0..PACKETS {
            let Some(first) = self.receipts.get(self.untold) else {
                break;
            };
            let mut packet = Packet::new(*first);
            let rest = self.receipts.range(self.untold + 1..);
            let more = rest.take_while(|receipt| packet.take(**receipt)).count();
            self.untold += 1 + more;
            to.push_back(packet.written(ours, self.ssrc, self.count));
            self.count = self.count.wrapping_add(1);
        }
        self.untold = self.receipts.len();
        let forgotten = self.untold.saturating_sub(TOLD);
        self.receipts.drain(..forgotten);
        self.untold -= forgotten;
        self.since = None;
    }
}

/// One packet of feedback.
struct Packet {
    first: i64,
    last: i64,
    /// 64 ms each.
    reference: i64,
    /// When the last one came, in ticks.
    at: i64,
    statuses: Vec<u8>,
    deltas: Vec<u8>,
}

impl Packet {
    fn new(first: Receipt) -> Self {
        let ticks = ticks(first.at);
        let reference = ticks / REFERENCE;
        let mut packet = Self {
            first: first.number,
            last: first.number - 1,
            reference,
            at: reference * REFERENCE,
            statuses: Vec::new(),
            deltas: Vec::new(),
        };
        // Its time is within the reference: one byte says it.
        packet.take(first);
        packet
    }

    /// Takes one more; `false`: it belongs into another packet.
    fn take(&mut self, receipt: Receipt) -> bool {
        let gap = receipt.number - self.last - 1;
        let ticks = ticks(receipt.at);
        let delta = ticks - self.at;
        let Ok(large) = i16::try_from(delta) else {
            return false;
        };
        // What chunks take at most: seven statuses each, and gaps less.
        let bytes = 20 + self.deltas.len() + 2 * (self.statuses.len() / 7) + 8;
        if gap > FARTHEST || receipt.number - self.first > SPAN || bytes > BYTES {
            return false;
        }
        self.statuses
            .resize(self.statuses.len() + gap as usize, MISSING);
        match u8::try_from(delta) {
            Ok(small) => {
                self.statuses.push(SMALL);
                self.deltas.push(small);
            }
            Err(_) => {
                self.statuses.push(LARGE);
                self.deltas.extend(large.to_be_bytes());
            }
        }
        (self.last, self.at) = (receipt.number, ticks);
        true
    }

    fn written(&self, ours: u32, media: u32, count: u8) -> Vec<u8> {
        let mut packet = vec![0x80 | TRANSPORT_WIDE, TRANSPORT, 0, 0];
        packet.extend(ours.to_be_bytes());
        packet.extend(media.to_be_bytes());
        packet.extend((self.first as u16).to_be_bytes());
        packet.extend((self.statuses.len() as u16).to_be_bytes());
        packet.extend(&(self.reference as u32).to_be_bytes()[1..]);
        packet.push(count);
        let mut rest = &self.statuses[..];
        while !rest.is_empty() {
            let (chunk, told) = chunk(rest);
            packet.extend(chunk.to_be_bytes());
            rest = &rest[told..];
        }
        packet.extend(&self.deltas);
        let padding = packet.len().next_multiple_of(4) - packet.len();
        if padding > 0 {
            // RFC 3550, 6.4.1.
            packet[0] |= 0x20;
            packet.resize(packet.len() + padding - 1, 0);
            packet.push(padding as u8);
        }
        let words = (packet.len() / 4 - 1) as u16;
        packet[2..4].copy_from_slice(&words.to_be_bytes());
        packet
    }
}

/// A chunk that tells the first statuses, and how many it tells (3.1.3 and 3.1.4).
fn chunk(statuses: &[u8]) -> (u16, usize) {
    const RUN: usize = 0x1fff;
    let first = statuses[0];
    let run = statuses.iter().take(RUN);
    let run = run.take_while(|status| **status == first).count();
    if run >= 14 || run == statuses.len() {
        return (u16::from(first) << 13 | run as u16, run);
    }
    let vector = |count: usize, bits: usize| {
        let told = statuses.len().min(count);
        let symbols = statuses[..told].iter().enumerate();
        let symbols = symbols.fold(0, |symbols, (place, status)| {
            symbols | u16::from(*status) << ((count - 1 - place) * bits)
        });
        (symbols, told)
    };
    let few = statuses.iter().take(14).all(|status| *status != LARGE);
    if few {
        let (symbols, told) = vector(14, 1);
        (0x8000 | symbols, told)
    } else {
        let (symbols, told) = vector(7, 2);
        (0xc000 | symbols, told)
    }
}

fn ticks(at: Time) -> i64 {
    i64::try_from(at.as_micros()).unwrap_or(i64::MAX) / TICK
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::freeze::arrivals_in;

    fn tell(wide: &mut Wide, t: Time) -> Vec<Vec<u8>> {
        let mut packets = VecDeque::new();
        wide.tell(t, 1, &mut packets);
        packets.into()
    }

    /// What a reader of such packets finds: numbers, and when they came.
    fn read(packets: &[Vec<u8>]) -> Vec<(u16, Option<i64>)> {
        packets
            .iter()
            .flat_map(|packet| arrivals_in(packet))
            .collect()
    }

    proptest! {
        #[test]
        fn all_that_came_is_told_as_it_came_and_nothing_else(
            steps in prop::collection::vec((-3..40_i64, 0..3_000_u64), 1..300),
        ) {
            let (mut wide, mut number, mut at) = (Wide::default(), 65_000, 5_000_000);
            let mut came = std::collections::BTreeMap::new();
            for (step, passed) in steps {
                number = (number + step).max(65_000);
                at += passed;
                came.entry(number).or_insert(at);
                wide.came(Time::from_micros(at), number as u16, 2);
            }
            let packets = tell(&mut wide, Time::from_micros(at + 80_000));
            prop_assert!(packets.iter().all(|packet| packet.len() <= BYTES + 40 && packet.len() % 4 == 0));
            let told: std::collections::BTreeMap<u16, i64> = read(&packets)
                .into_iter()
                .filter_map(|(number, at)| Some((number, at?)))
                .collect();
            let expected: std::collections::BTreeMap<u16, i64> = came
                .iter()
                .map(|(number, at)| (*number as u16, (*at / 250 * 250) as i64))
                .collect();
            prop_assert_eq!(told, expected);
        }
    }

    #[test]
    fn it_is_told_with_the_next_packet_or_in_time() {
        let at = Time::from_millis;
        let mut wide = Wide::default();
        assert_eq!((wide.deadline(), wide.is_due(at(1_000))), (None, false));
        wide.came(at(10), 1, 2);
        assert_eq!(
            (wide.deadline(), wide.is_due(at(89))),
            (Some(at(110)), false)
        );
        wide.came(at(92), 3, 2);
        assert!(wide.is_due(at(92)));
        let packets = tell(&mut wide, at(92));
        assert_eq!(
            read(&packets),
            [(1, Some(10_000)), (2, None), (3, Some(92_000))]
        );
        assert_eq!(wide.deadline(), None);
        wide.came(at(95), 2, 2);
        let packets = tell(&mut wide, at(195));
        assert_eq!(
            read(&packets),
            [(2, Some(95_000)), (3, Some(92_000))],
            "late"
        );
        assert_eq!(packets[0][15 + 4], 1, "the second packet");
    }

    #[test]
    fn nobody_makes_it_long() {
        let mut wide = Wide::default();
        let mut bytes = 0;
        for step in 0..20_000_u64 {
            let at = Time::from_micros(step * 50);
            wide.came(at, (step * 32_000) as u16, 2);
            bytes += tell(&mut wide, at).iter().map(Vec::len).sum::<usize>();
            assert!(wide.receipts.len() <= MOST + TOLD);
        }
        assert!(bytes < 20_000, "{bytes}");
    }
}
