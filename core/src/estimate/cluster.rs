//! One probe: packets in a short time at a rate that is to be tried, and how fast they came out at the
//! other end.

use std::num::NonZeroU8;
use std::time::Duration;

use super::history::Told;
use crate::time::Time;

/// What a probe takes, seconds, and at least how many packets.
const LENGTH: f64 = 0.015;
const PACKETS: u32 = 5;
/// Between two bursts of padding.
const BURST: Duration = Duration::from_millis(2);
/// The least that is asked for at once: a packet that is worth its headers.
const LEAST: f64 = 150.;
/// The most: what a loop that was late catches up with.
const MOST: f64 = 20_000.;
/// Longer it does not take, whoever does not send what is asked for.
const PATIENCE: Duration = Duration::from_millis(150);
/// Who has sent nothing when it was asked so often can't pad.
const ASKED: u32 = 8;
/// For so long feedback is waited for.
const WAITS: Duration = Duration::from_secs(1);
/// Of what was sent, what has to come: 50 %, and at least so many packets.
const COMES: (u32, u32) = (1, 2);
const FEWEST: u32 = 4;
/// What comes faster than it was sent by more than this was held back on the way, and says nothing: 2.
const FASTEST: f64 = 2.;
/// What comes slower than so much of what was sent has filled the path, 90 %; then a little less than what
/// came is believed, 95 %.
const FULL: f64 = 0.9;
const CAREFUL: f64 = 0.95;

/// What padding belongs to: a probe, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cluster(NonZeroU8);

impl Cluster {
    /// That of padding which tries nothing out, but keeps something flowing.
    pub(crate) const KEEPALIVE: Self = Self(NonZeroU8::MAX);

    /// That of the probe with this number.
    pub(super) fn of(probe: u64) -> Self {
        let number = (probe % 254) as u8 + 1;
        Self(NonZeroU8::new(number).unwrap_or(NonZeroU8::MIN))
    }
}

/// What came of it: times are microseconds.
#[derive(Clone, Copy, Debug)]
struct Came {
    packets: u32,
    bytes: u64,
    first_sent: u64,
    last_sent: u64,
    last_sent_bytes: u64,
    first_came: i64,
    last_came: i64,
    first_came_bytes: u64,
}

/// What a probe says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// So much came through, bits a second.
    pub(super) bits: f64,
    /// And no more does: it came slower than it was sent.
    pub(super) is_full: bool,
}

/// A probe that is being sent, or whose feedback is awaited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) cluster: Cluster,
    /// What is tried, bits a second.
    pub(super) rate: f64,
    began: Time,
    sent: u64,
    packets: u32,
    /// The number of the last packet.
    last: u64,
    /// When padding may be asked for again, and how often it was.
    ask: Time,
    asked: u32,
    came: Option<Came>,
}

impl Probe {
    pub(super) fn new(t: Time, cluster: Cluster, rate: f64) -> Self {
        Self {
            cluster,
            rate,
            began: t,
            sent: 0,
            packets: 0,
            last: 0,
            ask: t,
            asked: 0,
            came: None,
        }
    }

    /// A packet leaves while it is being sent.
    pub(super) fn sent(&mut self, number: u64, bytes: usize) {
        self.sent += bytes as u64;
        self.packets += 1;
        self.last = number;
    }

    /// What padding is due.
    pub(super) fn padding(&mut self, t: Time) -> Option<usize> {
        if t < self.due() {
            return None;
        }
        self.ask = t + BURST;
        self.asked += 1;
        let goal = self.rate * ((t + BURST).since(self.began)).as_secs_f64() / 8.;
        Some((goal - self.sent as f64).clamp(LEAST, MOST) as usize)
    }

    /// When padding is due.
    pub(super) fn due(&self) -> Time {
        let time = Duration::from_secs_f64(self.sent as f64 * 8. / self.rate);
        self.ask.max(self.began + time)
    }

    /// Whether all of it has left.
    pub(super) fn is_sent(&self, t: Time) -> bool {
        let is_enough = self.sent as f64 * 8. >= self.rate * LENGTH && self.packets >= PACKETS;
        let is_vain = self.packets == 0 && self.asked >= ASKED;
        is_enough || is_vain || t.since(self.began) > PATIENCE
    }

    /// A packet of it came at this time of the peer's clock.
    pub(super) fn came(&mut self, told: &Told, at: i64) {
        let bytes = u64::from(told.bytes);
        let came = self.came.get_or_insert(Came {
            packets: 0,
            bytes: 0,
            first_sent: told.sent,
            last_sent: told.sent,
            last_sent_bytes: bytes,
            first_came: at,
            last_came: at,
            first_came_bytes: bytes,
        });
        came.packets += 1;
        came.bytes += bytes;
        came.first_sent = came.first_sent.min(told.sent);
        if told.sent >= came.last_sent {
            (came.last_sent, came.last_sent_bytes) = (told.sent, bytes);
        }
        if at < came.first_came {
            (came.first_came, came.first_came_bytes) = (at, bytes);
        }
        came.last_came = came.last_came.max(at);
    }

    /// Whether nothing more is to be told of it, where the newest packet told of is `newest`.
    pub(super) fn is_told(&self, t: Time, newest: u64) -> bool {
        newest >= self.last || t.since(self.began) > WAITS
    }

    /// When waiting for feedback ends.
    pub(super) fn given_up(&self) -> Time {
        self.began + WAITS + BURST
    }

    /// What it says that the path carries. `None` if nothing.
    pub(super) fn result(&self) -> Option<Found> {
        let came = self.came?;
        let (part, all) = COMES;
        if came.packets < FEWEST || came.packets * all < self.packets * part {
            return None;
        }
        let left = (came.last_sent - came.first_sent) as f64;
        let arrived = came.last_came.saturating_sub(came.first_came) as f64;
        if left <= 0. || arrived <= 0. || left > 1e6 || arrived > 1e6 {
            return None;
        }
        let sent = (came.bytes - came.last_sent_bytes) as f64 * 8e6 / left;
        let received = (came.bytes - came.first_came_bytes) as f64 * 8e6 / arrived;
        if received > FASTEST * sent {
            return None;
        }
        let is_full = received < FULL * sent;
        let bits = if is_full {
            CAREFUL * received
        } else {
            sent.min(received)
        };
        Some(Found { bits, is_full })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A probe of 2 Mbit/s whose packets of 500 bytes arrive this far apart, microseconds; those that
    /// do not, do not come.
    fn result(apart: &[Option<i64>]) -> Option<u64> {
        let mut probe = Probe::new(Time::ZERO, Cluster::of(0), 2e6);
        let mut at = 0;
        for (number, apart) in apart.iter().enumerate() {
            let number = number as u64;
            probe.sent(number, 500);
            at += apart.unwrap_or(2_000);
            let told = Told {
                number,
                sent: number * 2_000,
                bytes: 500,
                cluster: None,
                again: false,
            };
            if apart.is_some() {
                probe.came(&told, at);
            }
        }
        assert!(probe.is_told(Time::ZERO, apart.len() as u64 - 1));
        probe.result().map(|found| found.bits as u64)
    }

    #[test]
    fn it_tells_the_slower_of_both_ends() {
        assert_eq!(result(&[Some(2_000); 8]), Some(2_000_000));
        assert_eq!(result(&[Some(1_500); 8]), Some(2_000_000));
        assert_eq!(result(&[Some(2_200); 8]), Some(1_818_181));
        assert_eq!(result(&[Some(4_000); 8]), Some(950_000), "the path is full");
    }

    #[test]
    fn what_came_at_once_or_too_little_tells_nothing() {
        assert_eq!(result(&[Some(0); 8]), None);
        assert_eq!(result(&[Some(500); 8]), None);
        assert_eq!(result(&[Some(2_000); 3]), None);
        let some = [
            Some(2_000),
            None,
            Some(2_000),
            None,
            Some(2_000),
            None,
            None,
        ];
        assert_eq!(result(&some), None);
        let most = [Some(2_000), None, Some(2_000), Some(2_000), Some(2_000)];
        assert!(result(&most).is_some());
    }

    #[test]
    fn it_asks_for_what_its_rate_needs_until_it_is_sent() {
        for (rate, most) in [(300e3, 40), (2e6, 20), (40e6, 20)] {
            let mut probe = Probe::new(Time::ZERO, Cluster::of(7), rate);
            let (mut number, mut sent) = (0, 0);
            let mut t = Time::ZERO;
            while !probe.is_sent(t) {
                t = probe.due();
                let bytes = probe.padding(t).unwrap();
                assert_eq!(probe.padding(t), None);
                probe.sent(number, bytes);
                number += 1;
                sent += bytes;
            }
            assert!(number >= 5, "{rate}");
            let ms = t.as_micros() / 1_000;
            assert!((10..most).contains(&ms), "{rate}: {ms} ms");
            let least = (rate * LENGTH / 8.) as usize;
            assert!((least..2 * least + 500).contains(&sent), "{rate}: {sent}");
        }
    }

    #[test]
    fn it_ends_where_nothing_is_sent() {
        let mut probe = Probe::new(Time::ZERO, Cluster::of(7), 1e6);
        let mut asked = 0;
        while !probe.is_sent(probe.due()) {
            probe.padding(probe.due());
            asked += 1;
        }
        assert_eq!(asked, 8);
        assert!(probe.result().is_none());
    }
}
