//! Recordings of real browsers, kept in this folder.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::{replay, traces};

#[test]
fn sessions_of_real_browsers_are_replayed_to_the_byte() {
    let files = traces(&Path::new(env!("CARGO_MANIFEST_DIR")).join("traces"));
    assert!(!files.is_empty());
    for file in files {
        replay(&file, &[]).check_equal();
    }
}

#[test]
fn an_account_tells_what_happened_to_one_person() {
    let files = traces(&Path::new(env!("CARGO_MANIFEST_DIR")).join("traces"));
    for file in files {
        let told = replay(&file, &["--participant", "p2", "--verbose"]);
        told.check_equal();
        let text = told.text();
        for happened in [
            "p2   enters r1",
            "p2   gets offer 1; slots: video p1",
            "p2   answers offer 1",
            "p2   ICE: reached at ",
            "p2   DTLS is up: connected",
            "sends ",
            "gets p1's ",
            "p1's microphone ",
            "p1's camera ",
        ] {
            assert!(text.contains(happened), "{happened}: {text}");
        }
        assert!(!text.contains("p1   "), "{text}");
    }
}

#[test]
fn the_decisions_of_a_session_can_be_given_away_and_replayed() {
    let folder = TempDir::new().expect("the system has room");
    let given = folder.path().join("given.trace");
    let files = traces(&Path::new(env!("CARGO_MANIFEST_DIR")).join("traces"));
    for file in files {
        replay(&file, &["--decisions", &given.to_string_lossy()]).check_equal();
        let told = replay(&given, &["--participant", "p2", "--verbose"]);
        told.check_equal();
        let text = told.text();
        for happened in [
            "A decisions trace",
            "p2   enters r1",
            "p2   gets offer 1; slots: video p1",
            "p2   answers offer 1",
            "p2   ICE: a check from [2001:db8:",
            "p2   DTLS is up: connected",
            "p2   is asked for a keyframe",
            "sends microphone ",
            "gets p1's ",
            "p1's microphone ",
            "p1's camera ",
            "All decisions of ",
        ] {
            assert!(text.contains(happened), "{happened}: {text}");
        }
        assert!(
            !text.contains("p1   ") && !text.contains("127.0.0.1"),
            "{text}"
        );

        let told = replay(&given, &["--until", "4"]);
        told.check_equal();
        assert!(told.text().contains("up to that moment"), "{}", told.text());
        let told = replay(&given, &["--pcap", "nowhere"]);
        assert_eq!(told.code(), Some(1));
        assert!(
            told.errors().contains("holds no datagrams"),
            "{}",
            told.errors()
        );
    }
}

#[test]
fn a_changed_byte_in_a_trace_of_decisions_is_never_replayed_as_if_it_had_been_so() {
    let folder = TempDir::new().expect("the system has room");
    let given = folder.path().join("given.trace");
    let files = traces(&Path::new(env!("CARGO_MANIFEST_DIR")).join("traces"));
    replay(&files[0], &["--decisions", &given.to_string_lossy()]).check_equal();
    let whole = fs::read(&given).expect("a trace");
    for place in [0, 9, 40, whole.len() / 3, whole.len() / 2, whole.len() - 3] {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        fs::write(&given, &changed).expect("the same file");
        let told = replay(&given, &[]);
        let (text, errors) = (told.text(), told.errors());
        let named = text.contains("is damaged at byte") || errors.starts_with("tsuji: ");
        assert!(named && told.code() != Some(0), "{place}: {text}{errors}");
    }
    fs::write(&given, &whole[..whole.len() - 100]).expect("the same file");
    let told = replay(&given, &[]);
    told.check_equal();
    assert!(
        told.text().contains("ends before its recording did"),
        "{}",
        told.text()
    );
}
