//! Meetings over real sockets, recorded by the server and replayed in another process.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use tempfile::TempDir;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{Meeting, Program, Server};

use crate::{replay, traces};

on_each_runtime! {
    a_recorded_meeting_is_replayed_to_the_byte_in_another_process,
    a_replay_stops_at_a_moment,
    a_capture_for_wireshark_is_written_beside_a_replay,
    a_file_that_was_cut_off_is_replayed_up_to_its_last_whole_frame_and_says_so,
    a_changed_byte_is_never_replayed_as_if_it_had_been_so,
    the_decisions_of_the_last_minutes_are_written_at_a_signal_and_replayed,
    the_decisions_of_the_last_minutes_are_written_for_a_request_from_the_machine,
    a_recording_of_decisions_is_replayed_in_another_process,
}

/// Records a meeting of two people until it goes on both ways; the folder with its trace.
fn recorded(program: &Program, more: &[&str]) -> TempDir {
    let folder = TempDir::with_prefix("tsuji-trace-").expect("the system has room");
    let mut arguments = ["--shards", "1", "--record"].map(OsStr::new).to_vec();
    arguments.push(folder.path().as_os_str());
    arguments.push(OsStr::new(Meeting::NEEDS));
    arguments.extend(more.iter().map(OsStr::new));
    let server = Server::start_with(program, &arguments);
    let meeting = Meeting::start(&server);
    for _ in 0..20 {
        meeting.goes_on();
    }
    meeting.end();
    server.stop();
    folder
}

fn only_trace(folder: &Path) -> std::path::PathBuf {
    let [file] = &traces(folder)[..] else {
        panic!("not one trace");
    };
    file.clone()
}

fn a_recorded_meeting_is_replayed_to_the_byte_in_another_process(program: &Program) {
    let folder = recorded(program, &[]);
    replay(&only_trace(folder.path()), &[]).check_equal();
}

fn a_replay_stops_at_a_moment(program: &Program) {
    let folder = recorded(program, &[]);
    let file = only_trace(folder.path());
    let told = replay(&file, &["--until", "0.05"]);
    told.check_equal();
    assert!(told.text().contains("up to that moment"), "{}", told.text());
}

fn a_capture_for_wireshark_is_written_beside_a_replay(program: &Program) {
    let folder = recorded(program, &[]);
    let file = only_trace(folder.path());
    let pcap = folder.path().join("meeting.pcap");
    replay(&file, &["--pcap", &pcap.to_string_lossy()]).check_equal();
    let bytes = fs::read(pcap).expect("a capture");
    assert_eq!(bytes[..4], 0xa1b2_c3d4_u32.to_le_bytes());
    assert!(bytes.len() > 10_000);
}

fn a_file_that_was_cut_off_is_replayed_up_to_its_last_whole_frame_and_says_so(program: &Program) {
    let folder = recorded(program, &[]);
    let file = only_trace(folder.path());
    let whole = fs::read(&file).expect("a trace");
    for less in [1, 9, 300, whole.len() / 2] {
        fs::write(&file, &whole[..whole.len() - less]).expect("the same file");
        let told = replay(&file, &[]);
        told.check_equal();
        let expected = "ends before its recording did";
        assert!(told.text().contains(expected), "{}", told.text());
    }
}

fn a_changed_byte_is_never_replayed_as_if_it_had_been_so(program: &Program) {
    let folder = recorded(program, &[]);
    let file = only_trace(folder.path());
    let whole = fs::read(&file).expect("a trace");
    // The last frame is a head of 12 bytes and the one byte that says that the recording ended.
    let last = whole.len() - 13..whole.len();
    let places = [0, 9, 40, whole.len() / 3, whole.len() / 2];
    for place in places.into_iter().chain(last) {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        fs::write(&file, &changed).expect("the same file");
        let told = replay(&file, &[]);
        let (text, errors) = (told.text(), told.errors());
        let named = text.contains("is damaged at byte") || errors.starts_with("tsuji: ");
        assert!(named && told.code() != Some(0), "{place}: {text}{errors}");
        assert!(!errors.contains("panic"), "{errors}");
    }
}

#[test]
fn what_is_no_trace_is_refused_with_one_sentence() {
    let folder = TempDir::new().expect("the system has room");
    let file = folder.path().join("photo-000.trace");
    fs::write(&file, b"\x89PNG").expect("a file");
    let told = replay(&file, &[]);
    let expected = format!("tsuji: {}: this is not a trace\n", file.display());
    assert_eq!((told.code(), told.errors()), (Some(1), expected));
    let told = replay(&folder.path().join("nothing-000.trace"), &[]);
    assert!(
        told.errors().starts_with("tsuji: cannot read "),
        "{}",
        told.errors()
    );
}

/// The file of a log line that names one.
fn file_in(line: &str) -> &Path {
    let (_, rest) = line.split_once("file=").expect("it names a file");
    Path::new(rest.split(' ').next().expect("a path"))
}

fn the_decisions_of_the_last_minutes_are_written_at_a_signal_and_replayed(program: &Program) {
    let folder = TempDir::with_prefix("tsuji-trace-").expect("the system has room");
    let server = Server::start_with(
        program,
        &[
            OsStr::new(Meeting::NEEDS),
            OsStr::new("--shards=1"),
            OsStr::new("--trace-dir"),
            folder.path().as_os_str(),
        ],
    );
    let meeting = Meeting::start(&server);
    for _ in 0..20 {
        meeting.goes_on();
    }
    server.signal(Signal::USR1);
    let line = server.logs("the decisions of the last minutes are written");
    meeting.goes_on();
    let file = file_in(&line);
    let mode = fs::metadata(file).expect("a trace").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let told = replay(file, &["--verbose"]);
    told.check_equal();
    let text = told.text();
    for happened in [
        "A decisions trace",
        "p2   DTLS is up: connected",
        "p1's camera ",
    ] {
        assert!(text.contains(happened), "{happened}: {text}");
    }

    // Somebody who asks again at once has the same minutes twice.
    server.signal(Signal::USR1);
    server.logs("no other one");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    meeting.end();
    server.stop();
}

fn the_decisions_of_the_last_minutes_are_written_for_a_request_from_the_machine(program: &Program) {
    let folder = TempDir::with_prefix("tsuji-trace-").expect("the system has room");
    let server = Server::start_with(
        program,
        &[
            OsStr::new(Meeting::NEEDS),
            OsStr::new("--shards=1"),
            OsStr::new("--trace-dir"),
            folder.path().as_os_str(),
        ],
    );
    let meeting = Meeting::start(&server);
    meeting.goes_on();
    let mut stream = TcpStream::connect(server.address()).expect("it listens");
    let request = "POST /debug/trace HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("it answers");
    assert!(response.starts_with("HTTP/1.1 202 "), "{response}");
    let line = server.logs("the decisions of the last minutes are written");
    replay(file_in(&line), &[]).check_equal();
    meeting.end();
    server.stop();
}

fn a_recording_of_decisions_is_replayed_in_another_process(program: &Program) {
    let folder = recorded(program, &["--record-kind", "decisions"]);
    let file = only_trace(folder.path());
    let told = replay(&file, &["--participant", "p1", "--verbose"]);
    told.check_equal();
    let text = told.text();
    assert!(
        text.contains("All decisions of ") && !text.contains("ends before"),
        "{text}"
    );
    assert!(text.contains("p1   sends microphone "), "{text}");
}
