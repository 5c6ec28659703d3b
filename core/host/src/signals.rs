//! Signals of the system, and what they ask of a server.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};

use crate::control::Handle;

/// The exit code of a process that was told twice.
const KILLED: i32 = 1;

/// Signals that this process takes, delivered or not yet.
#[derive(Debug)]
pub struct Signals {
    signals: signal_hook::iterator::Signals,
    /// It was told to stop: once more, and the process ends.
    told: Arc<AtomicBool>,
    term_stops: bool,
}

impl Signals {
    /// Takes SIGINT, SIGTERM and SIGUSR1 from now on, for
    /// [`deliver_to`](Self::deliver_to). SIGINT stops the server; so does SIGTERM if `term_stops`,
    /// and else it drains it, and a second one stops it. One more ends the process at once, also
    /// when it hangs.
    pub fn take(term_stops: bool) -> io::Result<Self> {
        let told = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag unset, and then sets it.
            signal_hook::flag::register_conditional_shutdown(signal, KILLED, Arc::clone(&told))?;
            if signal == SIGINT || term_stops {
                signal_hook::flag::register(signal, Arc::clone(&told))?;
            }
        }
        let signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGUSR1])?;
        Ok(Self {
            signals,
            told,
            term_stops,
        })
    }

    /// Delivers them to a server, from a thread of their own that lasts as long as the process.
    pub fn deliver_to(mut self, server: Handle) -> io::Result<()> {
        let deliver = move || {
            let mut drains = false;
            for signal in self.signals.forever() {
                tracing::debug!(signal, "signal");
                match signal {
                    SIGTERM if !self.term_stops && !drains => {
                        drains = true;
                        server.drain();
                    }
                    SIGINT | SIGTERM => {
                        self.told.store(true, Ordering::SeqCst);
                        server.stop();
                    }
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
