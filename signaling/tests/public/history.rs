//! What is told of rooms to whoever keeps it.

use tsuji_core::freeze::{self, Verdict};
use tsuji_core::{
    Command, Freeze, Layer, Mid, Notice, ParticipantId, Reason, SlotReason, Source, Time, TrackId,
};
use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::{self, ClientMessage, ExitReason, Id, Report, ServerMessage};
use tsuji_signaling::{ConnectionId, Event, Happening, Input, Limits};

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

#[test]
fn somebody_for_whom_a_picture_froze_is_told_whose_side_is_at_fault() {
    let mut world = World::new();
    let (mika, viewer, ren, publisher) = two(&mut world);
    let mut froze = |to: Option<Time>, verdict: Option<Verdict>| {
        world.events.clear();
        world.input(Input::Notice(Notice::Freeze {
            participant: viewer,
            freeze: Box::new(Freeze {
                track: track(publisher.0),
                mid: Mid("6".to_owned()),
                from: Time::ZERO,
                to,
                facts: None,
                verdict,
            }),
        }));
        assert_eq!(world.heard(ren), []);
        (world.heard(mika), world.events.len())
    };
    let verdict = Verdict {
        culprit: freeze::Culprit::PublisherUplink,
        confidence: 90,
        evidence: Vec::new(),
    };
    let told = |over| ServerMessage::Freeze {
        participant: Id(publisher),
        source: message::Source::Camera,
        culprit: message::Culprit::PublisherUplink,
        over,
    };
    assert_eq!(froze(None, Some(verdict.clone())), (vec![told(false)], 1));
    let over = Some(Time::from_millis(900));
    assert_eq!(froze(over, Some(verdict)), (vec![told(true)], 1));
    assert_eq!(froze(over, None), (vec![], 1), "nobody is to blame");
}

#[test]
fn a_problem_is_marked_once_in_a_while_and_a_report_goes_to_the_core() {
    let mut world = World::new();
    let (mika, viewer, ..) = two(&mut world);
    let stranger = world.open();
    world.events.clear();
    world.say(stranger, &ClientMessage::Problem);
    assert!(matches!(
        world.hears(stranger),
        ServerMessage::Error {
            code: ErrorCode::WrongOrder,
            ..
        }
    ));
    world.say(mika, &ClientMessage::Problem);
    world.say(mika, &ClientMessage::Problem);
    world.wait(Limits::default().problem_pause);
    world.say(mika, &ClientMessage::Problem);
    let problem = Happening::Problem {
        participant: viewer,
    };
    let marked = world.events.iter();
    assert_eq!(marked.filter(|event| event.happening == problem).count(), 2);

    world.commands();
    let report = Report {
        slept_ms: 7,
        ..Report::default()
    };
    let digest = Box::new(report.to_core());
    world.say(mika, &ClientMessage::Report(report));
    let expected = Command::Report {
        participant: viewer,
        digest,
    };
    assert_eq!(world.commands(), [expected]);
}

/// Two people in a room: Mika and Ren.
fn two(world: &mut World) -> (ConnectionId, ParticipantId, ConnectionId, ParticipantId) {
    let mika = world.open();
    let code = world.create(mika);
    let viewer = world.call(mika, "Mika").unwrap();
    world.offer(viewer, 1, &[]);
    let (ren, publisher) = world.enter(&code, "Ren");
    world.offer(publisher, 1, &[]);
    world.forget();
    (mika, viewer, ren, publisher)
}
