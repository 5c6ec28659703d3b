//! The estimator on simulated paths, and fed with what makes no sense.

mod changing;
mod odd;
mod steady;

use super::link::Sample;

pub(super) fn mean(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    samples.iter().map(of).sum::<f64>() / samples.len() as f64
}

pub(super) fn most(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    samples.iter().map(of).fold(0., f64::max)
}

/// The samples from `from` to `to`, seconds.
pub(super) fn part(samples: &[Sample], from: f64, to: f64) -> &[Sample] {
    let at = |seconds: f64| ((seconds * 10.) as usize).min(samples.len());
    &samples[at(from)..at(to)]
}

/// When something is first so, seconds after `from`.
pub(super) fn first(samples: &[Sample], from: f64, is_so: impl Fn(&Sample) -> bool) -> Option<f64> {
    let from = (from * 1_000.) as u64;
    let found = samples
        .iter()
        .find(|sample| sample.ms > from && is_so(sample));
    found.map(|sample| (sample.ms - from) as f64 / 1_000.)
}
