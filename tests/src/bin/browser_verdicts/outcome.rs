//! What came of a plan: what was told, what was seen, and what was so.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tsuji_core::freeze::{Culprit, Facts, Verdict, verdict};

use crate::plan::Plan;

/// How much later the second fault of a pair begins.
pub(crate) const SECOND: Duration = Duration::from_millis(400);

/// What came of a plan. Times are milliseconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) plan: Plan,
    pub(crate) round: u32,
    /// When the first fault began.
    pub(crate) began: i64,
    /// When each of the faults was over.
    pub(crate) ended: Vec<i64>,
    /// Until everybody saw everybody well again, or the healthy minute was over.
    pub(crate) calm: i64,
    pub(crate) seen: Vec<Seen>,
    pub(crate) told: Vec<Told>,
}

/// What a page counted of somebody's picture meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) viewer: usize,
    pub(crate) publisher: usize,
    /// `freezeCount`.
    pub(crate) freezes: u64,
    /// `totalFreezesDuration`, seconds.
    pub(crate) frozen: f64,
}

/// A freeze that the server told of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) viewer: usize,
    pub(crate) publisher: usize,
    pub(crate) began: i64,
    /// `None`: it was not over.
    pub(crate) ended: Option<i64>,
    pub(crate) facts: Facts,
}

impl Outcome {
    /// All whose fault a freeze may be, by what was done then.
    pub(crate) fn truth(&self, told: &Told) -> Vec<Culprit> {
        let faults = self.plan.faults.iter().zip(&self.ended).enumerate();
        let then = faults.filter(|(place, ((fault, _), ended))| {
            let begin = self.began + if *place == 0 { 0 } else { millis(SECOND) };
            let end = *ended + millis(fault.aftermath());
            begin <= told.ended.unwrap_or(self.calm) && told.began <= end
        });
        let all = then.filter_map(|(_, ((fault, _), _))| fault.blame(told.viewer, told.publisher));
        let mut truth: Vec<_> = all.collect();
        truth.dedup();
        truth
    }

    /// Whether what was done had to do with what one sees of the other.
    pub(crate) fn concerns(&self, viewer: usize, publisher: usize) -> bool {
        let mut faults = self.plan.faults.iter();
        faults.any(|(fault, _)| fault.blame(viewer, publisher).is_some())
    }
}

impl Told {
    /// What this build says of it.
    pub(crate) fn verdict(&self) -> Verdict {
        verdict(&self.facts)
    }

    /// Seconds.
    pub(crate) fn length(&self) -> f64 {
        f64::from(self.facts.length_ms) / 1_000.
    }
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
