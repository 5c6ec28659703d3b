//! How much is held, for whoever watches over memory.

use super::Lobby;

/// Entries in the tables and queues of a [`Lobby`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// WebSockets.
    pub connections: usize,
    /// Participants in all rooms.
    pub participants: usize,
    /// Stays that can be resumed: those of all participants.
    pub stays: usize,
    /// Rooms, with people or without.
    pub rooms: usize,
    /// Timers that run.
    pub timers: usize,
    /// Public addresses that connections are counted by.
    pub addresses: usize,
    /// Public addresses without connections, whose last minute is remembered.
    pub fading: usize,
    /// Outputs that nobody has taken yet.
    pub outputs: usize,
}

impl Lobby {
    /// How much is held now.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            connections: self.connections.len(),
            participants: self.participants.len(),
            stays: self.tokens.len(),
            rooms: self.rooms.len(),
            timers: self.timers.len(),
            addresses: self.addresses.holding(),
            fading: self.addresses.fading(),
            outputs: self.outputs.len(),
        }
    }
}
