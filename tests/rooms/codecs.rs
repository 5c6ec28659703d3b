//! People whose browsers have not the same codecs.

use std::time::Duration;

use tsuji_core::{Layer, Limits, Notice, ParticipantId, Reason, Source, VideoCodec};
use tsuji_tests::network::Conditions;
use tsuji_tests::{Manner, Picture, World, WorldOptions};

/// Somebody whose browser has this codec only, with a camera that has three layers.
fn enter(world: &mut World, codec: VideoCodec) -> ParticipantId {
    let manner = Manner {
        picture: Picture::Layers,
        codec,
        ..Manner::default()
    };
    let tab = world.enter_as(1, manner);
    world.tabs[&tab].page.me.expect("an offer")
}

/// How many packets of a source `viewer` has got.
fn got(world: &World, viewer: ParticipantId, of: ParticipantId, source: Source) -> usize {
    let packets = world.browser(viewer).received.iter();
    let of_it = packets.filter(|packet| packet.source == of && packet.of == source);
    of_it.count()
}

/// What was told to `viewer` last about a camera.
fn reason(world: &World, viewer: ParticipantId, of: ParticipantId) -> Option<Reason> {
    let notices = world.notices.iter().rev();
    let mut reasons = notices.filter_map(|(_, notice)| match notice {
        Notice::Reasons {
            participant,
            reasons,
            ..
        } if *participant == viewer => Some(reasons),
        _ => None,
    });
    reasons.find_map(|reasons| {
        let is_it = |track: &tsuji_core::TrackId| track.participant == of;
        let told = reasons
            .iter()
            .find(|told| told.track.as_ref().is_some_and(is_it));
        told.map(|told| told.reason)
    })
}

fn keyframes(world: &World, publisher: ParticipantId) -> u32 {
    let camera = world.browser(publisher).camera.as_ref();
    camera.map_or(0, |camera| camera.keyframes())
}

fn packets(world: &World, publisher: ParticipantId) -> u32 {
    let camera = world.browser(publisher).camera.as_ref();
    camera.map_or(0, |camera| camera.packets())
}

#[test]
fn who_has_another_codec_is_told_so_and_costs_nobody_a_keyframe() {
    let mut world = World::new(WorldOptions {
        limits: Limits {
            video_codec: VideoCodec::H264,
            ..Limits::default()
        },
        // What is promised to everybody is promised to who has a codec that all have.
        strict: false,
        ..WorldOptions::default()
    });
    let [a, b] = [(); 2].map(|()| enter(&mut world, VideoCodec::H264));
    let old = enter(&mut world, VideoCodec::Vp8);
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(5), all));
    world.run_for(Duration::from_secs(5));
    for (viewer, other) in [(a, b), (b, a)] {
        assert!(got(&world, viewer, other, Source::Camera) > 50);
        let layer = Layer::Full;
        assert_eq!(
            reason(&world, viewer, other),
            Some(Reason::Forwarding { layer })
        );
        let told = reason(&world, viewer, old);
        assert_eq!(told, Some(Reason::CodecUnsupported));
        let told = reason(&world, old, other);
        assert_eq!(told, Some(Reason::CodecUnsupported));
        assert_eq!(got(&world, viewer, old, Source::Camera), 0);
        assert_eq!(got(&world, old, other, Source::Camera), 0);
        assert!(got(&world, old, other, Source::Microphone) > 100);
        assert!(got(&world, viewer, old, Source::Microphone) > 100);
    }
    let before = [a, b, old].map(|publisher| keyframes(&world, publisher));
    let sent = packets(&world, old);
    world.run_for(Duration::from_secs(5));
    let after = [a, b, old].map(|publisher| keyframes(&world, publisher));
    assert_eq!(before, after, "nobody waits for one");
    assert_eq!(packets(&world, old), sent, "nobody takes it");
}

/// RFC 4588, in each codec: one packet in twenty is lost on the way in, and on
/// the way out, and comes again.
#[test]
fn what_is_lost_comes_again() {
    for codec in VideoCodec::ALL {
        let mut world = World::new(WorldOptions {
            conditions: Conditions {
                loss: 50,
                ..Conditions::default()
            },
            strict: false,
            ..WorldOptions::default()
        });
        let [a, b] = [(); 2].map(|()| enter(&mut world, codec));
        let all = |world: &World| world.browsers().all(|browser| browser.connected);
        assert!(world.run_until(Duration::from_secs(9), all));
        world.run_for(Duration::from_secs(9));
        let video = world.browser(b).video().filter(|packet| packet.source == a);
        let mut sequences: Vec<_> = video.map(|packet| packet.sequence).collect();
        sequences.sort_unstable();
        sequences.dedup();
        let (Some(first), Some(last)) = (sequences.first(), sequences.last()) else {
            panic!("{codec}: nothing came");
        };
        let missing = last - first + 1 - sequences.len() as u64;
        let lost = sequences.len() as u64 / 10;
        assert!(
            missing * 10 < lost,
            "{codec}: {missing} are missing of {lost} that were lost"
        );
    }
}
