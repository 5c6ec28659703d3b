//! RTP sequence numbers and timestamps (RFC 3550, 5.1).

use serde::{Deserialize, Serialize};

use super::gapless::Gapless;
use crate::time::Time;

/// Where the first packet of a stream begins. str0m wants the first sequence number below 2^16,
/// or the receiver's rollover counter would have to be told (RFC 3711, 3.3.1).
const FIRST_SEQUENCE: u64 = 1_000;

/// Renumbers one outgoing stream.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RtpContinuity {
    clock_rate: u32,
    stretch: Option<Stretch>,
    last: Option<Last>,
}

/// Offsets of the stretch that runs.
#[derive(Debug, Serialize, Deserialize)]
struct Stretch {
    first_in: u64,
    first_out: u64,
    numbers: Gapless,
    /// Wrapping: out = in + offset.
    timestamp_offset: u32,
    /// The timestamp of what was left out last, with no number behind it since.
    left_out: Option<u32>,
}

/// The newest packet sent.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Last {
    sequence: u64,
    timestamp: u32,
    at: Time,
}

impl RtpContinuity {
    /// `clock_rate`: ticks of the timestamp per second.
    pub(crate) fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            stretch: None,
            last: None,
        }
    }

    /// The highest sequence number, in or out, that is remembered.
    pub(crate) fn newest_sequence(&self) -> u64 {
        let stretch = self.stretch.as_ref();
        let stretch = stretch.map_or(0, |stretch| {
            let newest = stretch.numbers.newest();
            stretch.first_in.max(stretch.first_out).max(newest)
        });
        stretch.max(self.last.map_or(0, |last| last.sequence))
    }

    /// The sequence number of the newest packet that was sent.
    pub(crate) fn newest_sent(&self) -> Option<u64> {
        self.last.map(|last| last.sequence)
    }

    /// The next packet begins a new stretch.
    pub(crate) fn interrupt(&mut self) {
        self.stretch = None;
    }

    /// The outgoing sequence number and timestamp of a packet that came at `t`; `None` when it is
    /// older than the stretch and has no place in it.
    pub(crate) fn renumber(
        &mut self,
        t: Time,
        sequence: u64,
        timestamp: u32,
    ) -> Option<(u64, u32)> {
        if self.stretch.is_none() {
            self.stretch = Some(self.begin(t, sequence, timestamp));
        }
        let stretch = self.stretch.as_mut()?;
        if sequence > stretch.numbers.newest() {
            stretch.left_out = None;
        }
        let ahead = stretch.numbers.place(sequence)?;
        let ahead = ahead.checked_sub(stretch.first_in)?;
        let out = stretch.first_out.saturating_add(ahead);
        let timestamp = timestamp.wrapping_add(stretch.timestamp_offset);
        if self.last.is_none_or(|last| out > last.sequence) {
            self.last = Some(Last {
                sequence: out,
                timestamp,
                at: t,
            });
        }
        Some((out, timestamp))
    }

    /// The number of a packet that is not sent, of a picture that is left out: there is none in its
    /// place.
    pub(crate) fn leave_out(&mut self, sequence: u64, timestamp: u32) {
        let Some(stretch) = &mut self.stretch else {
            return;
        };
        if sequence > stretch.numbers.newest() {
            // What is missing between two packets of one picture is of that picture.
            let same = stretch.left_out.replace(timestamp) == Some(timestamp);
            stretch.numbers.leave_out(sequence, same);
        }
    }

    fn begin(&self, t: Time, sequence: u64, timestamp: u32) -> Stretch {
        let Some(last) = self.last else {
            return Stretch {
                first_in: sequence,
                first_out: FIRST_SEQUENCE,
                numbers: Gapless::default(),
                timestamp_offset: 0,
                left_out: None,
            };
        };
        // As much media time passes between two stretches as real time, and never none: two frames
        // with one timestamp would be one frame.
        let micros = t.since(last.at).as_micros();
        let ticks = micros * u128::from(self.clock_rate) / 1_000_000;
        // Wrapping like the timestamp itself.
        let next = last.timestamp.wrapping_add((ticks as u32).max(1));
        Stretch {
            first_in: sequence,
            first_out: last.sequence.saturating_add(1),
            numbers: Gapless::default(),
            left_out: None,
            timestamp_offset: next.wrapping_sub(timestamp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn a_gap_in_the_source_is_a_gap_for_the_viewer() {
        let mut stream = RtpContinuity::new(90_000);
        let out = |stream: &mut RtpContinuity, sequence| {
            stream.renumber(at(0), sequence, 7).map(|(out, _)| out)
        };
        assert_eq!(out(&mut stream, 70_000), Some(1_000));
        assert_eq!(out(&mut stream, 70_003), Some(1_003));
        assert_eq!(
            out(&mut stream, 70_001),
            Some(1_001),
            "late, its place kept"
        );
        assert_eq!(out(&mut stream, 69_999), None, "before the stretch");
    }

    #[test]
    fn a_new_source_continues_where_the_old_one_ended() {
        let mut stream = RtpContinuity::new(90_000);
        assert_eq!(stream.renumber(at(0), 500, 10_000), Some((1_000, 10_000)));
        assert_eq!(stream.renumber(at(33), 502, 13_000), Some((1_002, 13_000)));
        stream.interrupt();
        assert_eq!(
            stream.renumber(at(133), 9, 4_000_000_000),
            Some((1_003, 22_000)),
            "one on, and 100 ms of 90 kHz later"
        );
    }

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let mut stream = RtpContinuity::new(90_000);
        let mut out = |sequence, timestamp| stream.renumber(at(0), sequence, timestamp);
        assert_eq!(out(500, 0), Some((1_000, 0)));
        stream.leave_out(501, 3_000);
        // 502 is lost, of the same picture.
        stream.leave_out(503, 3_000);
        // 504 is lost, of whatever.
        stream.leave_out(505, 6_000);
        let mut out = |sequence, timestamp| stream.renumber(at(0), sequence, timestamp);
        assert_eq!(out(506, 9_000), Some((1_002, 9_000)));
        assert_eq!(out(504, 6_000), Some((1_001, 6_000)), "late");
        assert_eq!(out(502, 3_000), None);
        assert_eq!(out(505, 6_000), None);
        stream.interrupt();
        assert_eq!(stream.renumber(at(0), 7, 0).unwrap().0, 1_003);
    }

    #[test]
    fn two_stretches_never_share_a_timestamp() {
        let mut stream = RtpContinuity::new(48_000);
        let (_, before) = stream.renumber(at(5), 1, u32::MAX).unwrap();
        stream.interrupt();
        let (_, after) = stream.renumber(at(5), 900, 77).unwrap();
        assert_eq!(after.wrapping_sub(before), 1);
    }
}
