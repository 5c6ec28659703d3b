//! The end of a server that does not end meetings: no new ones begin, and those that are there go
//! on for a while.

use tsuji_core::{RoomId, Time};

use super::timers::Timer;
use super::{ConnectionId, Lobby};
use crate::error::Fault;
use crate::message::ServerMessage;

impl Lobby {
    /// Whether draining has come to its end: nobody is in a room, or its time is over. What follows
    /// is [`Input::Shutdown`](super::Input::Shutdown).
    pub fn is_drained(&self) -> bool {
        let ended = |until| self.participants.is_empty() || self.now >= until;
        self.draining.is_some_and(ended)
    }

    pub(super) fn drain(&mut self, until: Time) {
        if self.stopping || self.draining.is_some() {
            return;
        }
        self.draining = Some(until);
        self.timers.set(Timer::Drained, until);
        let people = self.participants.len();
        tracing::info!(people, seconds = self.seconds_left(until), "draining");
        let open: Vec<_> = self.connections.keys().copied().collect();
        for id in open {
            self.tell_drain(id);
        }
    }

    /// Tells a connection how long it may stay, if that has an end.
    pub(super) fn tell_drain(&mut self, id: ConnectionId) {
        if let Some(until) = self.draining {
            let seconds = self.seconds_left(until);
            self.push(id, &ServerMessage::Drain { seconds });
        }
    }

    /// Whether a meeting may begin: in a new room, or in one where nobody is.
    pub(super) fn may_begin(&self, room: Option<RoomId>) -> Result<(), Fault> {
        let room = room.and_then(|room| self.rooms.get(room));
        let goes_on = room.is_some_and(|room| !room.people.is_empty());
        if self.draining.is_none() || goes_on {
            Ok(())
        } else {
            Err(Fault::Draining)
        }
    }

    fn seconds_left(&self, until: Time) -> u64 {
        until
            .since(self.now)
            .as_millis()
            .div_ceil(1_000)
            .try_into()
            .unwrap_or(u64::MAX)
    }
}
