//! What goes in.

use serde::{Deserialize, Serialize};

use crate::freeze::Digest;
use crate::ids::{MediaKind, Negotiation, ParticipantId, RoomId, TrackId};
use crate::path::Path;

/// One thing that happened, handed to [`Sfu::handle`](crate::Sfu::handle) with its time.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A datagram arrived.
    Datagram(Datagram<'a>),
    /// A path is no more: its TCP connection has ended.
    Closed(Path),
    /// So many datagrams more never came, because the system had no room for them (`SO_RXQ_OVFL` of
    /// Linux, or what tells the same). Nothing depends on it but what is said of freezes.
    Overflow {
        /// How many since this was last told.
        datagrams: u32,
    },
    /// Signaling wants something.
    Command(Command),
    /// The [`deadline`](crate::Sfu::deadline) has come. Harmless at any other time.
    Timeout,
}

/// A UDP datagram as it came from the socket, or one frame of a TCP connection (RFC 4571), without
/// its length.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Which way it came.
    pub path: Path,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// How candidates travel to and from one participant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IceMode {
    /// As they are found (RFC 8838).
    #[default]
    Trickle,
    /// All inside the descriptions, none after.
    Vanilla,
}

/// A place in a page where somebody's picture is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// Whose, and which.
    pub track: TrackId,
    /// Device pixels.
    pub width: u16,
    /// Device pixels.
    pub height: u16,
    /// Somebody wants to see it before all others.
    pub pinned: bool,
}

/// A signaling event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A participant enters a room, which comes into being with its first participant. Answered
    /// by [`Notice::Offer`](crate::Notice::Offer), or by [`Notice::Gone`](crate::Notice::Gone)
    /// when there is no place for it.
    Enter {
        /// Where to.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// How it exchanges candidates.
        ice: IceMode,
    },
    /// The answer to an offer (RFC 3264).
    Answer {
        /// Who answers.
        participant: ParticipantId,
        /// Which offer.
        negotiation: Negotiation,
        /// The session description.
        sdp: String,
    },
    /// A remote ICE candidate, as in `RTCIceCandidate.candidate`; `None` says there are no more.
    Candidate {
        /// Whose.
        participant: ParticipantId,
        /// The candidate attribute (RFC 8839, 5.1).
        candidate: Option<String>,
    },
    /// A participant muted or unmuted what it publishes.
    Mute {
        /// Who.
        participant: ParticipantId,
        /// Microphone or camera.
        kind: MediaKind,
        /// True: nothing of this kind is forwarded until it is unmuted.
        muted: bool,
    },
    /// A participant shows its screen, or does not any more. At first nobody does.
    Share {
        /// Who.
        participant: ParticipantId,
        /// Whether its picture is there.
        screen: bool,
        /// Whether its sound is there.
        audio: bool,
    },
    /// What the page of a participant shows of others from now on. Whoever never says so is taken
    /// to show as many as fit into its first slots, each as large as it comes.
    View {
        /// Whose page.
        participant: ParticipantId,
        /// The most important first. Tracks that are not there are passed over: they may have gone
        /// meanwhile.
        tiles: Vec<Tile>,
    },
    /// A participant is gone. Not answered.
    Leave {
        /// Who.
        participant: ParticipantId,
    },
    /// The signaling of a participant is lost, or back. While it is lost only media shows that
    /// somebody is there: when that is silent too, the participant is
    /// [`Gone`](crate::Notice::Gone) within seconds.
    Signaling {
        /// Whose.
        participant: ParticipantId,
        /// True: lost.
        lost: bool,
    },
    /// What the page of a participant saw and did: a digest of `getStats`, every few seconds.
    Report {
        /// Whose page.
        participant: ParticipantId,
        /// What it says.
        digest: Box<Digest>,
    },
    /// The network of a participant has changed, or it hears nothing: ICE begins again, with an
    /// offer as soon as none is open (RFC 8445, 9; RFC 8839, 4.4.1.1.1). Media goes on meanwhile.
    Restart {
        /// Whose.
        participant: ParticipantId,
    },
}

impl Command {
    /// Whom it is about.
    pub fn participant(&self) -> ParticipantId {
        match self {
            Command::Enter { participant, .. }
            | Command::Answer { participant, .. }
            | Command::Candidate { participant, .. }
            | Command::Mute { participant, .. }
            | Command::Share { participant, .. }
            | Command::View { participant, .. }
            | Command::Leave { participant }
            | Command::Signaling { participant, .. }
            | Command::Report { participant, .. }
            | Command::Restart { participant } => *participant,
        }
    }
}
