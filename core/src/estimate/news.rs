//! When a change of what is believed is news.

use std::time::Duration;

use crate::time::Time;

/// A change below this is no news: 3 %; and one of this is at once, 15 %.
const NEWS: (f64, f64) = (0.03, 0.15);
/// Between two that are not: 200 ms.
pub(super) const SOON: Duration = Duration::from_millis(200);

/// What was told last, bits a second, and when.
#[derive(Debug, Default)]
pub(super) struct News {
    said: f64,
    at: Time,
}

impl News {
    /// Whether this is news; then it is told.
    #[must_use]
    pub(super) fn is_any(&mut self, t: Time, bits: f64) -> bool {
        let change = (bits - self.said).abs() / self.said.max(1.);
        let is_any = change > NEWS.1 || (change > NEWS.0 && t >= self.at + SOON);
        if is_any {
            (self.said, self.at) = (bits, t);
        }
        is_any
    }
}
