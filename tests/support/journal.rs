//! When packets were sent and when they arrived, and what that means for whoever watches.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use tsuji_signaling::message::Id;

/// Sound or pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    Audio,
    Video,
}

/// One peer's packets, by their numbers, with their times.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    /// By line and number.
    sent: BTreeMap<(Line, u32), Instant>,
    /// By who sent it, line and number.
    arrived: BTreeMap<(Id, Line, u32), Instant>,
}

/// How a meeting was for a while: how late packets came, and how many never did.
#[derive(Clone, Debug, Default)]
pub struct Experience {
    /// Packets sent.
    pub sent: usize,
    /// Packets that did not arrive.
    pub lost: usize,
    /// The delays of the others, in order.
    delays: Vec<Duration>,
}

impl Journal {
    /// Packets up to `number` have been made, those that are new just now.
    pub(super) fn note_sent(&mut self, line: Line, number: u32) {
        let last = self.sent.range((line, 0)..=(line, u32::MAX)).next_back();
        let last = last.map_or(0, |((_, number), _)| *number);
        let now = Instant::now();
        self.sent
            .extend((last + 1..=number).map(|number| ((line, number), now)));
    }

    /// A packet arrived just now.
    pub(super) fn note_arrived(&mut self, from: Id, line: Line, number: u32) {
        let key = (from, line, number);
        self.arrived.entry(key).or_insert_with(Instant::now);
    }

    /// How what `sender` sent within a time was for the one whose journal this is.
    pub(super) fn experience(
        &self,
        sender: &Journal,
        id: Id,
        times: &std::ops::Range<Instant>,
    ) -> Experience {
        let mut experience = Experience::default();
        let sent = sender.sent.iter().filter(|(_, at)| times.contains(*at));
        for (&(line, number), at) in sent {
            experience.sent += 1;
            match self.arrived.get(&(id, line, number)) {
                Some(arrived) => experience.delays.push(arrived.duration_since(*at)),
                None => experience.lost += 1,
            }
        }
        experience.delays.sort_unstable();
        experience
    }
}

impl Experience {
    /// The two together.
    pub fn and(mut self, other: Self) -> Self {
        self.sent += other.sent;
        self.lost += other.lost;
        self.delays.extend(other.delays);
        self.delays.sort_unstable();
        self
    }

    /// The delay that this share of the packets, of 100, stayed below.
    pub fn percentile(&self, share: usize) -> Duration {
        let last = self.delays.len().saturating_sub(1);
        let place = (self.delays.len() * share / 100).min(last);
        self.delays.get(place).copied().unwrap_or_default()
    }
}

impl fmt::Display for Experience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |share| self.percentile(share).as_secs_f64() * 1_000.;
        let lost = 100. * self.lost as f64 / self.sent.max(1) as f64;
        write!(
            f,
            "{:>6} packets, {:>4} lost ({lost:.2} %), latency p50 {:.2} ms, p99 {:.2} ms, most {:.1} ms",
            self.sent,
            self.lost,
            ms(50),
            ms(99),
            ms(100),
        )
    }
}
