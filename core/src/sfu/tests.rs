//! What can only be provoked from inside.

use super::*;
use crate::{
    Certificate, Command, IceMode, LocalAddress, MediaKind, Source, Tile, TrackId, Transport,
};

fn sfu_with(people: u64) -> Sfu {
    sfu_in(people, 2)
}

pub(super) fn sfu_in_one_room(people: u64) -> Sfu {
    sfu_in(people, 1)
}

fn sfu_in(people: u64, rooms: u64) -> Sfu {
    let udp = "127.0.0.1:10000".parse().unwrap();
    let config = Config {
        addresses: vec![LocalAddress {
            transport: Transport::Udp,
            socket: udp,
            advertised: udp,
        }],
        certificate: Certificate::generate().unwrap(),
        limits: Limits::default(),
        shard: 0,
    };
    let mut sfu = Sfu::new(config, [1; 32], WallTime::from_unix_micros(0));
    for id in 1..=people {
        let enter = Command::Enter {
            room: RoomId(1 + id % rooms),
            participant: ParticipantId(id),
            ice: IceMode::Vanilla,
        };
        sfu.handle(Time::ZERO, Input::Command(enter));
    }
    while sfu.poll().is_some() {}
    sfu
}

#[test]
fn a_panic_inside_one_connection_costs_that_participant_its_connection_and_nobody_else_anything() {
    let mut sfu = sfu_with(4);
    let index = sfu.indices[&ParticipantId(2)];
    sfu.run(index, &Call::Timeout, |connection, _, _| connection.panic());
    sfu.handle(Time::from_millis(1), Input::Timeout);
    let gone: Vec<_> = std::iter::from_fn(|| sfu.poll())
        .filter_map(|output| match output {
            Output::Notice(Notice::Gone {
                participant,
                reason,
            }) => Some((participant, reason)),
            _ => None,
        })
        .collect();
    assert_eq!(gone, [(ParticipantId(2), GoneReason::Internal)]);
    assert_eq!(sfu.participants(), 3);
    for id in [1, 3, 4] {
        let index = sfu.indices[&ParticipantId(id)];
        let alive = sfu.run(index, &Call::Timeout, |connection, environment, effects| {
            connection.timeout(Time::from_millis(2), environment, effects)
        });
        assert_eq!(alive, Some(()), "p{id}");
    }
}

#[test]
fn a_connection_that_panicked_is_never_called_again() {
    let mut sfu = sfu_with(1);
    let index = sfu.indices[&ParticipantId(1)];
    let participant = sfu.participants.get_mut(index).unwrap();
    let connection = participant.connection.as_mut().unwrap();
    assert!(connection.panic().is_err());
    let environment = sfu.environment.as_ref().unwrap();
    let again = connection.close(Time::ZERO, environment, &mut Effects::default());
    assert!(matches!(again, Err(Fault::Panicked)));
}

#[test]
fn a_panic_of_our_own_in_one_room_never_reaches_another() {
    let mut sfu = sfu_with(4);
    sfu.contain(RoomId(1), |sfu| {
        // Half way through something, as a bug would be.
        sfu.rooms.get_mut(&RoomId(1)).unwrap().members.clear();
        panic!("on purpose");
    });
    sfu.bury();
    let gone: Vec<_> = std::iter::from_fn(|| sfu.poll())
        .filter_map(|output| match output {
            Output::Notice(Notice::Gone { participant, .. }) => Some(participant.0),
            _ => None,
        })
        .collect();
    assert_eq!(gone, [2, 4], "everybody of the room is told");
    assert_eq!((sfu.rooms(), sfu.participants()), (1, 2));
    sfu.handle(Time::from_millis(50), Input::Timeout);
    let enter = Command::Enter {
        room: RoomId(1),
        participant: ParticipantId(9),
        ice: IceMode::Trickle,
    };
    sfu.handle(Time::from_millis(60), Input::Command(enter));
    assert_eq!(
        (sfu.rooms(), sfu.participants()),
        (2, 3),
        "and may come again"
    );
}

#[test]
fn a_hundred_people_cost_each_page_as_many_slots_as_it_shows() {
    let mut sfu = sfu_in_one_room(100);
    let slots_of = |sfu: &Sfu, id: u64| {
        let participant = sfu.participants.get(sfu.indices[&ParticipantId(id)]);
        let participant = participant.expect("it is there");
        participant.slots_of(MediaKind::Video).len()
    };
    assert_eq!(slots_of(&sfu, 100), 9);
    let tiles = (1..=9).map(|id| Tile {
        track: TrackId {
            participant: ParticipantId(10 * id),
            source: Source::Camera,
        },
        width: 320,
        height: 180,
        pinned: false,
    });
    let view = Command::View {
        participant: ParticipantId(100),
        tiles: tiles.collect(),
    };
    sfu.handle(Time::from_millis(5), Input::Command(view));
    let told = std::iter::from_fn(|| sfu.poll()).find_map(|output| match output {
        Output::Notice(Notice::Slots { participant, slots }) => Some((participant, slots)),
        _ => None,
    });
    let (participant, slots) = told.expect("others are shown now");
    assert_eq!(participant, ParticipantId(100));
    let shown: BTreeSet<_> = slots
        .iter()
        .filter_map(|slot| slot.track.filter(|track| track.source == Source::Camera))
        .map(|track| track.participant.0)
        .collect();
    assert_eq!(shown, (1..=9).map(|id| 10 * id).collect());
    let index = sfu.indices[&ParticipantId(100)];
    assert_eq!(sfu.missing_slots(index).video, 0, "and it needs no more");
}

#[test]
fn who_is_due_with_many_others_is_served_with_a_few_at_a_time() {
    let mut sfu = sfu_with(100);
    let late = Time::from_millis(600_000);
    let mut left = vec![sfu.participants()];
    while sfu.deadline().is_some_and(|due| due <= late) && left.len() < 100 {
        // None of them ever connected: each is let go when it is served.
        sfu.handle(late, Input::Timeout);
        while sfu.poll().is_some() {}
        left.push(sfu.participants());
    }
    assert_eq!(left, [100, 68, 36, 4, 0]);
}
