//! Rooms in which nobody sends.

use std::time::Duration;

use tsuji_core::{MediaKind, ParticipantId};
use tsuji_tests::rehearsal::{Rehearsal, hand};
use tsuji_tests::{Manner, World, WorldOptions};

const PEOPLE: u64 = 5;

/// Bytes that a core may hold for somebody who neither sends nor gets anything, str0m's included.
const WEIGHT: u64 = 210 * 1_024;

/// A room of people with microphones and cameras off, some time later.
fn silent_room() -> (World, Vec<ParticipantId>) {
    let mut world = World::new(WorldOptions {
        record: true,
        ..WorldOptions::default()
    });
    let silent = Manner {
        audio: false,
        video: false,
        ..Manner::default()
    };
    let people = (0..PEOPLE).map(|_| {
        let tab = world.enter_as(1, silent.clone());
        world.tabs[&tab].page.me.expect("an offer")
    });
    let people = people.collect();
    world.run_for(Duration::from_secs(20));
    assert!(world.browsers().all(|browser| browser.connected));
    (world, people)
}

#[test]
fn a_silent_room_costs_what_keeping_it_alive_costs() {
    const SECONDS: u64 = 60;
    let (mut world, _) = silent_room();
    let sent = world.sfu().counters().datagrams_out;
    let (mut deadlines, mut last) = (0, None);
    world.run_until(Duration::from_secs(SECONDS), |world| {
        let next = world.sfu().deadline();
        deadlines += u64::from(next != last);
        last = next;
        false
    });
    let sent = world.sfu().counters().datagrams_out - sent;
    // Answers to checks, reports, and the little padding that keeps the estimator's feedback alive.
    assert!(sent < 4 * PEOPLE * SECONDS, "{sent} datagrams");
    assert!(deadlines < 4 * PEOPLE * SECONDS, "{deadlines} deadlines");
}

#[test]
fn who_neither_sends_nor_gets_anything_weighs_little() {
    let (mut world, _) = silent_room();
    world.run_for(Duration::from_secs(60));
    let rehearsal = Rehearsal::of(&mut world);
    let mut sfu = rehearsal.sfu();
    hand(&mut sfu, &rehearsal.inputs);
    assert_eq!(sfu.participants() as u64, PEOPLE);
    let change = allocation_counter::measure(|| drop(sfu)).bytes_current;
    let each = change.unsigned_abs() / PEOPLE;
    assert!(each <= WEIGHT, "{each} bytes for each");
}

#[test]
fn who_begins_to_send_in_a_silent_room_is_seen_as_soon_as_in_any() {
    let (mut world, people) = silent_room();
    world.mute(people[0], MediaKind::Video, false);
    let others = &people[1..];
    let seen = |world: &World| {
        let mut others = others.iter();
        others.all(|id| world.browser(*id).video().count() > 30)
    };
    assert!(world.run_until(Duration::from_secs(2), seen));
}
