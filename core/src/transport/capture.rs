//! When what a peer sends was captured, as its sender reports tell (RFC 3550, 6.4.1).
//!
//! A report says which timestamp of a stream belongs to which moment of the peer's clock, one clock for all
//! of its streams. How far that is from ours nobody knows, but it is as far for all of them: counted from
//! what took the least time on its way, what was captured together is of one moment here too, however much
//! longer pictures take to be encoded, paced and carried than sound. Without reports, what comes was captured
//! as it came.

use std::time::Duration;

use super::Line;
use super::receiver::SenderReport;
use crate::ids::Layer;
use crate::time::Time;

/// Reports of so many streams are kept. 8: sound and the layers of the picture, twice.
const STREAMS: usize = 8;
/// By how much a clock may run slower than ours: 500 parts in a million.
const DRIFT: i64 = 2_000;
/// What took longer than this is a clock that was set, or nonsense. 5 s: no queue holds as much.
const LONGEST: i64 = 5_000_000;

/// What the reports of a peer told. Moments are microseconds.
#[derive(Debug, Default)]
pub(super) struct Capture {
    /// By how much our clock is ahead of the peer's, and the least time that anything took; and when that
    /// was found.
    ahead: Option<(i64, Time)>,
    /// The newest one of each stream first.
    reports: Vec<Report>,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    stream: (Line, Layer),
    ssrc: u32,
    /// On the peer's clock.
    at: i64,
    timestamp: u32,
}

impl Capture {
    /// A report came, for which nothing had to wait.
    pub(super) fn report(&mut self, t: Time, stream: (Line, Layer), told: SenderReport) {
        let report = Report {
            stream,
            ssrc: told.ssrc,
            at: ntp_micros(told.ntp),
            timestamp: told.timestamp,
        };
        self.reports.retain(|known| known.stream != stream);
        self.reports.insert(0, report);
        self.reports.truncate(STREAMS);
        self.took(t, report.at);
    }

    /// Something that is of a moment of the peer's clock came.
    fn took(&mut self, t: Time, at: i64) {
        let ahead = micros(t) - at;
        let least = self.ahead.map(|(before, since)| {
            let passed = i64::try_from(t.since(since).as_micros()).unwrap_or(i64::MAX);
            before.saturating_add(passed / DRIFT)
        });
        let least = least.filter(|least| ahead - least < LONGEST);
        self.ahead = Some((least.map_or(ahead, |least| least.min(ahead)), t));
    }

    /// How long ago a packet that has come now was captured, in whole milliseconds. `clock_rate`: ticks of its
    /// timestamp per second.
    pub(super) fn age(
        &mut self,
        t: Time,
        (stream, ssrc): ((Line, Layer), u32),
        timestamp: u32,
        clock_rate: u32,
    ) -> Duration {
        let is_it = |report: &&Report| (report.stream, report.ssrc) == (stream, ssrc);
        let Some(report) = self.reports.iter().find(is_it) else {
            return Duration::ZERO;
        };
        // The nearer way around.
        let ticks = i64::from(timestamp.wrapping_sub(report.timestamp).cast_signed());
        let at = report.at + ticks * 1_000_000 / i64::from(clock_rate);
        let Some((ahead, _)) = self.ahead else {
            return Duration::ZERO;
        };
        let age = micros(t) - (at + ahead);
        match age {
            0..LONGEST => Duration::from_millis(age.unsigned_abs() / 1_000),
            // Faster than anything before.
            ..0 if age > -LONGEST => {
                self.took(t, at);
                Duration::ZERO
            }
            _ => Duration::ZERO,
        }
    }
}

fn micros(t: Time) -> i64 {
    i64::try_from(t.as_micros()).unwrap_or(i64::MAX)
}

/// Seconds and their fraction, 32 bits each.
fn ntp_micros(ntp: u64) -> i64 {
    let (seconds, fraction) = (ntp >> 32, ntp & 0xffff_ffff);
    (seconds * 1_000_000 + ((fraction * 1_000_000) >> 32)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream, and the SSRC of it.
    type Of = (Layer, u32);
    const PICTURE: Of = (Layer::Full, 7);
    const SOUND: Of = (Layer::Half, 8);

    /// The peer's clock is 1,000 s ahead of ours.
    fn report(capture: &mut Capture, came: u64, (layer, ssrc): Of, at: u64, timestamp: u32) {
        let millis = 1_000_000 + at;
        let told = SenderReport {
            ssrc,
            // Rounded up, so that it is read as it was meant.
            ntp: (millis / 1_000) << 32 | ((millis % 1_000) << 32).div_ceil(1_000),
            timestamp,
        };
        capture.report(Time::from_millis(came), (Line::none(), layer), told);
    }

    fn age(capture: &mut Capture, came: u64, of: Of, timestamp: u32) -> u128 {
        let rate = if of == SOUND { 48_000 } else { 90_000 };
        let of = ((Line::none(), of.0), of.1);
        capture
            .age(Time::from_millis(came), of, timestamp, rate)
            .as_millis()
    }

    #[test]
    fn what_was_captured_together_is_as_old_as_it_took_longer() {
        let mut capture = Capture::default();
        assert_eq!(age(&mut capture, 5, SOUND, 48), 0, "nothing is known");
        report(&mut capture, 1_030, SOUND, 1_000, 4_000);
        report(&mut capture, 1_040, PICTURE, 1_000, u32::MAX - 44_999);
        // Captured half a second later: sound in 30 ms, the picture in 180.
        assert_eq!(age(&mut capture, 1_530, SOUND, 28_000), 0);
        assert_eq!(age(&mut capture, 1_680, PICTURE, 0), 150);
        let other = (PICTURE.0, 9);
        assert_eq!(age(&mut capture, 1_680, other, 0), 0, "of another encoder");
    }

    #[test]
    fn what_is_faster_than_anything_before_is_what_counts() {
        let mut capture = Capture::default();
        report(&mut capture, 1_200, SOUND, 1_000, 0);
        report(&mut capture, 1_250, PICTURE, 1_000, 0);
        assert_eq!(age(&mut capture, 1_120, SOUND, 4_800), 0, "in 20 ms");
        assert_eq!(age(&mut capture, 1_220, PICTURE, 9_000), 100, "in 120 ms");
    }

    #[test]
    fn a_clock_that_is_slow_or_is_set_is_followed() {
        let mut capture = Capture::default();
        report(&mut capture, 1_000, SOUND, 1_000, 0);
        // 100 parts in a million.
        for seconds in (10..2_000).step_by(10) {
            let passed = 1_000 * seconds;
            report(
                &mut capture,
                1_000 + passed + passed / 10_000,
                SOUND,
                1_000 + passed,
                0,
            );
        }
        assert_eq!(age(&mut capture, 1_991_199 + 50, SOUND, 48), 49);
        report(&mut capture, 2_000_000, SOUND, 0, 0);
        assert_eq!(age(&mut capture, 2_000_030, SOUND, 48 * 10), 20);
        report(&mut capture, 2_000_100, SOUND, 3_000_000, 0);
        assert_eq!(age(&mut capture, 2_000_130, SOUND, 48 * 10), 20);
    }

    #[test]
    fn no_report_makes_anything_older_than_a_queue_holds() {
        let mut capture = Capture::default();
        report(&mut capture, 1_000, SOUND, 1_000, 0);
        for timestamp in [0, 1 << 31, u32::MAX, 48_000_000, 1 << 30] {
            for came in [0, 1_000, 1 << 50] {
                assert!(age(&mut capture, came, SOUND, timestamp) < 5_000);
            }
        }
    }
}
