//! Whether what is sent waits longer and longer: a line through the delays of the last groups, whose slope
//! is held against a threshold that adapts (draft-ietf-rmcat-gcc-02, 5.3 and 5.4, with the line instead of
//! the filter, as libwebrtc has it since).

use super::groups::Step;

/// Groups that the line goes through.
const WINDOW: usize = 20;
/// How much of what delays were is kept with each group.
const SMOOTH: f64 = 0.9;
/// The slope counts as often as there were groups, up to so many, and so much.
const COUNTED: f64 = 60.;
const GAIN: f64 = 4.;
/// The threshold at first, and its bounds, milliseconds.
const FIRST: f64 = 12.5;
const BOUNDS: (f64, f64) = (6., 600.);
/// How fast it goes down and up to the slopes that are seen, a millisecond.
const DOWN: f64 = 0.039;
const UP: f64 = 0.0087;
/// What is further above it is a spike, to which it does not adapt, milliseconds.
const SPIKE: f64 = 15.;
/// Between two groups it adapts for as long at most, milliseconds.
const GAP: f64 = 100.;
/// For how long delays have to grow, milliseconds.
const GROWS: f64 = 10.;

/// How the path is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Use {
    /// Queues grow.
    Over,
    /// Delay stays.
    #[default]
    Normal,
    /// Queues drain.
    Under,
}

/// The line.
#[derive(Debug)]
pub(super) struct Trend {
    /// When groups arrived, and their smoothed delays, milliseconds, since `zero`.
    points: [(f64, f64); WINDOW],
    /// How many groups there were.
    groups: u32,
    zero: i64,
    sum: f64,
    smooth: f64,
    slope: f64,
    threshold: f64,
    /// When it adapted, milliseconds.
    adapted: f64,
    /// For how long delays have grown, milliseconds, and in how many groups.
    grows: Option<(f64, u32)>,
    used: Use,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            points: [(0., 0.); WINDOW],
            groups: 0,
            zero: 0,
            sum: 0.,
            smooth: 0.,
            slope: 0.,
            threshold: FIRST,
            adapted: 0.,
            grows: None,
            used: Use::Normal,
        }
    }
}

impl Trend {
    pub(super) fn used(&self) -> Use {
        self.used
    }

    /// What follows can't be compared with what was. What the threshold has learnt stays.
    pub(super) fn broken(&mut self) {
        *self = Self {
            threshold: self.threshold,
            ..Self::default()
        };
    }

    /// A group is complete.
    pub(super) fn step(&mut self, step: Step) {
        if self.groups == 0 {
            self.zero = step.at;
        }
        let at = step.at.saturating_sub(self.zero) as f64 / 1e3;
        if self.groups == 0 {
            self.adapted = at;
        }
        let sent = step.sent as f64 / 1e3;
        self.sum += step.came as f64 / 1e3 - sent;
        self.smooth = SMOOTH * self.smooth + (1. - SMOOTH) * self.sum;
        self.points[self.groups as usize % WINDOW] = (at, self.smooth);
        self.groups = self.groups.saturating_add(1);
        let slope = if self.groups as usize >= WINDOW {
            self.fit().unwrap_or(self.slope)
        } else {
            0.
        };
        self.detect(slope, sent, at);
    }

    /// The slope of the line, milliseconds a millisecond.
    fn fit(&self) -> Option<f64> {
        let count = WINDOW as f64;
        let (x, y) =
            (self.points.iter()).fold((0., 0.), |(x, y), point| (x + point.0, y + point.1));
        let (x, y) = (x / count, y / count);
        let (above, below) = self.points.iter().fold((0., 0.), |(above, below), point| {
            let (x, y) = (point.0 - x, point.1 - y);
            (above + x * y, below + x * x)
        });
        (below > 0.).then(|| above / below)
    }

    fn detect(&mut self, slope: f64, sent: f64, at: f64) {
        let seen = COUNTED.min(self.groups.into()) * slope * GAIN;
        if seen > self.threshold {
            let (time, groups) = match self.grows {
                // Half of the time since the group before.
                None => (sent / 2., 1),
                Some((time, groups)) => (time + sent, groups + 1),
            };
            self.grows = Some((time, groups));
            if time > GROWS && groups > 1 && slope >= self.slope {
                self.grows = None;
                self.used = Use::Over;
            }
        } else {
            self.grows = None;
            self.used = if seen < -self.threshold {
                Use::Under
            } else {
                Use::Normal
            };
        }
        self.slope = slope;
        self.adapt(seen.abs(), at);
    }

    fn adapt(&mut self, seen: f64, at: f64) {
        let time = (at - self.adapted).clamp(0., GAP);
        self.adapted = at;
        if seen > self.threshold + SPIKE {
            return;
        }
        let rate = if seen < self.threshold { DOWN } else { UP };
        self.threshold += (rate * time).min(1.) * (seen - self.threshold);
        self.threshold = self.threshold.clamp(BOUNDS.0, BOUNDS.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups every 20 ms, each of which arrives so much later than the one before, milliseconds.
    fn after(trend: &mut Trend, from: i64, delays: impl IntoIterator<Item = f64>) -> Vec<Use> {
        let mut at = from * 1_000;
        let uses = delays.into_iter().map(|later| {
            let came = 20_000 + (later * 1e3) as i64;
            at += came;
            trend.step(Step {
                sent: 20_000,
                came,
                at,
            });
            trend.used()
        });
        uses.collect()
    }

    #[test]
    fn growing_delay_is_overuse_within_a_second_and_falling_delay_underuse() {
        for (later, within) in [(20., 12), (5., 20), (1., 45)] {
            let mut trend = Trend::default();
            let uses = after(&mut trend, 0, [0.; 30]);
            assert!(uses.iter().all(|used| *used == Use::Normal));
            let uses = after(&mut trend, 600, [later; 60]);
            let over = uses.iter().position(|used| *used == Use::Over);
            assert!(over.is_some_and(|over| over < within), "{later}: {over:?}");
            let uses = after(&mut trend, 3_000, [-5.; 60]);
            assert!(uses.contains(&Use::Under));
        }
    }

    #[test]
    fn what_only_trembles_is_normal() {
        let mut trend = Trend::default();
        let trembling = (0..500).map(|n| if n % 2 == 0 { 8. } else { -8. });
        let uses = after(&mut trend, 0, trembling);
        let over = uses.iter().filter(|used| **used == Use::Over).count();
        assert_eq!(over, 0);
    }

    #[test]
    fn a_clock_that_runs_faster_is_no_overuse() {
        for drift in [-0.01, 0.01] {
            let mut trend = Trend::default();
            let uses = after(&mut trend, 0, [drift; 2_000]);
            assert!(uses.iter().all(|used| *used == Use::Normal));
        }
    }
}
