//! One path in use: all that is known of it, put together.

use std::time::Duration;

use super::groups::{Grouped, Groups};
use super::history::History;
use super::keepalive::Keepalive;
use super::loss::{self, Loss};
use super::news::News;
use super::probes::{self, Probes};
use super::queue::Queue;
use super::rate::{Rate, Seen};
use super::silence::Silence;
use super::throughput::Throughput;
use super::trend::{Trend, Use};
use super::{Cluster, Heard, MOST, Padding};
use crate::time::{Time, earliest};
use crate::transport::Pace;

/// So long after the last packet that was no padding, a path rests.
pub(super) const REST: Duration = Duration::from_secs(10);
/// What came through at this moment is that of so many bins: 200 ms; and for a while, 500 ms.
const NOW: i64 = 4;
const LONG: i64 = 10;
/// How long packets wait at most where something is tried out.
const FREE: Duration = Duration::from_millis(30);
/// For so long after queues grew nothing is tried: a queue that is empty again was drained by then. 250 ms.
const CALM: Duration = Duration::from_millis(250);
/// Nor when something was sent so long ago of which nothing was told since.
const TOLD: Duration = Duration::from_millis(500);
/// Round trips until the first is known.
const ROUND_TRIP: Duration = Duration::from_millis(100);
/// Times beyond are no peer's clock, microseconds.
const ABSURD: u64 = 1 << 50;

/// What is known of a path.
#[derive(Debug)]
pub(super) struct Path {
    history: History,
    groups: Groups,
    trend: Trend,
    queue: Queue,
    throughput: Throughput,
    rate: Rate,
    loss: Loss,
    probes: Probes,
    round_trip: Duration,
    /// The newest number that was told of.
    newest: u64,
    /// When feedback last told of something that came.
    heard: Option<Time>,
    silence: Silence,
    /// When something else than padding was last sent, or something was to be found out.
    woken: Time,
    rests: bool,
    keepalive: Keepalive,
    /// When queues were last seen to grow.
    over: Option<Time>,
    news: News,
    due: Option<Time>,
    /// What was sent then may have changed that.
    sent: Option<Time>,
}

impl Path {
    pub(super) fn new(t: Time, first: f64) -> Box<Self> {
        Box::new(Self {
            history: History::default(),
            groups: Groups::default(),
            trend: Trend::default(),
            queue: Queue::default(),
            throughput: Throughput::default(),
            rate: Rate::new(first),
            loss: Loss::default(),
            probes: Probes::default(),
            round_trip: ROUND_TRIP,
            newest: 0,
            heard: None,
            silence: Silence::default(),
            woken: t,
            rests: false,
            keepalive: Keepalive::new(t),
            over: None,
            news: News::default(),
            due: None,
            sent: None,
        })
    }

    /// What is remembered of what was sent takes, bytes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.history.memory()
    }

    /// When time is due. Asked once for packets that are sent together.
    pub(super) fn due(&self, pace: Pace) -> Option<Time> {
        match self.sent {
            Some(t) => self.soonest(t, pace),
            None => self.due,
        }
    }

    /// What it carries, bits a second; `None` until there is feedback.
    pub(super) fn estimate(&self) -> Option<u64> {
        self.heard.map(|_| self.bits() as u64)
    }

    /// What is wanted has changed.
    pub(super) fn paced(&mut self, t: Time, before: Pace, pace: Pace) {
        if pace.desired > before.desired {
            self.probes.wanted(t);
        }
        self.decide(t, pace);
    }

    fn bits(&self) -> f64 {
        let limit = self.loss.limit().unwrap_or(MOST);
        self.rate.bits().min(limit)
    }

    pub(super) fn sent(
        &mut self,
        t: Time,
        number: u64,
        bytes: usize,
        of: Option<Cluster>,
        pace: Pace,
    ) {
        if of.is_none() {
            self.wake(t);
        }
        let probe = match of {
            None => self.probes.sent(t, number, bytes),
            Some(Cluster::KEEPALIVE) => Some(Cluster::KEEPALIVE),
            Some(_) => self.probes.sent(t, number, bytes).or(of),
        };
        self.keepalive.sent(bytes);
        if self.history.sent(t, number, bytes, probe) {
            self.silence.sent(t);
        }
        if !self.probes.has_begun() {
            self.decide(t, pace);
        } else {
            self.sent = Some(t);
        }
    }

    pub(super) fn told(
        &mut self,
        t: Time,
        packets: impl Iterator<Item = (u16, Option<i64>)>,
        pace: Pace,
    ) -> Heard {
        let mut last_sent = None;
        let mut heard = Heard::default();
        for (bits, came) in packets {
            if came.is_some_and(|at| at.unsigned_abs() > ABSURD) {
                continue;
            }
            let Some(told) = self.history.told(t, bits, came.is_some()) else {
                continue;
            };
            self.newest = self.newest.max(told.number);
            let is_probe = told.cluster.is_some_and(|of| of != Cluster::KEEPALIVE);
            let Some(at) = came else {
                if !is_probe {
                    self.loss.lost(&told);
                }
                continue;
            };
            last_sent = last_sent.max(Some(told.sent));
            let took = at - told.sent as i64;
            heard.came += 1;
            heard.took = Some(match heard.took {
                Some((quickest, slowest)) => (quickest.min(took), slowest.max(took)),
                None => (took, took),
            });
            self.throughput.came(at, told.bytes);
            if is_probe {
                self.probes.came(&told, at);
                continue;
            }
            self.loss.came(&told);
            self.queue.took(took);
            match self.groups.came(told.sent as i64, at) {
                Grouped::Within => {}
                Grouped::Step(step) => self.trend.step(step),
                Grouped::Broken => {
                    self.trend.broken();
                    self.queue = Queue::default();
                }
            }
        }
        if let Some(sent) = last_sent {
            self.heard(t, sent);
            self.conclude(t, pace);
            heard.news = self.is_news(t);
        }
        heard
    }

    /// Something came.
    fn heard(&mut self, t: Time, sent: u64) {
        let trip = t.since(Time::from_micros(sent));
        self.round_trip = (self.round_trip * 7 + trip) / 8;
        self.heard = Some(t);
        self.silence.heard();
        self.queue.told(t);
    }

    /// Makes a rate of what was read.
    fn conclude(&mut self, t: Time, pace: Pace) {
        let mut used = self.trend.used();
        let surges = self.queue.surges();
        if surges || (used == Use::Normal && self.queue.stands(t)) {
            used = Use::Over;
        }
        let is_empty = self.queue.waits() < FREE;
        if let Some(bits) = self.silence.is_over(used, is_empty) {
            self.rate.restore(bits);
        }
        if used == Use::Over {
            self.over = Some(t);
        }
        let seen = self.seen();
        let bits = self.bits();
        let desired = pace.desired as f64;
        let found = self.probes.found(t, self.newest, bits, desired);
        if let Some(found) = found {
            self.loss.lift(found.bits);
        }
        if !found.is_some_and(|found| self.rate.probed(t, found, seen)) {
            self.rate.update(t, used, seen, self.round_trip);
        }
        self.loss.update(loss::Known {
            rate: self.rate.bits(),
            waits: self.queue.waits(),
        });
        self.decide(t, pace);
    }

    /// Whether nothing waits, as far as is known.
    pub(super) fn is_free(&self) -> bool {
        self.queue.waits() < FREE && self.trend.used() != Use::Over
    }

    fn seen(&self) -> Seen {
        Seen {
            now: self.throughput.rate(NOW),
            long: self.throughput.rate(LONG),
            waits: self.queue.waits(),
        }
    }

    fn decide(&mut self, t: Time, pace: Pace) {
        let is_calm = self.over.is_none_or(|over| t > over + CALM);
        let is_told = self.silence.since().is_none_or(|since| t < since + TOLD);
        let known = probes::Known {
            bits: self.bits(),
            desired: pace.desired as f64,
            is_free: is_calm && is_told && self.queue.waits() < FREE && self.loss.is_calm(),
        };
        if !self.rests {
            self.probes.decide(t, known);
        }
        self.schedule(t, pace);
    }

    pub(super) fn padding(&mut self, t: Time, pace: Pace) -> Option<Padding> {
        if self.rests {
            return None;
        }
        let due = self.probes.padding(t);
        let padding = due.map(|(bytes, cluster)| Padding { bytes, cluster });
        let padding = padding.or_else(|| self.keep_alive(t, pace));
        self.schedule(t, pace);
        padding
    }

    /// What is missing to what is to flow at least.
    fn keep_alive(&mut self, t: Time, pace: Pace) -> Option<Padding> {
        if pace.least == 0 || self.heard.is_none() {
            return None;
        }
        let rate = (pace.least as f64).min(self.bits());
        let bytes = self.keepalive.due(t, rate)?;
        let cluster = Cluster::KEEPALIVE;
        (self.trend.used() != Use::Over).then_some(Padding { bytes, cluster })
    }

    pub(super) fn timeout(&mut self, t: Time, pace: Pace) -> bool {
        if !self.rests && t >= self.woken + REST {
            self.rest();
        }
        if !self.rests && self.unheard().is_some_and(|due| due <= t) {
            let bits = self.silence.doubt(self.rate.bits());
            self.rate.doubt(bits);
        }
        let (bits, desired) = (self.bits(), pace.desired as f64);
        if let Some(found) = self.probes.found(t, self.newest, bits, desired) {
            self.rate.probed(t, found, self.seen());
        }
        self.decide(t, pace);
        self.is_news(t)
    }

    /// When less is believed, if nothing is told until then.
    fn unheard(&self) -> Option<Time> {
        self.heard?;
        self.silence.deadline(self.round_trip)
    }

    fn rest(&mut self) {
        self.rests = true;
        self.history.clear();
        self.probes.stop();
        self.forget();
    }

    /// What was sent and came lately says nothing of what comes now.
    fn forget(&mut self) {
        self.groups = Groups::default();
        self.trend.broken();
        self.queue = Queue::default();
        self.throughput = Throughput::default();
        self.loss.broken();
        self.silence = Silence::default();
        self.over = None;
    }

    pub(super) fn wake(&mut self, t: Time) {
        if t >= self.woken + REST && !self.rests {
            self.rest();
        }
        if self.rests {
            self.rests = false;
            self.keepalive = Keepalive::new(t);
        }
        self.woken = t;
    }

    pub(super) fn moved(&mut self, t: Time, first: f64, pace: Pace) {
        let first = self.bits().min(first);
        self.history.clear();
        self.forget();
        self.rate = Rate::new(first);
        self.loss = Loss::default();
        self.probes.again(t);
        self.round_trip = ROUND_TRIP;
        self.decide(t, pace);
    }

    fn is_news(&mut self, t: Time) -> bool {
        self.heard.is_some() && self.news.is_any(t, self.bits())
    }

    fn schedule(&mut self, t: Time, pace: Pace) {
        self.sent = None;
        self.due = self.soonest(t, pace);
    }

    fn soonest(&self, t: Time, pace: Pace) -> Option<Time> {
        if self.rests {
            return None;
        }
        let wants = (pace.desired as f64) > self.bits();
        let keepalive = (pace.least > 0 && self.heard.is_some()).then(|| self.keepalive.deadline());
        earliest([
            self.probes.deadline(t, wants),
            keepalive,
            self.unheard(),
            Some(self.woken + REST),
        ])
    }
}
