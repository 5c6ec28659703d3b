//! `PROTOCOL.md` is true: its example runs, its messages are ours, its tables are complete.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tsuji_core::{Command, IceMode, MediaKind, Negotiation, Notice, ParticipantId, RoomId};
use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::{ClientMessage, ExitReason, Reason, ServerMessage};
use tsuji_signaling::{ConnectionId, Input};

use crate::world::World;

const DOCUMENT: &str = include_str!("../../PROTOCOL.md");
const ROOM: &str = "KUMA-ARE-TSUJ";

/// One line of the example.
struct Line {
    who: String,
    to_server: bool,
    json: String,
}

#[test]
fn the_example_meeting_runs_as_written() {
    let mut world = World::new();
    let mut people = BTreeMap::<String, ConnectionId>::new();
    let mut waiting = BTreeMap::<ConnectionId, Vec<ServerMessage>>::new();
    let mut room = ROOM.to_owned();
    let mut tokens = BTreeMap::<String, String>::new();

    for line in example() {
        let connection = *people.entry(line.who).or_insert_with(|| world.open());
        if line.to_server {
            let mut text = line
                .json
                .replace(&ROOM.to_lowercase(), &room.to_lowercase());
            for (written, made) in &tokens {
                text = text.replace(written, made);
            }
            let unanswered = waiting.values().flatten().next();
            assert_eq!(unanswered, None, "before {text}");
            world.text(connection, &text);
        } else {
            let mut expected: ServerMessage = serde_json::from_str(&line.json).unwrap();
            let heard = waiting.entry(connection).or_default();
            heard.extend(world.heard(connection));
            if heard.is_empty() {
                let participant = ParticipantId(connection.0);
                world.input(Input::Notice(notice(participant, &expected)));
                heard.extend(world.heard(connection));
            }
            assert!(
                !heard.is_empty(),
                "nothing is said where {} stands",
                line.json
            );
            let said = heard.remove(0);
            if let (
                ServerMessage::Join { room: made, .. },
                ServerMessage::Join { room: written, .. },
            ) = (&said, &mut expected)
            {
                room = made.to_string();
                *written = *made;
            }
            if let (
                ServerMessage::Offer { token: made, .. },
                ServerMessage::Offer { token: written, .. },
            ) = (&said, &mut expected)
            {
                assert_eq!(made.len(), written.len());
                tokens.insert(std::mem::replace(written, made.clone()), made.clone());
            }
            assert_eq!(said, expected);
        }
    }
    assert_eq!(waiting.values().flatten().next(), None);
    assert_eq!(people.len(), 3, "and Mika's second WebSocket");

    let (ren, mika) = (ParticipantId(1), ParticipantId(2));
    let answer = |participant| Command::Answer {
        participant,
        negotiation: Negotiation(1),
        sdp: "v=0\r\no=…".to_owned(),
    };
    let enter = |participant| Command::Enter {
        room: RoomId(1),
        participant,
        ice: IceMode::Trickle,
    };
    let mute = |muted| Command::Mute {
        participant: mika,
        kind: MediaKind::Video,
        muted,
    };
    let candidate = |participant, line: Option<&str>| Command::Candidate {
        participant,
        candidate: line.map(str::to_owned),
    };
    let line = "candidate:7 1 udp 2122260223 198.51.100.7 50000 typ host generation 0";
    let commands = [
        enter(ren),
        answer(ren),
        candidate(ren, Some(line)),
        candidate(ren, None),
        enter(mika),
        mute(true),
        answer(mika),
        candidate(mika, None),
        mute(false),
        Command::Leave { participant: mika },
    ];
    assert_eq!(world.commands(), commands);
}

/// What the core would have told for the server to say this.
fn notice(participant: ParticipantId, message: &ServerMessage) -> Notice {
    let slots = |slots: &[tsuji_signaling::message::Slot]| {
        slots
            .iter()
            .map(tsuji_signaling::message::Slot::to_core)
            .collect()
    };
    match message {
        ServerMessage::Offer {
            negotiation,
            sdp,
            publish,
            slots: list,
            ..
        } => Notice::Offer {
            participant,
            negotiation: Negotiation(*negotiation),
            sdp: sdp.clone(),
            publish: publish.to_core(),
            slots: slots(list),
        },
        ServerMessage::Candidate { candidate } => Notice::Candidate {
            participant,
            candidate: candidate.as_ref().map(|c| c.candidate.clone()),
        },
        ServerMessage::Slots { slots: list } => Notice::Slots {
            participant,
            slots: slots(list),
        },
        other => panic!("the lobby says this by itself, or not at all: {other:?}"),
    }
}

fn example() -> Vec<Line> {
    let (_, text) = DOCUMENT.split_once("## A whole meeting").unwrap();
    let (_, text) = text.split_once("```text\n").unwrap();
    let (text, _) = text.split_once("```").unwrap();
    let mut lines = Vec::<Line>::new();
    for text in text.lines().filter(|text| !text.trim().is_empty()) {
        let arrow = ['→', '←'].into_iter().find_map(|arrow| {
            let (who, json) = text.split_once(arrow)?;
            Some((arrow, who, json))
        });
        match arrow {
            Some((arrow, who, json)) if !text.starts_with(' ') => lines.push(Line {
                who: who.trim().to_owned(),
                to_server: arrow == '→',
                json: json.trim().to_owned(),
            }),
            _ => lines.last_mut().unwrap().json.push_str(text),
        }
    }
    assert!(lines.len() > 20);
    lines
}

#[test]
fn every_message_in_the_document_is_one_of_ours() {
    let mut read = 0;
    for (before, _) in DOCUMENT.match_indices(r#"{"type":"#) {
        let mut values = serde_json::Deserializer::from_str(&DOCUMENT[before..]).into_iter();
        let value: Value = values.next().unwrap().unwrap_or_else(|error| {
            panic!("{error} in {}", DOCUMENT[before..].lines().next().unwrap())
        });
        let is_client = ClientMessage::parse(&value.to_string()).is_ok();
        let is_server = serde_json::from_value::<ServerMessage>(value.clone()).is_ok();
        assert!(is_client || is_server, "{value}");
        read += 1;
    }
    assert!(read > 30, "{read}");
}

#[test]
fn the_tables_have_all_codes_and_reasons_and_types() {
    let names = table("| code | when |");
    assert_eq!(names, variants::<ErrorCode>());
    let names = table("| reason | |");
    assert_eq!(names, variants::<ExitReason>());
    let names = table("| reason of a slot | |");
    assert_eq!(names, variants::<Reason>());

    let mut types = variants_of(r#"{"type":""}"#);
    types.extend(ClientMessage::TYPES.map(str::to_owned));
    assert_eq!(table("| type | from | meaning |"), types);
}

/// The first column of a table, by its head.
fn table(head: &str) -> BTreeSet<String> {
    let (_, rows) = DOCUMENT.split_once(head).unwrap();
    let rows = rows.lines().skip(2).take_while(|row| row.starts_with('|'));
    let name = |row: &str| row.split('`').nth(1).unwrap().to_owned();
    rows.map(name).collect()
}

fn variants<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
    let error = serde_json::from_str::<T>(r#""""#).err().unwrap();
    quoted(&error.to_string())
}

fn variants_of(message: &str) -> BTreeSet<String> {
    let error = serde_json::from_str::<ServerMessage>(message)
        .err()
        .unwrap();
    quoted(&error.to_string())
}

/// Serde lists all names that it would have taken: "unknown variant ``, expected one of `a`, …".
fn quoted(error: &str) -> BTreeSet<String> {
    let (_, list) = error.split_once("expected one of").unwrap();
    let names = list.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}
