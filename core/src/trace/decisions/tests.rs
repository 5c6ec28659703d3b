//! A trace of decisions, written by an `Sfu` and read by another. Meetings with real peers are in
//! `tests/`.

use super::*;
use crate::trace::{Frame, Header, frame, seal};
use crate::{
    Certificate, Command, Config, Datagram, IceMode, Input, Limits, LocalAddress, MediaKind,
    Negotiation, ParticipantId, Path, RoomId, Sfu, Time, Transport, WallTime,
};

const SEED: [u8; 32] = [5; 32];

fn sfu() -> Sfu {
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
    Sfu::new(
        config,
        SEED,
        WallTime::from_unix_micros(1_750_000_000_000_000),
    )
}

fn handle(sfu: &mut Sfu, ms: u64, input: Input<'_>) {
    sfu.handle(Time::from_millis(ms), input);
    while sfu.poll().is_some() {}
}

fn enter(id: u64) -> Input<'static> {
    Input::Command(Command::Enter {
        room: RoomId(1),
        participant: ParticipantId(id),
        ice: IceMode::Trickle,
    })
}

/// People who come, answer nonsense, mute, time out and go.
fn some_life(sfu: &mut Sfu, from: u64) {
    for n in 0..6 {
        let at = from + n * 1_000;
        let id = ParticipantId(from + n);
        handle(sfu, at, enter(from + n));
        let garbage = Datagram {
            path: Path::udp(
                "127.0.0.1:10000".parse().unwrap(),
                "198.51.100.9:4000".parse().unwrap(),
            ),
            payload: &[0x80; 40],
        };
        handle(sfu, at, Input::Datagram(garbage));
        let answer = Command::Answer {
            participant: id,
            negotiation: Negotiation(1),
            sdp: "v=0 secret".to_owned(),
        };
        handle(sfu, at + 10, Input::Command(answer));
        let mute = Command::Mute {
            participant: id,
            kind: MediaKind::Video,
            muted: n % 2 == 0,
        };
        handle(sfu, at + 20, Input::Command(mute));
        let candidate = Command::Candidate {
            participant: id,
            candidate: Some("candidate:1 1 udp 1 203.0.113.77 9 typ srflx".to_owned()),
        };
        handle(sfu, at + 25, Input::Command(candidate));
        handle(sfu, at + 30, Input::Timeout);
        if n % 3 == 2 {
            let leave = Command::Leave { participant: id };
            handle(sfu, at + 40, Input::Command(leave));
        }
    }
}

/// Somebody who cannot decide.
fn many_mutes(sfu: &mut Sfu, from: u64, count: u64) {
    handle(sfu, from, enter(from));
    for n in 0..count {
        let mute = Command::Mute {
            participant: ParticipantId(from),
            kind: MediaKind::Audio,
            muted: n % 2 == 0,
        };
        handle(sfu, from + n / 10, Input::Command(mute));
    }
}

/// The ring as a file would hold it.
fn dump(sfu: &mut Sfu) -> (Header, Vec<u8>) {
    sfu.flush_decisions();
    let blocks = sfu.decisions().unwrap().blocks();
    let mut bytes: Vec<u8> = blocks
        .flat_map(|block| block.bytes.iter().copied())
        .collect();
    seal(&mut bytes);
    bytes.extend(sfu.decisions_end());
    (sfu.decisions_header("test".to_owned()), bytes)
}

/// Everything that happened, the gaps, and why it ended.
fn replay(header: &Header, bytes: &[u8]) -> (Vec<Happened>, u64, Option<Odd>) {
    let mut replay = DecisionsReplay::new(header);
    let (mut happened, mut gaps, mut rest) = (Vec::new(), 0, bytes);
    while let Ok(Some((frame, taken))) = frame(rest) {
        rest = &rest[taken..];
        match replay.load(frame) {
            Ok(Reading::Gap { missing }) => gaps += missing,
            Ok(_) => {}
            Err(odd) => return (happened, gaps, Some(odd)),
        }
        loop {
            match replay.step() {
                Ok(Some(entry)) => happened.push(entry),
                Ok(None) => break,
                Err(odd) => return (happened, gaps, Some(odd)),
            }
        }
    }
    (happened, gaps, None)
}

#[test]
fn what_was_decided_is_decided_again_without_seed_or_certificate() {
    let mut sfu = sfu();
    sfu.keep_decisions(SEED, 1 << 20);
    some_life(&mut sfu, 0);
    some_life(&mut sfu, 60_000);
    let (header, bytes) = dump(&mut sfu);
    assert_eq!(header.secrets, None);
    let (happened, gaps, odd) = replay(&header, &bytes);
    assert_eq!((gaps, odd), (0, None));
    assert!(happened.len() > 60, "{}", happened.len());
    let gone = happened.iter().flat_map(|entry| &entry.notices);
    assert!(
        gone.clone()
            .any(|notice| matches!(notice, crate::Notice::Gone { .. }))
    );
    assert!(
        gone.clone()
            .any(|notice| matches!(notice, crate::Notice::Refused { .. }))
    );
}

#[test]
fn recording_changes_no_output() {
    let lives = [false, true].map(|keep| {
        let mut sfu = sfu();
        if keep {
            sfu.keep_decisions(SEED, 1 << 20);
        }
        let mut outputs = Vec::new();
        for id in 0..3 {
            sfu.handle(Time::from_millis(id), enter(id));
            outputs.extend(std::iter::from_fn(|| sfu.poll()));
        }
        outputs
    });
    // Their certificates differ, and with them the fingerprints in the descriptions.
    let [without, with] = lives.map(|outputs| format!("{outputs:?}"));
    let but_fingerprints = |text: &str| -> Vec<String> {
        let lines = text
            .split("\\r\\n")
            .filter(|line| !line.contains("a=fingerprint"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(but_fingerprints(&without), but_fingerprints(&with));
}

#[test]
fn no_address_and_nothing_of_a_description_is_in_it() {
    let mut sfu = sfu();
    sfu.keep_decisions(SEED, 1 << 20);
    some_life(&mut sfu, 0);
    let (header, bytes) = dump(&mut sfu);
    let file = [header.to_bytes(), bytes].concat();
    let holds = |needle: &[u8]| file.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"srflx"), "the type of a candidate is told");
    for secret in ["secret", "203.0.113.77", "ice-pwd", "127.0.0.1"] {
        assert!(!holds(secret.as_bytes()), "{secret}");
    }
    for address in [[198, 51, 100, 9], [203, 0, 113, 77], [127, 0, 0, 1]] {
        assert!(!holds(&address), "{address:?}");
    }
    assert!(!holds(&SEED[..8]), "the seed");
}

#[test]
fn a_ring_that_lost_its_beginning_is_replayed_from_its_first_snapshot() {
    let mut sfu = sfu();
    sfu.keep_decisions(SEED, 512 * 1024);
    some_life(&mut sfu, 0);
    many_mutes(&mut sfu, 60_000, 80_000);
    let (header, bytes) = dump(&mut sfu);
    let ring = sfu.decisions().unwrap();
    assert!(ring.block_from(0).unwrap().0 > 0, "some were forgotten");
    assert!(ring.bytes() <= 512 * 1024);
    let (happened, gaps, odd) = replay(&header, &bytes);
    assert_eq!((gaps, odd), (0, None));
    assert!(happened[0].number > 0 && happened.len() > 1_000);
}

#[test]
fn another_decision_is_named_with_time_entry_and_person() {
    let mut sfu = sfu();
    sfu.keep_decisions(SEED, 1 << 20);
    some_life(&mut sfu, 0);
    let (header, bytes) = dump(&mut sfu);
    let mut other = header.clone();
    // Somebody decides about mutes in another way: here, about how many slots there are.
    other.limits.slot_step = 2;
    let (_, _, odd) = replay(&other, &bytes);
    let Some(Odd::Decision {
        participant: Some(ParticipantId(_)),
        number,
        ..
    }) = odd
    else {
        panic!("{odd:?}");
    };
    assert!(number < 20);
}

#[test]
fn a_lost_block_is_a_gap_after_which_a_snapshot_goes_on() {
    let mut sfu = sfu();
    sfu.keep_decisions(SEED, 1 << 22);
    some_life(&mut sfu, 0);
    sfu.flush_decisions();
    some_life(&mut sfu, 60_000);
    sfu.flush_decisions();
    let lost = sfu.decisions().unwrap().block_from(1).unwrap().1.inputs;
    many_mutes(&mut sfu, 120_000, 40_000);
    let (header, _) = dump(&mut sfu);
    let blocks = sfu.decisions().unwrap().blocks().enumerate();
    let mut bytes: Vec<u8> = blocks
        .filter(|(number, _)| *number != 1)
        .flat_map(|(_, block)| block.bytes.clone())
        .collect();
    seal(&mut bytes);
    let (happened, gaps, odd) = replay(&header, &bytes);
    assert_eq!((gaps, odd), (lost, None));
    let numbers: Vec<u64> = happened.iter().map(|entry| entry.number).collect();
    assert!(numbers.windows(2).any(|pair| pair[1] > pair[0] + 1 + lost));
}

#[test]
fn any_change_to_a_trace_is_survived() {
    let mut sfu = sfu();
    sfu.keep_decisions(SEED, 1 << 20);
    some_life(&mut sfu, 0);
    let (header, bytes) = dump(&mut sfu);
    for place in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff, bytes[place] ^ 4] {
            let mut changed = bytes.clone();
            changed[place] = value;
            seal(&mut changed);
            replay(&header, &changed);
        }
    }
    for length in 0..bytes.len() {
        assert_eq!(replay(&header, &bytes[..length]).2, None, "{length}");
    }
}

#[test]
fn a_flood_of_garbage_does_not_wash_the_history_away() {
    let mut sfu = sfu();
    sfu.keep_decisions(SEED, 1 << 20);
    some_life(&mut sfu, 0);
    let before = dump(&mut sfu).1.len();
    for n in 0..10_000u64 {
        let garbage = Datagram {
            path: Path::udp(
                "127.0.0.1:10000".parse().unwrap(),
                std::net::SocketAddr::from(([203, 0, 113, n as u8], n as u16)),
            ),
            payload: &[n as u8; 300],
        };
        handle(&mut sfu, 10_000 + n, Input::Datagram(garbage));
    }
    handle(&mut sfu, 30_000, enter(99));
    let (header, bytes) = dump(&mut sfu);
    assert!(bytes.len() < before + 500, "{}", bytes.len() - before);
    let (happened, _, odd) = replay(&header, &bytes);
    assert_eq!(odd, None);
    let dropped = happened.iter().filter_map(|entry| match entry.arrived {
        Arrived::Dropped(dropped) => Some(dropped.unknown_address),
        _ => None,
    });
    assert_eq!(dropped.max(), Some(10_000));
}

#[test]
fn frames_of_other_kinds_say_nothing() {
    let header = sfu().decisions_header("test".to_owned());
    let mut replay = DecisionsReplay::new(&header);
    let other = Frame {
        frame_type: crate::trace::FrameType(99),
        payload: &[1, 2, 3],
    };
    assert_eq!(replay.load(other), Ok(Reading::Nothing));
}
