//! Decisions are made again from what a trace of them says: for recordings of real browsers and
//! for simulated meetings on bad networks.

use std::path::Path;

use tsuji_core::Sfu;
use tsuji_core::trace::{
    DecisionsReplay, Decoder, Header, Item, Reading, Replay, Ring, Step, frame, seal,
};
use tsuji_tests::{RunOptions, Scenario, run};

use crate::traces;

/// What came of a full trace.
struct Decided {
    header: Header,
    decisions: Vec<u8>,
    full_bytes: usize,
    packets_in: u64,
    packets_forwarded: u64,
}

/// Replays a full trace and records its decisions.
fn decide(file: &[u8]) -> Decided {
    let (header, taken) = Header::parse(file).expect("a trace");
    let mut decoder = Decoder::new(&header);
    let mut replay = Replay::new(&header).expect("a full trace");
    replay.keep_decisions(1 << 30);
    let mut rest = &file[taken..];
    while let Ok(Some((frame, taken))) = frame(rest) {
        if let Ok(Some(Item::Input(record))) = decoder.decode(frame) {
            replay
                .step(&record)
                .expect("recording decisions changes no byte");
        }
        rest = &rest[taken..];
    }
    replay.flush_decisions();
    let sfu = replay.sfu();
    let counters = sfu.counters();
    Decided {
        header: sfu.decisions_header("test".to_owned()),
        decisions: bytes(sfu),
        full_bytes: file.len(),
        packets_in: counters.packets_in,
        packets_forwarded: counters.packets_forwarded,
    }
}

fn bytes(sfu: &Sfu) -> Vec<u8> {
    let blocks = sfu.decisions().into_iter().flat_map(Ring::blocks);
    let mut bytes: Vec<u8> = blocks.flat_map(|block| block.bytes.clone()).collect();
    seal(&mut bytes);
    bytes
}

/// Replays decisions; gives how many packets were forwarded and how many snapshots compared.
fn decide_again(decided: &Decided) -> (u64, usize) {
    let mut replay = DecisionsReplay::new(&decided.header);
    let (mut rest, mut snapshots, mut forwarded) = (decided.decisions.as_slice(), 0, 0);
    while let Ok(Some((frame, taken))) = frame(rest) {
        rest = &rest[taken..];
        match replay.load(frame) {
            Ok(Reading::Snapshot) => snapshots += 1,
            Ok(Reading::Gap { missing }) => panic!("{missing} missing"),
            Ok(_) => {}
            Err(odd) => panic!("{odd}"),
        }
        loop {
            match replay.step() {
                Ok(Some(happened)) => {
                    let steps = happened.steps.iter();
                    forwarded += steps
                        .filter(|step| matches!(step, Step::Forwarded { .. }))
                        .count() as u64;
                }
                Ok(None) => break,
                Err(odd) => panic!("{odd}"),
            }
        }
    }
    assert!(rest.is_empty());
    let counters = replay.sfu().counters();
    assert_eq!(counters.packets_in, decided.packets_in);
    assert_eq!(counters.packets_forwarded, decided.packets_forwarded);
    (forwarded, snapshots)
}

#[test]
fn decisions_about_real_browsers_are_made_again_without_media_or_keys() {
    let files = traces(&Path::new(env!("CARGO_MANIFEST_DIR")).join("traces"));
    assert!(!files.is_empty());
    for file in files {
        let file = std::fs::read(&file).expect("a trace");
        let decided = decide(&file);
        let (forwarded, _) = decide_again(&decided);
        assert!(forwarded > 100, "{forwarded}");
        let (small, large) = (decided.decisions.len(), decided.full_bytes);
        assert!(small * 8 < large, "{small} of {large} bytes");
    }
}

#[test]
fn decisions_about_simulated_meetings_are_made_again() {
    let mut snapshots = 0;
    for seed in 0..24 {
        let options = RunOptions {
            record: true,
            ..RunOptions::default()
        };
        let report = run(&Scenario::from_seed(seed), options);
        for trace in report.traces {
            let decided = decide(&trace);
            let (forwarded, compared) = decide_again(&decided);
            assert_eq!(forwarded, decided.packets_forwarded);
            snapshots += compared;
        }
    }
    assert!(snapshots >= 24);
}
