//! What a stranger can fill has an end, and what nobody needs is given back.

use std::time::Duration;

use tsuji_core::Time;
use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::{ClientMessage, ServerMessage};
use tsuji_signaling::{Input, Limits};

use crate::world::World;

const LEAVE: &str = r#"{"type":"leave"}"#;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_burst_is_read_and_what_is_over_it_is_told_and_ignored() {
    let mut world = World::new();
    let ren = world.open();
    for _ in 0..100 {
        world.text(ren, LEAVE);
        world.is_refused(ren, ErrorCode::WrongOrder);
    }
    world.say(ren, &ClientMessage::create());
    world.is_refused(ren, ErrorCode::TooFast);

    // The refill pays the debt first: one message over, then twenty a second.
    world.wait(SECOND);
    for _ in 0..19 {
        world.text(ren, LEAVE);
        world.is_refused(ren, ErrorCode::WrongOrder);
    }
    world.text(ren, LEAVE);
    world.is_refused(ren, ErrorCode::TooFast);
    assert!(world.closes.is_empty());
}

#[test]
fn a_flood_is_closed_after_300_messages_and_each_gets_at_most_one_answer() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, _) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");
    // Two are spent on looking and entering.
    for _ in 2..299 {
        world.input(Input::Binary { connection: ren });
        assert_eq!(world.heard(ren).len(), 1);
    }
    assert!(world.closes.is_empty());
    world.text(ren, LEAVE);
    world.is_refused(ren, ErrorCode::TooFast);
    assert_eq!(world.closes[&ren], 1008);
    assert_eq!(world.hears_json(mika)["reason"], "vanished");
    world.text(ren, LEAVE);
    assert_eq!(world.heard(ren), []);
}

#[test]
fn a_flood_of_pings_is_closed_too() {
    let mut world = World::new();
    let ren = world.open();
    for _ in 0..300 {
        world.input(Input::Alive { connection: ren });
    }
    world.is_refused(ren, ErrorCode::TooFast);
    assert_eq!(world.closes[&ren], 1008);
}

#[test]
fn a_steady_twenty_a_second_is_never_too_fast() {
    let mut world = World::new();
    let ren = world.open();
    for _ in 0..2_000 {
        world.wait(SECOND / 20);
        world.text(ren, LEAVE);
        world.is_refused(ren, ErrorCode::WrongOrder);
    }
}

#[test]
fn connections_beyond_the_limit_are_turned_away_and_hold_nothing() {
    let mut world = World::with(Limits {
        connections: 2,
        ..Limits::default()
    });
    let ren = world.open();
    world.open();
    let late = world.open();
    world.is_refused_at_the_door(late);
    world.text(late, LEAVE);
    world.close(late);
    assert_eq!(world.heard(late), []);

    world.close(ren);
    let next = world.open();
    assert!(!world.closes.contains_key(&next));
}

#[test]
fn one_address_cannot_take_all_connections_but_a_proxy_can() {
    let mut world = World::with(Limits {
        connections_per_address: 2,
        ..Limits::default()
    });
    let first = world.open_from("203.0.113.5");
    world.open_from("203.0.113.5");
    let third = world.open_from("203.0.113.5");
    world.is_refused_at_the_door(third);
    world.close(third);
    let other = world.open_from("203.0.113.6");
    assert!(!world.closes.contains_key(&other));
    world.close(first);
    let again = world.open_from("203.0.113.5");
    assert!(!world.closes.contains_key(&again));
    for _ in 0..10 {
        let local = world.open_from("127.0.0.1");
        assert!(!world.closes.contains_key(&local));
    }
}

impl World {
    #[track_caller]
    fn is_refused_at_the_door(&mut self, connection: tsuji_signaling::ConnectionId) {
        // The error was sent before the close frame.
        match self.heard(connection).as_slice() {
            [ServerMessage::Error { code, .. }] => assert_eq!(*code, ErrorCode::ServerFull),
            other => panic!("{other:?}"),
        }
        assert_eq!(self.closes[&connection], 1013);
    }

    fn exists(&mut self, room: &str) -> bool {
        let connection = self.open();
        self.look(connection, room);
        let found = matches!(self.hears(connection), ServerMessage::Join { .. });
        self.close(connection);
        found
    }
}

#[test]
fn pings_come_every_five_seconds_from_the_start() {
    let mut world = World::new();
    world.wait(SECOND);
    let ren = world.open();
    world.wait(Duration::from_secs(17));
    let times = [6, 11, 16].map(|s| (Time::from_millis(s * 1000), ren));
    assert_eq!(world.pings, times);
}

#[test]
fn fifteen_seconds_of_silence_are_a_death_and_any_frame_is_life() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let (ren, _) = world.enter(&room, "Ren");
    let (mika, _) = world.enter(&room, "Mika");
    world.silent.insert(ren);

    world.wait(Duration::from_millis(14_900));
    world.input(Input::Alive { connection: ren });
    world.wait(Duration::from_millis(14_999));
    assert_eq!(world.heard(mika), []);
    world.wait(Duration::from_millis(1));
    assert_eq!(world.closes[&ren], 1008);
    assert_eq!(world.heard(mika), [], "it may come back");

    // It is not pinged any more while the runtime closes it.
    world.pings.clear();
    world.wait(MINUTE);
    assert!(world.pings.iter().all(|(_, connection)| *connection != ren));
}

#[test]
fn a_connection_without_a_room_is_closed_after_ten_minutes_and_one_with_a_room_is_not() {
    let mut world = World::new();
    let (idle, looking, called, left) = (world.open(), world.open(), world.open(), world.open());
    for connection in [looking, called, left] {
        world.create(connection);
    }
    world.call(called, "Ren").unwrap();
    world.call(left, "Mika").unwrap();
    world.wait(MINUTE);
    world.text(left, LEAVE);
    world.wait(9 * MINUTE);
    assert_eq!(world.closes.keys().collect::<Vec<_>>(), [&idle]);
    assert_eq!(world.closes[&idle], 1008);
    world.wait(MINUTE);
    assert_eq!(world.closes.keys().collect::<Vec<_>>(), [&idle, &left]);
    world.wait(60 * MINUTE);
    assert_eq!(world.closes.len(), 2);
}

#[test]
fn a_room_is_forgotten_ten_minutes_after_the_last_person_looked_away() {
    let mut world = World::new();
    let ren = world.open();
    let room = world.create(ren);
    // As long as somebody looks, it is there.
    world.wait(60 * MINUTE);
    assert!(world.exists(&room));
    // As long as somebody is in it, too.
    world.call(ren, "Ren").unwrap();
    world.wait(60 * MINUTE);
    assert!(world.exists(&room));
    // Then for ten minutes.
    world.text(ren, LEAVE);
    world.wait(9 * MINUTE);
    assert!(world.exists(&room));
    world.wait(10 * MINUTE - SECOND);
    assert!(world.exists(&room));
    world.wait(10 * MINUTE);
    assert!(!world.exists(&room));
}

#[test]
fn a_full_server_forgets_abandoned_rooms_the_unused_ones_first_and_others_never() {
    let mut world = World::with(Limits {
        rooms: 3,
        ..Limits::default()
    });
    let (used, unused) = (world.open(), world.open());
    let (used, unused) = {
        let rooms = (world.create(used), world.create(unused));
        world.call(used, "Ren").unwrap();
        world.go(used);
        world.wait(SECOND);
        world.close(unused);
        rooms
    };
    let (first, second, third, fourth) = (world.open(), world.open(), world.open(), world.open());
    let kept = world.create(first);
    assert!(world.exists(&used) && world.exists(&unused));

    let also_kept = world.create(second);
    assert!(!world.exists(&unused), "nobody ever entered it");
    assert!(world.exists(&used), "older, but somebody did");

    let third_kept = world.create(third);
    assert!(!world.exists(&used));

    world.say(fourth, &ClientMessage::create());
    world.is_refused(fourth, ErrorCode::TooManyRooms);
    for room in [kept, also_kept, third_kept] {
        assert!(world.exists(&room), "somebody looks at it");
    }
}

#[test]
fn one_address_enters_600_times_a_minute_however_often_it_connects() {
    let mut world = World::new();
    let host = world.open();
    let room = world.create(host);
    let run_in_and_out = |world: &mut World, peer: &str| {
        let runner = world.open_from(peer);
        world.look(runner, &room);
        world.heard(runner);
        let entered = world.call(runner, "Runner").is_some() && world.heard(runner).is_empty();
        world.go(runner);
        world.forget();
        entered
    };
    let first = (0..700).filter(|_| run_in_and_out(&mut world, "203.0.113.5"));
    assert_eq!(first.count(), 600);
    assert!(run_in_and_out(&mut world, "203.0.113.6"));
    world.wait(SECOND);
    let then = (0..100).filter(|_| run_in_and_out(&mut world, "203.0.113.5"));
    assert_eq!(then.count(), 10);
    let by_proxy = (0..700).filter(|_| run_in_and_out(&mut world, "10.0.0.1"));
    assert_eq!(by_proxy.count(), 700);
}

#[test]
fn one_address_creates_60_rooms_a_minute() {
    let mut world = World::new();
    let ren = world.open_from("2001:db8::1");
    for _ in 0..60 {
        world.create(ren);
    }
    world.say(ren, &ClientMessage::create());
    world.is_refused(ren, ErrorCode::TooManyJoins);
    // The same household, with another address.
    let again = world.open_from("2001:db8::2");
    world.say(again, &ClientMessage::create());
    world.is_refused(again, ErrorCode::TooManyJoins);
    let other = world.open_from("2001:db8:0:1::1");
    world.create(other);
    world.wait(SECOND);
    world.create(again);
}

#[test]
fn one_address_guesses_60_rooms_a_minute_however_often_it_connects() {
    let mut world = World::new();
    let guess = |world: &mut World| {
        let eve = world.open_from("203.0.113.5");
        world.look(eve, "AAAA-AAA-AAAA");
        let closed = world.closes.contains_key(&eve);
        world.close(eve);
        !closed
    };
    assert_eq!((0..100).filter(|_| guess(&mut world)).count(), 60);
    world.wait(SECOND);
    assert_eq!((0..100).filter(|_| guess(&mut world)).count(), 1);
}

#[test]
fn what_addresses_did_is_forgotten_after_a_minute() {
    let mut world = World::new();
    for last in 1..=200 {
        let ren = world.open_from(&format!("203.0.113.{last}"));
        world.create(ren);
        world.close(ren);
    }
    let sizes = world.lobby.sizes();
    assert_eq!((sizes.addresses, sizes.fading), (0, 200));
    world.wait(MINUTE);
    let sizes = world.lobby.sizes();
    assert_eq!((sizes.addresses, sizes.fading), (0, 0));
}

#[test]
fn what_is_gone_leaves_no_timer_behind() {
    let mut world = World::new();
    let ren = world.open();
    let room = world.create(ren);
    world.call(ren, "Ren").unwrap();
    world.close(ren);
    world.wait(Limits::default().grace + 10 * MINUTE);
    assert!(!world.exists(&room));
    assert_eq!(world.lobby.deadline(), None);
}

#[test]
fn a_timeout_that_comes_early_or_late_is_harmless() {
    let mut world = World::new();
    let ren = world.open();
    world.input(Input::Timeout);
    assert!(world.pings.is_empty());
    // Late, and after time seemed to go back.
    world.now = Time::from_millis(12_000);
    world.input(Input::Timeout);
    assert_eq!(world.pings.len(), 1);
    world.now = Time::from_millis(3_000);
    world.input(Input::Alive { connection: ren });
    world.now = Time::from_millis(26_000);
    world.input(Input::Timeout);
    assert!(world.closes.is_empty(), "heard at 12 s at the earliest");
}
