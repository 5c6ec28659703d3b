//! Whose WebSocket is gone stays, and comes back with another one.

use std::time::Duration;

use serde_json::json;
use tsuji_core::{Command, GoneReason, Notice, ParticipantId};
use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::{ClientMessage, ExitReason, Id, ServerMessage};
use tsuji_signaling::{ConnectionId, Input, Limits};

use crate::world::{World, slots};

/// A server with one room; its name.
fn opened() -> (World, String) {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    (world, room)
}

/// Enters a room and gets the first offer; also gives the token in it.
fn enter(world: &mut World, room: &str, name: &str) -> (ConnectionId, ParticipantId, String) {
    let connection = world.open();
    world.look(connection, room);
    let participant = world.call(connection, name).unwrap();
    world.offer(participant, 1, &[None]);
    let heard = world.heard(connection);
    let Some(ServerMessage::Offer { token, .. }) = heard.last() else {
        panic!("an offer: {heard:?}");
    };
    let token = token.clone();
    world.forget();
    (connection, participant, token)
}

fn answer(world: &mut World, connection: ConnectionId) {
    let sdp = "v=0\r\n".to_owned();
    let negotiation = 1;
    world.say(connection, &ClientMessage::Answer { negotiation, sdp });
    world.commands();
}

fn resume(world: &mut World, token: &str) -> ConnectionId {
    let connection = world.open();
    let token = token.to_owned();
    world.say(connection, &ClientMessage::Resume { token });
    connection
}

fn vanished(participant: ParticipantId) -> ServerMessage {
    ServerMessage::Exit {
        participant: Id(participant),
        reason: ExitReason::Vanished,
    }
}

#[track_caller]
fn refused(world: &mut World, connection: ConnectionId) -> ErrorCode {
    match world.hears(connection) {
        ServerMessage::Error { code, .. } => code,
        other => panic!("no error: {other:?}"),
    }
}

fn signaling(participant: ParticipantId, lost: bool) -> Command {
    Command::Signaling { participant, lost }
}

#[test]
fn nobody_hears_of_a_websocket_that_is_gone_for_a_moment_and_who_comes_back_hears_it_all() {
    let (mut world, room) = opened();
    let (ren, ren_id, token) = enter(&mut world, &room, "Ren");
    let (mika, mika_id, _) = enter(&mut world, &room, "Mika");
    answer(&mut world, ren);
    world.text(ren, r#"{"type":"mute","kind":"audio","muted":true}"#);
    world.forget();

    world.close(ren);
    assert_eq!(world.commands(), [signaling(ren_id, true)]);
    assert_eq!(world.heard(mika), []);
    // Mika mutes, Aki comes, slots change; none of it reaches Ren.
    world.text(mika, r#"{"type":"mute","kind":"video","muted":true}"#);
    let (_, aki_id, _) = enter(&mut world, &room, "Aki");
    let told = slots(&[Some(mika_id), Some(aki_id)]);
    world.input(Input::Notice(Notice::Slots {
        participant: ren_id,
        slots: told,
    }));
    world.wait(Duration::from_secs(14));
    world.forget();

    let again = resume(&mut world, &token);
    let told = json!({"type": "resume", "self": ren_id.to_string(), "participants": [
        {"id": mika_id.to_string(), "name": "Mika", "audio": true, "video": false,
         "screen": false, "screen_audio": false},
        {"id": aki_id.to_string(), "name": "Aki", "audio": true, "video": true,
         "screen": false, "screen_audio": false}],
        "slots": [
        {"mid": "2", "kind": "audio", "participant": mika_id.to_string(), "source": "microphone"},
        {"mid": "3", "kind": "video", "participant": mika_id.to_string(), "source": "camera"},
        {"mid": "4", "kind": "audio", "participant": aki_id.to_string(), "source": "microphone"},
        {"mid": "5", "kind": "video", "participant": aki_id.to_string(), "source": "camera"}]});
    assert_eq!(world.hears_json(again), told);
    assert_eq!(world.heard(mika), []);
    assert_eq!(world.commands(), [signaling(ren_id, false)]);

    // The stay is what it was: still muted, and longer than the grace.
    world.wait(Duration::from_secs(60));
    world.text(again, r#"{"type":"mute","kind":"audio","muted":true}"#);
    assert_eq!(world.heard(mika), []);
    world.text(again, r#"{"type":"mute","kind":"audio","muted":false}"#);
    assert_eq!(world.hears_json(mika)["participant"], ren_id.to_string());
}

#[test]
fn who_does_not_come_back_in_time_has_vanished() {
    let (mut world, room) = opened();
    let (ren, ren_id, token) = enter(&mut world, &room, "Ren");
    let (mika, _, _) = enter(&mut world, &room, "Mika");
    world.close(ren);
    world.wait(Duration::from_millis(14_999));
    assert_eq!(world.heard(mika), []);
    world.wait(Duration::from_millis(1));
    assert_eq!(world.hears(mika), vanished(ren_id));
    let leave = Command::Leave {
        participant: ren_id,
    };
    assert_eq!(world.commands(), [signaling(ren_id, true), leave]);
    let late = resume(&mut world, &token);
    assert_eq!(refused(&mut world, late), ErrorCode::ResumeFailed);
    world.look(late, &room);
    assert!(matches!(world.hears(late), ServerMessage::Join { .. }));
}

#[test]
fn whose_media_is_gone_too_has_vanished_at_once() {
    let (mut world, room) = opened();
    let (ren, participant, token) = enter(&mut world, &room, "Ren");
    let (mika, _, _) = enter(&mut world, &room, "Mika");
    world.close(ren);
    world.forget();
    let reason = GoneReason::Unreachable;
    world.input(Input::Notice(Notice::Gone {
        participant,
        reason,
    }));
    assert_eq!(world.hears(mika), vanished(participant));
    assert_eq!(world.commands(), []);
    world.wait(Duration::from_secs(60));
    assert_eq!(world.heard(mika), [], "once");
    let late = resume(&mut world, &token);
    assert_eq!(refused(&mut world, late), ErrorCode::ResumeFailed);
}

#[test]
fn a_silent_websocket_is_given_up_and_its_stay_goes_on() {
    let (mut world, room) = opened();
    let (ren, ren_id, token) = enter(&mut world, &room, "Ren");
    world.silent.insert(ren);
    world.wait(Duration::from_secs(15));
    assert_eq!(world.closes[&ren], 1008);
    assert_eq!(world.commands(), [signaling(ren_id, true)]);
    let again = resume(&mut world, &token);
    assert!(matches!(
        world.heard(again)[0],
        ServerMessage::Resume { .. }
    ));
    world.close(ren);
    assert_eq!(world.commands(), [signaling(ren_id, false)]);
}

#[test]
fn a_websocket_that_is_half_open_is_taken_over_and_closed() {
    let (mut world, room) = opened();
    let (ren, ren_id, token) = enter(&mut world, &room, "Ren");
    answer(&mut world, ren);
    let (mika, _, _) = enter(&mut world, &room, "Mika");
    let again = resume(&mut world, &token);
    assert!(matches!(world.hears(again), ServerMessage::Resume { .. }));
    assert_eq!(world.closes[&ren], 4000);
    // What still comes from the old one is not heard, nor is its end.
    world.text(ren, r#"{"type":"leave"}"#);
    world.close(ren);
    assert_eq!(world.heard(mika), []);
    assert_eq!(world.commands(), [], "signaling was never lost");
    world.text(again, r#"{"type":"leave"}"#);
    let reason = ExitReason::Left;
    let participant = Id(ren_id);
    assert_eq!(
        world.hears(mika),
        ServerMessage::Exit {
            participant,
            reason
        }
    );
}

#[test]
fn an_offer_to_which_no_answer_came_is_told_again_with_its_candidates() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, participant, token) = enter(&mut world, &room, "Ren");
    let line = "candidate:1 1 udp 2130706431 203.0.113.5 3478 typ host";
    for candidate in [Some(line.to_owned()), None] {
        world.input(Input::Notice(Notice::Candidate {
            participant,
            candidate,
        }));
    }
    world.close(ren);
    let again = resume(&mut world, &token);
    let heard = serde_json::to_value(world.heard(again)).unwrap();
    let types: Vec<_> = heard
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["type"].clone())
        .collect();
    assert_eq!(types, ["resume", "offer", "candidate", "candidate"]);
    assert_eq!(
        (&heard[1]["negotiation"], &heard[1]["token"]),
        (&json!(1), &json!(token))
    );
    assert_eq!(heard[2]["candidate"]["candidate"], line);

    // One that was answered is not.
    answer(&mut world, again);
    world.close(again);
    let third = resume(&mut world, &token);
    assert!(matches!(world.hears(third), ServerMessage::Resume { .. }));
    // One that was made meanwhile is.
    world.close(third);
    world.offer(participant, 2, &[None, None]);
    let fourth = resume(&mut world, &token);
    assert!(matches!(
        world.heard(fourth)[..],
        [_, ServerMessage::Offer { negotiation: 2, .. }]
    ));
}

#[test]
fn whoever_breaks_a_rule_is_not_kept() {
    let (mut world, room) = opened();
    let (ren, ren_id, token) = enter(&mut world, &room, "Ren");
    world.input(Input::Oversized { connection: ren });
    assert_eq!(world.closes[&ren], 1009);
    assert_eq!(
        world.commands(),
        [Command::Leave {
            participant: ren_id
        }]
    );
    let again = resume(&mut world, &token);
    assert_eq!(refused(&mut world, again), ErrorCode::ResumeFailed);
}

#[test]
fn a_stay_is_resumed_before_anything_else_and_by_its_token_alone() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, _, token) = enter(&mut world, &room, "Ren");
    let resume = ClientMessage::Resume { token };
    for connection in [host, ren] {
        world.say(connection, &resume);
        assert_eq!(refused(&mut world, connection), ErrorCode::WrongOrder);
    }
    let stranger = world.open();
    for guess in 1..=10 {
        let token = format!("{guess:032x}");
        world.say(stranger, &ClientMessage::Resume { token });
        let expected = match guess {
            10 => ErrorCode::TooManyGuesses,
            _ => ErrorCode::ResumeFailed,
        };
        assert_eq!(refused(&mut world, stranger), expected);
    }
    assert_eq!(world.closes[&stranger], 1008);
}

#[test]
fn tokens_of_an_earlier_life_of_the_server_lock_nobody_out() {
    let mut world = World::new();
    for _ in 0..200 {
        let connection = world.open_from("203.0.113.5");
        let token = "0".repeat(32);
        world.say(connection, &ClientMessage::Resume { token });
        assert_eq!(refused(&mut world, connection), ErrorCode::ResumeFailed);
    }
    assert!(world.closes.is_empty());
}

#[test]
fn a_room_that_the_server_does_not_know_is_made_again_by_whoever_was_there() {
    let mut world = World::new();
    let (ren, mika) = (world.open(), world.open());
    for (connection, others) in [(ren, 0), (mika, 1)] {
        world.text(
            connection,
            r#"{"type":"join","room":"KUMA-ARE-TSUJ","again":true}"#,
        );
        let reply = world.hears_json(connection);
        assert_eq!(reply["room"], "KUMA-ARE-TSUJ");
        assert_eq!(reply["participants"].as_array().unwrap().len(), others);
        world.call(connection, "x").unwrap();
        world.forget();
    }
    let stranger = world.open();
    world.text(
        stranger,
        r#"{"type":"join","room":"nonsense","again":true}"#,
    );
    assert_eq!(refused(&mut world, stranger), ErrorCode::RoomNotFound);
}

#[test]
fn a_room_with_a_password_is_made_again_with_it_and_not_without() {
    let room = {
        let mut before = World::new();
        let host = before.open();
        before.create_locked(host, "open sesame")
    };
    let mut world = World::with(Limits::default());
    let ren = world.open();
    let again =
        |password: &str| format!(r#"{{"type":"join","room":"{room}","again":true{password}}}"#);
    for none in ["", r#","password":"""#] {
        world.text(ren, &again(none));
        assert_eq!(refused(&mut world, ren), ErrorCode::PasswordRequired);
    }
    world.text(ren, &again(r#","password":"open sesame""#));
    assert!(matches!(world.hears(ren), ServerMessage::Join { .. }));
    let mika = world.open();
    world.unlock(mika, &room, "wrong");
    assert_eq!(refused(&mut world, mika), ErrorCode::WrongPassword);
    world.text(mika, &again(r#","password":"open sesame""#));
    assert!(matches!(world.hears(mika), ServerMessage::Join { .. }));
}
