//! Shares of rates.

/// A share of a rate, bits a second: so many of so many parts.
pub(crate) fn part(rate: u64, (of, all): (u64, u64)) -> u64 {
    rate.saturating_mul(of) / all
}
