//! What comes out.

use serde::{Deserialize, Serialize};

use crate::freeze::{Facts, Verdict};
use crate::ids::{Layer, MediaKind, Mid, Negotiation, ParticipantId, Source, TrackId};
use crate::path::Path;
use crate::reason::Reason;
use crate::time::Time;

/// One thing to do or to know, taken with [`Sfu::poll`](crate::Sfu::poll).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these datagrams.
    Transmit(Transmit),
    /// Tell signaling.
    Notice(Notice),
}

/// UDP datagrams to send one way, or what becomes a frame each of a TCP connection (RFC 4571). Several are
/// packets for one viewer that belong together; they lie one behind the other, so that a system that can
/// cut them up itself (GSO) gets them as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Which way they go.
    pub path: Path,
    /// Their bytes.
    pub payload: Vec<u8>,
    /// Where each ends in there, if there are several; empty for one.
    pub ends: Vec<usize>,
}

impl Transmit {
    /// One datagram.
    pub fn new(path: Path, payload: Vec<u8>) -> Self {
        let ends = Vec::new();
        Self {
            path,
            payload,
            ends,
        }
    }

    /// Nothing, to be filled, in the memory of one that was sent.
    pub(crate) fn emptied(mut self, path: Path) -> Self {
        self.path = path;
        self.payload.clear();
        self.ends.clear();
        self
    }

    /// How many datagrams these are.
    pub fn count(&self) -> usize {
        self.ends.len().max(1)
    }

    /// Each datagram, in order.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        let whole = self.ends.is_empty().then_some(self.payload.len());
        let mut from = 0;
        self.ends.iter().copied().chain(whole).map(move |end| {
            let datagram = self.payload.get(from..end).unwrap_or_default();
            from = end;
            datagram
        })
    }

    /// Each datagram by itself; one alone stays where it is.
    pub fn into_datagrams(self) -> Vec<Vec<u8>> {
        match self.ends.is_empty() {
            true => vec![self.payload],
            false => self.datagrams().map(<[u8]>::to_vec).collect(),
        }
    }

    /// Ends the datagram that was written behind the others from `start` on.
    pub(crate) fn end(&mut self, start: usize) {
        if start == 0 {
            return;
        }
        if self.ends.is_empty() {
            self.ends.reserve(TOGETHER);
            self.ends.push(start);
        }
        self.ends.push(self.payload.len());
    }
}

/// Datagrams for which there is room at once: those of a frame.
const TOGETHER: usize = 8;

/// A signaling event that the core causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// An offer that the participant must answer. There is at most one open at a time.
    Offer {
        /// Who must answer.
        participant: ParticipantId,
        /// Its number, to be repeated in the answer.
        negotiation: Negotiation,
        /// The session description.
        sdp: String,
        /// The m-lines where the participant sends.
        publish: PublishMids,
        /// All slots of the participant, old and new, in the order of their m-lines.
        slots: Vec<Slot>,
    },
    /// A candidate of the server, as in `RTCIceCandidate.candidate`; `None` after the last.
    Candidate {
        /// Whom to tell.
        participant: ParticipantId,
        /// The candidate attribute (RFC 8839, 5.1).
        candidate: Option<String>,
    },
    /// Slots carry other tracks now; all slots of the participant, in their order.
    Slots {
        /// Whom to tell.
        participant: ParticipantId,
        /// What they carry.
        slots: Vec<Slot>,
    },
    /// Pictures come, or do not, for other reasons now.
    Reasons {
        /// Whom to tell.
        participant: ParticipantId,
        /// Since when.
        at: Time,
        /// Those of its slots whose reason has changed, or what is in them.
        reasons: Vec<SlotReason>,
    },
    /// Which encodings of what a participant publishes somebody takes; the others need not be sent.
    /// Until this is said the first time, all are.
    Layers {
        /// Who publishes.
        participant: ParticipantId,
        /// Camera or screen.
        source: Source,
        /// The smallest first. None: nobody sees it.
        layers: Vec<Layer>,
    },
    /// A picture froze for somebody: told while it lasts, if that is long, and when it is over.
    Freeze {
        /// For whom.
        participant: ParticipantId,
        /// What, when, and whose fault it was.
        freeze: Box<Freeze>,
    },
    /// Somebody is the dominant speaker of its room from now on.
    Speaker {
        /// Who.
        participant: ParticipantId,
    },
    /// ICE and DTLS are up: media flows.
    Connected {
        /// Who.
        participant: ParticipantId,
    },
    /// A command was refused. The participant stays as it was.
    Refused {
        /// Whose command.
        participant: ParticipantId,
        /// Why.
        error: CommandError,
    },
    /// The core has let go of the participant by itself; a `Leave` is no longer needed.
    Gone {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: GoneReason,
    },
}

/// The m-lines on which a participant sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishMids {
    /// The microphone's.
    pub audio: Mid,
    /// The camera's.
    pub video: Mid,
    /// The screen's.
    pub screen: Mid,
    /// That of what is to be heard of the screen.
    pub screen_audio: Mid,
}

impl PublishMids {
    /// The m-line of a source.
    pub fn of(&self, source: Source) -> &Mid {
        match source {
            Source::Microphone => &self.audio,
            Source::Camera => &self.video,
            Source::Screen => &self.screen,
            Source::ScreenAudio => &self.screen_audio,
        }
    }
}

/// An outgoing stream whose source the server changes at will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Its m-line.
    pub mid: Mid,
    /// What it can carry.
    pub kind: MediaKind,
    /// What it carries now.
    pub track: Option<TrackId>,
}

/// Why what is in a slot for pictures comes, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotReason {
    /// The slot's m-line.
    pub mid: Mid,
    /// What is in it.
    pub track: Option<TrackId>,
    /// Why.
    pub reason: Reason,
}

/// A picture that stood still, by the rule of W3C's `freezeCount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Whose picture.
    pub track: TrackId,
    /// The m-line of the viewer on which it came.
    pub mid: Mid,
    /// When the last picture was shown, as the server knows it.
    pub from: Time,
    /// When the next one was; `None` while it lasts.
    pub to: Option<Time>,
    /// What was going on. `None` where it ended because something else is to be seen, or nothing: nobody
    /// is to blame.
    pub facts: Option<Facts>,
    /// Whose fault it was, if it was somebody's.
    pub verdict: Option<Verdict>,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CommandError {
    /// The participant is not in a room here.
    #[error("the participant is not in a room")]
    UnknownParticipant,
    /// An answer came without an open offer, or with another offer's number.
    #[error("the answer belongs to no open offer")]
    UnexpectedAnswer,
    /// The description is longer, or has more lines, than the limits allow.
    #[error("the session description is too large: {0}")]
    DescriptionTooLarge(String),
    /// The description could not be understood.
    #[error("the session description was not understood: {0}")]
    BadDescription(String),
    /// The candidate could not be understood.
    #[error("the candidate was not understood: {0}")]
    BadCandidate(String),
    /// More candidates than the limits allow.
    #[error("more than {0} candidates")]
    TooManyCandidates(usize),
    /// A digest tells of more than there can be.
    #[error("the digest is too large")]
    DigestTooLarge,
}

/// Why the core let go of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum GoneReason {
    /// The room or the server holds no more people.
    Full,
    /// No connection came up in time.
    NeverConnected,
    /// The connection was up and then silent for too long, or the peer closed it.
    ConnectionLost,
    /// The offer was not answered in time.
    NoAnswer,
    /// The answer contradicted its offer.
    BadAnswer,
    /// A fault inside its connection; a bug of ours or of a library, logged with its details.
    Internal,
    /// Its signaling is lost, and nothing of its media came for a while.
    Unreachable,
}
