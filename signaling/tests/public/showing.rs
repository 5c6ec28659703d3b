//! Screens, and what pages show of others.

use std::time::Duration;

use serde_json::json;
use tsuji_core::{
    Command, Layer, Mid, Notice, ParticipantId, Reason, SlotReason, Source, Time, TrackId,
};
use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::ServerMessage;
use tsuji_signaling::{ConnectionId, Input};

use crate::world::World;

fn pair(world: &mut World) -> [(ConnectionId, ParticipantId); 2] {
    let host = world.open();
    let room = world.create(host);
    let pair = [world.enter(&room, "Ren"), world.enter(&room, "Mika")];
    world.forget();
    pair
}

fn view(participant: ParticipantId, width: u32) -> String {
    json!({"type": "view", "tiles": [
        {"participant": participant.to_string(), "source": "camera", "width": width, "height": 90}]})
    .to_string()
}

fn widths(commands: &[Command]) -> Vec<u16> {
    let width = |command: &Command| match command {
        Command::View { tiles, .. } => tiles[0].width,
        other => panic!("{other:?}"),
    };
    commands.iter().map(width).collect()
}

fn refused(world: &mut World, connection: ConnectionId) -> ErrorCode {
    match world.hears(connection) {
        ServerMessage::Error { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_shows_a_screen_is_told_of_once_and_newcomers_hear_it_too() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, ren_id) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");
    world.forget();
    for _ in 0..2 {
        world.text(ren, r#"{"type":"share","screen":true,"audio":false}"#);
    }
    let told = json!({"type": "share", "participant": ren_id.to_string(), "screen": true,
        "audio": false});
    assert_eq!(world.hears_json(mika), told);
    assert_eq!(world.heard(ren), []);
    let command = Command::Share {
        participant: ren_id,
        screen: true,
        audio: false,
    };
    assert_eq!(world.commands(), [command]);
    let aki = world.open();
    world.look(aki, &room);
    let seen = &world.hears_json(aki)["participants"][0];
    assert_eq!(
        (&seen["screen"], &seen["screen_audio"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn a_view_reaches_the_core_at_once_and_then_the_last_of_each_tenth_of_a_second() {
    let mut world = World::new();
    let [(ren, _), (_, mika_id)] = pair(&mut world);
    for width in [100, 200, 300] {
        world.text(ren, &view(mika_id, width));
    }
    assert_eq!(widths(&world.commands()), [100]);
    world.wait(Duration::from_millis(99));
    assert_eq!(world.commands(), []);
    world.wait(Duration::from_millis(1));
    assert_eq!(widths(&world.commands()), [300]);
    world.text(ren, &view(mika_id, 400));
    world.wait(Duration::from_millis(100));
    assert_eq!(widths(&world.commands()), [400]);
    world.wait(Duration::from_millis(100));
    world.text(ren, &view(mika_id, 500));
    assert_eq!(widths(&world.commands()), [500]);
}

#[test]
fn who_leaves_shows_nothing_any_more() {
    let mut world = World::new();
    let [(ren, _), (_, mika_id)] = pair(&mut world);
    world.text(ren, &view(mika_id, 100));
    world.text(ren, &view(mika_id, 200));
    world.text(ren, r#"{"type":"leave"}"#);
    world.forget();
    world.wait(Duration::from_secs(1));
    assert_eq!(world.commands(), []);
}

#[test]
fn views_have_their_limits_and_nobody_else_may_have_one() {
    let mut world = World::new();
    let [(ren, _), (_, mika_id)] = pair(&mut world);
    for width in [0, 16_385, 70_000] {
        world.text(ren, &view(mika_id, width));
        assert_eq!(refused(&mut world, ren), ErrorCode::BadMessage, "{width}");
    }
    let tile = json!({"participant": "p99", "source": "screen", "width": 1, "height": 1});
    let many = |count| json!({"type": "view", "tiles": vec![tile.clone(); count]}).to_string();
    world.text(ren, &many(101));
    assert_eq!(refused(&mut world, ren), ErrorCode::BadMessage);
    assert_eq!(world.commands(), []);
    world.text(ren, &many(100));
    assert_eq!(world.commands().len(), 1);
    assert_eq!(world.heard(ren), []);
    let outside = world.open();
    world.text(outside, &many(1));
    assert_eq!(refused(&mut world, outside), ErrorCode::WrongOrder);
    world.text(outside, r#"{"type":"share","screen":true,"audio":true}"#);
    assert_eq!(refused(&mut world, outside), ErrorCode::WrongOrder);
}

fn heard(world: &mut World, connection: ConnectionId) -> Vec<serde_json::Value> {
    let heard = world.heard(connection).into_iter();
    heard
        .map(|message| serde_json::to_value(message).unwrap())
        .collect()
}

fn told(world: &mut World, to: ParticipantId, reasons: &[(&str, Option<ParticipantId>, Reason)]) {
    let told = |(mid, of, reason): &(&str, Option<ParticipantId>, Reason)| SlotReason {
        mid: Mid((*mid).to_owned()),
        track: of.map(|participant| TrackId {
            participant,
            source: Source::Camera,
        }),
        reason: *reason,
    };
    world.input(Input::Notice(Notice::Reasons {
        participant: to,
        at: Time::ZERO,
        reasons: reasons.iter().map(told).collect(),
    }));
}

#[test]
fn reasons_that_change_quickly_are_told_once_and_all_again_after_resuming() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let ren = world.open();
    world.look(ren, &room);
    let ren_id = world.call(ren, "Ren").unwrap();
    world.offer(ren_id, 1, &[None, None]);
    let offer = heard(&mut world, ren).pop().unwrap();
    let token = offer["token"].as_str().unwrap().to_owned();
    world.text(ren, r#"{"type":"answer","negotiation":1,"sdp":"v=0"}"#);
    let (mika, mika_id) = world.enter(&room, "Mika");
    world.forget();

    let forwarding = Reason::Forwarding { layer: Layer::Half };
    told(
        &mut world,
        ren_id,
        &[("3", Some(mika_id), Reason::WaitingForKeyframe)],
    );
    world.wait(Duration::from_millis(60));
    told(&mut world, ren_id, &[("3", Some(mika_id), forwarding)]);
    assert_eq!(world.heard(ren), []);
    world.wait(Duration::from_millis(40));
    let id = mika_id.to_string();
    let comes = json!({"type": "reasons", "reasons": [
        {"mid": "3", "participant": id, "source": "camera", "reason": "forwarding", "layer": "h"}]});
    assert_eq!(world.hears_json(ren), comes);
    world.wait(Duration::from_secs(1));
    assert_eq!(world.heard(ren), []);
    world.input(Input::Notice(Notice::Layers {
        participant: ren_id,
        source: Source::Screen,
        layers: vec![Layer::Full],
    }));
    let taken = json!({"type": "layers", "source": "screen", "layers": ["f"]});
    assert_eq!(world.hears_json(ren), taken);

    // Away, and back: what was told, and what was not.
    world.close(ren);
    told(
        &mut world,
        ren_id,
        &[("5", Some(mika_id), Reason::SourceDead)],
    );
    world.wait(Duration::from_secs(1));
    let again = world.open();
    world.text(
        again,
        &json!({"type": "resume", "token": token}).to_string(),
    );
    let mut resumed = heard(&mut world, again);
    assert_eq!(resumed.remove(0)["type"], "resume");
    let all = json!({"type": "reasons", "reasons": [
        {"mid": "3", "participant": id, "source": "camera", "reason": "forwarding", "layer": "h"},
        {"mid": "5", "participant": id, "source": "camera", "reason": "source_dead"}]});
    assert_eq!(resumed, [all, taken]);

    // Nothing is told of somebody whose exit was.
    world.text(mika, r#"{"type":"leave"}"#);
    world.heard(again);
    told(
        &mut world,
        ren_id,
        &[("3", Some(mika_id), Reason::UplinkDown)],
    );
    world.wait(Duration::from_millis(100));
    let free = json!({"type": "reasons", "reasons": [
        {"mid": "3", "participant": null, "source": null, "reason": "free"}]});
    assert_eq!(world.hears_json(again), free);
}

#[test]
fn everybody_is_told_who_speaks_and_newcomers_and_who_comes_back_too() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, ren_id) = world.enter(&room, "Ren");
    let (mika, mika_id) = world.enter(&room, "Mika");
    world.forget();
    let speaks = |world: &mut World, participant| {
        world.input(Input::Notice(Notice::Speaker { participant }));
    };
    let message = |id: Option<ParticipantId>| json!({"type": "speaker", "participant": id.map(|id| id.to_string())});
    speaks(&mut world, ren_id);
    assert_eq!(heard(&mut world, ren), [message(Some(ren_id))]);
    assert_eq!(heard(&mut world, mika), [message(Some(ren_id))]);

    let aki = world.open();
    world.look(aki, &room);
    let aki_id = world.call(aki, "Aki").unwrap();
    world.forget();
    speaks(&mut world, mika_id);
    assert_eq!(
        heard(&mut world, aki),
        [] as [serde_json::Value; 0],
        "before its first offer"
    );
    world.offer(aki_id, 1, &[None]);
    let told = heard(&mut world, aki);
    assert_eq!((told.len(), &told[1]), (2, &message(Some(mika_id))));
    world.offer(aki_id, 2, &[None]);
    assert_eq!(heard(&mut world, aki).len(), 1, "once");

    world.forget();
    world.text(mika, r#"{"type":"leave"}"#);
    assert_eq!(heard(&mut world, ren)[1], message(None));
    speaks(&mut world, mika_id);
    assert_eq!(
        heard(&mut world, ren),
        [] as [serde_json::Value; 0],
        "it has left"
    );
}
