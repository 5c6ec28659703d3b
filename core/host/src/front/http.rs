//! The HTTP stage of a connection: moves bytes between the wire and the [`Exchange`].

use tsuji_core::Time;
use tsuji_signaling::{Exchange, Step};
use tungstenite::protocol::WebSocketConfig;

use super::connection::{Happened, State};
use super::lingering::Lingering;
use super::media::Media;
use super::opening::Opening;
use super::websocket::Socket;
use super::wire::Wire;
use crate::limits::Limits;

/// A connection that asks for pages.
#[derive(Debug)]
pub(super) struct Http {
    wire: Wire,
    exchange: Exchange,
    phase: Phase,
    /// It is behind TLS.
    is_secure: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was read; it may turn out to be no HTTP.
    Opening,
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
            phase: Phase::Opening,
            is_secure: false,
        }
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(super) fn wire_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Whether it can take bytes now.
    pub(super) fn is_hungry(&self) -> bool {
        match self.phase {
            Phase::Opening => self.wire.is_hungry_for(Opening::BYTES),
            Phase::Reading => self.wire.is_hungry(),
            Phase::Responding { .. } => false,
        }
    }

    /// It is behind TLS, unless it [lacks](Self::lacks_tls) that.
    pub(super) fn is_secure(&mut self) {
        self.is_secure = true;
    }

    /// It should have begun with TLS.
    pub(super) fn lacks_tls(&mut self) {
        self.is_secure = false;
        self.exchange.lacks_tls();
    }

    pub(super) fn deadline(&self) -> Time {
        self.exchange.deadline()
    }

    /// Reads a bit of a request, or goes on after a response.
    pub(super) fn step(
        mut self: Box<Self>,
        t: Time,
        config: WebSocketConfig,
        limits: &Limits,
    ) -> (State, Happened) {
        let step = match self.phase {
            Phase::Responding { .. } if !self.wire.is_flushed() => {
                return (State::Http(self), Happened::Idle);
            }
            Phase::Responding { close: true } => {
                return (Lingering::start(t, self.wire), Happened::Leaving);
            }
            Phase::Responding { close: false } => self.exchange.receive(t, &[]),
            Phase::Opening | Phase::Reading if self.wire.is_at_end() => {
                return (State::Gone, Happened::Gone);
            }
            Phase::Reading if self.wire.unread().is_empty() => {
                return (State::Http(self), Happened::Idle);
            }
            Phase::Opening => match Opening::of(self.wire.unread()) {
                None => return (State::Http(self), Happened::Idle),
                Some(Opening::Media) => {
                    let media = Media::on(t, limits, self.wire);
                    return (State::Media(Box::new(media)), Happened::MediaBegan);
                }
                Some(Opening::Turn) if self.is_secure => {
                    return (State::Gone, Happened::RelayBegan(Box::new(self.wire)));
                }
                Some(Opening::Http | Opening::Tls | Opening::Turn) => Step::Read,
            },
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
            Step::Upgrade {
                response,
                early,
                host,
            } => {
                let host = host.filter(|_| self.is_secure);
                self.wire.push_response(&response);
                let socket = Socket::start(self.wire, early, config);
                (State::WebSocket(Box::new(socket)), Happened::Opened(host))
            }
        }
    }
}
