//! Screens, and what pages show of others.

use std::time::Duration;

use tsuji_core::{IceMode, Layer, MediaKind, ParticipantId, Source};
use tsuji_tests::scenario::Glance;
use tsuji_tests::{Manner, Picture, World, WorldOptions};

fn world() -> World {
    World::new(WorldOptions::default())
}

fn connected(world: &mut World) {
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(5), all));
    world.run_for(Duration::from_secs(1));
}

/// Somebody whose camera has three layers.
fn layered(world: &mut World) -> ParticipantId {
    let manner = Manner {
        picture: Picture::Layers,
        ..Manner::default()
    };
    let tab = world.enter_as(1, manner);
    world.tabs[&tab].page.me.expect("an offer")
}

fn camera(who: u8, width: u16, height: u16) -> Glance {
    Glance {
        who,
        screen: false,
        width,
        height,
    }
}

/// How many packets of a track `viewer` has got, and the layer of the last.
fn got(
    world: &World,
    viewer: ParticipantId,
    of: ParticipantId,
    source: Source,
) -> (usize, Option<Layer>) {
    let packets = world.browser(viewer).received.iter();
    let mut packets = packets.filter(|packet| packet.source == of && packet.of == source);
    (
        packets.clone().count(),
        packets.next_back().map(|packet| packet.layer),
    )
}

#[test]
fn a_screen_is_seen_and_heard_beside_the_camera_and_costs_no_negotiation() {
    let mut world = world();
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    connected(&mut world);
    for round in 1..=2 {
        world.page(world.tab_of(a), |page, now| page.present(now, true, true));
        world.run_for(Duration::from_secs(2));
        for source in Source::ALL {
            let slot = world.browser(b).slot_with(a, source);
            assert!(
                slot.is_some_and(|slot| slot.kind == source.kind()),
                "{source}"
            );
            assert!(got(&world, b, a, source).0 > 20 * round, "{source}");
        }
        world.page(world.tab_of(a), |page, now| page.present(now, false, false));
        world.run_for(Duration::from_millis(100));
        let browser = world.browser(b);
        assert!(browser.slot_with(a, Source::Screen).is_none());
        assert!(browser.slot_with(a, Source::Camera).is_some());
        let before = got(&world, b, a, Source::Screen).0;
        world.run_for(Duration::from_secs(1));
        assert_eq!(got(&world, b, a, Source::Screen).0, before);
    }
    assert_eq!(world.browser(b).offers, 1);
}

#[test]
fn screens_are_given_slots_before_cameras() {
    let limits = tsuji_core::Limits {
        video_slots: 1,
        ..Default::default()
    };
    let mut world = World::new(WorldOptions {
        limits,
        ..WorldOptions::default()
    });
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    connected(&mut world);
    world.page(world.tab_of(a), |page, now| page.present(now, true, false));
    assert!(world.browser(b).slot_with(a, Source::Screen).is_some());
    assert!(world.browser(b).slot_with(a, Source::Camera).is_none());
    world.page(world.tab_of(a), |page, now| page.present(now, false, false));
    assert!(world.browser(b).slot_with(a, Source::Camera).is_some());
}

#[test]
fn each_tile_gets_the_smallest_layer_that_fills_it_and_hidden_ones_get_nothing() {
    let mut world = world();
    let viewer = world.enter(1, IceMode::Trickle);
    let a = layered(&mut world);
    connected(&mut world);
    let tab = world.tab_of(viewer);
    // 320, 640 and 1,280 pixels wide.
    for (width, height, layer) in [
        (640, 360, Layer::Half),
        (1_000, 100, Layer::Full),
        (160, 90, Layer::Quarter),
        (641, 100, Layer::Full),
    ] {
        world.page(tab, |page, _| page.look(&[camera(0, width, height)]));
        world.run_for(Duration::from_secs(1));
        assert_eq!(got(&world, viewer, a, Source::Camera).1, Some(layer));
    }
    world.page(tab, |page, _| page.look(&[]));
    world.run_for(Duration::from_millis(100));
    let before = got(&world, viewer, a, Source::Camera).0;
    world.run_for(Duration::from_secs(2));
    assert_eq!(got(&world, viewer, a, Source::Camera).0, before);
    assert!(
        world.browser(viewer).slot_with(a, Source::Camera).is_some(),
        "it keeps its slot"
    );
    let sound = got(&world, viewer, a, Source::Microphone).0;
    world.page(tab, |page, _| {
        page.look(&[camera(9, 10, 10), camera(0, 160, 90)])
    });
    world.run_for(Duration::from_millis(600));
    let (after, layer) = got(&world, viewer, a, Source::Camera);
    assert!(after > before && layer == Some(Layer::Quarter), "at once");
    assert!(got(&world, viewer, a, Source::Microphone).0 > sound);
    // Nothing of that broke the stream.
    let video: Vec<_> = world.browser(viewer).video().collect();
    for pair in video.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        if pair[1].layer != pair[0].layer {
            assert!(pair[1].keyframe, "another layer begins with its keyframe");
        }
    }
    assert_eq!(world.browser(viewer).offers, 1);
}

#[test]
fn who_shows_more_than_there_are_slots_for_gets_them_in_one_negotiation() {
    let mut world = world();
    let viewer = world.enter(1, IceMode::Trickle);
    connected(&mut world);
    let others: Vec<_> = (0..12).map(|_| world.enter(1, IceMode::Vanilla)).collect();
    connected(&mut world);
    let count = |world: &World| {
        let slots = world.browser(viewer).slots.iter();
        slots.filter(|slot| slot.kind == MediaKind::Video).count()
    };
    assert_eq!(count(&world), 9, "without a view, the first nine");
    let offers = world.browser(viewer).offers;
    let all: Vec<_> = (0..12).map(|who| camera(who, 100, 100)).collect();
    world.page(world.tab_of(viewer), |page, _| page.look(&all));
    world.run_for(Duration::from_secs(2));
    assert_eq!(
        (count(&world), world.browser(viewer).offers),
        (13, offers + 1)
    );
    for other in others {
        assert!(got(&world, viewer, other, Source::Camera).0 > 10, "{other}");
    }
}
