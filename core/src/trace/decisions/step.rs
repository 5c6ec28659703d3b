//! What happened between the core and its connections, for people who read.

use crate::ids::{ParticipantId, Source};

/// One thing that happened while an input was handled.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A media packet came, and it was authentic.
    Packet {
        /// Whose.
        from: ParticipantId,
        /// Where it comes from.
        source: Source,
        /// Its extended sequence number.
        sequence: u64,
        /// Bytes of its payload.
        bytes: usize,
        /// Whether it is the first of a keyframe.
        begins_keyframe: bool,
    },
    /// A packet was forwarded.
    Forwarded {
        /// Whose it is.
        from: Option<ParticipantId>,
        /// Who gets it.
        to: ParticipantId,
        /// Where it comes from.
        source: Source,
        /// In which slot.
        slot: usize,
        /// Its extended sequence number there.
        sequence: u64,
    },
    /// A viewer can't decode what it gets.
    KeyframeWanted {
        /// Who.
        by: ParticipantId,
        /// In which slot, unless it asked for one on another m-line.
        slot: Option<usize>,
        /// Who is in that slot.
        source: Option<ParticipantId>,
    },
    /// A publisher was asked for a keyframe.
    KeyframeRequested {
        /// Who.
        of: ParticipantId,
    },
    /// No path works.
    Interrupted {
        /// For whom.
        participant: ParticipantId,
    },
    /// A path works again.
    Reconnected {
        /// For whom.
        participant: ParticipantId,
    },
    /// Another estimate of what the path to somebody carries, bits a second.
    Estimated {
        /// To whom.
        participant: ParticipantId,
        /// How much.
        bits: u64,
    },
    /// It is reached another way from now on.
    Moved {
        /// Who.
        participant: ParticipantId,
    },
    /// The peer ended the connection.
    Closed {
        /// Whose.
        participant: ParticipantId,
    },
}
