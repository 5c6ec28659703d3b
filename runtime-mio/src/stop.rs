//! Telling the server to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use mio::Waker;

use crate::threads::Event;

/// The front thread's side: whether it was told, and to whom it says that it has begun.
#[derive(Debug)]
pub(crate) struct Stop {
    told: Arc<AtomicBool>,
    events: mpsc::Sender<Event>,
}

/// Stops a [`Server`](crate::Server) from any thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    told: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

/// The two sides; `waker` wakes the front thread.
pub(crate) fn stop(waker: Arc<Waker>, events: mpsc::Sender<Event>) -> (Stop, Stopper) {
    let told = Arc::new(AtomicBool::new(false));
    let stop = Stop {
        told: Arc::clone(&told),
        events,
    };
    (stop, Stopper { told, waker })
}

impl Stopper {
    /// Tells everybody who is connected, and ends the server's threads within two seconds.
    /// Returns at once; [`Server::wait`](crate::Server::wait) returns when it is done.
    pub fn stop(&self) {
        self.told.store(true, Ordering::SeqCst);
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "cannot wake the front thread");
        }
    }
}

impl Stop {
    pub(crate) fn tell(&self) {
        self.told.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_told(&self) -> bool {
        self.told.load(Ordering::SeqCst)
    }

    /// Stopping has begun: from now on it must not take long.
    pub(crate) fn began(&self) {
        // Nobody waits for it if nobody listens.
        let _ = self.events.send(Event::Stopping);
    }
}
