//! The last stage of a connection: all is said.

use tsuji_core::Time;

use super::connection::{Happened, State};
use super::wire::Wire;
use crate::limits::Limits;

/// A connection that sends what waits, says that nothing follows, and throws away what comes until
/// the peer has closed too. Closing at once would make the system withdraw what was sent last (RST)
/// when the peer is still sending.
#[derive(Debug)]
pub(super) struct Lingering {
    wire: Wire,
    since: Time,
    finished: bool,
}

impl Lingering {
    pub(super) fn start(t: Time, wire: Wire) -> State {
        State::Lingering(Self {
            wire,
            since: t,
            finished: false,
        })
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(super) fn wire_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// The peer has been told that nothing follows.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    pub(super) fn deadline(&self, limits: &Limits) -> Time {
        self.since + limits.linger
    }

    /// Throws away what came.
    pub(super) fn step(mut self) -> (State, Happened) {
        if !self.finished {
            return (State::Lingering(self), Happened::Idle);
        }
        self.wire.consume(usize::MAX);
        if self.wire.is_at_end() {
            return (State::Gone, Happened::Gone);
        }
        (State::Lingering(self), Happened::Idle)
    }
}
