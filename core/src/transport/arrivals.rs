//! What came of pictures to the peer, line by line.

use std::time::Duration;

use super::connection::Connection;
use super::line::Line;
use crate::freeze::{Gap, Path};
use crate::time::Time;

impl Connection {
    /// Whether pictures came to the peer with gaps that nobody took yet.
    pub(crate) fn has_gaps(&self) -> bool {
        self.sender.arrivals().has_gaps()
    }

    /// Whether something began to happen on their way since this was last asked.
    pub(crate) fn stirs(&mut self) -> bool {
        self.sender.arrivals_mut().stirs()
    }

    /// Whether nothing happened lately on their way, and the peer tells of them.
    pub(crate) fn is_quiet(&self, t: Time) -> bool {
        self.sender.arrivals().is_quiet(t)
    }

    /// Whether nothing happened lately on their way.
    pub(crate) fn is_calm(&self, t: Time) -> bool {
        self.sender.arrivals().is_calm(t)
    }

    /// The gaps of a line.
    pub(crate) fn take_gaps(&mut self, line: Line) -> Vec<Gap> {
        let slot = self.sender.watched(line);
        slot.map_or(Vec::new(), |slot| {
            self.sender.arrivals_mut().take_gaps(slot)
        })
    }

    /// Since when nothing comes to the peer on a line, if that is a freeze. `speaks`: something comes from
    /// it.
    pub(crate) fn open_gap(&mut self, t: Time, line: Line, speaks: bool) -> Option<Gap> {
        let slot = self.sender.watched(line)?;
        self.sender.arrivals_mut().open(t, slot, speaks)
    }

    /// From when until when all freezes of a line are known.
    pub(crate) fn judged(&self, line: Line) -> Option<(Time, Time)> {
        self.sender.arrivals().judged(self.sender.watched(line)?)
    }

    /// Whether something is missing on a line, for so long that only a keyframe helps.
    pub(crate) fn is_stuck(&self, t: Time, line: Line) -> bool {
        let slot = self.sender.watched(line);
        slot.is_some_and(|slot| self.sender.arrivals().is_stuck(t, slot))
    }

    /// What is written to a line next is another picture.
    pub(crate) fn forget_arrivals(&mut self, t: Time, line: Line) {
        if let Some(slot) = self.sender.watched(line) {
            self.sender.arrivals_mut().forget(t, slot);
        }
    }

    /// What became of packets in this time.
    pub(crate) fn path_between(&self, from: Time, to: Time) -> impl Iterator<Item = &Path> {
        self.sender.arrivals().path.between(from, to)
    }

    /// The time for which the peer has told of nothing, though there is something to tell.
    pub(crate) fn feedback_silence(&self, t: Time) -> Duration {
        self.sender.arrivals().silence(t)
    }
}
