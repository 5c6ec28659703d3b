//! A server that ends without ending meetings.

use std::time::Duration;

use serde_json::json;
use tsuji_core::Time;
use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::ServerMessage;
use tsuji_signaling::{ConnectionId, Input};

use crate::world::World;

const LIMIT: Duration = Duration::from_secs(300);

fn drain(world: &mut World) -> Time {
    let until = world.now + LIMIT;
    world.input(Input::Drain { until });
    until
}

#[track_caller]
fn refused(world: &mut World, connection: ConnectionId) {
    match world.hears(connection) {
        ServerMessage::Error { code, .. } => assert_eq!(code, ErrorCode::Draining),
        other => panic!("{other:?}"),
    }
}

#[test]
fn everybody_is_told_and_no_new_meeting_begins() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, _) = world.enter(&room, "Ren");
    let early = world.open();
    let empty = world.create(early);
    world.heard(early);

    drain(&mut world);
    let told = json!({"type": "drain", "seconds": 300});
    for connection in [host, ren, early] {
        assert_eq!(world.hears_json(connection), told);
    }
    // Told once.
    drain(&mut world);
    assert_eq!(world.heard(ren), []);

    let late = world.open();
    world.text(late, r#"{"type":"join"}"#);
    refused(&mut world, late);
    world.look(late, &empty);
    refused(&mut world, late);
    // Nobody has entered what was made before.
    assert_eq!(world.call(early, "Early"), None);
    refused(&mut world, early);
}

#[test]
fn meetings_go_on_and_may_be_joined() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, _) = world.enter(&room, "Ren");
    drain(&mut world);
    assert!(!world.lobby.is_drained());
    world.wait(Duration::from_millis(60_500));
    world.forget();

    let mika = world.open();
    world.look(mika, &room);
    assert_eq!(world.hears_json(mika)["participants"][0]["name"], "Ren");
    world.call(mika, "Mika").unwrap();
    let told = json!({"type": "drain", "seconds": 240});
    assert_eq!(world.hears_json(mika), told);
    assert_eq!(world.hears_json(ren)["type"], "call");

    world.go(ren);
    assert!(!world.lobby.is_drained());
    world.go(mika);
    assert!(world.lobby.is_drained());
}

#[test]
fn it_ends_when_its_time_is_over() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, _) = world.enter(&room, "Ren");
    let until = drain(&mut world);
    world.wait(LIMIT.checked_sub(Duration::from_micros(1)).unwrap());
    assert!(!world.lobby.is_drained());
    world.wait(Duration::from_micros(1));
    assert_eq!(world.now, until);
    assert!(world.lobby.is_drained());
    world.forget();
    world.input(Input::Shutdown);
    assert_eq!(world.hears_json(ren)["reason"], "server_stopping");
}

#[test]
fn without_a_meeting_it_ends_at_once() {
    let mut world = World::new();
    let ren = world.open();
    world.create(ren);
    assert!(!world.lobby.is_drained());
    drain(&mut world);
    assert!(world.lobby.is_drained());
}
