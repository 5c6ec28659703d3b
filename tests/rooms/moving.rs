//! People whose network changes.

use std::time::Duration;

use tsuji_core::{IceMode, ParticipantId};
use tsuji_signaling::message::{Candidate, ClientMessage};
use tsuji_tests::{World, WorldOptions};

/// Two people who see each other.
fn meeting() -> (World, ParticipantId, ParticipantId) {
    let mut world = World::new(WorldOptions::default());
    let mika = world.enter(1, IceMode::Trickle);
    let ren = world.enter(1, IceMode::Trickle);
    world.run_for(Duration::from_secs(3));
    assert!(world.browsers().all(|browser| browser.connected));
    (world, mika, ren)
}

/// Pictures that somebody has got.
fn pictures(world: &World, id: ParticipantId) -> usize {
    world.browser(id).video().count()
}

/// How long until somebody gets pictures from now on.
fn until_pictures(world: &mut World, id: ParticipantId) -> Duration {
    let (before, start) = (pictures(world, id), world.now);
    let limit = Duration::from_secs(30);
    assert!(world.run_until(limit, |world| pictures(world, id) > before + 2));
    world.now.since(start)
}

#[test]
fn media_follows_a_new_address_as_soon_as_it_is_checked() {
    for whole_address in [false, true] {
        let (mut world, mika, ren) = meeting();
        let asked = world.browser(mika).keyframe_requests.len();
        world.rebind(world.tab_of(ren), whole_address);
        // A client of the simulation checks every 3 s.
        let gap = until_pictures(&mut world, ren);
        assert!(gap < Duration::from_millis(3_500), "{gap:?}");
        world.run_for(Duration::from_millis(500));
        assert!(world.browser(mika).keyframe_requests.len() > asked);
    }
}

#[test]
fn an_ice_restart_takes_new_credentials_and_nothing_is_lost() {
    let (mut world, mika, ren) = meeting();
    for restarts in 1..=3 {
        let gaps = [mika, ren].map(|id| pictures(&world, id));
        world.say(ren, ClientMessage::Restart);
        world.run_for(Duration::from_secs(3));
        assert_eq!(world.browser(ren).offers, 1 + restarts);
        for (id, before) in [mika, ren].into_iter().zip(gaps) {
            assert!(pictures(&world, id) > before + 60, "{id} sees on");
        }
    }
    assert_eq!(world.sfu().counters().dropped_unknown_ufrag, 0);
}

#[test]
fn who_restarts_ice_has_as_many_candidates_again() {
    let (mut world, _, ren) = meeting();
    for restart in 0..4 {
        for port in 1..=35 {
            let candidate = format!("candidate:1 1 udp 1 203.0.113.9 {port} typ host");
            let candidate = Some(Candidate {
                candidate,
                ..Candidate::default()
            });
            world.say(ren, ClientMessage::Candidate { candidate });
        }
        let tab = world.tab_of(ren);
        world.page(tab, |page, _| assert_eq!(page.errors, [], "{restart}"));
        world.say(ren, ClientMessage::Restart);
        world.run_for(Duration::from_secs(1));
    }
}

#[test]
fn an_ice_restart_finds_a_new_address_at_once() {
    let (mut world, _, ren) = meeting();
    world.rebind(world.tab_of(ren), true);
    world.say(ren, ClientMessage::Restart);
    let gap = until_pictures(&mut world, ren);
    assert!(gap < Duration::from_secs(1), "{gap:?}");
}
