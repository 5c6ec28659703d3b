//! A path, somebody who sends over it as much as is believed to fit, and somebody who tells what came.
//!
//! ```text
//!  frames, sound, padding ─► queue, of so many bytes ─► loss ─► delay, jitter ─► feedback ─► delay ─► estimator
//! ```

use std::collections::VecDeque;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Estimator;
use crate::time::Time;
use crate::transport::Pace;

/// What a path does, from a moment on, milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Bits a second that it carries; none: nothing comes through.
    pub(super) rates: Vec<(u64, f64)>,
    /// Each way, milliseconds.
    pub(super) delay: u64,
    /// What the queue holds, milliseconds at the present rate.
    pub(super) queue: f64,
    /// The share of packets that is lost.
    pub(super) loss: f64,
    /// How much later each may come, milliseconds; order stays.
    pub(super) jitter: u64,
    /// By how much the peer's clock is faster, parts in a million.
    pub(super) drift: i64,
    /// Between two feedbacks, milliseconds.
    pub(super) feedback: u64,
    /// No feedback comes between these, milliseconds.
    pub(super) mute: (u64, u64),
    /// What others send over the same queue, from a moment on, bits a second.
    pub(super) others: Vec<(u64, f64)>,
    /// What waits in the queue whatever is sent, from a moment on, milliseconds.
    pub(super) stands: Vec<(u64, f64)>,
    /// What is to be sent, from a moment on, bits a second.
    pub(super) demand: Vec<(u64, f64)>,
    /// Not more than this is sent, whatever is wanted.
    pub(super) most: f64,
    /// Padding up to this, bits a second.
    pub(super) least: u64,
    /// When the path becomes another, milliseconds.
    pub(super) moves: Option<u64>,
}

impl Link {
    /// A plain path.
    pub(super) fn of(rate: f64) -> Self {
        Self {
            rates: vec![(0, rate)],
            delay: 25,
            queue: 200.,
            loss: 0.,
            jitter: 0,
            drift: 0,
            feedback: 70,
            mute: (0, 0),
            others: Vec::new(),
            stands: Vec::new(),
            demand: vec![(0, 25e6)],
            most: f64::INFINITY,
            least: 0,
            moves: None,
        }
    }
}

/// A tenth of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub(super) ms: u64,
    /// What is believed at its end.
    pub(super) estimate: f64,
    pub(super) capacity: f64,
    /// What was sent and what came through, padding included, and what of it was padding; bits a second.
    pub(super) sent: f64,
    pub(super) came: f64,
    pub(super) padding: f64,
    /// What waits in the queue at its end, milliseconds.
    pub(super) waits: f64,
}

/// What holds from a moment on.
fn at(steps: &[(u64, f64)], ms: u64) -> f64 {
    let step = steps.iter().take_while(|(from, _)| *from <= ms).last();
    step.map_or(0., |(_, value)| *value)
}

/// What a feedback says.
pub(super) type Told = Vec<(u16, Option<i64>)>;

/// A path in use.
struct Running {
    link: Link,
    rng: ChaCha8Rng,
    estimator: Estimator,
    /// The newest number.
    number: u64,
    /// When what is in the queue has left, microseconds.
    free: f64,
    /// What arrives: when, and its number.
    arriving: VecDeque<(u64, u64)>,
    /// Arrival of each that feedback has not told of: its number, and when.
    came: VecDeque<(u64, u64)>,
    told: u64,
    /// Feedback on its way.
    feedback: VecDeque<(u64, Told)>,
    sample: Sample,
    sizes: VecDeque<(u64, usize)>,
}

/// Runs it for so many seconds.
pub(super) fn run(link: &Link, seconds: u64, seed: u64) -> Vec<Sample> {
    let mut running = Running {
        link: link.clone(),
        rng: ChaCha8Rng::seed_from_u64(seed),
        estimator: Estimator::new(500_000),
        number: 65_000,
        free: 0.,
        arriving: VecDeque::new(),
        came: VecDeque::new(),
        told: 65_000,
        feedback: VecDeque::new(),
        sample: Sample::default(),
        sizes: VecDeque::new(),
    };
    let mut samples = Vec::new();
    let mut owed = 0.;
    let mut spread = 0.;
    for tick in 0..seconds * 1_000 {
        let t = Time::from_millis(tick);
        let demand = at(&link.demand, tick);
        if tick == 0 || at(&link.demand, tick - 1) != demand {
            let pace = Pace {
                least: link.least,
                desired: (demand * 1.2) as u64,
            };
            running.estimator.pace(t, pace);
        }
        if link.moves == Some(tick) {
            running.estimator.moved(t);
            // Its queue is empty.
            running.free = 0.;
        }
        running.receive(tick);
        // Sound.
        if tick.is_multiple_of(20) {
            running.send(tick, 120, None);
        }
        // A picture every 33 ms, in the 10 ms after that.
        if tick.is_multiple_of(33) {
            let believed = running.estimator.estimate().unwrap_or(300_000) as f64;
            let rate = (believed - 48e3).max(0.).min(demand).min(link.most);
            owed = rate * 0.033 / 8.;
            spread = owed / 10.;
        }
        let mut now = spread.min(owed);
        // Packets are no smaller than this, but the last.
        while owed > 0. && (now >= 1_200. || owed <= 1_200. || tick % 33 >= 9) {
            let bytes = owed.min(1_200.);
            running.send(tick, bytes as usize + 30, None);
            owed -= bytes;
            now -= bytes;
        }
        if owed > 0. {
            spread += owed.min(spread / (tick % 33 + 1) as f64);
        }
        running.pad(t, tick);
        if tick % 100 == 99 {
            samples.push(running.sample(tick));
        }
    }
    samples
}

impl Running {
    fn chance(&mut self) -> f64 {
        f64::from(self.rng.next_u32()) / f64::from(u32::MAX)
    }

    fn pad(&mut self, t: Time, tick: u64) {
        // A loop that never ends is a fault.
        for _ in 0..100 {
            if self.estimator.deadline().is_none_or(|due| due > t) {
                return;
            }
            self.estimator.timeout(t);
            while let Some(padding) = self.estimator.padding(t) {
                self.sample.padding += padding.bytes as f64 * 80.;
                let mut left = padding.bytes;
                while left > 0 {
                    let bytes = left.min(1_100);
                    self.send(tick, bytes, Some(padding.cluster));
                    left -= bytes;
                }
            }
        }
        panic!("time is demanded again and again at {t}");
    }

    fn send(&mut self, ms: u64, bytes: usize, cluster: Option<super::Cluster>) {
        self.number += 1;
        let number = self.number;
        let t = Time::from_millis(ms);
        self.estimator.sent(t, number, bytes, cluster);
        self.sample.sent += bytes as f64 * 80.;
        let now = ms as f64 * 1e3;
        let rate = at(&self.link.rates, ms);
        let others = at(&self.link.others, ms);
        let left = (rate - others).max(rate * 0.02);
        let start = self.free.max(now);
        if rate <= 0. || start - now > self.link.queue * 1e3 {
            return;
        }
        self.free = start + bytes as f64 * 8e6 / left;
        if self.chance() < self.link.loss {
            return;
        }
        let jitter = self.chance() * self.link.jitter as f64 * 1e3;
        let stands = at(&self.link.stands, ms) * 1e3;
        let came = (self.free + stands + jitter) as u64 + self.link.delay * 1_000;
        let after = self.arriving.back().map_or(0, |(last, _)| *last);
        self.arriving.push_back((came.max(after), number));
        self.sizes.push_back((number, bytes));
    }

    fn receive(&mut self, ms: u64) {
        while let Some((at, number)) = self.arriving.pop_front() {
            if at > ms * 1_000 {
                self.arriving.push_front((at, number));
                break;
            }
            self.came.push_back((number, at));
            if let Some((_, bytes)) = self.sizes.pop_front() {
                self.sample.came += bytes as f64 * 80.;
            }
        }
        if ms.is_multiple_of(self.link.feedback)
            && let Some((newest, _)) = self.came.back().copied()
        {
            let mut packets = Vec::new();
            for number in self.told + 1..=newest {
                let came = self.came.pop_front_if(|(first, _)| *first == number);
                let drift = |at: u64| at as i64 + at as i64 * self.link.drift / 1_000_000;
                // Its clock began long before ours, and counts in 250 µs.
                let at = came.map(|(_, at)| (drift(at) + 987_654_321) / 250 * 250);
                packets.push((number as u16, at));
            }
            self.told = newest;
            let (from, to) = self.link.mute;
            if !(from..to).contains(&ms) {
                self.feedback.push_back((ms + self.link.delay, packets));
            }
        }
        while let Some((_, packets)) = self.feedback.pop_front_if(|(at, _)| *at <= ms) {
            self.estimator
                .told(Time::from_millis(ms), packets.into_iter());
        }
    }

    fn sample(&mut self, ms: u64) -> Sample {
        let capacity = at(&self.link.rates, ms) - at(&self.link.others, ms);
        let waits = (self.free - ms as f64 * 1e3).max(0.) / 1e3;
        let sample = std::mem::take(&mut self.sample);
        Sample {
            ms: ms + 1,
            estimate: self.estimator.estimate().unwrap_or(0) as f64,
            capacity,
            waits,
            ..sample
        }
    }
}
