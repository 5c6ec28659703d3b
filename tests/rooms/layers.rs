//! Layers: what dies, what is not seen, what is switched without help.

use std::collections::BTreeSet;
use std::time::Duration;

use tsuji_core::{IceMode, Layer, Limits, MediaKind, ParticipantId, Source, Time};
use tsuji_tests::network::Conditions;
use tsuji_tests::scenario::Glance;
use tsuji_tests::{Received, World, WorldOptions};

use crate::layered;

/// Two people: one who only watches, and one whose camera has three layers, of whom the largest comes.
fn pair(options: WorldOptions) -> (World, [ParticipantId; 2]) {
    let mut world = World::new(options);
    let viewer = world.enter(1, IceMode::Trickle);
    let source = layered(&mut world);
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(5), all));
    for kind in [MediaKind::Audio, MediaKind::Video] {
        world.mute(viewer, kind, true);
    }
    world.mute(source, MediaKind::Audio, true);
    look(&mut world, viewer, 1_280);
    world.run_for(Duration::from_secs(3));
    let newest = newest(&world, viewer, source).expect("a picture");
    assert_eq!(newest.layer, Layer::Full);
    (world, [viewer, source])
}

/// The viewer sees the first of the others so wide; not at all where it is 0.
pub(crate) fn look(world: &mut World, viewer: ParticipantId, width: u16) {
    let glance = Glance {
        who: 0,
        screen: false,
        width,
        height: 1,
    };
    let tiles = [glance];
    let tiles = &tiles[..usize::from(width > 0)];
    world.page(world.tab_of(viewer), |page, _| page.look(tiles));
}

fn newest(world: &World, viewer: ParticipantId, source: ParticipantId) -> Option<&Received> {
    let mut packets = world.browser(viewer).received.iter().rev();
    packets.find(|packet| packet.source == source && packet.of == Source::Camera)
}

/// The browser has no time for its largest encoding any more.
#[test]
fn within_a_second_after_a_layer_died_its_viewers_see_another() {
    let (mut world, [viewer, source]) = pair(WorldOptions::default());
    let camera = world.browser_mut(source).camera.as_mut();
    camera.expect("a camera").overload(true);
    let begun = world.now;
    let moved =
        |world: &World| newest(world, viewer, source).is_some_and(|p| p.layer < Layer::Full);
    assert!(world.run_until(Duration::from_secs(3), moved));
    let waited = world.now.since(begun);
    // The request, a picture later, and the way.
    let way = Duration::from_millis(20 + 67 + 20);
    assert!(waited <= Duration::from_secs(1) + way, "{waited:?}");
}

/// Probes of what a path carries are no picture: here there are none.
#[test]
fn what_is_not_seen_costs_no_downlink() {
    let (mut world, [viewer, source]) = pair(WorldOptions {
        limits: Limits {
            estimate_bandwidth: false,
            ..Limits::default()
        },
        ..WorldOptions::default()
    });
    let rate = |world: &mut World, width| {
        look(world, viewer, width);
        // The layer before ends, and its publisher is told so.
        world.run_for(Duration::from_secs(4));
        let carried = |world: &World| world.tabs[&world.tab_of(viewer)].down.carried;
        let (bytes, packets) = (carried(world), world.browser(viewer).received.len());
        world.run_for(Duration::from_secs(5));
        let came = world.browser(viewer).received[packets..].iter();
        let layers: BTreeSet<Layer> = came.map(|packet| packet.layer).collect();
        (8 * (carried(world) - bytes) / 5, layers)
    };
    let (idle, layers) = rate(&mut world, 0);
    assert!(layers.is_empty(), "hidden: {layers:?}");
    assert!(
        idle < 8_000,
        "reports and checks alone: {idle} bits a second"
    );
    // 15 Hz of one, one and two packets, with up to 60 bytes of headers.
    for (width, layer, packets, bytes) in [
        (320, Layer::Quarter, 15, 250),
        (640, Layer::Half, 15, 500),
        (1_280, Layer::Full, 30, 800),
    ] {
        let (rate, layers) = rate(&mut world, width);
        assert_eq!(layers, BTreeSet::from([layer]));
        let least = 8 * packets * bytes;
        let most = 8 * packets * (bytes + 60) + idle;
        assert!(
            (least..most).contains(&rate),
            "{layer:?}: {rate} bits a second"
        );
    }
    let camera = world.browser(source).camera.as_ref();
    assert!(camera.is_some_and(|camera| !camera.paused));
}

/// RFC 3550, 6.4. The reports of both sides are lost all the time.
#[test]
fn switching_needs_no_sender_report() {
    let (mut world, [viewer, mut source]) = pair(WorldOptions {
        conditions: Conditions {
            no_reports: true,
            ..Conditions::default()
        },
        ..WorldOptions::default()
    });
    for round in 0..3 {
        for (width, layer) in [
            (320, Layer::Quarter),
            (1_280, Layer::Full),
            (640, Layer::Half),
        ] {
            let before = world.now;
            look(&mut world, viewer, width);
            world.run_for(Duration::from_secs(1));
            let decoders = world.browser(viewer).decoders.values();
            let showing = |at: Time| at > before + Duration::from_millis(500);
            let mut showing = decoders.filter(|decoder| decoder.last_shown.is_some_and(showing));
            let shown = showing.next().and_then(|decoder| decoder.layer());
            assert_eq!(shown, Some(layer), "{round}");
        }
        let lost = world.tabs[&world.tab_of(source)].up.lost;
        assert!(lost >= 3, "{lost} of its reports were lost");
        // Another source in the same slot.
        world.leave(source);
        source = layered(&mut world);
        let there = |world: &World| newest(world, viewer, source).is_some();
        look(&mut world, viewer, 1_280);
        assert!(world.run_until(Duration::from_secs(3), there));
    }
    let browser = world.browser(viewer);
    assert_eq!((browser.sender_reports, browser.offers), (0, 1));
    let mids: BTreeSet<_> = browser.video().map(|packet| &packet.mid).collect();
    assert_eq!(mids.len(), 1, "one slot had them all");
}
