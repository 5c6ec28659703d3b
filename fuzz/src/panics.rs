//! Tells a panic of ours from one inside str0m, which the core catches and survives.
//!
//! libFuzzer's own hook ends the process at any panic, also at one that is caught. A caught one is
//! a finding too, because it costs a participant its connection; but once it is known and listed
//! in [`KNOWN`], it must not hide what lies behind it.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// Panics inside str0m that are known: a part of the place, a part of the message, and why it may
/// stay. None may end anybody's connection but that of the participant who caused it.
pub const KNOWN: &[(&str, &str, &str)] = &[];

/// Of all threads: the core runs some calls on threads of their own.
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// One target at a time.
static TURN: Mutex<()> = Mutex::new(());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take_seen() -> Vec<String> {
    std::mem::take(&mut lock(&SEEN))
}

/// Runs a target. Ends the process when a promise is broken, or when str0m panicked in a way that
/// is not known, so that libFuzzer keeps the input.
pub fn watched(data: &[u8], target: impl Fn(&[u8])) {
    install();
    take_seen();
    let result = catch_unwind(AssertUnwindSafe(|| target(data)));
    let seen = take_seen();
    let unknown: Vec<_> = seen.iter().filter(|panic| !is_known(panic)).collect();
    if result.is_err() || !unknown.is_empty() {
        for panic in seen {
            eprintln!("{panic}");
        }
        std::process::abort();
    }
}

/// As [`watched`], but panics instead of ending the process: for tests.
///
/// # Panics
/// When a promise is broken, or when str0m panicked in a way that is not known.
pub fn checked(data: &[u8], target: impl Fn(&[u8])) {
    let _turn = lock(&TURN);
    install();
    take_seen();
    target(data);
    let unknown: Vec<_> = take_seen().into_iter().filter(|p| !is_known(p)).collect();
    assert!(unknown.is_empty(), "panics inside str0m: {unknown:#?}");
}

fn is_known(panic: &str) -> bool {
    let is =
        |(place, message, _): &(&str, &str, &str)| panic.contains(place) && panic.contains(message);
    KNOWN.iter().any(is)
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        let quiet = cfg!(fuzzing);
        set_hook(Box::new(move |info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let trace = std::backtrace::Backtrace::capture();
            let message = info.payload_as_str().unwrap_or("not a text");
            lock(&SEEN).push(format!("{place}: {message}\n{trace}"));
            if !quiet {
                before(info);
            }
        }));
    });
}
