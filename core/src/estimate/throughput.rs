//! What came through: bytes in bins of the peer's clock.

/// One bin, microseconds.
const BIN: i64 = 50_000;
/// Bins remembered: 1 s.
const BINS: usize = 20;
/// After so many packets in a row that came before all that is remembered, the clock has been set back.
const BACKWARDS: u32 = 4;

/// The last second.
#[derive(Debug, Default)]
pub(super) struct Throughput {
    bytes: [u32; BINS],
    /// The newest bin, since the peer's zero, and the first.
    newest: i64,
    first: i64,
    /// When the newest packet came.
    last: i64,
    began: bool,
    backwards: u32,
}

impl Throughput {
    /// So many bytes came at this time of the peer's clock, microseconds.
    pub(super) fn came(&mut self, at: i64, bytes: u16) {
        let bin = at.div_euclid(BIN);
        let ahead = bin.saturating_sub(self.newest);
        let is_far = ahead.saturating_abs() >= BINS as i64;
        if ahead < 0 && is_far && self.began {
            self.backwards += 1;
            if self.backwards < BACKWARDS {
                return;
            }
        }
        self.backwards = 0;
        if !self.began || is_far {
            *self = Self {
                newest: bin,
                first: bin,
                last: at,
                began: true,
                ..Self::default()
            };
        }
        while self.newest < bin {
            self.newest += 1;
            *self.bin(self.newest) = 0;
        }
        self.last = self.last.max(at);
        let here = self.bin(bin);
        *here = here.saturating_add(bytes.into());
    }

    /// Bits a second that came during the last `bins` bins and what there is of the newest. `None` where
    /// that is not known yet.
    pub(super) fn rate(&self, bins: i64) -> Option<f64> {
        let bins = bins.min(BINS as i64 - 1);
        if !self.began || self.newest - self.first < bins {
            return None;
        }
        let bytes: u64 = (self.newest - bins..=self.newest)
            .map(|bin| u64::from(self.bytes[bin.rem_euclid(BINS as i64) as usize]))
            .sum();
        let time = (bins * BIN + (self.last - self.newest * BIN).clamp(0, BIN)) as f64;
        Some(bytes as f64 * 8e6 / time)
    }

    fn bin(&mut self, bin: i64) -> &mut u32 {
        &mut self.bytes[bin.rem_euclid(BINS as i64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1,000 bytes every 10 ms: 800 kbit/s.
    fn steady(throughput: &mut Throughput, from: i64) {
        for n in 0..200 {
            throughput.came(from + n * 10_000, 1_000);
        }
    }

    #[test]
    fn what_comes_steadily_is_told_after_its_window() {
        let mut throughput = Throughput::default();
        assert_eq!(throughput.rate(10), None);
        throughput.came(1_000, 1_000);
        throughput.came(450_000, 1_000);
        assert_eq!(throughput.rate(10), None);
        steady(&mut throughput, 500_000);
        for bins in [3, 10, 19, 1_000] {
            let rate = throughput.rate(bins).unwrap();
            assert!((rate - 800e3).abs() < 60e3, "{rate}");
        }
    }

    #[test]
    fn a_short_window_follows_at_once() {
        let mut throughput = Throughput::default();
        steady(&mut throughput, 0);
        for n in 0..20 {
            throughput.came(2_000_000 + n * 10_000, 100);
        }
        assert!(throughput.rate(3).unwrap() < 100e3);
        assert!(throughput.rate(10).unwrap() > 400e3);
    }

    #[test]
    fn a_clock_that_jumps_begins_again() {
        for jump in [
            -1_000_000_000_000,
            -2_000_000,
            10_000_000,
            i64::MAX,
            i64::MIN,
        ] {
            let mut throughput = Throughput::default();
            steady(&mut throughput, 0);
            throughput.came(jump, 1_000);
            steady(&mut throughput, 5_000_000);
            let rate = throughput.rate(10).unwrap();
            assert!((rate - 800e3).abs() < 60e3, "{jump}: {rate}");
        }
    }
}
