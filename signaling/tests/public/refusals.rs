//! Each `error` of the protocol, and that it harms nobody else.

use serde_json::json;
use tsuji_core::{Command, CommandError, Notice};
use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::ServerMessage;
use tsuji_signaling::{ConnectionId, Input, Limits};

use crate::world::World;

impl World {
    /// The one message that a connection was told is an error with this code and a sentence.
    #[track_caller]
    pub(crate) fn is_refused(&mut self, connection: ConnectionId, code: ErrorCode) {
        match self.hears(connection) {
            ServerMessage::Error {
                code: said,
                message,
            } => {
                assert_eq!(said, code, "{message}");
                assert!(message.ends_with('.'), "a sentence: {message}");
            }
            other => panic!("not refused: {other:?}"),
        }
    }
}

const CALL: &str = r#"{"type":"call","name":"Ren"}"#;
const ANSWER: &str = r#"{"type":"answer","negotiation":1,"sdp":"v=0"}"#;
const CANDIDATE: &str = r#"{"type":"candidate","candidate":null}"#;
const MUTE: &str = r#"{"type":"mute","kind":"audio","muted":true}"#;
const LEAVE: &str = r#"{"type":"leave"}"#;

#[test]
fn a_malformed_message_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, _) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");
    for (text, code) in [
        ("nonsense", ErrorCode::BadJson),
        ("[1,2]", ErrorCode::BadJson),
        (r#"{"type":"dance"}"#, ErrorCode::UnknownType),
        (r#"{"hello":1}"#, ErrorCode::UnknownType),
        (r#"{"type":"mute","kind":"audio"}"#, ErrorCode::BadMessage),
        (
            r#"{"type":"candidate","candidate":7}"#,
            ErrorCode::BadMessage,
        ),
    ] {
        world.text(ren, text);
        world.is_refused(ren, code);
    }
    world.input(Input::Binary { connection: ren });
    world.is_refused(ren, ErrorCode::Binary);
    assert_eq!(world.heard(mika), []);
    assert_eq!(world.commands(), []);
    assert!(world.closes.is_empty());

    world.text(ren, MUTE);
    assert_eq!(world.heard(mika).len(), 1);
}

#[test]
fn an_oversized_message_closes_the_connection_and_tells_the_others() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, participant) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");
    world.input(Input::Oversized { connection: ren });
    world.is_refused(ren, ErrorCode::TooLarge);
    assert_eq!(world.closes[&ren], 1009);
    assert_eq!(world.hears_json(mika)["reason"], "vanished");
    assert_eq!(world.commands(), [Command::Leave { participant }]);

    // What was under way is not read any more, and nothing is told twice.
    world.text(ren, MUTE);
    world.input(Input::Alive { connection: ren });
    world.close(ren);
    assert_eq!(world.heard(ren), []);
    assert_eq!(world.heard(mika), []);
}

#[test]
fn a_text_over_the_limit_is_oversized_although_the_runtime_read_it() {
    let mut world = World::new();
    let ren = world.open();
    let fits = r#"{"type":"join"}"#.to_owned() + &" ".repeat(128 * 1024 - 15);
    world.text(ren, &fits);
    assert!(matches!(world.hears(ren), ServerMessage::Join { .. }));
    world.text(ren, &(fits + " "));
    world.is_refused(ren, ErrorCode::TooLarge);
    assert_eq!(world.closes[&ren], 1009);
}

#[test]
fn a_good_message_at_the_wrong_time_is_refused() {
    let mut world = World::new();
    let ren = world.open();
    for text in [CALL, ANSWER, CANDIDATE, MUTE, LEAVE] {
        world.text(ren, text);
        world.is_refused(ren, ErrorCode::WrongOrder);
    }
    let room = world.create(ren);
    for text in [ANSWER, CANDIDATE, MUTE, LEAVE] {
        world.text(ren, text);
        world.is_refused(ren, ErrorCode::WrongOrder);
    }
    world.call(ren, "Ren").unwrap();
    world.text(ren, CALL);
    world.is_refused(ren, ErrorCode::WrongOrder);
    world.look(ren, &room);
    world.is_refused(ren, ErrorCode::WrongOrder);
    world.text(ren, LEAVE);
    world.heard(ren);
    world.text(ren, CALL);
    world.is_refused(ren, ErrorCode::WrongOrder);
}

#[test]
fn a_room_that_does_not_exist_is_not_found_and_the_earlier_look_still_counts() {
    let mut world = World::new();
    let ren = world.open();
    world.create(ren);
    for room in ["KUMA-ARE-TSUJ", "kuma", "", "☃"] {
        world.look(ren, room);
        world.is_refused(ren, ErrorCode::RoomNotFound);
    }
    assert!(world.call(ren, "Ren").is_some());
}

#[test]
fn who_guesses_rooms_is_closed() {
    let mut world = World::new();
    let ren = world.open();
    for _ in 0..9 {
        world.look(ren, "KUMA-ARE-TSUJ");
        world.is_refused(ren, ErrorCode::RoomNotFound);
    }
    world.look(ren, "KUMA-ARE-TSUJ");
    world.is_refused(ren, ErrorCode::TooManyGuesses);
    assert_eq!(world.closes[&ren], 1008);
}

#[test]
fn a_full_room_takes_nobody_until_somebody_leaves() {
    let mut world = World::with(Limits {
        participants_per_room: 2,
        ..Limits::default()
    });
    let host = world.open();
    let room = world.create(host);
    let (ren, _) = world.enter(&room, "Ren");
    world.enter(&room, "Mika");
    let aki = world.open();
    world.look(aki, &room);
    assert_eq!(world.hears_json(aki)["participants"][1]["name"], "Mika");
    world.text(aki, CALL);
    world.is_refused(aki, ErrorCode::RoomFull);
    assert_eq!(world.commands(), []);
    assert_eq!(world.heard(ren), []);

    world.text(ren, LEAVE);
    assert!(world.call(aki, "Aki").is_some());
}

#[test]
fn a_full_server_takes_nobody_until_somebody_leaves() {
    let mut world = World::with(Limits {
        participants: 1,
        ..Limits::default()
    });
    let (ren, mika) = (world.open(), world.open());
    world.create(ren);
    world.create(mika);
    world.call(ren, "Ren").unwrap();
    world.text(mika, CALL);
    world.is_refused(mika, ErrorCode::ServerFull);
    world.go(ren);
    world.forget();
    assert!(world.call(mika, "Mika").is_some());
}

#[test]
fn an_unpresentable_name_is_refused() {
    let mut world = World::new();
    let ren = world.open();
    world.create(ren);
    let long = "x".repeat(41);
    for name in ["", "  ", "a\nb", "\u{200B}", &long] {
        let call = json!({"type": "call", "name": name});
        world.text(ren, &call.to_string());
        world.is_refused(ren, ErrorCode::BadName);
    }
    assert_eq!(world.commands(), []);
    assert!(world.call(ren, "  Ren ").is_some());
}

#[test]
fn what_the_core_refuses_is_told_to_the_one_who_sent_it() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, participant) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");
    let long = "x".repeat(100_000);
    for (error, code) in [
        (CommandError::UnexpectedAnswer, ErrorCode::BadAnswer),
        (
            CommandError::BadDescription(long.clone()),
            ErrorCode::BadAnswer,
        ),
        (
            CommandError::DescriptionTooLarge("70000 bytes".into()),
            ErrorCode::BadAnswer,
        ),
        (CommandError::BadCandidate(long), ErrorCode::BadCandidate),
        (CommandError::TooManyCandidates(64), ErrorCode::BadCandidate),
        (CommandError::UnknownParticipant, ErrorCode::WrongOrder),
    ] {
        world.input(Input::Notice(Notice::Refused { participant, error }));
        world.is_refused(ren, code);
    }
    assert_eq!(world.heard(mika), []);
    assert!(world.closes.is_empty());
}
