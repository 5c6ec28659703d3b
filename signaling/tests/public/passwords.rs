//! A room with a password opens to those who know it, and guessing it has an end.

use std::time::Duration;

use tsuji_signaling::error::ErrorCode::*;
use tsuji_signaling::message::ServerMessage;
use tsuji_signaling::room_code::RoomCode;
use tsuji_signaling::{ConnectionId, Limits};

use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn who_knows_the_password_looks_and_enters_and_who_does_not_learns_nothing() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create_locked(host, "open sesame");
    assert!(world.call(host, "Ren").is_some());
    world.forget();

    let mika = world.open();
    world.look(mika, &room);
    world.is_refused(mika, PasswordRequired);
    world.unlock(mika, &room, "");
    world.is_refused(mika, PasswordRequired);
    world.unlock(mika, &room, "Open sesame");
    world.is_refused(mika, WrongPassword);

    world.unlock(mika, &room, "open sesame");
    let joined = world.hears_json(mika);
    assert_eq!(joined["participants"][0]["name"], "Ren");
    // Who was let in and looks again is not asked again.
    world.look(mika, &room);
    assert!(matches!(world.hears(mika), ServerMessage::Join { .. }));
    assert!(world.call(mika, "Mika").is_some());
}

#[test]
fn no_password_no_entry() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create_locked(host, "open sesame");
    let mika = world.open();
    world.unlock(mika, &room, "wrong");
    world.is_refused(mika, WrongPassword);
    assert_eq!(world.call(mika, "Mika"), None);
    world.is_refused(mika, WrongOrder);
}

#[test]
fn the_name_of_a_room_tells_whether_it_has_a_password() {
    let mut world = World::new();
    for _ in 0..20 {
        let host = world.open();
        let open: RoomCode = world.create(host).parse().unwrap();
        assert!(!open.is_locked());
        let locked: RoomCode = world.create_locked(host, "x").parse().unwrap();
        assert!(locked.is_locked());
        let empty: RoomCode = world.create_locked(host, "").parse().unwrap();
        assert!(!empty.is_locked(), "an empty field is no password");
    }
}

#[test]
fn a_password_for_a_room_without_one_is_not_needed_and_does_no_harm() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let mika = world.open();
    world.unlock(mika, &room, "anything");
    assert!(matches!(world.hears(mika), ServerMessage::Join { .. }));
}

#[test]
fn a_password_that_is_too_long_is_a_bad_message() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create_locked(host, &"x".repeat(256));
    let mika = world.open();
    world.unlock(mika, &room, &"x".repeat(257));
    world.is_refused(mika, BadMessage);
    world.unlock(mika, &room, &"x".repeat(256));
    assert!(matches!(world.hears(mika), ServerMessage::Join { .. }));
}

#[test]
fn the_tenth_wrong_password_closes_the_connection() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create_locked(host, "open sesame");
    let eve = world.open();
    for guess in 1..10 {
        world.unlock(eve, &room, &format!("guess {guess}"));
        world.is_refused(eve, WrongPassword);
    }
    world.unlock(eve, &room, "guess 10");
    world.is_refused(eve, TooManyGuesses);
    assert_eq!(world.closes[&eve], 1008);
}

#[test]
fn an_address_has_30_wrong_passwords_a_minute_however_often_it_connects() {
    let mut world = World::with(Limits {
        passwords_per_minute_per_room: 1_000,
        ..Limits::default()
    });
    let host = world.open();
    let room = world.create_locked(host, "open sesame");
    let guess = |world: &mut World, peer: &str| {
        let eve = world.open_from(peer);
        world.unlock(eve, &room, "guess");
        let code = error(world, eve);
        world.close(eve);
        code
    };
    for _ in 0..30 {
        assert_eq!(guess(&mut world, "203.0.113.5"), WrongPassword);
    }
    assert_eq!(guess(&mut world, "203.0.113.5"), TooManyPasswords);
    assert_eq!(guess(&mut world, "203.0.113.6"), WrongPassword);
    world.wait(MINUTE);
    assert_eq!(guess(&mut world, "203.0.113.5"), WrongPassword);
}

#[test]
fn a_room_has_20_wrong_passwords_a_minute_wherever_they_come_from() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create_locked(host, "open sesame");
    for last in 1..=20 {
        let eve = world.open_from(&format!("203.0.113.{last}"));
        world.unlock(eve, &room, "guess");
        world.is_refused(eve, WrongPassword);
    }
    // Even the right one is not looked at: else the limit would be none.
    let late = world.open_from("203.0.113.99");
    world.unlock(late, &room, "open sesame");
    world.is_refused(late, TooManyPasswords);
    assert!(world.call(host, "Ren").is_some(), "who was let in stays so");
    world.forget();
    world.wait(MINUTE / 20);
    world.unlock(late, &room, "open sesame");
    assert!(matches!(world.hears(late), ServerMessage::Join { .. }));
}

#[track_caller]
fn error(world: &mut World, connection: ConnectionId) -> tsuji_signaling::error::ErrorCode {
    match world.hears(connection) {
        ServerMessage::Error { code, .. } => code,
        other => panic!("no error: {other:?}"),
    }
}
