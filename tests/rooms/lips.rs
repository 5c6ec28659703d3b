//! Lips and voice: what sender reports tell viewers of when things were captured (RFC 3550, 6.4.1).

use std::time::Duration;

use tsuji_core::{IceMode, Layer, ParticipantId, Source};
use tsuji_tests::network::Conditions;
use tsuji_tests::{World, WorldOptions};

use crate::layered;
use crate::layers::look;

/// How far pictures lag behind sound when they are sent.
const LATE: Duration = Duration::from_millis(150);
/// More is not to be seen: what a report of one stream or another took longer on its way.
const CLOSE: f64 = 30.;

/// By how much of what comes from somebody the reports say that it was captured later than it was, in
/// milliseconds.
fn off(world: &World, viewer: ParticipantId, source: ParticipantId, of: Source) -> f64 {
    let browser = world.browser(viewer);
    let slot = browser.slot_with(source, of).expect("a slot");
    let (at, timestamp) = browser.clocks[&slot.mid.0];
    let packets = browser.received.iter().rev();
    let mut newest = packets.filter(|packet| packet.source == source && packet.of == of);
    let newest = newest.next().expect("a packet");
    let (rate, late) = match of {
        Source::Camera => (90., LATE),
        _ => (48., Duration::ZERO),
    };
    let ticks = newest.timestamp.wrapping_sub(timestamp).cast_signed();
    let told = at.as_secs_f64() * 1_000. + f64::from(ticks) / rate;
    let made = Duration::from_micros(newest.made.as_micros()) + Duration::from_secs(1_700_000_000);
    told - (made.as_secs_f64() * 1_000. - late.as_secs_f64() * 1_000.)
}

/// Those of sound and picture.
fn both(world: &World, viewer: ParticipantId, source: ParticipantId) -> [f64; 2] {
    let both = [Source::Microphone, Source::Camera].map(|of| off(world, viewer, source, of));
    eprintln!("{both:.1?}");
    assert!((both[0] - both[1]).abs() < CLOSE, "{both:?}");
    both
}

/// Somebody with three layers, whose pictures are late.
fn late(world: &mut World, viewer: ParticipantId) -> ParticipantId {
    let source = layered(world);
    let is_up = |world: &World| world.browser(source).connected;
    assert!(world.run_until(Duration::from_secs(5), is_up));
    world.browser_mut(source).picture_delay = LATE;
    look(world, viewer, 1_280);
    // Reports of sound come each five seconds.
    world.run_for(Duration::from_secs(16));
    source
}

#[test]
fn what_was_captured_together_is_of_one_moment_through_layers_and_sources() {
    let mut world = World::new(WorldOptions {
        conditions: Conditions {
            jitter_ms: 15,
            ..Conditions::default()
        },
        ..WorldOptions::default()
    });
    let viewer = world.enter(1, IceMode::Trickle);
    for number in 0..2 {
        let source = late(&mut world, viewer);
        let before = both(&world, viewer, source);
        for (width, layer) in [(320, Layer::Quarter), (640, Layer::Half)] {
            look(&mut world, viewer, width);
            world.run_for(Duration::from_secs(7));
            let newest = world.browser(viewer).video().last();
            assert_eq!(newest.map(|packet| packet.layer), Some(layer));
            let after = both(&world, viewer, source);
            assert!((after[1] - before[1]).abs() < CLOSE, "{number}");
        }
        world.leave(source);
    }
    let mids = world.browser(viewer).video().map(|packet| &packet.mid);
    let mids: std::collections::BTreeSet<_> = mids.collect();
    assert_eq!(mids.len(), 1, "one slot had both");
}
