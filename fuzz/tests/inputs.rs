//! Replays every seed and every regression with the stable compiler: `cargo test --workspace --test inputs`.

use std::path::Path;

use tsuji_fuzz::panics::checked;

/// Runs a target on its seeds and regressions. There are seeds for each.
fn replay(name: &str, target: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut inputs = 0;
    for kind in ["seeds", "regressions"] {
        let Ok(files) = root.join(kind).join(name).read_dir() else {
            continue;
        };
        for file in files {
            let path = file.expect("a folder can be listed").path();
            println!("{}", path.display());
            checked(&std::fs::read(&path).expect("an input can be read"), target);
            inputs += 1;
        }
    }
    assert!(inputs > 0, "no inputs for {name}");
}

#[test]
fn answers_cost_others_nothing() {
    replay("sdp_answer", tsuji_fuzz::sdp_answer::target);
}

#[test]
fn candidates_are_taken_or_refused() {
    replay("candidate", tsuji_fuzz::candidate::target);
}

#[test]
fn any_text_is_answered_within_bounds() {
    replay("signaling_message", tsuji_fuzz::signaling::message);
}

#[test]
fn any_story_is_told_within_bounds_and_leaves_nothing() {
    replay("signaling_session", tsuji_fuzz::signaling::session);
}

#[test]
fn http_answers_the_same_however_it_is_cut() {
    replay("http", tsuji_fuzz::http::target);
}

#[test]
fn tcp_is_told_apart_and_framed_the_same_however_it_is_cut() {
    replay("tcp", tsuji_fuzz::tcp::target);
}

#[test]
fn a_relay_leads_to_our_own_media_and_nowhere_else() {
    replay("relay", tsuji_fuzz::relay::target);
}

#[test]
fn frames_are_read_or_refused() {
    replay("websocket", tsuji_fuzz::websocket::target);
}

#[test]
fn strangers_get_nothing_and_end_nothing() {
    replay("datagram", tsuji_fuzz::datagram::target);
}

#[test]
fn who_has_the_keys_ends_only_itself() {
    replay("hostile_media", tsuji_fuzz::hostile_media::target);
}

#[test]
fn tampered_traces_are_refused_or_replayed() {
    replay("trace_file", tsuji_fuzz::trace_file::target);
}
