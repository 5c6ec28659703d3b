//! Many people: who come at once, and who come one by one.

use std::time::Duration;

use tsuji_core::{MediaKind, ParticipantId, Source, Time};
use tsuji_signaling::ConnectionId;
use tsuji_tests::network::Conditions;
use tsuji_tests::scenario::Glance;
use tsuji_tests::{Browser, Manner, Picture, World, WorldOptions};

const CROWD: usize = 100;

fn world() -> World {
    World::new(WorldOptions {
        signaling_delay: Duration::from_millis(20),
        keep: false,
        ..WorldOptions::default()
    })
}

/// Somebody who only watches.
fn watcher() -> Manner {
    Manner {
        audio: false,
        video: false,
        ..Manner::default()
    }
}

/// Somebody with a camera in three layers, over a link that loses nothing.
fn publisher(world: &mut World) -> ParticipantId {
    let manner = Manner {
        picture: Picture::Simulcast,
        ..Manner::default()
    };
    let tab = world.enter_as(1, manner);
    let there = |world: &World| world.tabs[&tab].page.me.is_some();
    assert!(world.run_until(Duration::from_secs(2), there));
    world.tabs[&tab].page.me.expect("an offer")
}

/// A line from 5 ms to 150 ms each way, most of which are shorter than half of that; one packet in fifty
/// is lost.
fn line(number: usize) -> Conditions {
    let far = number as u32 * 37 % 100;
    Conditions {
        delay_ms: 5 + far * far * 145 / 10_000,
        jitter_ms: 5,
        loss: 20,
        ..Conditions::default()
    }
}

fn browser(world: &World, tab: ConnectionId) -> Option<&Browser> {
    world.tabs[&tab].page.browser.as_ref()
}

/// When a page was first shown a picture.
fn shown(world: &World, tab: ConnectionId) -> Option<Time> {
    let decoders = browser(world, tab)?.decoders.values();
    decoders.filter_map(|decoder| decoder.last_shown).min()
}

/// When it was asked for keyframes since then, each time once, of however many layers.
fn asked(world: &World, publisher: ParticipantId, since: Time) -> Vec<Time> {
    let requests = world.browser(publisher).keyframe_requests.iter();
    let mut asked: Vec<_> = requests.copied().filter(|at| *at >= since).collect();
    asked.dedup();
    asked
}

#[test]
fn a_hundred_people_who_come_at_once_cost_a_source_a_keyframe_each_half_second() {
    let mut world = world();
    let source = publisher(&mut world);
    let begun = world.now;
    let tabs: Vec<_> = (1..CROWD)
        .map(|number| {
            let tab = world.open(watcher(), line(number));
            world.join(tab, 1);
            tab
        })
        .collect();
    let mut waited = vec![None; tabs.len()];
    while waited.contains(&None) && world.now.since(begun) < Duration::from_secs(20) {
        world.run_for(Duration::from_millis(10));
        for (tab, waited) in tabs.iter().zip(&mut waited) {
            *waited = waited.or(shown(&world, *tab).map(|at| at.since(begun)));
        }
    }
    let mut waited: Vec<Duration> = waited.into_iter().flatten().collect();
    waited.sort_unstable();
    assert_eq!(waited.len(), tabs.len(), "everybody sees a picture");
    let asked = asked(&world, source, begun);
    eprintln!(
        "first picture after {:?} (median), {:?} (19 of 20), {:?} (the last); {} requests",
        waited[CROWD / 2],
        waited[CROWD * 19 / 20],
        waited[CROWD - 2],
        asked.len()
    );
    for pair in asked.windows(2) {
        let apart = pair[1].since(pair[0]);
        assert!(apart >= Duration::from_millis(500), "{apart:?}");
    }
    assert!(waited[CROWD / 2] < Duration::from_millis(1_500));
    assert!(waited[CROWD - 2] < Duration::from_secs(4));
}

/// The way to the source, or the way from it, carries nothing for a while.
#[test]
fn a_keyframe_is_asked_for_until_it_was_forwarded_to_the_newcomer() {
    for [up, down] in [[0, 3_000], [3_000, 0]] {
        let mut world = world();
        let source = publisher(&mut world);
        world.run_for(Duration::from_secs(2));
        let earlier = world.enter_as(1, watcher());
        let sees = |world: &World| shown(world, earlier).is_some();
        assert!(world.run_until(Duration::from_secs(5), sees));
        world.run_for(Duration::from_secs(1));
        let (begun, tab) = (world.now, world.tab_of(source));
        let asked_before = world.sfu().counters().keyframe_requests;
        let tab = world.tabs.get_mut(&tab).expect("a page");
        tab.partition(
            begun,
            Duration::from_millis(up),
            Duration::from_millis(down),
        );
        let newcomer = world.enter_as(1, watcher());
        world.run_for(Duration::from_secs(3));
        assert_eq!(shown(&world, newcomer), None);
        let times = world.sfu().counters().keyframe_requests - asked_before;
        assert!((4..=6).contains(&times), "asked {times} times in 3 s");
        let sees = |world: &World| shown(world, newcomer).is_some();
        assert!(world.run_until(Duration::from_millis(700), sees));
    }
}

#[test]
fn a_room_that_grows_to_a_hundred_costs_everybody_one_negotiation_at_most() {
    let mut world = world();
    let mut tabs: Vec<ConnectionId> = Vec::new();
    for there in 0..CROWD {
        tabs.push(world.enter_as(1, watcher()));
        world.run_for(Duration::from_millis(250));
        // Each page shows nine.
        let tiles: Vec<_> = (0..there.min(9) as u8)
            .map(|who| Glance {
                who,
                screen: false,
                width: 320,
                height: 180,
            })
            .collect();
        if there <= 9 {
            for tab in &tabs {
                world.page(*tab, |page, _| page.look(&tiles));
            }
        } else {
            world.page(tabs[there], |page, _| page.look(&tiles));
        }
    }
    world.run_for(Duration::from_secs(3));
    for (place, tab) in tabs.iter().enumerate() {
        let browser = browser(&world, *tab).expect("somebody who is there");
        let slots = |kind| browser.slots.iter().filter(move |slot| slot.kind == kind);
        assert_eq!(slots(MediaKind::Video).count(), 9, "{place}");
        assert_eq!(slots(MediaKind::Audio).count(), 3, "{place}");
        assert!(browser.slots.iter().all(|slot| slot.track.is_some()));
        // Who comes to more than four gets all at once.
        assert_eq!(browser.offers, if place < 5 { 2 } else { 1 }, "{place}");
    }
    let cameras = |browser: &Browser| {
        let tracks = browser.slots.iter().filter_map(|slot| slot.track);
        tracks
            .filter(|track| track.source == Source::Camera)
            .count()
    };
    assert!(world.browsers().all(|browser| cameras(browser) == 9));
}
