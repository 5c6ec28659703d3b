//! What came of pictures to the peer: str0m's streams and packets, as [`Arrivals`] knows them.

use std::time::Duration;

use str0m::rtp::StreamTx;

use super::connection::Connection;
use super::line::Line;
use crate::freeze::{Arrivals, Gap, Part, Path, Sent};
use crate::time::Time;

/// The streams of pictures of one connection.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Each line on which something was written, and its SSRC.
    lines: Vec<(Line, u32)>,
    pub(super) seen: Arrivals,
}

impl Watched {
    /// A packet is written to a stream.
    pub(super) fn written(&mut self, line: Line, stream: &StreamTx, part: Part) {
        let ssrc = *stream.ssrc();
        if self.ssrc(line) != Some(ssrc) {
            self.lines.push((line, ssrc));
            self.seen.slot(ssrc, stream.rtx().map(|ssrc| *ssrc));
        }
        self.seen.written(ssrc, part);
    }

    /// An RTP packet leaves, with this transport-wide number.
    pub(super) fn sent(&mut self, t: Time, number: u16, packet: &[u8]) {
        let Some((head, _)) = packet.split_first_chunk::<12>() else {
            return;
        };
        self.seen.sent(
            t,
            Sent {
                number,
                ssrc: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
                sequence: u16::from_be_bytes([head[2], head[3]]),
                repeats: tsuji_hermetic::last_sealed(),
            },
        );
    }

    fn ssrc(&self, line: Line) -> Option<u32> {
        let mut lines = self.lines.iter();
        lines
            .find(|(known, _)| *known == line)
            .map(|(_, ssrc)| *ssrc)
    }
}

impl Connection {
    /// Whether pictures came to the peer with gaps that nobody took yet.
    pub(crate) fn has_gaps(&self) -> bool {
        self.arrivals.seen.has_gaps()
    }

    /// The gaps of a line.
    pub(crate) fn take_gaps(&mut self, line: Line) -> Vec<Gap> {
        let ssrc = self.arrivals.ssrc(line);
        ssrc.map_or(Vec::new(), |ssrc| self.arrivals.seen.take_gaps(ssrc))
    }

    /// Since when nothing comes to the peer on a line, if that is a freeze. `speaks`: something comes from
    /// it.
    pub(crate) fn open_gap(&self, t: Time, line: Line, speaks: bool) -> Option<Gap> {
        self.arrivals
            .seen
            .open(t, self.arrivals.ssrc(line)?, speaks)
    }

    /// Whether something is missing on a line, for so long that only a keyframe helps.
    pub(crate) fn is_stuck(&self, t: Time, line: Line) -> bool {
        let ssrc = self.arrivals.ssrc(line);
        ssrc.is_some_and(|ssrc| self.arrivals.seen.is_stuck(t, ssrc))
    }

    /// What is written to a line next is another picture.
    pub(crate) fn forget_arrivals(&mut self, line: Line) {
        if let Some(ssrc) = self.arrivals.ssrc(line) {
            self.arrivals.seen.forget(ssrc);
        }
    }

    /// What became of packets in this time.
    pub(crate) fn path_between(&self, from: Time, to: Time) -> impl Iterator<Item = &Path> {
        self.arrivals.seen.path.between(from, to)
    }

    /// The time for which the peer has told of nothing, though there is something to tell.
    pub(crate) fn feedback_silence(&self, t: Time) -> Duration {
        self.arrivals.seen.silence(t)
    }
}
