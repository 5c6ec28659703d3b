//! When to try out what the path carries, and how much.
//!
//! ```text
//!  at first             3 and 6 times what is believed
//!  it came through      twice what came, as long as it pays
//!  more is wanted       twice what is believed, every few seconds; less often if that found nothing
//!  after a fall         what was there before, or nearly, as soon as the queue has drained
//! ```
//! Nothing is tried while queues are not empty, or where all that is wanted is known to fit.

use std::time::Duration;

use super::MOST;
use super::cluster::{Cluster, Found, Probe};
use super::history::Told;
use crate::time::Time;

/// What is tried at first.
const FIRST: [f64; 2] = [3., 6.];
/// What is tried next, and where more is wanted.
const NEXT: f64 = 2.;
/// Of what was tried, what has to come through for the next one to pay: 70 %.
const PAYS: f64 = 0.7;
/// Nothing beyond so many times what is wanted.
const BEYOND: f64 = 2.;
/// Between two where more is wanted, and how much longer each that found nothing makes that, and at most.
const INTERVAL: Duration = Duration::from_secs(3);
const SLOWER: (u32, u32) = (5, 4);
const LONGEST: Duration = Duration::from_secs(4);
/// What was found was nothing if it is no more than this of what was believed.
const NEWS: f64 = 1.15;
/// Between two at least.
const SHORTEST: Duration = Duration::from_secs(1);
/// A fall to less than this of what was believed is worth an own probe of so much of that; at most so many
/// times what is believed then.
const FALL: f64 = 0.66;
const BACK: f64 = 0.85;
const LEAP: f64 = 3.;
/// That long after a fall at least, and at most.
const AFTER: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// Between two behind that, at first: what is narrow for a moment is so no more soon. 1.5 s.
const SOON: Duration = Duration::from_millis(1_500);
/// Probes whose feedback is awaited.
const AWAITED: usize = 4;

/// What is known of the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Bits a second that it is believed to carry.
    pub(super) bits: f64,
    /// That are wanted.
    pub(super) desired: f64,
    /// Whether it has room at this moment, as far as is told.
    pub(super) is_free: bool,
}

/// A fall.
#[derive(Clone, Copy, Debug)]
struct Fall {
    before: f64,
    at: Time,
}

/// The probes of one path.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// How many there were.
    count: u64,
    /// What is to be tried at once.
    planned: Option<f64>,
    then: Option<f64>,
    running: Option<Probe>,
    awaited: Vec<Probe>,
    began: bool,
    last: Option<Time>,
    /// When the next one is due if more is wanted.
    next: Time,
    interval: Duration,
    fall: Option<Fall>,
    believed: f64,
}

impl Probes {
    /// Decides what to try.
    pub(super) fn decide(&mut self, t: Time, known: Known) {
        self.see(t, known.bits);
        let most = (BEYOND * known.desired).min(MOST);
        if known.desired <= 0. || self.is_busy() {
            return;
        }
        if !self.began {
            self.began = true;
            self.interval = INTERVAL;
            let [first, then] = FIRST.map(|times| (times * known.bits).min(most));
            self.planned = Some(first);
            self.then = Some(then).filter(|then| *then > first);
            return;
        }
        if !known.is_free || known.bits >= known.desired {
            return;
        }
        let is_spaced = self.last.is_none_or(|last| t >= last + SHORTEST);
        let is_due = |fall: &Fall| known.bits <= FALL * fall.before && t >= fall.at + AFTER.0;
        if let Some(fall) = self.fall.filter(|fall| is_due(fall) && is_spaced) {
            self.fall = None;
            self.interval = SOON;
            let back = (BACK * fall.before).min(LEAP * known.bits);
            self.planned = Some(back.max(NEXT * known.bits).min(most));
        } else if t >= self.next {
            self.planned = Some((NEXT * known.bits).min(most));
        }
    }

    /// More is wanted than before.
    pub(super) fn wanted(&mut self, t: Time) {
        self.interval = INTERVAL;
        let soon = self.last.map_or(t, |last| last + SHORTEST);
        self.next = self.next.min(soon.max(t));
    }

    /// What padding is due.
    pub(super) fn padding(&mut self, t: Time) -> Option<(usize, Cluster)> {
        if self.running.is_none() {
            let rate = self.planned.take()?;
            self.planned = self.then.take();
            self.running = Some(Probe::new(t, Cluster::of(self.count), rate));
            self.count += 1;
            self.last = Some(t);
            self.next = t + self.interval;
        }
        let probe = self.running.as_mut()?;
        Some((probe.padding(t)?, probe.cluster))
    }

    /// A packet leaves. Says of which probe it is part.
    pub(super) fn sent(&mut self, t: Time, number: u64, bytes: usize) -> Option<Cluster> {
        let probe = self.running.as_mut()?;
        probe.sent(number, bytes);
        let cluster = probe.cluster;
        self.end(t);
        Some(cluster)
    }

    /// A packet of a probe came.
    pub(super) fn came(&mut self, told: &Told, at: i64) {
        let all = self.awaited.iter_mut().chain(&mut self.running);
        for probe in all {
            if told.cluster == Some(probe.cluster) {
                probe.came(told, at);
            }
        }
    }

    /// A feedback was read, whose newest packet is `newest`, or time has passed. What was found.
    pub(super) fn found(&mut self, t: Time, newest: u64, bits: f64, desired: f64) -> Option<Found> {
        self.end(t);
        let mut found: Option<Found> = None;
        let mut tried = 0_f64;
        self.awaited.retain(|probe| {
            if !probe.is_told(t, newest) {
                return true;
            }
            if let Some(result) = probe.result()
                && found.is_none_or(|found| found.bits < result.bits)
            {
                (found, tried) = (Some(result), probe.rate);
            }
            false
        });
        let result = found?.bits;
        if result <= NEWS * bits {
            self.interval = (self.interval * SLOWER.0 / SLOWER.1).min(LONGEST);
        }
        let most = (BEYOND * desired).min(MOST);
        let next = (NEXT * result).min(most);
        let pays = result >= PAYS * tried && result < desired && next > NEWS * tried;
        if pays && !self.is_busy() {
            self.planned = Some(next);
        }
        found
    }

    /// When something is due: padding, the end of waiting, or the next probe.
    pub(super) fn deadline(&self, t: Time, wants: bool) -> Option<Time> {
        if let Some(probe) = &self.running {
            return Some(probe.due());
        }
        if self.planned.is_some() {
            return Some(t);
        }
        let given_up = self.awaited.iter().map(Probe::given_up).min();
        let next = Some(self.next).filter(|next| wants && *next > t);
        match (given_up, next) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Whether anything was tried.
    pub(super) fn has_begun(&self) -> bool {
        self.began
    }

    /// The path is another one: all begins again.
    pub(super) fn again(&mut self, t: Time) {
        let count = self.count;
        *self = Self {
            count,
            next: t,
            ..Self::default()
        };
    }

    /// Nothing is being tried any more, and nothing awaited.
    pub(super) fn stop(&mut self) {
        (self.planned, self.then, self.running) = (None, None, None);
        self.awaited.clear();
    }

    fn is_busy(&self) -> bool {
        self.planned.is_some() || self.running.is_some() || !self.awaited.is_empty()
    }

    fn end(&mut self, t: Time) {
        if let Some(probe) = self.running.take_if(|probe| probe.is_sent(t)) {
            if self.awaited.len() == AWAITED {
                self.awaited.remove(0);
            }
            self.awaited.push(probe);
        }
    }

    /// Looks for falls.
    fn see(&mut self, t: Time, bits: f64) {
        if bits < self.believed && self.fall.is_none() {
            self.fall = Some(Fall {
                before: self.believed,
                at: t,
            });
        }
        if let Some(fall) = &mut self.fall {
            if bits < self.believed {
                fall.at = t;
            }
            let is_over = bits > FALL * fall.before && t > fall.at + AFTER.0;
            if is_over || t > fall.at + AFTER.1 {
                self.fall = None;
            }
        }
        self.believed = bits;
    }
}
