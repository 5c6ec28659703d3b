//! The last stage of a connection: all is said.

use std::io::{ErrorKind, Read};

use tsuji_core::Time;

use super::connection::{Context, Happened, State};
use super::wire::Wire;

/// A connection that sends what waits, says that nothing follows, and throws away what comes until
/// the peer has closed too. Closing at once would make the system withdraw what was sent last (RST)
/// when the peer is still sending.
#[derive(Debug)]
pub(super) struct Lingering {
    wire: Wire,
    until: Time,
    finished: bool,
}

impl Lingering {
    pub(super) fn start(wire: Wire, context: &Context<'_>) -> State {
        State::Lingering(Self {
            wire,
            until: context.t + context.limits.linger,
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

    pub(super) fn until(&self) -> Time {
        self.until
    }

    pub(super) fn step(mut self, context: &mut Context<'_>) -> (State, Happened) {
        if !self.finished {
            if self.wire.transmit(context.t).is_err() {
                return (State::Gone, Happened::Gone);
            }
            if !self.wire.is_flushed() {
                return (State::Lingering(self), Happened::Idle);
            }
            if self.wire.finish().is_err() {
                return (State::Gone, Happened::Gone);
            }
            self.finished = true;
        }
        match self.wire.read(context.scratch) {
            Ok(0) => (State::Gone, Happened::Gone),
            Ok(_) => (State::Lingering(self), Happened::Progress),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                (State::Lingering(self), Happened::Idle)
            }
            Err(_) => (State::Gone, Happened::Gone),
        }
    }
}
