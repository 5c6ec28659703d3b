//! Signals of the system, and what they ask of a server.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};

use crate::control::Handle;

/// The exit code of a process that was told twice.
const KILLED: i32 = 1;

/// Signals that this process takes, delivered or not yet.
#[derive(Debug)]
pub struct Signals(signal_hook::iterator::Signals);

impl Signals {
    /// Takes SIGINT, SIGTERM and SIGUSR1 from now on. The first of the first two waits for
    /// [`deliver_to`](Self::deliver_to); a second one ends the process at once, also when it hangs.
    pub fn take() -> io::Result<Self> {
        let told = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag unset, and then sets it.
            signal_hook::flag::register_conditional_shutdown(signal, KILLED, Arc::clone(&told))?;
            signal_hook::flag::register(signal, Arc::clone(&told))?;
        }
        signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGUSR1]).map(Self)
    }

    /// Delivers them to a server, from a thread of their own that lasts as long as the process.
    pub fn deliver_to(mut self, server: Handle) -> io::Result<()> {
        let deliver = move || {
            for signal in self.0.forever() {
                tracing::debug!(signal, "signal");
                match signal {
                    SIGINT | SIGTERM => server.stop(),
                    SIGUSR1 => server.write_trace(),
                    _ => {}
                }
            }
        };
        thread::Builder::new()
            .name("tsuji-signals".to_owned())
            .spawn(deliver)
            .map(drop)
    }
}
