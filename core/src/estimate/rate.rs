//! What the path carries, as delay tells: multiplicative increase far from what it last failed at,
//! additive near that, and below what came through when queues grow (draft-ietf-rmcat-gcc-02, 5.5).

use std::time::Duration;

use super::cluster::Found;
use super::trend::Use;
use super::{LEAST, MOST};
use crate::time::Time;

/// Of what came through while queues grew, what is believed then: 85 %.
const FALL: f64 = 0.85;
/// Less where much waits: so much as drains it within a second, seconds, and not below that.
const DRAINS: f64 = 1.;
const DEEPEST: f64 = 0.6;
/// Without knowing what came through: half.
const HALF: f64 = 0.5;
/// Between two falls at least and at most: one round trip, in which the first one shows.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(300));
/// Growth in a second, far from what failed: 8 %, and at least 10 kbit/s.
const GROWTH: f64 = 0.08;
const LEAST_GROWTH: f64 = 10_000.;
/// Never beyond so much of what comes through, and so many bits a second: more than that is known from
/// probes only.
const AHEAD: f64 = 1.5;
const AHEAD_BITS: f64 = 10_000.;
/// Of what the path failed at, what is near: above the first, growth is additive; above the second it has
/// become another path, and so has it when it fails below the third.
const NEAR: f64 = 0.9;
const BEYOND: f64 = 1.15;
const BELOW: f64 = 0.8;
/// How much the newest failure counts.
const NEW: f64 = 0.3;
/// Additive: one packet of so many bits in each response time, which is a round trip and this.
const PACKET: f64 = 9_600.;
const RESPONSE: f64 = 0.1;
/// Longer without feedback nothing grows, seconds.
const LONGEST: f64 = 1.;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Increase,
    Hold,
}

/// What comes through, bits a second, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// At this moment.
    pub(super) now: Option<f64>,
    /// For a while.
    pub(super) long: Option<f64>,
    /// How long packets wait.
    pub(super) waits: Duration,
}

/// The rate, bits a second.
#[derive(Debug)]
pub(super) struct Rate {
    bits: f64,
    state: State,
    /// What the path failed at.
    failed: Option<f64>,
    updated: Option<Time>,
    fell: Option<Time>,
}

impl Rate {
    pub(super) fn new(bits: f64) -> Self {
        Self {
            bits,
            state: State::Increase,
            failed: None,
            updated: None,
            fell: None,
        }
    }

    pub(super) fn bits(&self) -> f64 {
        self.bits
    }

    /// A feedback was read.
    pub(super) fn update(&mut self, t: Time, used: Use, seen: Seen, round_trip: Duration) {
        let before = self.updated.replace(t).unwrap_or(t);
        let time = t.since(before).as_secs_f64().min(LONGEST);
        self.state = match (used, self.state) {
            (Use::Over, _) => {
                self.fall(t, seen, round_trip);
                State::Hold
            }
            (Use::Under, _) => State::Hold,
            (Use::Normal, State::Hold) => State::Increase,
            (Use::Normal, State::Increase) => {
                self.grow(time, seen, round_trip);
                State::Increase
            }
        };
    }

    /// What a probe found. Says whether that is believed: where less than was believed came through, what
    /// flows besides does not say otherwise.
    pub(super) fn probed(&mut self, t: Time, found: Found, seen: Seen) -> bool {
        let mut bits = found.bits;
        if bits < self.bits {
            if !found.is_full {
                return false;
            }
            bits = bits.max(seen.long.unwrap_or(0.)).min(self.bits);
        }
        self.set(bits);
        self.updated = Some(t);
        if self.failed.is_some_and(|failed| bits > BEYOND * failed) {
            self.failed = None;
        }
        true
    }

    /// Nothing is told any more: only so much is still believed.
    pub(super) fn doubt(&mut self, bits: f64) {
        self.set(bits);
    }

    /// What was believed before nothing was told for a while is believed again.
    pub(super) fn restore(&mut self, bits: f64) {
        self.set(self.bits.max(bits));
    }

    fn fall(&mut self, t: Time, seen: Seen, round_trip: Duration) {
        let through = seen.now.unwrap_or(HALF / FALL * self.bits);
        let waits = round_trip.clamp(AGAIN.0, AGAIN.1);
        let is_soon = self.fell.is_some_and(|fell| t.since(fell) < waits);
        if is_soon && through > HALF * self.bits {
            return;
        }
        self.failed = Some(match self.failed {
            Some(failed) if through >= BELOW * failed => failed + NEW * (through - failed),
            _ => through,
        });
        let share = (1. - seen.waits.as_secs_f64() / DRAINS).clamp(DEEPEST, FALL);
        self.set(self.bits.min(share * through));
        self.fell = Some(t);
    }

    fn grow(&mut self, time: f64, seen: Seen, round_trip: Duration) {
        let Some(through) = seen.long else {
            return;
        };
        if self.failed.is_some_and(|failed| through > BEYOND * failed) {
            self.failed = None;
        }
        let is_near = self.failed.is_some_and(|failed| self.bits > NEAR * failed);
        let more = if is_near {
            time * PACKET / (round_trip.as_secs_f64() + RESPONSE)
        } else {
            time * GROWTH * self.bits
        };
        let most = AHEAD * through + AHEAD_BITS;
        if self.bits < most {
            self.set((self.bits + more.max(time * LEAST_GROWTH)).min(most));
        }
    }

    fn set(&mut self, bits: f64) {
        self.bits = bits.clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIP: Duration = Duration::from_millis(100);

    fn seen(bits: f64) -> Seen {
        Seen {
            now: Some(bits),
            long: Some(bits),
            waits: Duration::ZERO,
        }
    }

    fn run(rate: &mut Rate, from: u64, to: u64, used: Use, through: f64) {
        for ms in (from..to).step_by(100) {
            rate.update(Time::from_millis(ms), used, seen(through), TRIP);
        }
    }

    #[test]
    fn it_grows_by_8_percent_a_second_until_it_fails_and_then_slowly() {
        let mut rate = Rate::new(1e6);
        run(&mut rate, 0, 1_200, Use::Normal, 2e6);
        assert!((1.07e6..1.1e6).contains(&rate.bits()), "{}", rate.bits());
        run(&mut rate, 1_200, 1_300, Use::Over, 1e6);
        assert_eq!(rate.bits(), 850e3);
        run(&mut rate, 1_300, 2_400, Use::Normal, 950e3);
        let far = rate.bits();
        assert!((900e3..930e3).contains(&far), "{far}");
        run(&mut rate, 2_400, 4_400, Use::Normal, 950e3);
        let near = rate.bits() - far;
        assert!((60e3..120e3).contains(&near), "{near}");
    }

    #[test]
    fn it_never_grows_far_ahead_of_what_comes_through_nor_falls_for_that() {
        let mut rate = Rate::new(500e3);
        run(&mut rate, 0, 60_000, Use::Normal, 500e3);
        assert_eq!(rate.bits(), 760e3);
        run(&mut rate, 60_000, 90_000, Use::Normal, 100e3);
        assert_eq!(rate.bits(), 760e3);
    }

    #[test]
    fn it_falls_once_in_a_round_trip_or_when_far_less_comes_through() {
        let mut rate = Rate::new(5e6);
        let mut over = |ms, through| {
            rate.update(Time::from_millis(ms), Use::Over, seen(through), TRIP);
            rate.bits()
        };
        assert_eq!(over(0, 4e6), 3.4e6);
        assert_eq!(over(50, 3e6), 3.4e6);
        assert_eq!(over(60, 1e6), 850e3);
        assert_eq!(over(200, 5e6), 850e3, "never up");
        assert_eq!(over(400, 300e3), 255e3);
        assert_eq!(over(600, 0.), LEAST);
    }

    #[test]
    fn the_more_waits_the_less_is_sent_until_it_has_drained() {
        for (waits, expected) in [(0, 850e3), (150, 850e3), (300, 700e3), (5_000, 600e3)] {
            let mut rate = Rate::new(2e6);
            let seen = Seen {
                waits: Duration::from_millis(waits),
                ..seen(1e6)
            };
            rate.update(Time::ZERO, Use::Over, seen, TRIP);
            assert_eq!(rate.bits(), expected, "{waits}");
        }
    }

    #[test]
    fn a_draining_queue_is_waited_for() {
        let mut rate = Rate::new(1e6);
        run(&mut rate, 0, 100, Use::Over, 1e6);
        run(&mut rate, 100, 2_000, Use::Under, 1e6);
        assert_eq!(rate.bits(), 850e3);
        run(&mut rate, 2_000, 2_100, Use::Normal, 1e6);
        assert_eq!(rate.bits(), 850e3);
        run(&mut rate, 2_100, 2_200, Use::Normal, 1e6);
        assert!(rate.bits() > 850e3);
    }
}
