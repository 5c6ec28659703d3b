//! On real files.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use clap::{Args, Command as ClapCommand, FromArgMatches};
use tsuji_core::trace::{DecisionsReplay, Decoder, Item, Reading, Record, frame};
use tsuji_core::{
    Certificate, Command, Datagram, IceMode, LocalAddress, MediaKind, ParticipantId, RoomId,
    Transport,
};

use super::*;

const EPOCH: WallTime = WallTime::from_unix_micros(1_750_000_000_123_456);

fn config() -> Config {
    let udp = "127.0.0.1:10000".parse().unwrap();
    Config {
        addresses: vec![LocalAddress {
            transport: Transport::Udp,
            socket: udp,
            advertised: udp,
        }],
        certificate: Certificate::generate().unwrap(),
        limits: tsuji_core::Limits::default(),
        shard: 0,
    }
}

fn options(directory: &Path, max_bytes: u64) -> RecordOptions {
    RecordOptions {
        kind: Kind::Full,
        directory: directory.to_owned(),
        max_bytes,
        max_age: Duration::from_secs(3_600),
    }
}

/// The core beside a recording that is given its inputs; what comes out does not matter here.
fn sfu() -> Sfu {
    Sfu::new(config(), [1; 32], EPOCH)
}

fn datagrams(recording: &mut Recording, range: std::ops::Range<u64>) {
    let mut sfu = sfu();
    for n in range {
        let t = Time::from_millis(n);
        let input = Input::Datagram(Datagram {
            path: tsuji_core::Path::udp(
                "127.0.0.1:10000".parse().unwrap(),
                "127.0.0.1:9".parse().unwrap(),
            ),
            payload: &[0x80; 1_000],
        });
        recording.begin(t, &input);
        recording.end(t);
        recording.flush(t, &mut sfu);
    }
}

/// The files in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    inputs: u64,
    missing: u64,
    ended: bool,
}

fn contents(files: &[PathBuf]) -> Contents {
    let mut contents = Contents::default();
    let mut decoder = None;
    for file in files {
        let bytes = fs::read(file).unwrap();
        let (header, taken) = Header::parse(&bytes).unwrap();
        let decoder = decoder.get_or_insert_with(|| Decoder::new(&header));
        let mut rest = &bytes[taken..];
        while let Some((frame, taken)) = frame(rest).unwrap() {
            match decoder.decode(frame).unwrap() {
                Some(Item::Input(Record { .. })) => contents.inputs += 1,
                Some(Item::Gap { missing }) => contents.missing += missing,
                Some(Item::End) => contents.ended = true,
                Some(Item::Mark) | None => {}
            }
            rest = &rest[taken..];
        }
        assert!(rest.is_empty());
    }
    contents
}

fn start(options: &RecordOptions) -> Recording {
    Recording::start(options, &config(), [1; 32], EPOCH, &sfu()).unwrap()
}

#[test]
fn nobody_else_can_read_a_trace_at_any_time() {
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("traces");
    let mut recording = start(&options(&below, 1 << 20));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&below), 0o700);
    assert_eq!(files(&below).len(), 1);
    assert_eq!(mode(&files(&below)[0]), 0o600, "before anything is in it");
    datagrams(&mut recording, 0..10);
    recording.stop(Time::ZERO, &mut sfu());
    let file = &files(&below)[0];
    assert_eq!(mode(file), 0o600);
    let name = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(name, "tsuji-20250615T150640.123Z-shard0-000.trace");
}

#[test]
fn a_full_file_is_followed_by_the_next_and_nothing_is_lost_between_them() {
    let directory = tempfile::tempdir().unwrap();
    let limit = 300_000;
    let mut recording = start(&options(directory.path(), limit));
    datagrams(&mut recording, 0..2_000);
    recording.stop(Time::ZERO, &mut sfu());
    let files = files(directory.path());
    assert!(files.len() >= 7, "{files:?}");
    for (file, next) in files.iter().zip(&files[1..]) {
        assert_eq!(next_segment(file).as_ref(), Some(next));
        assert!(fs::metadata(file).unwrap().len() <= limit);
    }
    let expected = Contents {
        inputs: 2_000,
        missing: 0,
        ended: true,
    };
    assert_eq!(contents(&files), expected);
}

#[test]
fn a_file_that_is_old_enough_is_followed_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(directory.path(), 1 << 30);
    options.max_age = Duration::ZERO;
    let mut recording = start(&options);
    datagrams(&mut recording, 0..500);
    recording.stop(Time::ZERO, &mut sfu());
    let files = files(directory.path());
    assert!(files.len() > 5);
    assert_eq!(contents(&files).inputs, 500);
}

#[test]
fn an_input_waits_for_its_block_no_longer_than_a_second() {
    let directory = tempfile::tempdir().unwrap();
    let mut recording = start(&options(directory.path(), 1 << 20));
    let mut sfu = sfu();
    assert_eq!(recording.deadline(&sfu), None);
    datagrams(&mut recording, 500..501);
    assert_eq!(recording.deadline(&sfu), Some(Time::from_millis(1_500)));
    recording.flush(Time::from_millis(1_500), &mut sfu);
    assert_eq!(recording.deadline(&sfu), None);
}

#[test]
fn a_disk_that_does_not_keep_up_costs_the_trace_a_gap_and_the_media_thread_nothing() {
    // Nobody takes anything from this queue until the end.
    let (blocks, blocks_out) = crossbeam_channel::bounded(3);
    let (empty_in, empty) = crossbeam_channel::bounded(3);
    let (go, gone) = crossbeam_channel::bounded::<()>(0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let header = full_header(&config(), [0; 32], EPOCH);
    let rotation = Rotation {
        max_bytes: u64::MAX,
        max_age: Duration::MAX,
    };
    let segments = Segments::start(&path, header, rotation).unwrap();
    let writer = std::thread::spawn(move || {
        let _ = gone.recv();
        writer::run(segments, &blocks_out, &empty_in);
    });
    let limits = Limits {
        block_bytes: 10_000,
        ..Limits::default()
    };
    let mut recording = Recording(Some(Active {
        source: Source::Full(Recorder::new(&config().addresses)),
        lost: Trouble::new(limits.log_interval),
        limits,
        pieces: blocks,
        empty,
        writer,
    }));
    // Would never return if anything waited.
    datagrams(&mut recording, 0..1_000);
    drop(go);
    datagrams(&mut recording, 1_000..1_005);
    recording.stop(Time::ZERO, &mut sfu());

    let contents = contents(&files(&path));
    assert_eq!(contents.inputs + contents.missing, 1_005);
    assert!(contents.inputs >= 27, "three blocks were in the queue");
    assert!(contents.missing >= 900, "{contents:?}");
}

#[test]
fn a_directory_that_cannot_be_written_is_one_clear_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let options = options(&file.path().join("below"), 1 << 20);
    let error = Recording::start(&options, &config(), [0; 32], EPOCH, &sfu()).unwrap_err();
    let expected = format!("cannot record to {}", options.directory.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn without_a_recording_nothing_happens() {
    let mut sfu = sfu();
    let mut recording = Recording::default();
    recording.begin(Time::ZERO, &Input::Timeout);
    sfu.handle(Time::ZERO, Input::Timeout);
    recording.end(Time::ZERO);
    assert_eq!(recording.deadline(&sfu), None);
}

#[test]
fn decisions_go_on_in_files_that_each_begin_with_a_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(directory.path(), 1 << 20);
    options.kind = Kind::Decisions;
    options.max_age = Duration::ZERO;
    let mut sfu = sfu();
    sfu.keep_decisions([1; 32], 1 << 20);
    let mut recording = Recording::start(&options, &config(), [1; 32], EPOCH, &sfu).unwrap();
    let enter = Command::Enter {
        room: RoomId(1),
        participant: ParticipantId(1),
        ice: IceMode::Trickle,
    };
    sfu.handle(Time::ZERO, Input::Command(enter));
    for n in 0..60_000 {
        let t = Time::from_millis(n / 10);
        let mute = Command::Mute {
            participant: ParticipantId(1),
            kind: MediaKind::Audio,
            muted: n % 2 == 0,
        };
        let input = Input::Command(mute);
        recording.begin(t, &input);
        sfu.handle(t, input);
        while let Some(output) = sfu.poll() {
            recording.output(&output);
        }
        recording.end(t);
        recording.flush(t, &mut sfu);
    }
    recording.stop(Time::from_millis(6_000), &mut sfu);
    let files = files(directory.path());
    assert!(files.len() > 2, "{files:?}");
    for (number, file) in files.iter().enumerate() {
        let bytes = fs::read(file).unwrap();
        let (header, taken) = Header::parse(&bytes).unwrap();
        assert_eq!(
            (header.kind, header.segment as usize),
            (Kind::Decisions, number)
        );
        assert_eq!(header.secrets, None);
        let mut replay = DecisionsReplay::new(&header);
        let (first, _) = frame(&bytes[taken..]).unwrap().unwrap();
        assert_eq!(replay.load(first), Ok(Reading::Snapshot), "{number}");
    }
    let arguments = [OsStr::new("replay"), files[0].as_os_str()];
    let matches = crate::ReplayOptions::augment_args(ClapCommand::new("replay"));
    let matches = matches.get_matches_from(arguments);
    let options = crate::ReplayOptions::from_arg_matches(&matches).unwrap();
    let mut told = Vec::new();
    let verdict = crate::replay(&options, &mut told).unwrap();
    let told = String::from_utf8(told).unwrap();
    assert_eq!(verdict, crate::Verdict::Equal, "{told}");
    assert!(
        told.contains("All decisions of 60001 inputs are equal.\n"),
        "{told}"
    );
}
