//! Recordings of real browsers, kept in this folder.

use std::path::Path;

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
            "p2   gets offer 1; slots: p1",
            "p2   answers offer 1",
            "p2   ICE: reached at ",
            "p2   DTLS is up: connected",
            "sends audio ",
            "gets p1's audio ",
            "p1's video ",
        ] {
            assert!(text.contains(happened), "{happened}: {text}");
        }
        assert!(!text.contains("p1   "), "{text}");
    }
}
