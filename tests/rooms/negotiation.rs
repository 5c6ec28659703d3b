//! How often people negotiate, and what becomes of bad answers.

use std::time::Duration;

use tsuji_core::{CommandError, GoneReason, IceMode, Limits, MediaKind, Notice, ParticipantId};
use tsuji_signaling::message::{Candidate, ClientMessage};
use tsuji_tests::{Manner, World, WorldOptions};

fn connected(world: &mut World) {
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(5), all));
}

fn refused(world: &World, id: ParticipantId) -> Vec<&CommandError> {
    let of = |notice| match notice {
        &Notice::Refused {
            participant,
            ref error,
        } if participant == id => Some(error),
        _ => None,
    };
    world
        .notices
        .iter()
        .filter_map(|(_, notice)| of(notice))
        .collect()
}

fn gone(world: &World, id: ParticipantId) -> Option<GoneReason> {
    world.notices.iter().find_map(|(_, notice)| match notice {
        Notice::Gone {
            participant,
            reason,
        } if *participant == id => Some(*reason),
        _ => None,
    })
}

#[test]
fn people_who_come_together_cost_one_renegotiation_each() {
    let mut world = World::new(WorldOptions::default());
    let first = world.enter(1, IceMode::Trickle);
    connected(&mut world);
    let others: Vec<_> = (0..6).map(|_| world.enter(1, IceMode::Trickle)).collect();
    connected(&mut world);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.browser(first).offers, 2, "one more for slots 5 to 9");
    for id in [first].iter().chain(&others) {
        let browser = world.browser(*id);
        assert!(browser.offers <= 2);
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let slots = browser.slots.iter().filter(|slot| slot.kind == kind);
            let (most, people) = match kind {
                MediaKind::Audio => (3, 3),
                MediaKind::Video => (9, 6),
            };
            assert_eq!(slots.clone().count(), most);
            let taken = slots.filter(|slot| slot.track.is_some());
            assert_eq!(taken.clone().count(), people);
            for slot in taken {
                let packets = browser.received.iter();
                let packets = packets.filter(|packet| packet.mid == slot.mid.0);
                assert!(packets.count() > 60, "everybody gets everybody");
            }
        }
    }
}

#[test]
fn coming_and_going_does_not_grow_the_slots() {
    let mut world = World::new(WorldOptions::default());
    let stays = world.enter(1, IceMode::Trickle);
    connected(&mut world);
    for _ in 0..20 {
        let id = world.enter(1, IceMode::Trickle);
        connected(&mut world);
        world.leave(id);
    }
    assert_eq!(world.browser(stays).slots.len(), 4 + 3);
    assert_eq!(world.browser(stays).offers, 1);
}

#[test]
fn a_room_larger_than_the_slots_still_works() {
    let limits = Limits {
        video_slots: 4,
        audio_slots: 2,
        ..Limits::default()
    };
    let mut world = World::new(WorldOptions {
        limits,
        ..WorldOptions::default()
    });
    let ids: Vec<_> = (0..7).map(|_| world.enter(1, IceMode::Vanilla)).collect();
    connected(&mut world);
    world.run_for(Duration::from_secs(1));
    for id in &ids {
        let browser = world.browser(*id);
        assert_eq!((browser.slots.len(), browser.offers), (6, 1));
        assert!(browser.slots.iter().all(|slot| slot.track.is_some()));
    }
    let waiting = world.browser(ids[0]).slots.clone();
    world.leave(ids[1]);
    let after = &world.browser(ids[0]).slots;
    assert!(
        after.iter().all(|slot| slot.track.is_some()),
        "who waited came in"
    );
    let kept = waiting
        .iter()
        .zip(after)
        .filter(|(b, a)| b.track == a.track);
    assert_eq!(kept.count(), 4, "and nobody else moved");
}

#[test]
fn a_full_room_turns_people_away() {
    let limits = Limits {
        participants_per_room: 2,
        ..Limits::default()
    };
    let mut world = World::new(WorldOptions {
        limits,
        ..WorldOptions::default()
    });
    world.enter(1, IceMode::Trickle);
    world.enter(1, IceMode::Trickle);
    let third = world.enter(1, IceMode::Trickle);
    assert_eq!(gone(&world, third), Some(GoneReason::Full));
    assert_eq!(world.sfu().participants(), 2);
}

/// Somebody who has an offer and does not answer it.
fn silent(world: &mut World) -> ParticipantId {
    let tab = world.enter_as(
        1,
        Manner {
            answers: false,
            ..Manner::default()
        },
    );
    world.tabs[&tab].page.me.expect("an offer")
}

#[test]
fn who_does_not_answer_is_gone_after_a_while() {
    let mut world = World::new(WorldOptions::default());
    let id = silent(&mut world);
    world.run_for(Duration::from_secs(19));
    assert_eq!(gone(&world, id), None);
    world.run_for(Duration::from_secs(2));
    assert_eq!(gone(&world, id), Some(GoneReason::NoAnswer));
    assert_eq!(world.sfu().rooms(), 0);
}

#[test]
fn an_unreadable_answer_may_be_corrected_and_a_wrong_one_ends_only_its_sender() {
    let mut world = World::new(WorldOptions::default());
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    connected(&mut world);
    let id = silent(&mut world);
    let answer = |world: &mut World, number, sdp: &str| {
        world.say(
            id,
            ClientMessage::Answer {
                negotiation: number,
                sdp: sdp.into(),
            },
        );
    };
    answer(&mut world, 2, "v=0\r\n");
    assert_eq!(refused(&world, id), [&CommandError::UnexpectedAnswer]);
    answer(&mut world, 1, "nonsense");
    assert!(matches!(
        refused(&world, id)[1],
        CommandError::BadDescription(_)
    ));
    answer(&mut world, 1, &"a=x\r\n".repeat(5_000));
    assert!(matches!(
        refused(&world, id)[2],
        CommandError::DescriptionTooLarge(_)
    ));
    answer(
        &mut world,
        1,
        &"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(500),
    );
    assert!(matches!(
        refused(&world, id)[3],
        CommandError::DescriptionTooLarge(_)
    ));
    answer(&mut world, 1, &"x".repeat(70_000));
    assert!(matches!(
        refused(&world, id)[4],
        CommandError::DescriptionTooLarge(_)
    ));
    assert_eq!(gone(&world, id), None);
    answer(
        &mut world,
        1,
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE\r\n",
    );
    assert_eq!(gone(&world, id), Some(GoneReason::BadAnswer));

    let before = world.browser(a).received.len();
    world.run_for(Duration::from_secs(1));
    assert!(
        world.browser(a).received.len() > before + 100,
        "the others go on"
    );
    assert_eq!(world.sfu().participants(), 2);
    assert!(refused(&world, b).is_empty());
}

#[test]
fn candidates_are_bounded_and_hidden_ones_are_taken() {
    let mut world = World::new(WorldOptions::default());
    let id = silent(&mut world);
    let send = |world: &mut World, candidate: &str| {
        let candidate = Some(Candidate {
            candidate: candidate.into(),
            ..Candidate::default()
        });
        world.say(id, ClientMessage::Candidate { candidate });
    };
    send(
        &mut world,
        "candidate:1 1 udp 2113937151 0f1e2d3c-aaaa-bbbb-cccc-0123456789ab.local 50000 typ host",
    );
    send(
        &mut world,
        "candidate:1 1 udp 2130706431 203.0.113.9 50000 typ host",
    );
    world.say(id, ClientMessage::Candidate { candidate: None });
    assert!(refused(&world, id).is_empty());
    send(&mut world, "candidate:garbage");
    assert!(matches!(
        refused(&world, id)[0],
        CommandError::BadCandidate(_)
    ));
    send(&mut world, &"x".repeat(600));
    assert!(matches!(
        refused(&world, id)[1],
        CommandError::BadCandidate(_)
    ));
    for port in 1..100 {
        let candidate = format!("candidate:1 1 udp 1 203.0.113.9 {port} typ host");
        send(&mut world, &candidate);
    }
    let last = refused(&world, id);
    assert_eq!(last.last(), Some(&&CommandError::TooManyCandidates(64)));
    assert_eq!(world.sfu().participants(), 1);
}
