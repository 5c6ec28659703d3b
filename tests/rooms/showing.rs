//! Screens, and what pages show of others.

use std::time::Duration;

use tsuji_core::{IceMode, Layer, MediaKind, Notice, ParticipantId, Reason, Source};
use tsuji_tests::scenario::Glance;
use tsuji_tests::{World, WorldOptions};

use crate::layered;

fn world() -> World {
    World::new(WorldOptions::default())
}

fn connected(world: &mut World) {
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(5), all));
    world.run_for(Duration::from_secs(1));
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

/// The layers that somebody was last told are taken of its camera.
fn taken(world: &World, publisher: ParticipantId) -> Vec<Layer> {
    let told = world
        .notices
        .iter()
        .rev()
        .find_map(|(_, notice)| match notice {
            Notice::Layers {
                participant,
                source: Source::Camera,
                layers,
            } if *participant == publisher => Some(layers.clone()),
            _ => None,
        });
    told.unwrap_or(Layer::ALL.into())
}

#[test]
fn layers_that_nobody_takes_are_not_sent_and_come_back_within_a_second() {
    let mut world = world();
    let a = layered(&mut world);
    connected(&mut world);
    world.run_for(Duration::from_secs(2));
    assert_eq!(taken(&world, a), [], "nobody is there");
    let sent = |world: &World| {
        world
            .browser(a)
            .camera
            .as_ref()
            .map_or(0, |camera| camera.packets())
    };
    let before = sent(&world);
    world.run_for(Duration::from_secs(1));
    assert_eq!(sent(&world), before);

    let viewer = world.enter(1, IceMode::Trickle);
    let sees = |world: &World| got(world, viewer, a, Source::Camera).0 > 0;
    assert!(world.run_until(Duration::from_secs(5), |world| {
        world.browser(viewer).connected
    }));
    assert!(world.run_until(Duration::from_secs(1), sees));
    world.run_for(Duration::from_secs(4));
    assert_eq!(taken(&world, a), [Layer::Quarter, Layer::Full]);

    let tab = world.tab_of(viewer);
    for (width, layers) in [
        (320, vec![Layer::Quarter]),
        (640, vec![Layer::Quarter, Layer::Half]),
    ] {
        world.page(tab, |page, _| page.look(&[camera(0, width, 10)]));
        world.run_for(Duration::from_secs(1));
        assert_eq!(
            got(&world, viewer, a, Source::Camera).1,
            layers.last().copied()
        );
        world.run_for(Duration::from_secs(3));
        assert_eq!(taken(&world, a), layers);
    }
    for _ in 0..2 {
        world.page(tab, |page, _| page.look(&[]));
        world.run_for(Duration::from_secs(4));
        assert_eq!(taken(&world, a), []);
        let before = got(&world, viewer, a, Source::Camera).0;
        world.page(tab, |page, _| page.look(&[camera(0, 1_280, 720)]));
        world.run_for(Duration::from_secs(1));
        let (after, layer) = got(&world, viewer, a, Source::Camera);
        assert!(
            after > before + 5 && layer == Some(Layer::Full),
            "{before} {after}"
        );
    }
    assert_eq!(world.browser(a).offers, 1);
}

#[test]
fn who_turns_pages_back_and_forth_costs_nobody_anything() {
    let mut world = world();
    let viewer = world.enter(1, IceMode::Trickle);
    let a = layered(&mut world);
    connected(&mut world);
    world.run_for(Duration::from_secs(4));
    let told = |world: &World| {
        let layers = |notice: &Notice| matches!(notice, Notice::Layers { participant, .. } if *participant == a);
        world
            .notices
            .iter()
            .filter(|(_, notice)| layers(notice))
            .count()
    };
    let before = told(&world);
    for turn in 0..10 {
        let tiles = [camera(0, 1_280, 720)];
        let tiles = &tiles[..turn % 2];
        world.page(world.tab_of(viewer), |page, _| page.look(tiles));
        world.run_for(Duration::from_secs(1));
    }
    assert_eq!(told(&world), before);
}

#[test]
fn every_change_has_its_reason() {
    let mut world = world();
    let viewer = world.enter(1, IceMode::Trickle);
    connected(&mut world);
    let a = world.enter(1, IceMode::Trickle);
    connected(&mut world);
    let tab = world.tab_of(viewer);
    world.mute(a, MediaKind::Video, true);
    world.run_for(Duration::from_millis(200));
    world.mute(a, MediaKind::Video, false);
    world.run_for(Duration::from_secs(1));
    world.page(tab, |page, _| page.look(&[]));
    world.run_for(Duration::from_millis(200));
    world.page(tab, |page, _| page.look(&[camera(0, 100, 100)]));
    world.run_for(Duration::from_secs(1));
    // It stops without saying so.
    world.page(world.tab_of(a), |page, now| {
        page.mute(now, MediaKind::Video, true, true)
    });
    let silent = world.browser_mut(a);
    silent.camera.as_mut().expect("a camera").paused = true;
    world.mute(a, MediaKind::Video, false);
    world
        .browser_mut(a)
        .camera
        .as_mut()
        .expect("a camera")
        .paused = true;
    world.run_for(Duration::from_secs(2));
    world.leave(a);
    world.run_for(Duration::from_millis(200));
    let of_viewer = world.notices.iter().filter_map(|(_, notice)| match notice {
        Notice::Reasons {
            participant,
            reasons,
            ..
        } if *participant == viewer => Some(reasons),
        _ => None,
    });
    let reasons: Vec<_> = of_viewer.flatten().map(|told| told.reason).collect();
    let forwarding = Reason::Forwarding { layer: Layer::Full };
    assert_eq!(
        reasons,
        [
            Reason::UplinkDown,
            Reason::WaitingForKeyframe,
            forwarding,
            Reason::PublisherMuted,
            Reason::WaitingForKeyframe,
            forwarding,
            Reason::Hidden,
            Reason::WaitingForKeyframe,
            forwarding,
            Reason::PublisherMuted,
            Reason::WaitingForKeyframe,
            Reason::SourceDead,
            Reason::Free,
        ]
    );
    let told = world.tabs[&tab].page.reasons.values();
    let told: Vec<_> = told.map(|(_, told)| told.reason).collect();
    assert_eq!(
        told,
        [tsuji_signaling::message::Reason::Free],
        "one slot was ever taken"
    );
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

#[test]
fn in_a_large_room_the_loudest_three_are_heard_and_everybody_knows_who_speaks() {
    const SILENCE: i8 = -70;
    const SPEECH: i8 = -28;
    let mut world = world();
    let people: Vec<_> = (0..8).map(|_| world.enter(1, IceMode::Trickle)).collect();
    let level = |world: &mut World, id, level| {
        let microphone = world.browser_mut(id).microphone.as_mut();
        microphone.expect("a microphone").level = Some(level);
    };
    for id in &people {
        level(&mut world, *id, SILENCE);
    }
    connected(&mut world);
    world.run_for(Duration::from_secs(1));
    for speaker in [6, 7, 5, 4, 1] {
        let speaker = people[speaker];
        level(&mut world, speaker, SPEECH);
        world.run_for(Duration::from_millis(500));
        let others = people.iter().filter(|id| **id != speaker);
        for viewer in others.clone() {
            let browser = world.browser(*viewer);
            assert!(
                browser.slot_with(speaker, Source::Microphone).is_some(),
                "within half a second"
            );
        }
        let heard = |world: &World| {
            let counts = others
                .clone()
                .map(|viewer| got(world, *viewer, speaker, Source::Microphone).0);
            counts.collect::<Vec<_>>()
        };
        let before = heard(&world);
        world.run_for(Duration::from_secs(1));
        let after = heard(&world);
        assert!(
            before
                .iter()
                .zip(after)
                .all(|(before, after)| after > before + 40)
        );
        for id in &people {
            assert_eq!(world.tabs[&world.tab_of(*id)].page.speaker, Some(speaker));
        }
        level(&mut world, speaker, SILENCE);
        world.run_for(Duration::from_millis(1_500));
    }
    for id in &people {
        let browser = world.browser(*id);
        let sounds = browser
            .slots
            .iter()
            .filter(|slot| slot.kind == MediaKind::Audio);
        assert_eq!((sounds.count(), browser.offers <= 2), (3, true));
    }
    // Who spoke last leaves, and nobody speaks.
    world.leave(people[1]);
    world.run_for(Duration::from_millis(100));
    assert_eq!(world.tabs[&world.tab_of(people[0])].page.speaker, None);
    let late = world.enter(1, IceMode::Trickle);
    assert_eq!(world.tabs[&world.tab_of(late)].page.speaker, None);
}
