//! How much comes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// What is counted together. 500 ms: a keyframe is in it with the small frames that follow.
const STRETCH: Duration = Duration::from_millis(500);
/// Bytes around each payload: RTP with its extensions, SRTP, UDP and IP.
const AROUND: u64 = 70;

/// The rate of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meter {
    /// When the present stretch began.
    began: Option<Time>,
    bytes: u64,
    rate: Option<u64>,
}

impl Meter {
    /// A packet with so many bytes of payload came.
    pub(crate) fn note(&mut self, t: Time, bytes: usize) {
        let began = *self.began.get_or_insert(t);
        let lasted = t.since(began);
        if lasted >= STRETCH {
            let micros = u64::try_from(lasted.as_micros()).unwrap_or(u64::MAX);
            let now = self.bytes.saturating_mul(8_000_000) / micros.max(1);
            // Half of what was: pictures differ from each other.
            self.rate = Some(self.rate.map_or(now, |before| before.midpoint(now)));
            self.began = Some(t);
            self.bytes = 0;
        }
        self.bytes += bytes as u64 + AROUND;
    }

    /// Bits a second; `None` while too little came to tell.
    pub(crate) fn rate(&self) -> Option<u64> {
        self.rate
    }

    /// The stream pauses: the pause does not count.
    pub(crate) fn pause(&mut self) {
        self.began = None;
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends 30 packets a second from `from` to `to` (milliseconds).
    fn run(meter: &mut Meter, from: u64, to: u64, bytes: usize) {
        for ms in (from..to).step_by(33) {
            meter.note(Time::from_millis(ms), bytes);
        }
    }

    #[test]
    fn the_rate_is_known_after_a_stretch_and_follows_changes_within_seconds() {
        let mut meter = Meter::default();
        run(&mut meter, 0, 490, 930);
        assert_eq!(meter.rate(), None);
        run(&mut meter, 490, 1_100, 930);
        let steady = meter.rate().unwrap();
        assert!((225_000..255_000).contains(&steady), "{steady}");
        run(&mut meter, 1_100, 4_000, 4_930);
        let more = meter.rate().unwrap();
        assert!((1_100_000..1_230_000).contains(&more), "{more}");
    }

    #[test]
    fn a_pause_is_not_slowness() {
        let mut meter = Meter::default();
        run(&mut meter, 0, 1_100, 930);
        let before = meter.rate().unwrap();
        meter.pause();
        run(&mut meter, 60_000, 61_100, 930);
        let after = meter.rate().unwrap();
        assert!(after.abs_diff(before) < 30_000, "{before} {after}");
    }
}
