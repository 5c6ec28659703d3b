//! Who is told what, when people come, go and change.

use std::time::Duration;

use serde_json::json;
use tsuji_core::{Command, GoneReason, Notice, ParticipantId};
use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::{ClientMessage, ExitReason, Id, ServerMessage};
use tsuji_signaling::{Input, Limits};

use crate::world::{World, slots};

fn exit(participant: ParticipantId, reason: ExitReason) -> ServerMessage {
    ServerMessage::Exit {
        participant: Id(participant),
        reason,
    }
}

#[test]
fn looking_at_a_room_enters_it_for_nobody() {
    let mut world = World::new();
    let ren = world.open();
    let room = world.create(ren);
    let mika = world.open();
    world.look(mika, &room);
    let seen = json!({"type": "join", "room": room, "participants": []});
    assert_eq!(world.hears_json(mika), seen);
    assert_eq!(world.heard(ren), []);
    assert_eq!(world.commands(), []);
}

#[test]
fn the_last_room_joined_is_the_one_that_is_entered() {
    let mut world = World::new();
    let ren = world.open();
    let first = world.create(ren);
    let second = world.create(ren);
    world.call(ren, "Ren").unwrap();

    let mika = world.open();
    world.look(mika, &first);
    assert_eq!(world.hears_json(mika)["participants"], json!([]));
    world.look(mika, &second);
    assert_eq!(world.hears_json(mika)["participants"][0]["name"], "Ren");
}

#[test]
fn the_first_offer_tells_the_newcomer_everything_and_nothing_comes_before_it() {
    let mut world = World::new();
    let room = {
        let host = world.open();
        world.create(host)
    };
    let (ren, ren_id) = world.enter(&room, "Ren");

    let mika = world.open();
    world.look(mika, &room);
    world.heard(mika);
    let mika_id = world.call(mika, "Mika").unwrap();
    let told = json!({"type": "call", "participant":
        {"id": mika_id.to_string(), "name": "Mika", "audio": true, "video": true,
         "screen": false, "screen_audio": false}});
    assert_eq!(world.hears_json(ren), told);

    // While Mika's offer is being made, Ren mutes, Aki comes and Emi comes and goes.
    world.text(ren, r#"{"type":"mute","kind":"audio","muted":true}"#);
    let (_, aki_id) = world.enter(&room, "Aki");
    let (emi, _) = world.enter(&room, "Emi");
    world.say(emi, &ClientMessage::Leave);
    assert_eq!(world.heard(mika), []);

    world.offer(mika_id, 1, &[Some(ren_id), Some(aki_id), None]);
    let offer = world.hears_json(mika);
    assert_eq!(offer["self"], mika_id.to_string());
    assert_eq!(offer["ice"], "trickle");
    assert_eq!(
        offer["publish"],
        json!({"audio": "0", "video": "1", "screen": "98", "screen_audio": "99"})
    );
    let others = json!([
        {"id": ren_id.to_string(), "name": "Ren", "audio": false, "video": true,
         "screen": false, "screen_audio": false},
        {"id": aki_id.to_string(), "name": "Aki", "audio": true, "video": true,
         "screen": false, "screen_audio": false}]);
    assert_eq!(offer["participants"], others);
    let slot = json!({"mid": "5", "kind": "video", "participant": aki_id.to_string(),
        "source": "camera"});
    assert_eq!(offer["slots"][3], slot);

    // From now on Mika hears it all.
    world.text(ren, r#"{"type":"mute","kind":"audio","muted":false}"#);
    assert_eq!(world.hears_json(mika)["muted"], false);
}

#[test]
fn who_enters_with_the_camera_off_is_muted_from_the_start() {
    let mut world = World::new();
    let ren = world.open();
    world.create(ren);
    world.text(ren, r#"{"type":"call","name":"Ren","video":false}"#);
    let commands = world.commands();
    assert!(matches!(commands[0], Command::Enter { .. }));
    assert!(matches!(
        commands[1],
        Command::Mute {
            kind: tsuji_core::MediaKind::Video,
            muted: true,
            ..
        }
    ));
    assert_eq!(commands.len(), 2);
}

#[test]
fn muting_is_told_once_to_the_others_and_never_to_oneself() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, ren_id) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");
    for _ in 0..3 {
        world.text(ren, r#"{"type":"mute","kind":"video","muted":true}"#);
    }
    let told =
        json!({"type": "mute", "participant": ren_id.to_string(), "kind": "video", "muted": true});
    assert_eq!(world.hears_json(mika), told);
    assert_eq!(world.heard(ren), []);
    assert_eq!(world.commands().len(), 1);
}

#[test]
fn who_leaves_is_told_stays_connected_and_may_come_back_as_somebody_new() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, ren_id) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");

    world.say(ren, &ClientMessage::Leave);
    assert_eq!(world.hears(ren), exit(ren_id, ExitReason::Left));
    assert_eq!(world.hears(mika), exit(ren_id, ExitReason::Left));
    assert_eq!(
        world.commands(),
        [Command::Leave {
            participant: ren_id
        }]
    );

    world.look(ren, &room);
    assert_eq!(world.hears_json(ren)["participants"][0]["name"], "Mika");
    let again = world.call(ren, "Ren").unwrap();
    assert_ne!(again, ren_id);
}

#[test]
fn without_grace_a_lost_websocket_is_told_as_vanished_at_once() {
    let mut world = World::with(Limits {
        grace: Duration::ZERO,
        ..Limits::default()
    });
    let host = world.open();
    let room = world.create(host);
    let (ren, ren_id) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");
    world.close(ren);
    assert_eq!(world.hears(mika), exit(ren_id, ExitReason::Vanished));
    assert_eq!(world.heard(ren), []);
    assert_eq!(
        world.commands(),
        [Command::Leave {
            participant: ren_id
        }]
    );
}

#[test]
fn whom_the_core_lets_go_everybody_is_told_about_and_the_core_is_not_asked_again() {
    let reasons = [
        (GoneReason::Full, ExitReason::Full),
        (GoneReason::NeverConnected, ExitReason::ConnectionFailed),
        (GoneReason::ConnectionLost, ExitReason::ConnectionFailed),
        (GoneReason::NoAnswer, ExitReason::NoAnswer),
        (GoneReason::Internal, ExitReason::InternalError),
    ];
    for (gone, told) in reasons {
        let mut world = World::new();
        let host = world.open();
        let room = world.create(host);
        let (ren, participant) = world.enter(&room, "Ren");
        let (mika, _) = world.enter(&room, "Mika");
        let reason = gone;
        world.input(Input::Notice(Notice::Gone {
            participant,
            reason,
        }));
        assert_eq!(world.hears(ren), exit(participant, told));
        assert_eq!(world.hears(mika), exit(participant, told));
        assert_eq!(world.commands(), []);

        world.look(ren, &room);
        assert!(matches!(world.hears(ren), ServerMessage::Join { .. }));
    }
}

#[test]
fn whose_answer_contradicts_its_offer_is_told_so_before_everybody_hears_that_it_is_gone() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, participant) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");
    let reason = GoneReason::BadAnswer;
    world.input(Input::Notice(Notice::Gone {
        participant,
        reason,
    }));
    let gone = exit(participant, ExitReason::ConnectionFailed);
    let [ServerMessage::Error { code, .. }, told] = &world.heard(ren)[..] else {
        panic!("an error and the end");
    };
    assert_eq!((*code, told), (ErrorCode::BadAnswer, &gone));
    assert_eq!(world.heard(mika), [gone]);
}

#[test]
fn rooms_do_not_hear_of_each_other() {
    let mut world = World::new();
    let (first, second) = (world.open(), world.open());
    let (first, second) = (world.create(first), world.create(second));
    let (ren, ren_id) = world.enter(&first, "Ren");
    let (mika, mika_id) = world.enter(&second, "Mika");
    world.text(ren, r#"{"type":"mute","kind":"video","muted":true}"#);
    world.say(ren, &ClientMessage::Leave);
    assert_eq!(world.heard(mika), []);

    // Not even if the core mixed them up.
    let slots = slots(&[Some(ren_id)]);
    let participant = mika_id;
    world.input(Input::Notice(Notice::Slots { participant, slots }));
    assert_eq!(
        world.hears_json(mika)["slots"][0]["participant"],
        json!(null)
    );
}

#[test]
fn a_slot_never_names_somebody_whose_exit_was_told() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, ren_id) = world.enter(&room, "Ren");
    let (mika, mika_id) = world.enter(&room, "Mika");
    world.say(ren, &ClientMessage::Leave);
    world.heard(mika);

    world.input(Input::Notice(Notice::Slots {
        participant: mika_id,
        slots: slots(&[Some(ren_id), None]),
    }));
    let free = json!([
        {"mid": "2", "kind": "audio", "participant": null, "source": null},
        {"mid": "3", "kind": "video", "participant": null, "source": null},
        {"mid": "4", "kind": "audio", "participant": null, "source": null},
        {"mid": "5", "kind": "video", "participant": null, "source": null}]);
    assert_eq!(world.hears_json(mika)["slots"], free);
    world.offer(mika_id, 2, &[Some(ren_id), None]);
    let offer = world.hears_json(mika);
    assert_eq!(offer["slots"], free);
    assert_eq!(offer["participants"], json!([]));
}

#[test]
fn notices_about_somebody_who_has_left_are_dropped() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, participant) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");
    world.say(ren, &ClientMessage::Leave);
    world.heard(ren);
    world.heard(mika);

    world.offer(participant, 2, &[None]);
    let slots = slots(&[None]);
    let error = tsuji_core::CommandError::UnknownParticipant;
    let reason = GoneReason::NoAnswer;
    for notice in [
        Notice::Slots { participant, slots },
        Notice::Candidate {
            participant,
            candidate: None,
        },
        Notice::Connected { participant },
        Notice::Refused { participant, error },
        Notice::Gone {
            participant,
            reason,
        },
    ] {
        world.input(Input::Notice(notice));
    }
    assert_eq!(world.heard(ren), []);
    assert_eq!(world.heard(mika), []);
}

#[test]
fn server_candidates_go_to_trickle_clients_only() {
    let mut world = World::new();
    let (trickle, vanilla) = (world.open(), world.open());
    let room = world.create(trickle);
    let first = world.call(trickle, "Ren").unwrap();
    world.look(vanilla, &room);
    world.text(vanilla, r#"{"type":"call","name":"Mika","ice":"vanilla"}"#);
    let second = ParticipantId(first.0 + 1);
    world.offer(first, 1, &[None]);
    world.offer(second, 1, &[None]);
    assert_eq!(
        serde_json::to_value(&world.heard(vanilla)[1]).unwrap()["ice"],
        "vanilla"
    );
    world.forget();

    let line = "candidate:1 1 udp 2130706431 203.0.113.5 3478 typ host";
    for participant in [first, second] {
        for candidate in [Some(line.to_owned()), None] {
            world.input(Input::Notice(Notice::Candidate {
                participant,
                candidate,
            }));
        }
    }
    let heard = serde_json::to_value(world.heard(trickle)).unwrap();
    let told = json!([
        {"type": "candidate", "candidate": {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}},
        {"type": "candidate", "candidate": null}]);
    assert_eq!(heard, told);
    assert_eq!(world.heard(vanilla), []);

    // What a vanilla client sends nevertheless is passed on.
    world.text(
        vanilla,
        r#"{"type":"candidate","candidate":{"candidate":""}}"#,
    );
    let end = Command::Candidate {
        participant: second,
        candidate: None,
    };
    assert_eq!(world.commands(), [end]);
}

#[test]
fn a_server_that_stops_tells_everybody_about_themselves_and_closes() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, ren_id) = world.enter(&room, "Ren");
    let (mika, mika_id) = world.enter(&room, "Mika");
    world.input(Input::Shutdown);
    assert_eq!(world.hears(ren), exit(ren_id, ExitReason::ServerStopping));
    assert_eq!(world.hears(mika), exit(mika_id, ExitReason::ServerStopping));
    assert_eq!(world.heard(host), []);
    for connection in [host, ren, mika] {
        assert_eq!(world.closes[&connection], 1001);
    }
    let leaves = [ren_id, mika_id].map(|participant| Command::Leave { participant });
    assert_eq!(world.commands(), leaves);

    // Nobody comes in any more, nothing is read, nothing waits.
    let late = world.open();
    assert_eq!(world.closes[&late], 1001);
    world.text(ren, r#"{"type":"join"}"#);
    world.close(ren);
    world.input(Input::Shutdown);
    assert_eq!(world.heard(ren), []);
    assert_eq!(world.lobby.deadline(), None);
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let run = || {
        let mut world = World::new();
        let host = world.open();
        let room = world.create(host);
        let ren = world.open();
        world.look(ren, &room);
        world.call(ren, "Ren").unwrap();
        let (mika, _) = world.enter(&room, "Mika");
        world.text(mika, r#"{"type":"mute","kind":"video","muted":true}"#);
        world.silent.insert(mika);
        world.wait(Duration::from_secs(60));
        let heard = [host, ren, mika].map(|connection| world.heard(connection));
        (room, heard, world.commands(), world.closes, world.pings)
    };
    assert_eq!(run(), run());
}
