//! The messages of `PROTOCOL.md`, as types: what can be built can be sent, and what was parsed
//! has the right shape.
//!
//! Both directions can be read and written, so that a client in Rust speaks the same types.

mod client;
mod report;
mod server;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tsuji_core::{IceMode, MediaKind, ParticipantId};

pub use client::{ClientMessage, Join, Tile};
pub use report::{Limitation, Report, Seen};
pub use server::{
    Culprit, ExitReason, Participant, Publish, Reason, RtcIceServer, ServerMessage, Slot,
    SlotReason,
};

/// A participant's id on the wire: `p` and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Id(pub ParticipantId);

/// A text that is not a participant's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a participant's id is a p and a number")]
pub struct BadId;

/// How candidates travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ice {
    /// As they are found (RFC 8838).
    #[default]
    Trickle,
    /// Inside the descriptions only.
    Vanilla,
}

/// Sound or pictures; of what somebody publishes, the microphone or the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The microphone.
    Audio,
    /// The camera.
    Video,
}

/// Where a track comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// What somebody says.
    Microphone,
    /// What somebody looks like.
    Camera,
    /// What somebody shows.
    Screen,
    /// What is to be heard of that.
    ScreenAudio,
}

/// One encoding of a picture, by its restriction identifier (RFC 8851).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layer {
    /// A quarter of each side.
    #[serde(rename = "q")]
    Quarter,
    /// Half of each side.
    #[serde(rename = "h")]
    Half,
    /// The picture as it is.
    #[serde(rename = "f")]
    Full,
}

/// An ICE candidate: `RTCIceCandidateInit` (W3C WebRTC, 4.8.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The candidate attribute (RFC 8839, 5.1); empty at the end of candidates.
    pub candidate: String,
    /// The m-line by its mid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    /// The m-line by its place, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
    /// The ICE username fragment that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Id {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let number = text.strip_prefix('p').ok_or(BadId)?;
        let number = number.parse().map_err(|_| BadId)?;
        Ok(Self(ParticipantId(number)))
    }
}

impl From<Id> for String {
    fn from(id: Id) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for Id {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<Ice> for IceMode {
    fn from(ice: Ice) -> IceMode {
        match ice {
            Ice::Trickle => IceMode::Trickle,
            Ice::Vanilla => IceMode::Vanilla,
        }
    }
}

impl From<MediaKind> for Kind {
    fn from(kind: MediaKind) -> Kind {
        match kind {
            MediaKind::Audio => Kind::Audio,
            MediaKind::Video => Kind::Video,
        }
    }
}

impl From<tsuji_core::Layer> for Layer {
    fn from(layer: tsuji_core::Layer) -> Layer {
        match layer {
            tsuji_core::Layer::Quarter => Layer::Quarter,
            tsuji_core::Layer::Half => Layer::Half,
            tsuji_core::Layer::Full => Layer::Full,
        }
    }
}

impl From<tsuji_core::Source> for Source {
    fn from(source: tsuji_core::Source) -> Source {
        match source {
            tsuji_core::Source::Microphone => Source::Microphone,
            tsuji_core::Source::Camera => Source::Camera,
            tsuji_core::Source::Screen => Source::Screen,
            tsuji_core::Source::ScreenAudio => Source::ScreenAudio,
        }
    }
}

impl From<Source> for tsuji_core::Source {
    fn from(source: Source) -> tsuji_core::Source {
        match source {
            Source::Microphone => tsuji_core::Source::Microphone,
            Source::Camera => tsuji_core::Source::Camera,
            Source::Screen => tsuji_core::Source::Screen,
            Source::ScreenAudio => tsuji_core::Source::ScreenAudio,
        }
    }
}

impl From<Kind> for MediaKind {
    fn from(kind: Kind) -> MediaKind {
        match kind {
            Kind::Audio => MediaKind::Audio,
            Kind::Video => MediaKind::Video,
        }
    }
}

impl Candidate {
    /// One of the server's own, for a client's `addIceCandidate`. The server bundles everything
    /// on its first m-line, whose mid is `mid`.
    pub fn of_server(candidate: String, mid: Option<String>) -> Self {
        let username_fragment = after(&candidate, "ufrag").map(str::to_owned);
        Self {
            candidate,
            sdp_mid: mid,
            sdp_m_line_index: Some(0),
            username_fragment,
        }
    }
}

/// The value of an extension attribute of a candidate.
fn after<'a>(candidate: &'a str, key: &str) -> Option<&'a str> {
    let mut words = candidate.split_ascii_whitespace();
    words.find(|word| *word == key)?;
    words.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_candidate_names_its_line_and_fragment() {
        let line = "candidate:1 1 udp 2130706431 203.0.113.5 3478 typ host ufrag abcd";
        let candidate = Candidate::of_server(line.into(), Some("0".into()));
        assert_eq!(
            serde_json::to_string(&candidate).unwrap(),
            format!(
                r#"{{"candidate":"{line}","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"abcd"}}"#
            )
        );
        let bare = Candidate::of_server("candidate:1 1 udp 1 203.0.113.5 1 typ host".into(), None);
        assert_eq!(bare.username_fragment, None);
    }

    #[test]
    fn ids_are_read_back() {
        assert_eq!("p7".parse(), Ok(Id(ParticipantId(7))));
        assert_eq!(Id(ParticipantId(7)).to_string(), "p7");
        for bad in ["", "p", "7", "p-1", "p99999999999999999999", "q7"] {
            assert_eq!(bad.parse::<Id>(), Err(BadId), "{bad}");
        }
    }
}
