//! What is counted rather than told.

/// Totals since an [`Sfu`](crate::Sfu) was made. None ever decreases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams handed in.
    pub datagrams_in: u64,
    /// Datagrams handed out.
    pub datagrams_out: u64,
    /// Dropped on arrival: empty, or longer than the limit.
    pub dropped_size: u64,
    /// Dropped: not a STUN request, and nobody has proved that address.
    pub dropped_unknown_address: u64,
    /// Dropped: a STUN request that names nobody.
    pub dropped_unknown_ufrag: u64,
    /// Dropped: a STUN request from an address that somebody else is using.
    pub dropped_foreign_address: u64,
    /// Dropped: a STUN request from one more address of somebody who has proved too many.
    pub dropped_excess_address: u64,
    /// Dropped: RTP from one more SSRC of somebody who has used too many, or with a transport-wide
    /// number that can't be.
    pub dropped_source: u64,
    /// Datagrams for which the system had no room, as was [told](crate::Input::Overflow).
    pub overflowed: u64,
    /// RTP packets that publishers sent us.
    pub packets_in: u64,
    /// RTP packets handed to viewers' connections.
    pub packets_forwarded: u64,
    /// Keyframes asked for.
    pub keyframe_requests: u64,
}
