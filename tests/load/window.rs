//! What was measured within a time.

use std::ops::Range;
use std::time::Duration;

use tsuji_core::Time;
use tsuji_tests::Received;

/// What arrived of what was made within a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// When packets are made that count; empty while nothing is measured.
    pub(crate) time: Range<Time>,
    /// Packets of video that arrived.
    pub(crate) video: u64,
    /// Packets of sound that arrived.
    pub(crate) audio: u64,
    /// Packets that publishers made, times those who should get them.
    pub(crate) expected: u64,
    /// From making to arrival, microseconds.
    latencies: Vec<u32>,
    /// By how much publishers were too late, microseconds.
    late: Vec<u32>,
}

impl Window {
    /// What is made from `time` on counts, until it ends.
    pub(crate) fn open(time: Range<Time>) -> Self {
        Self {
            time,
            ..Self::default()
        }
    }

    pub(crate) fn arrived(&mut self, packet: &Received) {
        if self.time.contains(&packet.made) {
            match packet.audio {
                true => self.audio += 1,
                false => self.video += 1,
            }
            self.latencies.push(micros(packet.at.since(packet.made)));
        }
    }

    pub(crate) fn made(&mut self, at: Time, due: Time, packets: u64) {
        if self.time.contains(&at) && packets > 0 {
            self.expected += packets;
            self.late.push(micros(at.since(due)));
        }
    }

    pub(crate) fn packets(&self) -> u64 {
        self.video + self.audio
    }

    pub(crate) fn latencies(&self) -> Sorted {
        Sorted::of(self.latencies.clone())
    }

    pub(crate) fn late(&self) -> Sorted {
        Sorted::of(self.late.clone())
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// Durations in order, microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Sorted(Vec<u32>);

impl Sorted {
    pub(crate) fn of(mut micros: Vec<u32>) -> Self {
        micros.sort_unstable();
        Self(micros)
    }

    /// Milliseconds that this share of them, of 100, stayed below.
    pub(crate) fn percentile(&self, share: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let place = (self.0.len() * share / 100).min(last);
        f64::from(self.0.get(place).copied().unwrap_or_default()) / 1_000.
    }
}

/// The one in the middle; of none, nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
