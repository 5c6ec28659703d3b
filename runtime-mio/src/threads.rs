//! The threads of the server, and how each of them ends.

use std::fmt::Display;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

/// Why the server ended other than by being stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A thread panicked.
    #[error("a fault in the server ended its {0} thread")]
    Panicked(&'static str),
    /// A thread could not go on.
    #[error("the {thread} thread could not go on: {reason}")]
    Failed {
        /// Which.
        thread: &'static str,
        /// Why.
        reason: String,
    },
    /// A thread did not end when it was told to.
    #[error("the server did not stop in time and was ended")]
    Stuck,
}

/// What the threads tell whoever waits for them.
#[derive(Debug)]
pub(crate) enum Event {
    /// Stopping has begun.
    Stopping,
    /// A thread has ended.
    Ended(Result<(), Fault>),
}

/// Starts a thread that tells its end, also when it panics.
pub(crate) fn spawn<E: Display>(
    name: &'static str,
    events: mpsc::Sender<Event>,
    run: impl FnOnce() -> Result<(), E> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let body = move || {
        // What a panic leaves behind is dropped with the thread; nobody looks at it again.
        let result = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Fault::Failed {
                thread: name,
                reason: error.to_string(),
            }),
            Err(_) => Err(Fault::Panicked(name)),
        };
        if let Err(fault) = &result {
            tracing::error!(%fault, "stopping");
        }
        // Nobody waits for it if nobody listens.
        let _ = events.send(Event::Ended(result));
    };
    thread::Builder::new()
        .name(format!("tsuji-{name}"))
        .spawn(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_of(run: impl FnOnce() -> Result<(), &'static str> + Send + 'static) -> String {
        let (events_in, events) = mpsc::channel();
        spawn("media", events_in, run).unwrap().join().unwrap();
        match events.recv().unwrap() {
            Event::Ended(Ok(())) => "well".to_owned(),
            Event::Ended(Err(fault)) => fault.to_string(),
            Event::Stopping => panic!("it did not say so"),
        }
    }

    #[test]
    fn whoever_waits_learns_how_a_thread_ended() {
        assert_eq!(end_of(|| Ok(())), "well");
        assert_eq!(
            end_of(|| Err("no more media")),
            "the media thread could not go on: no more media"
        );
        assert_eq!(
            end_of(|| panic!("a bug")),
            "a fault in the server ended its media thread"
        );
    }
}
