//! What strangers can and can't do with datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use tsuji_core::IceMode;
use tsuji_tests::{World, WorldOptions};

fn meeting() -> World {
    let mut world = World::new(WorldOptions::default());
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
    let before: Vec<_> = world.browsers().map(|b| b.received.len()).collect();
    world.run_for(Duration::from_secs(1));
    for (browser, before) in world.browsers().zip(before) {
        assert!(browser.received.len() > before + 100);
        let video: Vec<_> = browser.video().map(|packet| packet.count).collect();
        assert!(video.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }
}

#[test]
fn garbage_from_a_stranger_is_counted_and_never_answered() {
    let mut world = meeting();
    let stranger = SocketAddr::from(([203, 0, 113, 66], 666));
    let before = *world.sfu.counters();
    let undelivered = world.undelivered;
    let all = garbage();
    for payload in &all {
        world.datagram(stranger, payload);
    }
    world.datagram(stranger, &[]);
    world.datagram(stranger, &[0x80; 1_501]);
    let after = *world.sfu.counters();
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
