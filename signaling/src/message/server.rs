//! What the server says.

use serde::{Deserialize, Serialize};
use tsuji_core::freeze;
use tsuji_core::{GoneReason, Mid, PublishMids, TrackId};

use super::{Candidate, Ice, Id, Kind, Layer, Source};
use crate::error::ErrorCode;
use crate::room_code::RoomCode;

/// A message from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The room that was asked for.
    Join {
        /// Its name.
        room: RoomCode,
        /// Who is in it.
        participants: Vec<Participant>,
        /// The name that the receiver will have, where its token says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Somebody entered.
    Call {
        /// Who.
        participant: Participant,
    },
    /// A description to answer.
    Offer {
        /// To be repeated in the answer.
        negotiation: u32,
        /// The session description.
        sdp: String,
        /// How candidates travel.
        ice: Ice,
        /// The receiver's own id.
        #[serde(rename = "self")]
        self_id: Id,
        /// What resumes the stay on another connection.
        token: String,
        /// The others in the room.
        participants: Vec<Participant>,
        /// Where the receiver sends.
        publish: Publish,
        /// Where it receives.
        slots: Vec<Slot>,
        /// STUN and TURN servers, in the first offer.
        #[serde(default, rename = "iceServers", skip_serializing_if = "Vec::is_empty")]
        ice_servers: Vec<RtcIceServer>,
    },
    /// A stay goes on, on a new connection: everything as it is now.
    Resume {
        /// The receiver's own id.
        #[serde(rename = "self")]
        self_id: Id,
        /// The others in the room.
        participants: Vec<Participant>,
        /// Where the receiver receives.
        slots: Vec<Slot>,
    },
    /// A candidate of the server.
    Candidate {
        /// `None` (`null`) after the last.
        candidate: Option<Candidate>,
    },
    /// Slots carry other tracks now.
    Slots {
        /// All slots of the receiver.
        slots: Vec<Slot>,
    },
    /// What comes in slots comes, or does not, for other reasons now.
    Reasons {
        /// Those that have changed.
        reasons: Vec<SlotReason>,
    },
    /// These encodings of what the receiver publishes are taken by somebody.
    Layers {
        /// Camera or screen.
        source: Source,
        /// The smallest first.
        layers: Vec<Layer>,
    },
    /// Somebody is the dominant speaker from now on, or nobody.
    Speaker {
        /// Who; `None` (`null`): nobody.
        participant: Option<Id>,
    },
    /// A picture of the receiver stands still, or did, and whose side is at fault.
    Freeze {
        /// Whose picture.
        participant: Id,
        /// Camera or screen.
        source: Source,
        /// Whose fault.
        culprit: Culprit,
        /// It moves again.
        over: bool,
    },
    /// Somebody's microphone or camera went off, or on again.
    Mute {
        /// Whose.
        participant: Id,
        /// Which.
        kind: Kind,
        /// Whether it is off.
        muted: bool,
    },
    /// Somebody shows its screen, or not any more.
    Share {
        /// Who.
        participant: Id,
        /// Whether its picture is there.
        screen: bool,
        /// Whether its sound is there.
        audio: bool,
    },
    /// Somebody is no longer in the room.
    Exit {
        /// Who.
        participant: Id,
        /// Why.
        reason: ExitReason,
    },
    /// The server will stop.
    Drain {
        /// After how many seconds at the latest.
        seconds: u64,
    },
    /// What was wrong with a message.
    Error {
        /// For programs.
        code: ErrorCode,
        /// For people.
        message: String,
    },
}

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub id: Id,
    /// The name to show.
    pub name: String,
    /// Whether the microphone is on.
    pub audio: bool,
    /// Whether the camera is on.
    pub video: bool,
    /// Whether the screen is shown.
    pub screen: bool,
    /// Whether the sound of the screen is there.
    pub screen_audio: bool,
}

/// The mids of the m-lines on which a participant sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// The microphone's.
    pub audio: String,
    /// The camera's.
    pub video: String,
    /// The screen's.
    pub screen: String,
    /// That of the sound of the screen.
    pub screen_audio: String,
}

impl From<&PublishMids> for Publish {
    fn from(mids: &PublishMids) -> Self {
        let mid = |source| mids.of(source).to_string();
        Self {
            audio: mid(tsuji_core::Source::Microphone),
            video: mid(tsuji_core::Source::Camera),
            screen: mid(tsuji_core::Source::Screen),
            screen_audio: mid(tsuji_core::Source::ScreenAudio),
        }
    }
}

impl Publish {
    /// What the core means by it.
    pub fn to_core(&self) -> PublishMids {
        PublishMids {
            audio: Mid(self.audio.clone()),
            video: Mid(self.video.clone()),
            screen: Mid(self.screen.clone()),
            screen_audio: Mid(self.screen_audio.clone()),
        }
    }
}

/// An m-line on which a participant receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Its mid.
    pub mid: String,
    /// What it can carry.
    pub kind: Kind,
    /// Whose media it carries; `None` (`null`) while it is free.
    pub participant: Option<Id>,
    /// Where that comes from; `None` (`null`) while it is free.
    pub source: Option<Source>,
}

impl Slot {
    /// What the core means by it.
    pub fn to_core(&self) -> tsuji_core::Slot {
        let track = self.participant.zip(self.source);
        tsuji_core::Slot {
            mid: Mid(self.mid.clone()),
            kind: self.kind.into(),
            track: track.map(|(participant, source)| TrackId {
                participant: participant.0,
                source: source.into(),
            }),
        }
    }
}

/// Why what is in a slot for pictures comes, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotReason {
    /// The slot's mid.
    pub mid: String,
    /// Whose media is in it; `None` (`null`) while it is free.
    pub participant: Option<Id>,
    /// Where that comes from; `None` (`null`) while it is free.
    pub source: Option<Source>,
    /// Why.
    pub reason: Reason,
    /// Which encoding is forwarded, if any is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
}

/// Why a picture comes, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "PROTOCOL.md has the table")]
pub enum Reason {
    Free,
    Hidden,
    PublisherMuted,
    Negotiating,
    Unsupported,
    DownlinkDown,
    UplinkDown,
    SourceDead,
    CodecUnsupported,
    NoBandwidth,
    WaitingForKeyframe,
    Forwarding,
}

impl From<tsuji_core::Reason> for Reason {
    fn from(reason: tsuji_core::Reason) -> Self {
        match reason {
            tsuji_core::Reason::Free => Reason::Free,
            tsuji_core::Reason::Hidden => Reason::Hidden,
            tsuji_core::Reason::PublisherMuted => Reason::PublisherMuted,
            tsuji_core::Reason::Negotiating => Reason::Negotiating,
            tsuji_core::Reason::Unsupported => Reason::Unsupported,
            tsuji_core::Reason::DownlinkDown => Reason::DownlinkDown,
            tsuji_core::Reason::UplinkDown => Reason::UplinkDown,
            tsuji_core::Reason::SourceDead => Reason::SourceDead,
            tsuji_core::Reason::CodecUnsupported => Reason::CodecUnsupported,
            tsuji_core::Reason::NoBandwidth => Reason::NoBandwidth,
            tsuji_core::Reason::WaitingForKeyframe => Reason::WaitingForKeyframe,
            tsuji_core::Reason::Forwarding { .. } => Reason::Forwarding,
        }
    }
}

/// Whose fault a freeze is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "PROTOCOL.md has the table")]
pub enum Culprit {
    PublisherDevice,
    PublisherUplink,
    Server,
    ViewerDownlink,
    ViewerDevice,
    Unknown,
}

impl From<freeze::Culprit> for Culprit {
    fn from(culprit: freeze::Culprit) -> Self {
        match culprit {
            freeze::Culprit::PublisherDevice => Culprit::PublisherDevice,
            freeze::Culprit::PublisherUplink => Culprit::PublisherUplink,
            freeze::Culprit::Server => Culprit::Server,
            freeze::Culprit::ViewerDownlink => Culprit::ViewerDownlink,
            freeze::Culprit::ViewerDevice => Culprit::ViewerDevice,
            freeze::Culprit::Unknown => Culprit::Unknown,
        }
    }
}

/// A STUN or TURN server (`RTCIceServer`, WebRTC 1.0, 4.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtcIceServer {
    /// Its URI (RFC 7064, RFC 7065).
    pub urls: String,
    /// User name, where it asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// Why somebody is no longer in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "PROTOCOL.md has the table")]
pub enum ExitReason {
    Left,
    Vanished,
    ConnectionFailed,
    NoAnswer,
    Full,
    InternalError,
    ServerStopping,
}

impl From<GoneReason> for ExitReason {
    fn from(reason: GoneReason) -> Self {
        match reason {
            GoneReason::Full => ExitReason::Full,
            GoneReason::NeverConnected | GoneReason::ConnectionLost | GoneReason::BadAnswer => {
                ExitReason::ConnectionFailed
            }
            GoneReason::Unreachable => ExitReason::Vanished,
            GoneReason::NoAnswer => ExitReason::NoAnswer,
            // `GoneReason` may grow; a reason that we cannot name is a fault of ours.
            _ => ExitReason::InternalError,
        }
    }
}

impl ServerMessage {
    /// The message as it goes into a text frame.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists always have a JSON form; were that ever untrue, the page
        // would ignore an empty object's missing type.
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}
