//! What a page says it saw, and what becomes of it.

use super::*;
use crate::freeze::{Bins, Culprit, Kind, Part, Seen, Watch};
use crate::ids::{MediaKind, Mid, ParticipantId};
use crate::input::{Command, Input};
use crate::output::Output;
use crate::participant::SlotState;
use crate::sfu::tests::sfu_in_one_room;
use crate::transport::Line;

const VIEWER: ParticipantId = ParticipantId(2);

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// Somebody who has a picture of somebody else in a slot.
fn watching() -> Sfu {
    let mut sfu = sfu_in_one_room(2);
    let publisher = sfu.indices[&ParticipantId(1)];
    let mut slot = SlotState::new(Line::none(), MediaKind::Video);
    slot.track = Some((publisher, Source::Camera));
    let viewer = sfu.indices[&VIEWER];
    sfu.participants.get_mut(viewer).unwrap().slots = vec![slot];
    sfu
}

fn watch(sfu: &mut Sfu) -> &mut Watch {
    let viewer = sfu.indices[&VIEWER];
    &mut sfu.participants.get_mut(viewer).unwrap().slots[0].watch
}

/// Pictures leave, 40 ms apart: the first of them at, and none at the end of this time.
fn play(sfu: &mut Sfu, from: u64, to: u64) {
    for n in from / 40..to / 40 {
        let key = if n == 0 { Kind::KEY } else { Kind::empty() };
        let part = Part {
            sequence: n,
            timestamp: n as u32 * 3_600,
            kind: Kind::MARKER | Kind::FIRST | key,
            base: 0,
        };
        watch(sfu).departs(at(n * 40), Layer::Full, part);
    }
}

/// The page says for how long its picture was frozen so far.
fn report(sfu: &mut Sfu, now: u64, frozen_ms: u32) {
    let seen = Seen {
        mid: Line::none().mid(),
        freezes: u32::from(frozen_ms > 0),
        frozen_ms,
        ..Seen::default()
    };
    let digest = Digest {
        seen: vec![seen],
        ..Digest::default()
    };
    say(sfu, now, digest);
}

fn say(sfu: &mut Sfu, now: u64, digest: Digest) {
    let report = Command::Report {
        participant: VIEWER,
        digest: Box::new(digest),
    };
    sfu.handle(at(now), Input::Command(report));
}

fn told(sfu: &mut Sfu, now: u64) -> Vec<Freeze> {
    // Its deadlines are passed over here, which is not what is looked at.
    sfu.late = Bins::default();
    sfu.handle(at(now), Input::Timeout);
    let outputs = std::iter::from_fn(|| sfu.poll());
    let told = outputs.filter_map(|output| match output {
        Output::Notice(Notice::Freeze { freeze, .. }) => Some(*freeze),
        _ => None,
    });
    told.collect()
}

#[test]
fn what_only_the_page_saw_is_told_and_put_down_to_the_viewers_device() {
    let mut sfu = watching();
    play(&mut sfu, 0, 2_000);
    report(&mut sfu, 2_000, 0);
    play(&mut sfu, 2_000, 4_000);
    report(&mut sfu, 4_000, 700);
    assert_eq!(told(&mut sfu, 4_000), []);
    play(&mut sfu, 4_000, 5_000);
    let told = told(&mut sfu, 5_000);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].from, told[0].to), (at(3_300), Some(at(4_000))));
    let facts = told[0].facts.as_ref().unwrap();
    let lengths = (facts.departed_ms, facts.arrived_ms, facts.shown_ms);
    assert_eq!(lengths, (0, 0, 700));
    let verdict = told[0].verdict.as_ref().unwrap();
    assert_eq!(verdict.culprit, Culprit::ViewerDevice);
}

#[test]
fn of_two_reports_in_a_row_both_are_told() {
    let mut sfu = watching();
    play(&mut sfu, 0, 3_000);
    report(&mut sfu, 3_000, 0);
    play(&mut sfu, 3_000, 5_000);
    report(&mut sfu, 5_000, 700);
    play(&mut sfu, 5_000, 7_000);
    let mut all = told(&mut sfu, 6_000);
    report(&mut sfu, 7_000, 1_200);
    play(&mut sfu, 7_000, 8_000);
    all.extend(told(&mut sfu, 8_000));
    let lengths = all.iter().map(|freeze| freeze.facts.as_ref());
    let lengths: Vec<_> = lengths.map(|facts| facts.map(|f| f.shown_ms)).collect();
    assert_eq!(lengths, [Some(700), Some(500)]);
}

#[test]
fn what_the_server_saw_as_well_is_not_told_again() {
    let mut sfu = watching();
    play(&mut sfu, 0, 2_000);
    report(&mut sfu, 2_000, 0);
    play(&mut sfu, 2_800, 4_000);
    report(&mut sfu, 4_000, 830);
    play(&mut sfu, 4_000, 5_000);
    let told = told(&mut sfu, 5_000);
    assert_eq!(told.len(), 1);
    let facts = told[0].facts.as_ref().unwrap();
    assert!(facts.departed_ms >= 800 && facts.shown_ms == 0, "{facts:?}");
}

#[test]
fn what_was_not_to_come_or_was_anothers_froze_for_nobody() {
    let mut sfu = watching();
    play(&mut sfu, 0, 2_000);
    report(&mut sfu, 2_000, 0);
    watch(&mut sfu).forget(at(2_000), None);
    play(&mut sfu, 3_000, 4_000);
    report(&mut sfu, 4_000, 1_040);
    play(&mut sfu, 4_000, 5_000);
    assert_eq!(told(&mut sfu, 5_000), []);
}

#[test]
fn the_first_report_says_nothing_of_when() {
    let mut sfu = watching();
    play(&mut sfu, 0, 4_000);
    report(&mut sfu, 4_000, 700);
    play(&mut sfu, 4_000, 5_000);
    assert_eq!(told(&mut sfu, 5_000), []);
}

#[test]
fn a_digest_of_more_than_there_is_is_refused() {
    let seen = |name: &str| Seen {
        mid: Mid(name.to_owned()),
        ..Seen::default()
    };
    let refused = |seen: Vec<Seen>| {
        let mut sfu = watching();
        let digest = Digest {
            seen,
            ..Digest::default()
        };
        say(&mut sfu, 1_000, digest);
        let outputs = std::iter::from_fn(|| sfu.poll());
        let errors = outputs.filter_map(|output| match output {
            Output::Notice(Notice::Refused { error, .. }) => Some(error),
            _ => None,
        });
        errors.collect::<Vec<_>>()
    };
    assert_eq!(refused(vec![seen("abc"); 32]), []);
    assert_eq!(refused(vec![seen("0123456789abcdef")]), []);
    let too_large = [CommandError::DigestTooLarge];
    assert_eq!(refused(vec![seen("abc"); 33]), too_large);
    assert_eq!(refused(vec![seen("0123456789abcdefg")]), too_large);
}
