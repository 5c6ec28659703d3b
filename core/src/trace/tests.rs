//! A trace from its recorder to its replay, whole and damaged.

use std::time::Duration;

use super::*;
use crate::limits::{MAX_PARTICIPANTS, MAX_PARTICIPANTS_PER_ROOM};
use crate::{
    Certificate, CertificateError, Command, Config, Datagram, IceMode, Input, Limits, LocalAddress,
    MediaKind, Output, ParticipantId, Path, RoomId, Sfu, Time, Transport, WallTime,
};

const STRANGER: &str = "198.51.100.9:4000";

fn header() -> Header {
    let udp = "127.0.0.1:10000".parse().unwrap();
    Header {
        build: "0.1.0".to_owned(),
        kind: Kind::Full,
        shard: 0,
        segment: 0,
        hermetic: true,
        epoch: WallTime::from_unix_micros(1_750_000_000_000_000),
        addresses: vec![LocalAddress {
            transport: Transport::Udp,
            socket: udp,
            advertised: udp,
        }],
        limits: Limits::default(),
        secrets: Some(Secrets {
            seed: [9; 32],
            certificate: Certificate::generate().unwrap(),
        }),
    }
}

/// What a runtime does.
struct Session {
    sfu: Sfu,
    recorder: Recorder,
}

impl Session {
    fn new(header: &Header) -> Self {
        let config: Config = header.config().unwrap();
        let seed = header.secrets.as_ref().unwrap().seed;
        Self {
            recorder: Recorder::new(&config.addresses),
            sfu: Sfu::new(config, seed, header.epoch),
        }
    }

    fn handle(&mut self, t: Time, input: Input<'_>) {
        self.recorder.begin(t, &input);
        self.sfu.handle(t, input);
        while let Some(output) = self.sfu.poll() {
            self.recorder.output(&output);
        }
        self.recorder.end();
    }

    /// Garbage, commands that are refused, time: what gives the same outputs without a network.
    fn some_life(&mut self, from: u64) {
        let local = "127.0.0.1:10000".parse().unwrap();
        for n in from..from + 5 {
            let t = Time::from_millis(n * 10);
            let garbage = vec![n as u8; 40 + n as usize];
            let datagram = Datagram {
                path: Path::udp(local, STRANGER.parse().unwrap()),
                payload: &garbage,
            };
            self.handle(t, Input::Datagram(datagram));
            let mute = Command::Mute {
                participant: ParticipantId(n),
                kind: MediaKind::Audio,
                muted: true,
            };
            self.handle(t, Input::Command(mute));
            self.handle(t + Duration::from_millis(1), Input::Timeout);
        }
    }

    fn sealed(&mut self) -> Vec<u8> {
        let mut bytes = self.recorder.take(Vec::new()).bytes;
        seal(&mut bytes);
        bytes
    }
}

/// All that can be read: the inputs that were replayed equally, the gaps, and how it ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    equal: u64,
    missing: u64,
    ended: bool,
    damage: Option<Damage>,
}

fn read(header: &Header, mut bytes: &[u8]) -> Read {
    let mut read = Read::default();
    let mut decoder = Decoder::new(header);
    let mut replay = Replay::new(header).unwrap();
    loop {
        let (item, taken) = match frame(bytes) {
            Ok(Some((frame, taken))) => (decoder.decode(frame), taken),
            Ok(None) => return read,
            Err(damage) => {
                read.damage = Some(damage);
                return read;
            }
        };
        match item {
            Ok(Some(Item::Input(record))) => {
                replay.step(&record).unwrap();
                read.equal += 1;
            }
            Ok(Some(Item::Gap { missing })) => read.missing += missing,
            Ok(Some(Item::End)) => read.ended = true,
            Ok(Some(Item::Mark) | None) => {}
            Err(damage) => {
                read.damage = Some(damage);
                return read;
            }
        }
        bytes = &bytes[taken..];
    }
}

#[test]
fn what_was_recorded_is_replayed() {
    let header = header();
    let mut session = Session::new(&header);
    session.some_life(0);
    let mut bytes = session.sealed();
    session.some_life(10);
    let mut last = session.recorder.finish().bytes;
    seal(&mut last);
    bytes.extend(last);
    let expected = Read {
        equal: 30,
        ended: true,
        ..Read::default()
    };
    assert_eq!(read(&header, &bytes), expected);
}

#[test]
fn a_header_is_read_as_it_was_written() {
    let header = header();
    let mut bytes = header.to_bytes();
    let length = bytes.len();
    bytes.extend([1, 2, 3]);
    assert_eq!(Header::parse(&bytes), Ok((header.clone(), length)));
    let mut next = header.clone();
    next.segment = 1;
    assert!(header.is_continued_by(&next));
    next.epoch = WallTime::from_unix_micros(5);
    assert!(!header.is_continued_by(&next), "of another run");
}

#[test]
fn a_header_that_is_cut_off_or_changed_anywhere_is_refused() {
    let bytes = header().to_bytes();
    for length in 0..bytes.len() {
        assert!(Header::parse(&bytes[..length]).is_err(), "{length}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(Header::parse(&changed).is_err(), "{bit}");
    }
}

#[test]
fn a_trace_of_another_version_says_which_build_reads_it() {
    let mut bytes = header().to_bytes();
    bytes[8] = 77;
    let error = Header::parse(&bytes).unwrap_err();
    let expected = HeaderError::OtherVersion {
        version: 77,
        build: Some("0.1.0".to_owned()),
    };
    assert_eq!(error, expected);
    let text = error.to_string();
    assert!(
        text.contains("version 77") && text.contains("0.1.0"),
        "{text}"
    );
}

#[test]
fn a_header_that_asks_for_more_than_any_server_is_refused() {
    let spoil: [fn(&mut Header); 7] = [
        |header| header.limits.participants = usize::MAX,
        |header| header.limits.participants_per_room = MAX_PARTICIPANTS_PER_ROOM as usize + 1,
        |header| header.limits.datagram_bytes = 60_000,
        |header| header.limits.slot_step = 0,
        |header| header.limits.slot_step = 1_000_000,
        |header| header.epoch = WallTime::from_unix_micros(u64::MAX),
        |header| header.secrets = None,
    ];
    for spoil in spoil {
        let mut header = header();
        spoil(&mut header);
        let parsed = Header::parse(&header.to_bytes());
        assert!(matches!(parsed, Err(HeaderError::Implausible(_))));
    }
    let mut large = header();
    large.limits.participants = MAX_PARTICIPANTS as usize;
    large.limits.participants_per_room = MAX_PARTICIPANTS_PER_ROOM as usize;
    assert_eq!(
        Header::parse(&large.to_bytes()).map(|(header, _)| header),
        Ok(large)
    );
}

#[test]
fn a_trace_whose_certificate_can_sign_nothing_is_refused_with_the_reason() {
    let whole = header();
    let certificate = whole.secrets.as_ref().unwrap().certificate.clone();
    let (der, key) = (certificate.der(), certificate.private_key());
    let refused = |der: &[u8], key: &[u8]| {
        let mut header = whole.clone();
        header.secrets.as_mut().unwrap().certificate =
            Certificate::from_der(der.to_vec(), key.to_vec());
        Replay::new(&header).err()
    };
    assert_eq!(refused(der, key), None);
    let bad_key = Some(ReplayError::Certificate(CertificateError::PrivateKey));
    let mut damaged = key.to_vec();
    damaged[0] ^= 1;
    assert_eq!(refused(der, &damaged), bad_key);
    assert_eq!(refused(der, &key[..key.len() - 1]), bad_key);
    assert_eq!(refused(der, &[]), bad_key);
    let empty = Some(ReplayError::Certificate(CertificateError::Empty));
    assert_eq!(refused(&[], key), empty);
}

#[test]
fn a_trace_that_is_cut_off_anywhere_replays_up_to_its_last_whole_frame() {
    let header = header();
    let mut session = Session::new(&header);
    session.some_life(0);
    let bytes = session.sealed();
    let whole = read(&header, &bytes).equal;
    let mut before = 0;
    for length in 0..bytes.len() {
        let cut = read(&header, &bytes[..length]);
        assert_eq!(cut.damage, None, "{length}");
        assert!((before..whole).contains(&cut.equal), "{length}");
        before = cut.equal;
    }
    assert_eq!(before, whole - 1);
}

#[test]
fn a_changed_bit_is_damage_and_nothing_after_it_is_believed() {
    let header = header();
    let mut session = Session::new(&header);
    session.some_life(0);
    let bytes = session.sealed();
    let whole = read(&header, &bytes).equal;
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let read = read(&header, &changed);
        assert!(read.equal < whole && read.damage.is_some(), "{bit}");
    }
}

#[test]
fn frames_with_right_checksums_and_any_content_are_survived() {
    let header = header();
    let mut session = Session::new(&header);
    session.some_life(0);
    let bytes = session.sealed();
    for place in 0..bytes.len() {
        for value in [0, 1, 4, 6, 127, 255] {
            let mut changed = bytes.clone();
            changed[place] = value;
            seal(&mut changed);
            let mut decoder = Decoder::new(&header);
            let mut rest = changed.as_slice();
            while let Ok(Some((frame, taken))) = frame(rest) {
                if decoder.decode(frame).is_err() {
                    break;
                }
                rest = &rest[taken..];
            }
        }
    }
}

#[test]
fn a_hostile_length_is_refused_before_anything_is_read() {
    for length in [0, u32::MAX, FRAME_BYTES as u32] {
        let length = length.to_le_bytes();
        let right = crc32fast::hash(&length).to_le_bytes();
        let mut bytes = [length, right].concat();
        bytes.extend([0; 60]);
        assert_eq!(frame(&bytes).unwrap_err(), Damage::Length);
    }
}

#[test]
fn a_block_that_was_lost_shows_as_a_gap_of_its_size() {
    let header = header();
    let mut session = Session::new(&header);
    session.some_life(0);
    let mut bytes = session.sealed();
    session.some_life(10);
    let lost = session.recorder.take(Vec::new());
    assert_eq!(lost.inputs, 15);
    session.some_life(20);
    bytes.extend(session.sealed());
    let read = read(&header, &bytes);
    assert_eq!((read.equal, read.missing), (30, 15));
}

#[test]
fn blocks_lost_at_the_end_show_too() {
    let header = header();
    let mut session = Session::new(&header);
    session.some_life(0);
    let mut bytes = session.sealed();
    session.some_life(10);
    drop(session.recorder.take(Vec::new()));
    let mut last = session.recorder.finish().bytes;
    seal(&mut last);
    bytes.extend(last);
    let read = read(&header, &bytes);
    assert_eq!((read.equal, read.missing, read.ended), (15, 15, false));
}

#[test]
fn the_first_difference_is_named_with_time_person_and_place() {
    let header = header();
    let mut session = Session::new(&header);
    session.some_life(0);
    let enter = Command::Enter {
        room: RoomId(1),
        participant: ParticipantId(7),
        ice: IceMode::Vanilla,
    };
    let at = Time::from_millis(1_234);
    let input = Input::Command(enter.clone());
    session.recorder.begin(at, &input);
    session.sfu.handle(at, input);
    while let Some(mut output) = session.sfu.poll() {
        if let Output::Notice(crate::Notice::Offer { sdp, .. }) = &mut output {
            *sdp = sdp.replacen("v=0", "v=1", 1);
        }
        session.recorder.output(&output);
    }
    let bytes = session.sealed();

    let mut decoder = Decoder::new(&header);
    let mut replay = Replay::new(&header).unwrap();
    let mut rest = bytes.as_slice();
    let mut found = None;
    while let Ok(Some((frame, taken))) = frame(rest) {
        if let Ok(Some(Item::Input(record))) = decoder.decode(frame) {
            found = found.or(replay.step(&record).err());
        }
        rest = &rest[taken..];
    }
    let divergence = found.unwrap();
    assert_eq!(divergence.at, at);
    assert_eq!(divergence.input, 15);
    assert_eq!(divergence.participant, Some(ParticipantId(7)));
    let text = divergence.to_string();
    assert!(text.starts_with("at 1.234000s, p7, output 0"), "{text}");
    assert!(
        text.contains("v=0") && text.contains("instead of") && text.contains("v=1"),
        "{text}"
    );
}

#[test]
fn a_recorder_goes_on_over_hours_of_silence_and_a_clock_that_goes_back() {
    let header = header();
    let mut session = Session::new(&header);
    for hours in [0, 5, 4, 6, 100] {
        session.handle(Time::from_millis(hours * 3_600_000), Input::Timeout);
    }
    let bytes = session.sealed();
    let mut times = Vec::new();
    let mut decoder = Decoder::new(&header);
    let mut rest = bytes.as_slice();
    while let Ok(Some((frame, taken))) = frame(rest) {
        if let Ok(Some(Item::Input(record))) = decoder.decode(frame) {
            times.push(record.at.as_micros() / 3_600_000_000);
        }
        rest = &rest[taken..];
    }
    assert_eq!(times, [0, 5, 5, 6, 100]);
}
