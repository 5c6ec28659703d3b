//! Who gets what.

use std::time::Duration;

use tsuji_core::{GoneReason, IceMode, MediaKind, Notice, ParticipantId, Source};
use tsuji_tests::network::Conditions;
use tsuji_tests::{World, WorldOptions};

fn world() -> World {
    World::new(WorldOptions::default())
}

const PATIENCE: Duration = Duration::from_secs(5);

fn all_connected(world: &World) -> bool {
    world.browsers().all(|browser| browser.connected)
}

/// The counts of the video packets that `viewer` got from `source`, in order.
fn video_from(world: &World, viewer: ParticipantId, source: ParticipantId) -> Vec<u32> {
    let browser = world.browser(viewer);
    let slot = browser.slot_with(source, Source::Camera);
    let mid = &slot.expect("a slot with that source").mid.0;
    let packets = browser.video().filter(|packet| packet.mid == *mid);
    packets.map(|packet| packet.count).collect()
}

#[test]
fn everything_that_one_sends_arrives_at_the_other() {
    for ice in [IceMode::Trickle, IceMode::Vanilla] {
        let mut world = world();
        let a = world.enter(1, ice);
        let b = world.enter(1, ice);
        assert!(world.run_until(PATIENCE, all_connected), "{ice:?}");
        world.run_for(Duration::from_secs(10));
        for (viewer, source) in [(a, b), (b, a)] {
            let video = video_from(&world, viewer, source);
            assert!(video.len() > 850, "{} video packets", video.len());
            let first = video[0];
            let expected: Vec<u32> = (first..).take(video.len()).collect();
            assert_eq!(
                video, expected,
                "no packet is missing, doubled or out of order"
            );
            let audio: Vec<_> = world.browser(viewer).audio().collect();
            assert!(audio.len() > 480, "{} audio packets", audio.len());
            for pair in audio.windows(2) {
                assert_eq!(pair[1].count, pair[0].count + 1);
                assert_eq!(pair[1].sequence, pair[0].sequence + 1);
                assert_eq!(pair[1].timestamp.wrapping_sub(pair[0].timestamp), 960);
            }
        }
    }
}

#[test]
fn a_late_joiner_sees_a_keyframe_within_one_request() {
    let mut world = world();
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    assert!(world.run_until(PATIENCE, all_connected));
    world.run_for(Duration::from_secs(5));
    let asked = |world: &World, id| world.browser(id).keyframe_requests.len();
    let before = (asked(&world, a), asked(&world, b));

    let c = world.enter(1, IceMode::Trickle);
    assert!(world.run_until(PATIENCE, |world| world.browser(c).connected));
    let connected = world.now;
    world.run_for(Duration::from_secs(3));

    assert_eq!(asked(&world, a) - before.0, 1);
    assert_eq!(asked(&world, b) - before.1, 1);
    for slot in world.browser(c).slots.clone() {
        if slot.track.is_none() || slot.kind == MediaKind::Audio {
            continue;
        }
        let browser = world.browser(c);
        let first = browser.video().find(|packet| packet.mid == slot.mid.0);
        let first = first.expect("video in an assigned slot");
        assert!(first.keyframe, "the first packet begins a keyframe");
        let waited = first.at.since(connected);
        assert!(waited < Duration::from_millis(150), "{waited:?}");
    }
    // Who was there already sees no break.
    let video = video_from(&world, a, b);
    assert!(video.windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[test]
fn who_leaves_is_gone_from_everybodys_slots() {
    let mut world = world();
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    let c = world.enter(1, IceMode::Trickle);
    assert!(world.run_until(PATIENCE, all_connected));
    world.run_for(Duration::from_secs(1));
    world.leave(b);
    for viewer in [a, c] {
        let browser = world.browser(viewer);
        assert!(!browser.has_in_slots(b), "{:?}", browser.slots);
    }
    assert_eq!(world.sfu().participants(), 2);
    world.leave(a);
    world.leave(c);
    assert_eq!((world.sfu().participants(), world.sfu().rooms()), (0, 0));
    assert_eq!(world.sfu().deadline(), None, "nothing is left to wait for");
}

#[test]
fn a_slot_that_changes_its_source_stays_one_stream() {
    let mut world = world();
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    assert!(world.run_until(PATIENCE, all_connected));
    world.run_for(Duration::from_secs(2));
    world.leave(b);
    let c = world.enter(1, IceMode::Trickle);
    assert!(world.run_until(PATIENCE, all_connected));
    world.run_for(Duration::from_secs(2));

    let browser = world.browser(a);
    let slot = browser.slot_with(c, Source::Camera);
    let mid = &slot.expect("the newcomer took the free slot").mid.0;
    let video: Vec<_> = browser.video().filter(|p| p.mid == *mid).collect();
    let changes = video
        .windows(2)
        .filter(|pair| pair[1].count < pair[0].count);
    assert_eq!(changes.count(), 1, "both sources were in the one slot");
    for pair in video.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        let [before, after] = [pair[0], pair[1]].map(|packet| packet.picture_id.expect("VP8"));
        let step = after.wrapping_sub(before) & 0x7fff;
        assert!(step <= 1, "picture ids go on by one: {pair:?}");
        let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(ticks < 90_000 * 3, "timestamps go on: {pair:?}");
        if pair[1].count < pair[0].count {
            assert!(pair[1].keyframe, "the new source begins with a keyframe");
            assert!(ticks > 0);
        }
    }
    assert_eq!(browser.offers, 1, "and nothing was negotiated");
}

#[test]
fn a_muted_camera_sends_nothing_and_comes_back_with_a_keyframe() {
    let mut world = world();
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    assert!(world.run_until(PATIENCE, all_connected));
    world.run_for(Duration::from_secs(1));
    world.mute(a, MediaKind::Video, true);
    world.run_for(Duration::from_millis(100));
    let before = world.browser(b).video().count();
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.browser(b).video().count(), before);
    world.mute(a, MediaKind::Video, false);
    world.run_for(Duration::from_secs(1));
    let browser = world.browser(b);
    let video: Vec<_> = browser.video().collect();
    assert!(video.len() > before + 60);
    assert!(video[before].keyframe);
    assert_eq!(video[before].sequence, video[before - 1].sequence + 1);
    assert_eq!(browser.offers, 1, "muting costs no negotiation");
}

#[test]
fn rooms_do_not_hear_each_other() {
    let mut world = world();
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(2, IceMode::Trickle);
    assert!(world.run_until(PATIENCE, all_connected));
    world.run_for(Duration::from_secs(2));
    for id in [a, b] {
        assert!(world.browser(id).received.is_empty());
    }
}

#[test]
fn who_closes_the_connection_is_gone() {
    let mut world = world();
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    assert!(world.run_until(PATIENCE, all_connected));
    let now = world.now;
    world.browser_mut(b).close(now);
    world.run_for(Duration::from_secs(1));
    assert!(world.notices.iter().any(|(_, notice)| *notice
        == Notice::Gone {
            participant: b,
            reason: GoneReason::ConnectionLost
        }));
    assert!(!world.browser(a).has_in_slots(b));
}

#[test]
fn who_falls_silent_is_gone_within_half_a_minute() {
    let mut world = world();
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    assert!(world.run_until(PATIENCE, all_connected));
    let (now, tab) = (world.now, world.tab_of(b));
    let nothing_passes = Conditions {
        loss: 1_000,
        ..Conditions::default()
    };
    let tab = world.tabs.get_mut(&tab).expect("a page");
    tab.change(now, nothing_passes.clone(), nothing_passes);
    let gone = |world: &World| {
        let gone = |notice: &Notice| matches!(notice, Notice::Gone { participant, .. } if *participant == b);
        world.notices.iter().any(|(_, notice)| gone(notice))
    };
    assert!(world.run_until(Duration::from_secs(45), gone));
    assert!(!world.browser(a).has_in_slots(b));
}

#[test]
fn who_gets_another_port_on_the_way_is_heard_again_at_once_and_sees_again_soon() {
    let mut world = world();
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    assert!(world.run_until(PATIENCE, all_connected));
    world.run_for(Duration::from_secs(2));
    world.rebind(world.tab_of(b), false);
    let received = |world: &World, id| world.browser(id).received.len();
    let before = (received(&world, a), received(&world, b));
    world.run_for(Duration::from_secs(4));
    assert!(received(&world, a) > before.0, "from its next check on");
    // The server's ICE agent keeps to the old path for 15 s after its last check.
    world.run_for(Duration::from_secs(14));
    assert!(received(&world, b) > before.1);
}
