//! The HTTP stage of a connection: moves bytes between the wire and the [`Exchange`].

use std::io::{ErrorKind, Read};

use tsuji_core::Time;
use tsuji_signaling::{Exchange, Step};

use super::connection::{Context, Happened, State};
use super::lingering::Lingering;
use super::websocket;
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
    pub(super) fn step(mut self: Box<Self>, context: &mut Context<'_>) -> (State, Happened) {
        let step = match self.phase {
            Phase::Responding { close } => {
                if self.wire.transmit(context.t).is_err() {
                    return (State::Gone, Happened::Gone);
                }
                if !self.wire.is_flushed() {
                    return (State::Http(self), Happened::Idle);
                }
                if close {
                    return (Lingering::start(self.wire, context), Happened::Progress);
                }
                self.exchange.receive(context.t, &[])
            }
            Phase::Reading => match self.wire.read(context.scratch) {
                Ok(0) => return (State::Gone, Happened::Gone),
                Ok(length) => self.exchange.receive(context.t, &context.scratch[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return (State::Http(self), Happened::Idle);
                }
                Err(_) => return (State::Gone, Happened::Gone),
            },
        };
        self.apply(step, context)
    }

    /// The exchange's deadline has come, which is the end.
    pub(super) fn timeout(mut self: Box<Self>, context: &mut Context<'_>) -> (State, Happened) {
        if let Step::Respond { bytes, .. } = self.exchange.handle_timeout(context.t) {
            self.wire.push_response(&bytes);
        }
        (Lingering::start(self.wire, context), Happened::Progress)
    }

    /// The server stops: what is being sent may still arrive.
    pub(super) fn stop(self: Box<Self>, context: &Context<'_>) -> State {
        if self.wire.is_flushed() {
            State::Gone
        } else {
            Lingering::start(self.wire, context)
        }
    }

    fn apply(mut self: Box<Self>, step: Step, context: &Context<'_>) -> (State, Happened) {
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
            Step::Upgrade { response, early } => {
                self.wire.push_response(&response);
                let socket = websocket::start(self.wire, early, context);
                (State::WebSocket(socket), Happened::Opened)
            }
        }
    }
}
