//! What is written and read again.

use std::path::Path;

use tsuji_core::freeze::{Culprit, Evidence, Verdict};
use tsuji_core::{Freeze, Mid, ParticipantId, Reason, Source, TrackId};
use tsuji_signaling::message::ExitReason;
use tsuji_signaling::{ConnectionId, Happening};

use super::query::Reader;
use super::*;

const HOUR: i64 = 3_600_000;

fn keeping() -> Keeping {
    Keeping {
        age: Duration::from_secs(24 * 3_600),
        bytes: 1 << 30,
        addresses: false,
    }
}

fn entry(at: i64, happening: Happening) -> Entry {
    Entry {
        at,
        room: "KUMA-ARE-TSUJ".to_owned(),
        happening,
        peer: Some([203, 0, 113, 5].into()),
    }
}

fn enters(at: i64, participant: u64, name: &str) -> Entry {
    entry(
        at,
        Happening::Entered {
            participant: ParticipantId(participant),
            name: name.to_owned(),
            connection: ConnectionId(1),
        },
    )
}

fn exits(at: i64, participant: u64) -> Entry {
    entry(
        at,
        Happening::Exited {
            participant: ParticipantId(participant),
            reason: ExitReason::Left,
        },
    )
}

fn sees(at: i64, viewer: u64, publisher: u64, reason: Reason) -> Entry {
    entry(
        at,
        Happening::Picture {
            viewer: ParticipantId(viewer),
            track: TrackId {
                participant: ParticipantId(publisher),
                source: Source::Camera,
            },
            reason,
        },
    )
}

/// So many milliseconds after 1970.
fn at(ms: i64) -> WallTime {
    WallTime::from_unix_micros(ms.unsigned_abs() * 1_000)
}

fn store(path: &Path, keeping: Keeping) -> Store {
    Store::open(path, at(0), keeping).unwrap()
}

#[test]
fn a_meeting_is_read_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    let mut store = store(&path, keeping());
    let entries = [
        enters(1_000, 1, "Mika"),
        enters(2_000, 2, "Ren"),
        sees(2_500, 1, 2, Reason::WaitingForKeyframe),
        // Somebody who was never there.
        sees(2_600, 1, 9, Reason::Hidden),
        exits(9_000, 2),
        exits(9_500, 1),
        enters(20_000, 3, "Mika"),
    ];
    store.write(&entries[..3]).unwrap();
    store.write(&entries[3..]).unwrap();

    let reader = Reader::open(&path).unwrap();
    let meetings = reader.meetings(0, 10).unwrap();
    let times: Vec<_> = meetings
        .iter()
        .map(|m| (m.began, m.ended, m.people))
        .collect();
    assert_eq!(times, [(20_000, None, 1), (1_000, Some(9_500), 2)]);
    let found = reader.meeting_in("KUMA-ARE-TSUJ", 15_000).unwrap().unwrap();
    assert_eq!(found, meetings[1]);
    assert_eq!(reader.meeting_in("KUMA-ARE-TSUJ", 999).unwrap(), None);
    assert_eq!(reader.meetings(9_501, 10).unwrap().len(), 1);

    let timeline = reader.timeline(found.id).unwrap().unwrap();
    let [mika, ren] = &timeline.people[..] else {
        panic!("{timeline:?}");
    };
    assert_eq!((mika.name.as_str(), ren.name.as_str()), ("Mika", "Ren"));
    assert_eq!((ren.participant.as_str(), ren.exited), ("p2", Some(9_000)));
    assert_eq!(ren.why.as_deref(), Some("left"));
    assert!(!mika.address.contains('.') && mika.address == ren.address);
    let [picture] = &timeline.pictures[..] else {
        panic!("{timeline:?}");
    };
    assert_eq!((picture.viewer, picture.publisher), (mika.id, ren.id));
    let words = (picture.source.as_str(), picture.reason.as_str());
    assert_eq!(words, ("camera", "waiting_for_keyframe"));
    assert_eq!(reader.timeline(99).unwrap(), None);
}

fn froze(from: u64, to: Option<u64>, culprit: Option<Culprit>) -> Entry {
    let verdict = culprit.map(|culprit| Verdict {
        culprit,
        confidence: 90,
        evidence: vec![Evidence::UplinkSilent { ms: 900 }],
    });
    let track = TrackId {
        participant: ParticipantId(2),
        source: Source::Camera,
    };
    let happening = Happening::Froze {
        viewer: ParticipantId(1),
        names: ["Mika", "Ren"].map(str::to_owned),
        freeze: Box::new(Freeze {
            track,
            mid: Mid("3".to_owned()),
            from: Time::from_millis(from),
            to: to.map(Time::from_millis),
            facts: None,
            verdict,
        }),
    };
    entry(0, happening)
}

#[test]
fn a_freeze_is_one_however_often_it_is_told_and_problems_are_marked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    let mut store = store(&path, keeping());
    let problem = Happening::Problem {
        participant: ParticipantId(1),
    };
    let entries = [
        enters(1_000, 1, "Mika"),
        enters(2_000, 2, "Ren"),
        froze(3_000, None, Some(Culprit::Unknown)),
        froze(2_990, Some(4_000), Some(Culprit::PublisherUplink)),
        froze(5_000, None, Some(Culprit::Server)),
        froze(5_000, Some(9_000), None),
        // It was short, and is over because something else is to be seen.
        froze(9_100, Some(9_200), None),
        entry(9_500, problem),
    ];
    store.write(&entries).unwrap();
    let reader = Reader::open(&path).unwrap();
    let meeting = &reader.meetings(0, 1).unwrap()[0];
    assert_eq!(
        (meeting.freezes, meeting.frozen_ms, meeting.marks),
        (2, 5_010, 1)
    );
    let timeline = reader.timeline(meeting.id).unwrap().unwrap();
    let freezes = timeline.freezes.iter();
    let freezes: Vec<_> = freezes
        .map(|freeze| (freeze.began, freeze.ended, freeze.culprit.as_str()))
        .collect();
    let expected = [
        (2_990, Some(4_000), "publisher_uplink"),
        (5_000, Some(9_000), "server"),
    ];
    assert_eq!(freezes, expected);
    let because = &timeline.freezes[0].because;
    assert!(because.contains("Ren"), "{because}");
    assert_eq!((timeline.marks[0].person, timeline.marks[0].at), (1, 9_500));
}

#[test]
fn what_was_cut_off_has_ended_when_something_was_last_known_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    let mut first = store(&path, keeping());
    let entries = [
        enters(1_000, 1, "Mika"),
        enters(2_000, 2, "Ren"),
        sees(7_000, 1, 2, Reason::Hidden),
    ];
    first.write(&entries).unwrap();
    drop(first);
    let mut second = Store::open(&path, at(HOUR), keeping()).unwrap();
    let reader = Reader::open(&path).unwrap();
    let ends = |reader: &Reader| -> Vec<_> {
        let meetings = reader.meetings(0, 10).unwrap();
        meetings.iter().map(|meeting| meeting.ended).collect()
    };
    assert_eq!(ends(&reader), [Some(7_000)]);
    second.write(&[enters(HOUR, 1, "Mika")]).unwrap();
    second.end_all(2 * HOUR, "server_stopping").unwrap();
    assert_eq!(ends(&reader), [Some(2 * HOUR), Some(7_000)]);
}

#[test]
fn what_is_old_or_too_much_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    let mut first = store(&path, keeping());
    for hour in 0..60 {
        let at = hour * HOUR;
        let number = u64::try_from(hour).unwrap();
        let name = "M".repeat(10_000);
        first
            .write(&[enters(at, number, &name), exits(at + 10, number)])
            .unwrap();
    }
    let reader = Reader::open(&path).unwrap();
    let count = |reader: &Reader| reader.meetings(0, 1_000).unwrap().len();
    assert_eq!(count(&reader), 60);
    first.forget(60 * HOUR).unwrap();
    assert_eq!(count(&reader), 24);
    drop(first);
    let small = Keeping {
        bytes: 200_000,
        ..keeping()
    };
    let mut second = Store::open(&path, at(60 * HOUR), small).unwrap();
    let left = count(&reader);
    assert!(left > 0 && left < 10, "{left}");
    second.forget(60 * HOUR).unwrap();
    assert_eq!(count(&reader), left);
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 400_000, "{size}");
}

#[test]
fn another_file_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo");
    std::fs::write(&path, vec![7; 4_096]).unwrap();
    let error = Keeper::start(path.clone(), keeping(), WallTime::from_unix_micros(0)).unwrap_err();
    assert!(error.to_string().contains("not a database"), "{error}");
    let error = Reader::open(&folder.path().join("nothing")).unwrap_err();
    assert!(error.to_string().contains("unable to open"), "{error}");
}

#[test]
fn the_file_is_for_nobody_elses_eyes_and_all_is_written_at_the_end() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    let mut keeper = Keeper::start(
        path.clone(),
        keeping(),
        WallTime::from_unix_micros(5_000_000),
    )
    .unwrap();
    let Entry {
        room,
        happening,
        peer,
        ..
    } = enters(0, 1, "Mika");
    let event = Event {
        room: room.parse().unwrap(),
        happening,
    };
    keeper.keep(Time::from_millis(250), event, peer);
    drop(keeper);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let meetings = Reader::open(&path).unwrap().meetings(0, 10).unwrap();
    assert_eq!((meetings.len(), meetings[0].began), (1, 5_250));
    assert!(meetings[0].ended.is_some());
}
