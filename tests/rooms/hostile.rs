//! What strangers can and can't do with datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tsuji_core::trace::{Decoder, Header, Item, frame};
use tsuji_core::{IceMode, Input};
use tsuji_tests::network::Conditions;
use tsuji_tests::{World, WorldOptions};

fn meeting() -> World {
    meeting_with(WorldOptions::default())
}

fn recorded() -> WorldOptions {
    WorldOptions {
        record: true,
        ..WorldOptions::default()
    }
}

fn meeting_with(options: WorldOptions) -> World {
    let mut world = World::new(options);
    world.enter(1, IceMode::Trickle);
    world.enter(1, IceMode::Trickle);
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(5), all));
    world
}

/// Bytes that look like each protocol of RFC 7983, and some that look like none.
fn garbage() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for first in 0..=255u8 {
        for length in [1, 2, 12, 20, 60, 1_200, 1_500] {
            let mut bytes: Vec<u8> = (0..length)
                .map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as u8 ^ first)
                .collect();
            bytes[0] = first;
            all.push(bytes);
        }
    }
    all
}

fn still_meeting(world: &mut World) {
    still_heard(world);
    for browser in world.browsers() {
        let video: Vec<_> = browser.video().map(|packet| packet.count).collect();
        assert!(video.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }
}

#[test]
fn garbage_from_a_stranger_is_counted_and_never_answered() {
    let mut world = meeting();
    let stranger = SocketAddr::from(([203, 0, 113, 66], 666));
    let before = *world.sfu().counters();
    let undelivered = world.undelivered;
    let all = garbage();
    for payload in &all {
        world.datagram(stranger, payload);
    }
    world.datagram(stranger, &[]);
    world.datagram(stranger, &[0x80; 1_501]);
    let after = *world.sfu().counters();
    let dropped = after.dropped_unknown_address - before.dropped_unknown_address
        + after.dropped_unknown_ufrag
        - before.dropped_unknown_ufrag;
    assert_eq!(dropped, all.len() as u64);
    assert_eq!(after.dropped_size - before.dropped_size, 2);
    still_meeting(&mut world);
    assert_eq!(world.undelivered, undelivered, "no answer to the stranger");
}

#[test]
fn garbage_from_a_participants_own_address_does_not_end_the_meeting() {
    let mut world = meeting();
    let addresses: Vec<_> = world.tabs.values().map(|tab| tab.outer).collect();
    for payload in garbage() {
        for address in &addresses {
            world.datagram(*address, &payload);
        }
    }
    still_meeting(&mut world);
}

/// What the core has received so far in a meeting that is recorded, with where it came from.
fn received(world: &mut World) -> Vec<(SocketAddr, Vec<u8>)> {
    let trace = world.take_traces().remove(0);
    let (header, taken) = Header::parse(&trace).expect("a trace");
    let (mut rest, mut decoder) = (&trace[taken..], Decoder::new(&header));
    let mut datagrams = Vec::new();
    while let Some((frame, length)) = frame(rest).expect("a whole trace") {
        rest = &rest[length..];
        let Some(Item::Input(record)) = decoder.decode(frame).expect("a whole trace") else {
            continue;
        };
        if let Input::Datagram(datagram) = record.input {
            datagrams.push((datagram.path.remote, datagram.payload.to_vec()));
        }
    }
    datagrams
}

/// RFC 7983, 7; RFC 5761, 4.
fn is_rtp(datagram: &[u8]) -> bool {
    (128..192).contains(&datagram[0]) && !(64..96).contains(&(datagram[1] & 0x7f))
}

/// The first RTP packet of everything that is sent: sound, video, and what of the video is sent
/// again. Its header names the m-line (RFC 9143, 15).
fn first_packets(world: &mut World) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut first: Vec<(SocketAddr, Vec<u8>)> = Vec::new();
    for (from, datagram) in received(world) {
        let is_other = |(_, other): &(_, Vec<u8>)| other[8..12] != datagram[8..12];
        if is_rtp(&datagram) && first.iter().all(is_other) {
            first.push((from, datagram));
        }
    }
    first
}

/// A packet as of another source.
fn claim(packet: &[u8], ssrc: u32) -> Vec<u8> {
    let mut forged = packet.to_vec();
    forged[8..12].copy_from_slice(&ssrc.to_be_bytes());
    forged
}

/// One packet in twenty is lost on everybody's way to the server for two seconds.
fn lose_packets(world: &mut World) {
    let loss = |permille| Conditions {
        loss: permille,
        ..Conditions::default()
    };
    for permille in [50, 0] {
        for tab in world.tabs.values_mut() {
            tab.change(world.now, loss(permille), loss(0));
        }
        world.run_for(Duration::from_secs(2));
    }
}

#[test]
fn forged_packets_that_claim_a_microphone_or_a_camera_take_neither_them_nor_their_repairs() {
    let mut world = meeting_with(recorded());
    world.run_for(Duration::from_secs(1));
    lose_packets(&mut world);
    let first = first_packets(&mut world);
    assert_eq!(first.len(), 6, "sound, video and repairs of two people");
    let mut ssrc = 0xf0f0_0000;
    for _ in 0..200 {
        for (from, packet) in &first {
            ssrc += 1;
            world.datagram(*from, &claim(packet, ssrc));
        }
        world.run_for(Duration::from_millis(10));
    }
    still_heard(&mut world);
    lose_packets(&mut world);
    for browser in world.browsers() {
        let mut video: Vec<_> = browser.video().map(|packet| packet.count).collect();
        let late = video.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!(late > 10, "{late} packets came late");
        video.sort_unstable();
        assert!(video.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }
}

/// Everybody hears and sees somebody.
fn still_heard(world: &mut World) {
    let before: Vec<_> = world.browsers().map(|b| b.received.len()).collect();
    world.run_for(Duration::from_secs(1));
    for (browser, before) in world.browsers().zip(before) {
        assert!(browser.received.len() > before + 100);
    }
}

#[test]
fn sources_that_somebody_makes_up_take_no_place() {
    let mut world = meeting_with(recorded());
    world.run_for(Duration::from_secs(1));
    let first = first_packets(&mut world);
    let dropped = |world: &World| world.sfu().counters().dropped_source;
    assert_eq!(dropped(&world), 0);
    let (from, packet) = &first[0];
    for ssrc in 1..=1_000 {
        world.datagram(*from, &claim(packet, ssrc));
    }
    assert_eq!(dropped(&world), 0, "there is room for more");
    still_meeting(&mut world);
}

#[test]
fn only_so_many_addresses_of_one_participant_are_remembered() {
    let mut world = meeting_with(WorldOptions {
        // Where a repeated check comes from gets an answer, which ICE can't help.
        strict: false,
        ..recorded()
    });
    let check = received(&mut world)
        .into_iter()
        .find(|(_, datagram)| datagram.starts_with(&[0, 1]));
    let (_, check) = check.expect("a check of the path");
    let dropped = |world: &World| world.sfu().counters().dropped_excess_address;
    for port in 1..=1_000 {
        // Whoever sees a check can repeat it from elsewhere.
        let elsewhere = SocketAddr::from(([203, 0, 113, 66], port));
        world.datagram(elsewhere, &check);
    }
    assert!(dropped(&world) >= 1_000 - 512, "{}", dropped(&world));
    assert!(world.sfu().sizes().addresses <= 8 + 2);
    world.run_for(Duration::from_secs(20));
    still_heard(&mut world);
}

/// What a stranger does to a datagram that it has seen.
#[derive(Clone, Debug)]
struct Forgery {
    /// Which one it has seen.
    seen: prop::sample::Index,
    /// What it puts where.
    changes: Vec<(prop::sample::Index, u8)>,
    /// How much it leaves of it.
    kept: Option<prop::sample::Index>,
    /// What it adds.
    more: Vec<u8>,
}

fn forgeries() -> impl Strategy<Value = Forgery> {
    let changes = prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..4);
    let more = prop_oneof![Just(Vec::new()), prop::collection::vec(any::<u8>(), 1..64)];
    (
        any::<prop::sample::Index>(),
        changes,
        any::<Option<prop::sample::Index>>(),
        more,
    )
        .prop_map(|(seen, changes, kept, more)| Forgery {
            seen,
            changes,
            kept,
            more,
        })
}

/// With the username fragments of people who are there, with integrity that is right or wrong, and
/// also repeated as they were, which ICE has to answer (RFC 8445, 7.3).
#[test]
fn no_stranger_gets_more_than_it_sends_whatever_it_sends() {
    let mut world = meeting_with(WorldOptions {
        strict: false,
        ..recorded()
    });
    world.run_for(Duration::from_secs(1));
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for (_, datagram) in received(&mut world) {
        // Checks above all: everything else is dropped by its address.
        let is_check = datagram.starts_with(&[0, 1]);
        if is_check || seen.len() < 40 {
            seen.push(datagram);
        }
    }
    assert!(seen.iter().any(|datagram| datagram.starts_with(&[0, 1])));
    let world = std::cell::RefCell::new(world);
    let port = std::cell::Cell::new(0_u32);
    let (answers, sent) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let mut runner = TestRunner::new(proptest::test_runner::Config {
        cases: 4_096,
        failure_persistence: None,
        ..Default::default()
    });
    let outcome = runner.run(&forgeries(), |forgery| {
        let mut datagram = forgery.seen.get(&seen).clone();
        for (place, byte) in &forgery.changes {
            *place.get_mut(&mut datagram) = *byte;
        }
        if let Some(kept) = forgery.kept {
            datagram.truncate(kept.index(datagram.len()) + 1);
        }
        datagram.extend(&forgery.more);
        port.set(port.get() + 1);
        let [_, _, a, b] = port.get().to_be_bytes();
        let stranger = SocketAddr::from(([203, 0, a, b], 666));
        let mut world = world.borrow_mut();
        let before = world.bytes_to_strangers;
        world.datagram(stranger, &datagram);
        let answered = world.bytes_to_strangers - before;
        answers.set(answers.get() + usize::from(answered > 0));
        sent.set(sent.get() + 1);
        prop_assert!(
            answered <= datagram.len(),
            "{answered} bytes for {}",
            datagram.len()
        );
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(answers.get() > 0, "none of {} was answered", sent.get());
    let mut world = world.into_inner();
    world.run_for(Duration::from_secs(20));
    still_heard(&mut world);
}
