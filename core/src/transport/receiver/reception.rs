//! How a stream comes: what is missing of it, and what receiver reports say (RFC 3550, 6.4.1, A.3 and A.8).

use std::time::Duration;

use super::missing::Missing;
use super::reports::Block;
use crate::ids::MediaKind;
use crate::time::Time;

/// How often a stream is reported on. 2.5 s: RFC 3550, 6.2 asks for 5 s on average.
const INTERVAL: Duration = Duration::from_millis(2_500);
/// More that is missing at once is another beginning, not loss. 2,000: two seconds of a large video.
const GAP: u64 = 2_000;

/// One stream of media.
#[derive(Debug)]
pub(super) struct Reception {
    kind: MediaKind,
    pub(super) missing: Missing,
    /// Extended numbers: the first that came, and the newest.
    first: Option<u64>,
    newest: u64,
    received: u64,
    /// Interarrival jitter, in sixteenths of a tick, and the transit of the last packet, in ticks.
    jitter: u32,
    transit: Option<u32>,
    /// The middle of the last sender report's NTP time, and when that came.
    heard: Option<(u32, Time)>,
    /// The last report: when it was, and what was expected and received until then.
    reported: Time,
    before: (u64, u64),
    /// When anything last came.
    pub(super) last: Time,
}

impl Reception {
    /// Sound that is missing is not asked for: it would come too late.
    pub(super) fn new(kind: MediaKind) -> Self {
        Self {
            kind,
            missing: Missing::default(),
            first: None,
            newest: 0,
            received: 0,
            jitter: 0,
            transit: None,
            heard: None,
            reported: Time::ZERO,
            before: (0, 0),
            last: Time::ZERO,
        }
    }

    /// A packet came that is new. `clock_rate`: ticks of its timestamp per second.
    pub(super) fn came(&mut self, t: Time, number: u64, timestamp: u32, clock_rate: u32) {
        self.last = t;
        self.is_here(t, number);
        let ticks = u128::from(t.as_micros()) * u128::from(clock_rate) / 1_000_000;
        let transit = (ticks as u32).wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            // RFC 3550, A.8, in whole numbers. What is absurd, of a clock that was set, counts for nothing.
            if difference < clock_rate {
                self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
            }
        }
    }

    /// There is a packet more, which came late if a repair brought it, and is not lost (RFC 3550, 6.4.1).
    pub(super) fn is_here(&mut self, t: Time, number: u64) {
        self.received += 1;
        if self.first.is_none() {
            (self.first, self.newest) = (Some(number), number);
        } else if number > self.newest {
            let skipped = self.newest + 1..number;
            self.newest = number;
            if self.kind == MediaKind::Video && !skipped.is_empty() {
                if number - skipped.start < GAP {
                    self.missing.skipped(t, skipped);
                } else {
                    self.missing = Missing::default();
                }
            }
        } else {
            self.missing.came(t, number);
        }
    }

    /// A sender report came, with this NTP time.
    pub(super) fn heard(&mut self, t: Time, ntp: u64) {
        self.heard = Some(((ntp >> 16) as u32, t));
    }

    pub(super) fn is_due(&self, t: Time) -> bool {
        self.is_report_due(t) || self.missing.deadline().is_some_and(|due| due <= t)
    }

    /// Whether it is to be reported on: something came since the last report.
    pub(super) fn is_report_due(&self, t: Time) -> bool {
        self.received != self.before.1 && t.since(self.reported) >= INTERVAL
    }

    /// What is to be said of it now.
    pub(super) fn report(&mut self, t: Time, ssrc: u32) -> Block {
        self.reported = t;
        let expected = self.first.map_or(0, |first| self.newest - first + 1);
        let before = std::mem::replace(&mut self.before, (expected, self.received));
        let (expected_since, received_since) = (expected - before.0, self.received - before.1);
        let lost_since = expected_since.saturating_sub(received_since);
        let fraction = (lost_since << 8).checked_div(expected_since).unwrap_or(0);
        // 24 bits with a sign: RFC 3550, 6.4.1 has it stay at its bounds.
        let lost = i64::try_from(expected).unwrap_or(i64::MAX)
            - i64::try_from(self.received).unwrap_or(i64::MAX);
        let (last, delay) = self.heard.map_or((0, 0), |(last, at)| {
            let delay = (t.since(at).as_micros() << 16) / 1_000_000;
            (last, u32::try_from(delay).unwrap_or(u32::MAX))
        });
        Block {
            ssrc,
            fraction: fraction.min(255) as u8,
            lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: self.newest as u32,
            jitter: self.jitter >> 4,
            last,
            delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn a_report_says_what_was_lost_since_the_last_and_in_all() {
        let mut reception = Reception::new(MediaKind::Video);
        let came = |reception: &mut Reception, number: u64| {
            reception.came(at(number * 10), number, number as u32 * 900, 90_000);
        };
        for number in (65_500..65_600).filter(|number| number % 4 != 3) {
            came(&mut reception, number);
        }
        assert!(reception.is_report_due(at(660_000)));
        reception.heard(at(659_000), 0x1234_5678_9abc_def0);
        let expected = Block {
            ssrc: 7,
            fraction: (24 * 256 / 99) as u8,
            lost: 24,
            highest: 65_598,
            jitter: 0,
            last: 0x5678_9abc,
            delay: 65_536,
        };
        assert_eq!(reception.report(at(660_000), 7), expected);
        assert!(!reception.is_report_due(at(670_000)), "nothing came since");
        // One that was missing, and the next.
        came(&mut reception, 65_503);
        came(&mut reception, 65_599);
        assert!(reception.is_report_due(at(662_500)) && !reception.is_report_due(at(662_499)));
        let Block { fraction, lost, .. } = reception.report(at(662_500), 7);
        assert_eq!((fraction, lost), (0, 23));
    }

    #[test]
    fn pictures_are_asked_for_and_sound_is_not() {
        for (kind, missing) in [(MediaKind::Video, 3), (MediaKind::Audio, 0)] {
            let mut reception = Reception::new(kind);
            for number in [10, 12, 15, 13, 100_000] {
                reception.came(at(0), number, 0, 90_000);
                if number == 15 {
                    assert_eq!(
                        reception.missing.due(at(100)).len(),
                        missing,
                        "11, 13 and 14"
                    );
                }
            }
            assert_eq!(reception.missing.deadline(), None, "another beginning");
        }
    }

    #[test]
    fn jitter_is_that_of_rfc_3550() {
        let mut reception = Reception::new(MediaKind::Video);
        for number in 0..1_000 {
            // Each second one 2 ms late: 180 ticks from one to the next.
            let late = number % 2 * 2;
            reception.came(at(number * 10 + late), number, number as u32 * 900, 90_000);
        }
        let jitter = reception.report(at(20_000), 1).jitter;
        assert!((175..=185).contains(&jitter), "{jitter}");
    }
}
