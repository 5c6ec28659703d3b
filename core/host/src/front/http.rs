//! The HTTP stage of a connection: moves bytes between the wire and the [`Exchange`].

use tsuji_core::Time;
use tsuji_signaling::{Exchange, Step};
use tungstenite::protocol::WebSocketConfig;

use super::connection::{Happened, State};
use super::lingering::Lingering;
use super::websocket::Socket;
use super::wire::Wire;

/// A connection that asks for pages.
#[derive(Debug)]
pub(super) struct Http {
    wire: Wire,
    exchange: Exchange,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Reading,
    /// A response is on its way; nothing is read meanwhile, so that there is only ever one.
    Responding {
        close: bool,
    },
}

impl Http {
    pub(super) fn new(wire: Wire, exchange: Exchange) -> Self {
        Self {
            wire,
            exchange,
            phase: Phase::Reading,
        }
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(super) fn wire_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }

    pub(super) fn is_responding(&self) -> bool {
        self.phase != Phase::Reading
    }

    pub(super) fn deadline(&self) -> Time {
        self.exchange.deadline()
    }

    /// Reads a bit of a request, or goes on after a response.
    pub(super) fn step(mut self: Box<Self>, t: Time, config: WebSocketConfig) -> (State, Happened) {
        let step = match self.phase {
            Phase::Responding { .. } if !self.wire.is_flushed() => {
                return (State::Http(self), Happened::Idle);
            }
            Phase::Responding { close: true } => {
                return (Lingering::start(t, self.wire), Happened::Leaving);
            }
            Phase::Responding { close: false } => self.exchange.receive(t, &[]),
            Phase::Reading if self.wire.is_at_end() => return (State::Gone, Happened::Gone),
            Phase::Reading if self.wire.unread().is_empty() => {
                return (State::Http(self), Happened::Idle);
            }
            Phase::Reading => {
                let bytes = self.wire.unread();
                let (step, length) = (self.exchange.receive(t, bytes), bytes.len());
                self.wire.consume(length);
                step
            }
        };
        self.apply(step, config)
    }

    /// The exchange's deadline has come, which is the end.
    pub(super) fn timeout(mut self: Box<Self>, t: Time) -> (State, Happened) {
        if let Step::Respond { bytes, .. } = self.exchange.handle_timeout(t) {
            self.wire.push_response(&bytes);
        }
        (Lingering::start(t, self.wire), Happened::Leaving)
    }

    /// The server stops: what is being sent may still arrive.
    pub(super) fn stop(self: Box<Self>, t: Time) -> State {
        if self.wire.is_flushed() {
            State::Gone
        } else {
            self.linger(t)
        }
    }

    /// The server stops, and something is on its way.
    pub(super) fn linger(self: Box<Self>, t: Time) -> State {
        Lingering::start(t, self.wire)
    }

    fn apply(mut self: Box<Self>, step: Step, config: WebSocketConfig) -> (State, Happened) {
        match step {
            Step::Read => {
                self.phase = Phase::Reading;
                (State::Http(self), Happened::Progress)
            }
            Step::Respond { bytes, close } => {
                self.wire.push_response(&bytes);
                self.phase = Phase::Responding { close };
                (State::Http(self), Happened::Progress)
            }
            Step::WriteTrace { bytes, close } => {
                self.wire.push_response(&bytes);
                self.phase = Phase::Responding { close };
                (State::Http(self), Happened::TraceWanted)
            }
            Step::Upgrade { response, early } => {
                self.wire.push_response(&response);
                let socket = Socket::start(self.wire, early, config);
                (State::WebSocket(Box::new(socket)), Happened::Opened)
            }
        }
    }
}
