//! The threads of the server, and how each of them ends.

use std::fmt::Display;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clock::Clock;

/// Why the server ended other than by being stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A thread panicked.
    #[error("a fault in the server ended its {0} thread")]
    Panicked(String),
    /// A thread could not go on.
    #[error("the {thread} thread could not go on: {reason}")]
    Failed {
        /// Which.
        thread: String,
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
fn spawn<E: Display>(
    name: &str,
    events: mpsc::Sender<Event>,
    run: impl FnOnce() -> Result<(), E> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let thread = name.to_owned();
    let body = move || {
        // What a panic leaves behind is dropped with the thread; nobody looks at it again.
        let result = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Fault::Failed {
                thread,
                reason: error.to_string(),
            }),
            Err(_) => Err(Fault::Panicked(thread)),
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

/// The threads of a running server.
#[derive(Debug)]
pub struct Threads {
    clock: Clock,
    /// How long they may take to end once stopping has begun.
    patience: Duration,
    events_in: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    running: Vec<JoinHandle<()>>,
}

impl Threads {
    pub(crate) fn new(clock: Clock, patience: Duration) -> Self {
        let (events_in, events) = mpsc::channel();
        Self {
            clock,
            patience,
            events_in,
            events,
            running: Vec::new(),
        }
    }

    pub(crate) fn events(&self) -> mpsc::Sender<Event> {
        self.events_in.clone()
    }

    /// Starts one.
    pub fn spawn<E: Display>(
        &mut self,
        name: &str,
        run: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) -> io::Result<()> {
        let thread = spawn(name, self.events_in.clone(), run)?;
        self.running.push(thread);
        Ok(())
    }

    /// Waits until all of them have ended. When they do not end in time after stopping has begun,
    /// they are left behind ([`Fault::Stuck`]): the process should end then.
    pub fn wait(mut self) -> Result<(), Fault> {
        let mut left = self.running.len();
        let mut deadline = None;
        let mut outcome = Ok(());
        while left > 0 {
            let event = match deadline {
                None => self.events.recv().map_err(RecvTimeoutError::from),
                deadline => {
                    let patience = self.clock.until(deadline).unwrap_or_default();
                    self.events.recv_timeout(patience)
                }
            };
            match event {
                Ok(Event::Stopping) => {}
                Ok(Event::Ended(result)) => {
                    left -= 1;
                    outcome = outcome.and(result);
                }
                Err(_) => return outcome.and(Err(Fault::Stuck)),
            }
            deadline = deadline.or(Some(self.clock.now() + self.patience));
        }
        for thread in self.running.drain(..) {
            // It has said that it ended, and a panic was caught inside it.
            let _ = thread.join();
        }
        outcome
    }
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
