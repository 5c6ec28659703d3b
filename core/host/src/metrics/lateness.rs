//! How late a loop comes to what is due.

use std::time::Duration;

use tsuji_core::Time;

/// Upper bounds of the classes, in microseconds: from what nobody notices to what everybody hears.
const BOUNDS: [u64; 10] = [
    100, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 200_000, 1_000_000,
];

/// How often a loop came how late to what was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lateness {
    /// One class for each bound, and one for what is later than the last.
    classes: [u64; BOUNDS.len() + 1],
    micros: u64,
}

impl Lateness {
    /// At `t` the loop came to what was due at `deadline`, if it was.
    pub(crate) fn note(&mut self, t: Time, deadline: Option<Time>) {
        if let Some(deadline) = deadline.filter(|deadline| *deadline <= t) {
            let late = t.since(deadline);
            let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
            let class = BOUNDS.iter().take_while(|bound| **bound < micros).count();
            self.classes[class] += 1;
            self.micros = self.micros.saturating_add(micros);
        }
    }

    /// Seconds in all.
    pub(super) fn sum(&self) -> f64 {
        Duration::from_micros(self.micros).as_secs_f64()
    }

    /// How often in all.
    pub(super) fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Each class: its upper bound in seconds, and how often it was.
    pub(super) fn classes(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.map(|bound| Duration::from_micros(bound).as_secs_f64());
        let bounds = bounds.into_iter().chain([f64::MAX]);
        bounds.zip(self.classes).collect()
    }
}
