//! What clients say.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tsuji_core::TrackId;

use super::{Candidate, Ice, Id, Kind, Report, Source};
use crate::error::{Fault, shorten};

/// A message from a client. Unknown fields are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Look at a room, or create one.
    Join(Join),
    /// Enter the room last joined.
    Call {
        /// The name to show to others.
        name: String,
        /// How candidates travel.
        #[serde(default)]
        ice: Ice,
        /// Whether the microphone is on.
        #[serde(default = "on")]
        audio: bool,
        /// Whether the camera is on.
        #[serde(default = "on")]
        video: bool,
    },
    /// The answer to an offer (RFC 3264).
    Answer {
        /// Which offer.
        negotiation: u32,
        /// The session description.
        sdp: String,
    },
    /// A candidate, or the end of them.
    Candidate {
        /// `null` at the end; must be there.
        #[serde(deserialize_with = "present")]
        candidate: Option<Candidate>,
    },
    /// Microphone or camera goes off, or on again.
    Mute {
        /// Which.
        kind: Kind,
        /// Whether it is off.
        muted: bool,
    },
    /// The screen is shown, or not any more.
    Share {
        /// Whether its picture is there.
        screen: bool,
        /// Whether its sound is there.
        audio: bool,
    },
    /// What the page shows of others from now on.
    View {
        /// The most important first.
        tiles: Vec<Tile>,
    },
    /// Take up a stay again on a new connection.
    Resume {
        /// As the offer told it.
        token: String,
    },
    /// What the page saw of others, and how its device fares.
    Report(Report),
    /// Something is wrong: marks the moment for whoever operates the server.
    Problem,
    /// The network has changed: begin ICE again.
    Restart,
    /// Leave the room.
    Leave,
}

/// A place in a page where somebody's picture is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// Whose.
    pub participant: Id,
    /// Camera or screen.
    pub source: Source,
    /// Device pixels.
    pub width: u16,
    /// Device pixels.
    pub height: u16,
    /// Somebody wants to see it before all others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
}

impl Tile {
    /// What the core means by it.
    pub fn to_core(&self) -> tsuji_core::Tile {
        tsuji_core::Tile {
            track: TrackId {
                participant: self.participant.0,
                source: self.source.into(),
            },
            width: self.width,
            height: self.height,
            pinned: self.pinned,
        }
    }
}

/// What a `join` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Which room; none creates one. As people wrote it, not yet read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The password: of the room, or for the room that is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The room was there, and is to be made anew if the server does not know it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// A JWT (RFC 7519), where the server asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl ClientMessage {
    /// Creates a room.
    pub fn create() -> Self {
        Self::Join(Join::default())
    }

    /// Looks at a room.
    pub fn look(room: impl Into<String>) -> Self {
        Self::Join(Join {
            room: Some(room.into()),
            ..Join::default()
        })
    }

    /// All types, as `type` names them.
    pub const TYPES: [&str; 12] = [
        "join",
        "call",
        "answer",
        "candidate",
        "mute",
        "share",
        "view",
        "report",
        "problem",
        "resume",
        "restart",
        "leave",
    ];

    /// Reads one message, and tells apart what is not JSON, what is of no known type and what has
    /// wrong fields.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let value: Value =
            serde_json::from_str(text).map_err(|e| Fault::BadJson(shorten(&e.to_string())))?;
        let Value::Object(fields) = &value else {
            return Err(Fault::BadJson("it is another JSON value".to_owned()));
        };
        match fields.get("type") {
            Some(Value::String(kind)) if Self::TYPES.contains(&kind.as_str()) => {}
            _ => return Err(Fault::UnknownType),
        }
        serde_json::from_value(value).map_err(|e| Fault::BadMessage(shorten(&e.to_string())))
    }
}

fn on() -> bool {
    true
}

/// Serde takes a missing `Option` for `None`; the end of candidates is worth saying.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Candidate>, D::Error> {
    Option::deserialize(from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorCode;
    use crate::message::{Limitation, Seen};

    fn code(text: &str) -> Result<ClientMessage, ErrorCode> {
        ClientMessage::parse(text).map_err(|fault| fault.code())
    }

    #[test]
    fn every_type_is_read_with_its_defaults_and_with_fields_from_the_future() {
        let call = |ice, audio, video| ClientMessage::Call {
            name: "Mika".into(),
            ice,
            audio,
            video,
        };
        let cases = [
            (r#"{"type":"join"}"#, ClientMessage::create()),
            (r#"{"type":"join","room":null}"#, ClientMessage::create()),
            (
                r#"{"room":"x","type":"join","future":[1]}"#,
                ClientMessage::look("x"),
            ),
            (
                r#"{"type":"join","room":"x","password":"p","token":"a.b.c"}"#,
                ClientMessage::Join(Join {
                    room: Some("x".into()),
                    password: Some("p".into()),
                    again: false,
                    token: Some("a.b.c".into()),
                }),
            ),
            (
                r#"{"type":"join","room":"x","again":true}"#,
                ClientMessage::Join(Join {
                    room: Some("x".into()),
                    again: true,
                    ..Join::default()
                }),
            ),
            (
                r#"{"type":"call","name":"Mika"}"#,
                call(Ice::Trickle, true, true),
            ),
            (
                r#"{"type":"call","name":"Mika","ice":"vanilla","audio":false,"video":false}"#,
                call(Ice::Vanilla, false, false),
            ),
            (
                r#"{"type":"answer","negotiation":3,"sdp":"v=0\r\n"}"#,
                ClientMessage::Answer {
                    negotiation: 3,
                    sdp: "v=0\r\n".into(),
                },
            ),
            (
                r#"{"type":"candidate","candidate":null}"#,
                ClientMessage::Candidate { candidate: None },
            ),
            (
                r#"{"type":"candidate","candidate":{"candidate":"c","foundation":"1","sdpMid":null}}"#,
                ClientMessage::Candidate {
                    candidate: Some(Candidate {
                        candidate: "c".into(),
                        ..Candidate::default()
                    }),
                },
            ),
            (
                r#"{"type":"mute","kind":"video","muted":true}"#,
                ClientMessage::Mute {
                    kind: Kind::Video,
                    muted: true,
                },
            ),
            (
                r#"{"type":"share","screen":true,"audio":false}"#,
                ClientMessage::Share {
                    screen: true,
                    audio: false,
                },
            ),
            (
                r#"{"type":"view","tiles":[{"participant":"p7","source":"screen","width":800,"height":1}]}"#,
                ClientMessage::View {
                    tiles: vec![Tile {
                        participant: Id(tsuji_core::ParticipantId(7)),
                        source: Source::Screen,
                        width: 800,
                        height: 1,
                        pinned: false,
                    }],
                },
            ),
            (
                r#"{"type":"resume","token":"5f"}"#,
                ClientMessage::Resume { token: "5f".into() },
            ),
            (
                r#"{"type":"report","seen":[{"mid":"3","freezes":2}],"limitation":"cpu","captured":300,"slept_ms":7}"#,
                ClientMessage::Report(Report {
                    seen: vec![Seen {
                        mid: "3".into(),
                        freezes: 2,
                        ..Seen::default()
                    }],
                    limitation: Limitation::Cpu,
                    captured: Some(300),
                    slept_ms: 7,
                    ..Report::default()
                }),
            ),
            (
                r#"{"type":"report"}"#,
                ClientMessage::Report(Report::default()),
            ),
            (r#"{"type":"problem"}"#, ClientMessage::Problem),
            (r#"{"type":"restart"}"#, ClientMessage::Restart),
            (r#"{"type":"leave","why":"bored"}"#, ClientMessage::Leave),
        ];
        for (text, message) in cases {
            assert_eq!(ClientMessage::parse(text), Ok(message.clone()), "{text}");
            let again = serde_json::to_string(&message).unwrap();
            assert_eq!(ClientMessage::parse(&again), Ok(message), "{again}");
        }
    }

    #[test]
    fn what_is_not_one_json_object_is_bad_json() {
        for text in [
            "",
            "hello",
            "[]",
            "7",
            "null",
            "{",
            r#"{"type":"join"} {}"#,
            "\u{0}",
        ] {
            assert_eq!(code(text), Err(ErrorCode::BadJson), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(code(&deep), Err(ErrorCode::BadJson));
    }

    #[test]
    fn a_type_that_clients_do_not_send_is_unknown() {
        for text in [
            "{}",
            r#"{"type":7}"#,
            r#"{"type":null}"#,
            r#"{"type":"offer"}"#,
            r#"{"type":"Join"}"#,
            r#"{"Type":"join"}"#,
        ] {
            assert_eq!(code(text), Err(ErrorCode::UnknownType), "{text}");
        }
    }

    #[test]
    fn a_wrong_field_is_a_bad_message_and_is_named_briefly() {
        for text in [
            r#"{"type":"join","room":7}"#,
            r#"{"type":"join","password":7}"#,
            r#"{"type":"join","room":"x","again":"yes"}"#,
            r#"{"type":"call"}"#,
            r#"{"type":"call","name":null}"#,
            r#"{"type":"call","name":"x","ice":"full"}"#,
            r#"{"type":"call","name":"x","audio":"yes"}"#,
            r#"{"type":"answer","sdp":"v=0"}"#,
            r#"{"type":"answer","negotiation":-1,"sdp":"v=0"}"#,
            r#"{"type":"answer","negotiation":4294967296,"sdp":"v=0"}"#,
            r#"{"type":"candidate"}"#,
            r#"{"type":"candidate","candidate":"candidate:1"}"#,
            r#"{"type":"candidate","candidate":{}}"#,
            r#"{"type":"mute","kind":"screen","muted":true}"#,
            r#"{"type":"mute","kind":"audio"}"#,
            r#"{"type":"share","screen":true}"#,
            r#"{"type":"view"}"#,
            r#"{"type":"view","tiles":{}}"#,
            r#"{"type":"view","tiles":[{"participant":"p7","source":"screen","width":800}]}"#,
            r#"{"type":"view","tiles":[{"participant":"p7","source":"nose","width":8,"height":8}]}"#,
            r#"{"type":"view","tiles":[{"participant":"7","source":"camera","width":8,"height":8}]}"#,
            r#"{"type":"view","tiles":[{"participant":"p7","source":"camera","width":-8,"height":8}]}"#,
            r#"{"type":"resume"}"#,
            r#"{"type":"resume","token":7}"#,
            r#"{"type":"report","seen":[{"mid":3}]}"#,
            r#"{"type":"report","captured":-1}"#,
            r#"{"type":"report","limitation":"mood"}"#,
        ] {
            assert_eq!(code(text), Err(ErrorCode::BadMessage), "{text}");
        }
        let long = format!(
            r#"{{"type":"mute","kind":"{}","muted":true}}"#,
            "é".repeat(50_000)
        );
        let sentence = ClientMessage::parse(&long).unwrap_err().to_string();
        assert!(sentence.chars().count() < 300, "{sentence}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = ClientMessage::parse(&text);
        }
    }
}
