//! What the path to somebody carries, found out by whoever sends: congestion control as Google has it
//! (draft-ietf-rmcat-gcc-02, and what libwebrtc does since), from transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).
//!
//! ```text
//!  sent ──► history ◄── told (feedback): what came, and when
//!             │
//!             ├─► groups ─► trend: do queues grow? ─┐
//!             ├─► throughput: what comes through ───┼─► rate ──┐
//!             ├─► cluster: how a probe came out ────┘   ▲      ├─► the lower one: estimate
//!             ├─► loss: beside what is always lost ─────┼──────┘
//!             └─► queue: what waits at this moment ─► probes ─► padding
//! ```
//! Pure: no clock, no packets, nothing of any library. A packet costs a few additions, a feedback one pass
//! over what it tells of, and who is sent nothing costs nothing: after [`path::REST`] there is no deadline, and
//! the memory for what was sent is given back (at most 16 KiB).
//!
//! # For whoever sends
//!
//! - Each packet that carries a transport-wide number is told to [`Estimator::sent`] with that number,
//!   extended to 64 bits and never lower than before. `cluster`: that of the padding that it is; `None` of
//!   everything else, which counts into the probe that is being sent if there is one.
//! - When [`Estimator::deadline`] has come: [`Estimator::timeout`], and then [`Estimator::padding`] until
//!   it is `None`. It says how many bytes are due as one or several packets; whoever can't pad sends less, or
//!   nothing. Packets of a probe should be large: one of 40 Mbit/s is 75 kB within 15 ms.
//! - Both [`Estimator::told`], in [`Heard::news`], and [`Estimator::timeout`] say whether [`Estimator::estimate`] is news.

mod cluster;
mod groups;
mod history;
mod keepalive;
mod loss;
mod news;
mod path;
mod probes;
mod queue;
mod rate;
mod silence;
mod throughput;
mod trend;

#[cfg(test)]
mod link;
#[cfg(test)]
mod tests;

pub(crate) use cluster::Cluster;

use path::Path;

use crate::time::Time;
use crate::transport::Pace;

/// What is believed at least and at most, bits a second.
const LEAST: f64 = 40e3;
const MOST: f64 = 100e6;

/// What padding is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Padding {
    /// On the wire, without IP and UDP.
    pub(crate) bytes: usize,
    /// What these packets are told to [`Estimator::sent`] with.
    pub(crate) cluster: Cluster,
}

/// What came of a feedback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Whether the estimate is news.
    pub(crate) news: bool,
    /// Packets of which it is new that they came.
    pub(crate) came: usize,
    /// How long the quickest of those was under way, and the slowest: microseconds from our clock to the peer's.
    pub(crate) took: Option<(i64, i64)>,
}

/// The estimator of one path.
#[derive(Debug)]
pub(crate) struct Estimator {
    first: f64,
    pace: Pace,
    /// From when something is first sent.
    path: Option<Box<Path>>,
}

impl Estimator {
    /// Of a path that is believed to carry `first` bits a second until it has shown more.
    pub(crate) fn new(first: u64) -> Self {
        Self {
            first: (first as f64).clamp(LEAST, MOST),
            pace: Pace::default(),
            path: None,
        }
    }

    /// A packet leaves with this transport-wide number, extended; `bytes`: on the wire from its RTP header
    /// on; `cluster`: of padding, what [`Estimator::padding`] said.
    pub(crate) fn sent(&mut self, t: Time, number: u64, bytes: usize, cluster: Option<Cluster>) {
        let path = self.path.get_or_insert_with(|| Path::new(t, self.first));
        path.sent(t, number, bytes, cluster, self.pace);
    }

    /// What a transport-wide feedback says of packets, in its order: the number's 16 bits, and when it
    /// came by the peer's clock, microseconds; `None` where it did not.
    pub(crate) fn told(
        &mut self,
        t: Time,
        packets: impl Iterator<Item = (u16, Option<i64>)>,
    ) -> Heard {
        let pace = self.pace;
        let path = self.path.as_mut();
        path.map_or(Heard::default(), |path| path.told(t, packets, pace))
    }

    /// What would be sent if the path carried it.
    pub(crate) fn pace(&mut self, t: Time, pace: Pace) {
        let before = std::mem::replace(&mut self.pace, pace);
        if pace.least > 0 {
            // Nothing else may flow, and it is to be found out whether something can.
            let path = self.path.get_or_insert_with(|| Path::new(t, self.first));
            path.wake(t);
        }
        if let Some(path) = &mut self.path {
            path.paced(t, before, pace);
        }
    }

    /// What padding is due.
    pub(crate) fn padding(&mut self, t: Time) -> Option<Padding> {
        self.path.as_mut()?.padding(t, self.pace)
    }

    /// Does what time demands. Says whether the estimate is news.
    pub(crate) fn timeout(&mut self, t: Time) -> bool {
        let pace = self.pace;
        self.path.as_mut().is_some_and(|path| path.timeout(t, pace))
    }

    /// When [`Estimator::timeout`] and [`Estimator::padding`] are due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.path.as_ref()?.due(self.pace)
    }

    /// What the path is believed to carry, bits a second; `None` until there is feedback.
    pub(crate) fn estimate(&self) -> Option<u64> {
        self.path.as_ref()?.estimate()
    }

    /// Whether nothing waits on the path, as far as is known.
    pub(crate) fn is_free(&self) -> bool {
        self.path.as_ref().is_none_or(|path| path.is_free())
    }

    /// The peer is reached another way from now on.
    pub(crate) fn moved(&mut self, t: Time) {
        if let Some(path) = &mut self.path {
            path.moved(t, self.first, self.pace);
        }
    }
}
