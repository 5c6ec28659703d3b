//! What is sent to find out what a path carries: packets again that were sent before, or padding alone.
//!
//! It goes out as retransmissions (RFC 4588) of some stream of pictures: whoever gets them drops what is there
//! already, and tells by its transport-wide feedback when they came.

use super::Sender;
use super::stream::{BLANK, Stream};
use crate::estimate::{Cluster, Padding};
use crate::path::Path;
use crate::time::Time;

/// How often the estimator is asked for padding at one moment.
const ROUNDS: usize = 16;
/// Packets for one answer at most: 32 kB or more.
const PACKETS: usize = 144;
/// What is less than this is made of padding alone. Bytes.
const SMALL: usize = 400;

impl Sender {
    /// Does what time demands of the estimator: sends the padding that it asks for.
    pub(in crate::transport) fn estimate_due(&mut self, t: Time, path: Option<Path>) {
        let Some(estimator) = &mut self.wire.estimator else {
            return;
        };
        if estimator.deadline().is_none_or(|due| due > t) {
            return;
        }
        self.news |= estimator.timeout(t);
        let (Some(path), Some(place)) = (path, self.padded()) else {
            return;
        };
        for _ in 0..ROUNDS {
            let Some(estimator) = &mut self.wire.estimator else {
                return;
            };
            let Some(Padding { bytes, cluster }) = estimator.padding(t) else {
                return;
            };
            self.fill(t, path, place, bytes, cluster);
        }
    }

    /// The stream of which padding is made: the newest, or the first that can be.
    fn padded(&self) -> Option<usize> {
        self.wire.keys.as_ref()?;
        let pads = |stream: &Stream| stream.repair.is_some() && stream.numbered.counts();
        let newest = self.newest.filter(|place| pads(&self.streams[*place]));
        newest.or_else(|| self.streams.iter().position(pads))
    }

    fn fill(&mut self, t: Time, path: Path, place: usize, bytes: usize, cluster: Cluster) {
        let Some(stream) = self.streams.get_mut(place) else {
            return;
        };
        let newest = stream.keep.newest(t).map(|kept| kept.part.sequence);
        let again: Vec<u64> = newest.take(PACKETS.min(bytes / BLANK + 1)).collect();
        let mut again = again.into_iter().cycle();
        let mut left = bytes;
        for _ in 0..PACKETS {
            if left == 0 {
                return;
            }
            let repeated = again.next().filter(|_| left > SMALL);
            let sent = match repeated {
                Some(sequence) => stream.repeat(t, path, sequence, Some(cluster), &mut self.wire),
                None => stream.blank(t, path, left, Some(cluster), &mut self.wire),
            };
            let Some(sent) = sent else {
                return;
            };
            left = left.saturating_sub(sent);
        }
    }
}
