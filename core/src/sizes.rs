//! How much is held, for whoever watches over memory.

/// Entries in the tables and queues of an [`Sfu`](crate::Sfu) at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Participants.
    pub participants: usize,
    /// Names of participants.
    pub names: usize,
    /// Rooms with somebody in them.
    pub rooms: usize,
    /// Remote addresses that participants have proved.
    pub addresses: usize,
    /// Times that participants wait for, two for each at most.
    pub timers: usize,
    /// Outputs that nobody has taken yet.
    pub outputs: usize,
    /// Participants that are about to be let go.
    pub doomed: usize,
    /// Empty buffers kept for their capacity.
    pub spare: usize,
}
