//! Padding that keeps something flowing where nothing that is wanted fits.

use std::time::Duration;

use crate::time::Time;

/// How often padding keeps something flowing, and the least worth a packet, bytes.
const INTERVAL: Duration = Duration::from_millis(20);
const WORTH: f64 = 100.;
/// What was sent at once counts for so long, seconds; and what was not sent is not made up for.
const COUNTS: f64 = 0.1;

/// What is missing to what is to flow.
#[derive(Debug)]
pub(super) struct Keepalive {
    /// Bytes.
    owed: f64,
    /// Since when it is reckoned.
    reckoned: Time,
}

impl Keepalive {
    pub(super) fn new(t: Time) -> Self {
        Self {
            owed: 0.,
            reckoned: t,
        }
    }

    /// A packet leaves.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.owed -= bytes as f64;
    }

    /// The bytes that are due where so many bits a second are to flow.
    pub(super) fn due(&mut self, t: Time, rate: f64) -> Option<usize> {
        if t < self.deadline() {
            return None;
        }
        let rate = rate / 8.;
        let time = t.since(self.reckoned).as_secs_f64();
        self.reckoned = t;
        let most = rate * COUNTS;
        self.owed = (self.owed + rate * time).clamp(-most, most);
        (self.owed >= WORTH).then_some(self.owed as usize)
    }

    /// When something may be.
    pub(super) fn deadline(&self) -> Time {
        self.reckoned + INTERVAL
    }
}
