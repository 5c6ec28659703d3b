//! How much comes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::quality::{Rates, Temporal};
use crate::time::Time;

/// What is counted together. 500 ms: a keyframe is in it with the small frames that follow.
const STRETCH: Duration = Duration::from_millis(500);
/// Bytes around each payload: RTP with its extensions, SRTP, UDP and IP.
const AROUND: u64 = 70;

/// A temporal layer of less than this is not worth leaving out: 5 % of all.
const WORTH: u64 = 20;

/// The rate of a stream, and of its temporal layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meter {
    /// When the present stretch began.
    began: Option<Time>,
    /// Of the lowest temporal layer, of the next, and of all above.
    bytes: [u64; Temporal::ALL.len()],
    rates: Option<[u64; Temporal::ALL.len()]>,
}

impl Meter {
    /// A packet with so many bytes of payload came, of such pictures.
    pub(crate) fn note(&mut self, t: Time, bytes: usize, of: Temporal) {
        self.turn(t);
        self.bytes[of as usize] += bytes as u64 + AROUND;
    }

    /// A packet of sound came, some bytes of whose payload only repeat others. They count as
    /// [`Temporal::All`], and everything else as [`Temporal::Base`].
    pub(crate) fn note_sound(&mut self, t: Time, bytes: usize, repeated: usize) {
        self.turn(t);
        self.bytes[Temporal::Base as usize] += bytes.saturating_sub(repeated) as u64 + AROUND;
        self.bytes[Temporal::All as usize] += repeated as u64;
    }

    fn turn(&mut self, t: Time) {
        let began = *self.began.get_or_insert(t);
        let lasted = t.since(began);
        if lasted >= STRETCH {
            let micros = u64::try_from(lasted.as_micros()).unwrap_or(u64::MAX);
            let now = |bytes: u64| bytes.saturating_mul(8_000_000) / micros.max(1);
            let now = self.bytes.map(now);
            // Half of what was: pictures differ from each other.
            let mean = |before: [u64; _]| std::array::from_fn(|i| before[i].midpoint(now[i]));
            self.rates = Some(self.rates.map_or(now, mean));
            self.began = Some(t);
            self.bytes = Default::default();
        }
    }

    /// Bits a second; `None` while too little came to tell. With fewer pictures, where that is less.
    pub(crate) fn rates(&self) -> Option<Rates> {
        let [base, middle, above] = self.rates?;
        let low = base.saturating_add(middle);
        let all = low.saturating_add(above);
        let is_less = |rate: &u64| all.saturating_sub(*rate) > all / WORTH;
        let fewer = (middle > all / WORTH).then_some(low);
        Some([Some(base).filter(is_less), fewer.filter(is_less), Some(all)])
    }

    /// The stream pauses: the pause does not count.
    pub(crate) fn pause(&mut self) {
        self.began = None;
        self.bytes = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends 30 packets a second from `from` to `to` (milliseconds).
    fn run(meter: &mut Meter, from: u64, to: u64, bytes: usize) {
        for ms in (from..to).step_by(33) {
            meter.note(Time::from_millis(ms), bytes, Temporal::Base);
        }
    }

    fn rate(meter: &Meter) -> Option<u64> {
        meter.rates()?[Temporal::All as usize]
    }

    #[test]
    fn temporal_layers_have_rates_where_there_are_some() {
        use Temporal::{All, Base, Middle};
        let rates = |pattern: &[Temporal]| {
            let mut meter = Meter::default();
            for (picture, of) in pattern.iter().cycle().take(300).enumerate() {
                meter.note(Time::from_millis(33 * picture as u64), 930, *of);
            }
            let rates = meter.rates().unwrap();
            rates.map(|rate| Some((rate? + 15_000) / 30_000))
        };
        assert_eq!(rates(&[Base]), [None, None, Some(8)]);
        assert_eq!(rates(&[Base, Middle]), [Some(4), None, Some(8)]);
        let three = [Base, All, Middle, All];
        assert_eq!(rates(&three), [Some(2), Some(4), Some(8)]);
    }

    #[test]
    fn the_rate_is_known_after_a_stretch_and_follows_changes_within_seconds() {
        let mut meter = Meter::default();
        run(&mut meter, 0, 490, 930);
        assert_eq!(rate(&meter), None);
        run(&mut meter, 490, 1_100, 930);
        let steady = rate(&meter).unwrap();
        assert!((225_000..255_000).contains(&steady), "{steady}");
        run(&mut meter, 1_100, 4_000, 4_930);
        let more = rate(&meter).unwrap();
        assert!((1_100_000..1_230_000).contains(&more), "{more}");
    }

    #[test]
    fn a_pause_is_not_slowness() {
        let mut meter = Meter::default();
        run(&mut meter, 0, 1_100, 930);
        let before = rate(&meter).unwrap();
        meter.pause();
        run(&mut meter, 60_000, 61_100, 930);
        let after = rate(&meter).unwrap();
        assert!(after.abs_diff(before) < 30_000, "{before} {after}");
    }
}
