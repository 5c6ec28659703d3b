//! How long the core takes for what it does most, and for what strangers can make it do.
//!
//! `cargo bench -p tsuji-tests --bench hot`, or with a name behind `--`. What counts against a bound are
//! instructions (`tests/src/bin/instructions.rs`), which do not depend on what else the machine does.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Mutex;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;

use tsuji_core::{Command, Datagram, Input, ParticipantId, Path, Sfu, Source, Tile, Time, TrackId};
use tsuji_signaling::message::ClientMessage;
use tsuji_tests::rehearsal::{Rehearsal, Taken, hand};
use tsuji_tests::{Manner, Picture, SERVER, World, WorldOptions};

fn main() {
    divan::main();
}

/// How much of a meeting is measured.
const MEASURED: Duration = Duration::from_millis(500);

/// A meeting of some who send 1.5 Mbit/s and some who watch, in frames of 5 packets. Gives when everybody
/// had been there for a second, and half a second follows.
fn meeting(senders: u64, viewers: u64) -> Meeting {
    static MEETINGS: Mutex<BTreeMap<(u64, u64), Meeting>> = Mutex::new(BTreeMap::new());
    let mut meetings = MEETINGS.lock().expect("nobody panicked");
    let made = || -> Meeting { Box::leak(Box::new(meet(senders, viewers))) };
    meetings.entry((senders, viewers)).or_insert_with(made)
}

/// What went into the core, and when the measured part of it begins.
type Meeting = &'static (Rehearsal, Time);

fn meet(senders: u64, viewers: u64) -> (Rehearsal, Time) {
    let mut world = World::new(WorldOptions {
        keep: false,
        record: true,
        ..WorldOptions::default()
    });
    let picture = Picture::Even {
        parts: 5,
        bytes: 1_200,
    };
    for person in 0..senders + viewers {
        let manner = Manner {
            picture,
            audio: false,
            video: person < senders,
            ..Manner::default()
        };
        world.enter_as(1, manner);
    }
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(20), all), "connected");
    world.run_for(Duration::from_secs(1));
    let begin = world.now;
    world.run_for(MEASURED);
    (Rehearsal::of(&mut world), begin)
}

/// A core that has taken so many of its inputs.
fn after(rehearsal: &Rehearsal, inputs: usize) -> Sfu {
    let mut sfu = rehearsal.sfu();
    hand(&mut sfu, &rehearsal.inputs[..inputs]);
    sfu
}

/// All that a core does in half a second, for each packet that it forwards.
#[divan::bench(args = [1, 10, 100], sample_count = 10, sample_size = 1)]
fn forwarding_a_packet_to_viewers(bencher: Bencher<'_, '_>, viewers: u64) {
    let (rehearsal, begin) = meeting(1, viewers);
    let place = rehearsal.place_at(*begin);
    let forwarded = |sfu: &Sfu| sfu.counters().packets_forwarded;
    let all = forwarded(&after(rehearsal, rehearsal.inputs.len()));
    let packets = all - forwarded(&after(rehearsal, place));
    bencher
        .counter(ItemsCount::new(packets))
        .with_inputs(|| after(rehearsal, place))
        .bench_local_refs(|sfu| hand(sfu, &rehearsal.inputs[place..]));
}

/// Whom a datagram is for, of a hundred people: somebody whose path is unknown.
#[divan::bench]
fn demultiplexing_rtp(bencher: Bencher<'_, '_>) {
    let (rehearsal, begin) = meeting(1, 100);
    let mut sfu = after(rehearsal, rehearsal.place_at(*begin));
    let path = Path::udp(SERVER, SERVER);
    let mut payload = [0; 1_200];
    payload[0] = 0x90;
    bencher.bench_local(|| {
        let datagram = Datagram {
            path,
            payload: black_box(&payload),
        };
        sfu.handle(*begin, Input::Datagram(datagram));
    });
}

/// Whom an ICE check is for, of a hundred people.
#[divan::bench]
fn demultiplexing_stun(bencher: Bencher<'_, '_>) {
    let (rehearsal, begin) = meeting(1, 100);
    let sfu = after(rehearsal, rehearsal.place_at(*begin));
    let mut checks = rehearsal
        .inputs
        .iter()
        .filter_map(|(_, taken)| match taken {
            Taken::Datagram(_, payload) => {
                Some(payload).filter(|payload| sfu.names(payload).is_some())
            }
            _ => None,
        });
    let check = checks.next_back().expect("a check");
    bencher.bench_local(|| sfu.names(black_box(check)));
}

/// A page turns: which layer of each of nine pictures somebody gets, and what is told of that.
#[divan::bench]
fn allocating(bencher: Bencher<'_, '_>) {
    let (rehearsal, begin) = meeting(10, 0);
    let mut sfu = after(rehearsal, rehearsal.place_at(*begin));
    let view = |width| Command::View {
        participant: ParticipantId(1),
        tiles: (2..=10)
            .map(|participant| Tile {
                track: TrackId {
                    participant: ParticipantId(participant),
                    source: Source::Camera,
                },
                width,
                height: width,
                pinned: false,
            })
            .collect(),
    };
    let views = [view(300), view(301)];
    let mut turn = 0;
    bencher
        .with_inputs(|| {
            turn ^= 1;
            views[turn].clone()
        })
        .bench_local_values(|view| {
            sfu.handle(*begin, Input::Command(view));
            while sfu.poll().is_some() {}
        });
}

/// Takes an input again and again, each time in a core that has taken all before it.
fn take_first(bencher: Bencher<'_, '_>, is_it: impl Fn(&Taken) -> bool) {
    let (rehearsal, _) = meeting(1, 1);
    let place = rehearsal.find(is_it).expect("it was there");
    bencher
        .with_inputs(|| after(rehearsal, place))
        .bench_local_refs(|sfu| hand(sfu, &rehearsal.inputs[place..=place]));
}

/// An answer (SDP) with nine slots: read, and taken over by str0m.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn parsing_an_answer(bencher: Bencher<'_, '_>) {
    take_first(bencher, |taken| {
        matches!(taken, Taken::Command(Command::Answer { .. }))
    });
}

/// A candidate of a browser.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn parsing_a_candidate(bencher: Bencher<'_, '_>) {
    take_first(bencher, |taken| {
        matches!(
            taken,
            Taken::Command(Command::Candidate {
                candidate: Some(_),
                ..
            })
        )
    });
}

/// A message of a page.
#[divan::bench(args = [
    r#"{"type":"mute","kind":"audio","muted":true}"#,
    r#"{"type":"view","tiles":[{"participant":"p7","source":"screen","width":800,"height":1}]}"#,
])]
fn parsing_a_message(text: &str) -> ClientMessage {
    ClientMessage::parse(black_box(text)).expect("a message")
}
