//! What is told of rooms to whoever keeps it.

use tsuji_core::{Layer, Mid, Notice, ParticipantId, Reason, SlotReason, Source, Time, TrackId};
use tsuji_signaling::message::ExitReason;
use tsuji_signaling::{Event, Happening, Input};

use crate::world::World;

fn track(participant: u64) -> TrackId {
    TrackId {
        participant: ParticipantId(participant),
        source: Source::Camera,
    }
}

fn told(mid: &str, track: Option<TrackId>, reason: Reason) -> SlotReason {
    SlotReason {
        mid: Mid(mid.to_owned()),
        track,
        reason,
    }
}

#[test]
fn who_comes_and_goes_and_what_they_see_is_told_with_its_room() {
    let mut world = World::new();
    let mika = world.open();
    let code = world.create(mika);
    world.call(mika, "Mika");
    let ren = world.open();
    world.look(ren, &code);
    world.call(ren, "Ren");
    world.go(ren);
    let happened: Vec<_> = world.events.drain(..).collect();
    assert!(happened.iter().all(|event| event.room.to_string() == code));
    let [
        Event {
            happening: Happening::Entered {
                name, connection, ..
            },
            ..
        },
        _,
        Event {
            happening:
                Happening::Exited {
                    participant,
                    reason: ExitReason::Left,
                },
            ..
        },
    ] = &happened[..]
    else {
        panic!("{happened:?}");
    };
    assert_eq!((name.as_str(), *connection), ("Mika", mika));
    assert_eq!(*participant, ParticipantId(2));
}

#[test]
fn a_picture_that_gives_way_to_another_is_hidden_from_then_on() {
    let mut world = World::new();
    let mika = world.open();
    world.create(mika);
    world.call(mika, "Mika");
    let viewer = ParticipantId(1);
    let mut sees = |reasons: Vec<SlotReason>| -> Vec<(u64, Reason)> {
        world.events.clear();
        world.input(Input::Notice(Notice::Reasons {
            participant: viewer,
            at: Time::ZERO,
            reasons,
        }));
        let seen = world.events.iter().map(|event| match &event.happening {
            Happening::Picture { track, reason, .. } => (track.participant.0, *reason),
            other => panic!("{other:?}"),
        });
        seen.collect()
    };
    let forwarding = Reason::Forwarding { layer: Layer::Full };
    let first = vec![
        told("3", Some(track(7)), forwarding),
        told("4", Some(track(8)), Reason::NoBandwidth),
    ];
    assert_eq!(sees(first), [(7, forwarding), (8, Reason::NoBandwidth)]);
    // One goes, another changes its place.
    let second = vec![
        told("3", Some(track(8)), forwarding),
        told("4", None, Reason::Free),
    ];
    assert_eq!(sees(second), [(7, Reason::Hidden), (8, forwarding)]);
}
