//! SIGINT and SIGTERM.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
pub use signal_hook_mio::v1_0::Signals;

/// The exit code of a process that was told twice.
const KILLED: i32 = 1;

/// Takes SIGINT and SIGTERM from now on. The first one is delivered through the returned source;
/// a second one ends the process at once, also when it hangs.
pub fn take() -> io::Result<Signals> {
    let told = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset, and then sets it.
        signal_hook::flag::register_conditional_shutdown(signal, KILLED, Arc::clone(&told))?;
        signal_hook::flag::register(signal, Arc::clone(&told))?;
    }
    Signals::new([SIGINT, SIGTERM])
}
