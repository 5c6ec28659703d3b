//! When to ask for a certificate.

use jiff::{SignedDuration, Timestamp};

use crate::tls::validity::Validity;

/// The pause after the first failure. 1 min: a mistake that was just made is mended soon.
const FIRST: SignedDuration = SignedDuration::from_mins(1);
/// The longest pause. 4 h: authorities take a few failures an hour, and there are weeks left.
const LONGEST: SignedDuration = SignedDuration::from_hours(4);

/// When a certificate is renewed: when a third of its time is left. For 90 days that is a month
/// before its end, and for one of six days two days before.
pub(super) fn renewal(validity: Validity) -> Timestamp {
    let third = validity.end.duration_since(validity.begin) / 3;
    validity.end - third
}

/// How long to wait after so many failures in a row.
pub(super) fn pause(failures: u32) -> SignedDuration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST * (1 << doublings)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    #[test]
    fn a_certificate_is_renewed_well_before_its_end() {
        let (begin, end) = (day(0), day(90));
        assert_eq!(renewal(Validity { begin, end }), day(60));
        let (begin, end) = (day(0), day(6));
        assert_eq!(renewal(Validity { begin, end }), day(4));
    }

    #[test]
    fn failures_are_tried_again_soon_and_then_rarely() {
        let minutes: Vec<_> = (1..=12).map(|failures| pause(failures).as_mins()).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240]);
        assert_eq!(pause(u32::MAX), LONGEST);
    }
}
