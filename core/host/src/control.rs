//! Reaching a running server from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::Waker;

use crate::dump::Bell;
use crate::threads::Event;

/// The front's side: what it was told, and to whom it says that it has begun to stop.
#[derive(Debug)]
pub struct Control {
    told: Arc<Told>,
    events: mpsc::Sender<Event>,
}

/// Reaches a running server from any thread.
#[derive(Clone, Debug)]
pub struct Handle {
    told: Arc<Told>,
    front: Waker,
    trace: Bell,
}

#[derive(Debug, Default)]
struct Told {
    stop: AtomicBool,
}

/// The two sides; `front` wakes the front.
pub(crate) fn control(front: Waker, events: mpsc::Sender<Event>, trace: Bell) -> (Control, Handle) {
    let told = Arc::<Told>::default();
    let control = Control {
        told: Arc::clone(&told),
        events,
    };
    (control, Handle { told, front, trace })
}

impl Handle {
    /// Tells everybody who is connected, and ends the server within two seconds. Returns at once.
    pub fn stop(&self) {
        self.told.stop.store(true, Ordering::SeqCst);
        self.front.wake_by_ref();
    }

    /// Has the decisions of the last minutes written to a file; the log says where. Returns at
    /// once.
    pub fn write_trace(&self) {
        self.trace.ring();
    }
}

impl Control {
    /// Whether the server is to stop.
    pub fn is_stopping(&self) -> bool {
        self.told.stop.load(Ordering::SeqCst)
    }

    /// Stopping has begun: from now on it must not take long.
    pub fn began_to_stop(&self) {
        // Nobody waits for it if nobody listens.
        let _ = self.events.send(Event::Stopping);
    }
}
