//! Reaching a running server from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::Waker;

use crate::dump::Bell;
use crate::metrics::Watch;
use crate::threads::Event;
use crate::tls::Tls;

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
    watch: Option<Arc<Watch>>,
}

/// What a running server was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    stop: AtomicBool,
    drain: AtomicBool,
}

impl Told {
    /// To end as soon as nobody is in a meeting.
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.load(Ordering::SeqCst)
    }

    /// To end at once.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// The two sides; `front` wakes the front.
pub(crate) fn control(
    told: Arc<Told>,
    front: Waker,
    events: mpsc::Sender<Event>,
    trace: Bell,
    watch: Option<Arc<Watch>>,
) -> (Control, Handle) {
    let control = Control {
        told: Arc::clone(&told),
        events,
    };
    let handle = Handle {
        told,
        front,
        trace,
        watch,
    };
    (control, handle)
}

impl Handle {
    /// Tells everybody who is connected, and ends the server within two seconds. Returns at once.
    pub fn stop(&self) {
        self.told.stop.store(true, Ordering::SeqCst);
        self.front.wake_by_ref();
    }

    /// Has `/metrics` tell when the certificate expires that connections are secured with.
    pub fn watch_tls(&self, tls: Option<&Tls>) {
        if let (Some(watch), Some(tls)) = (&self.watch, tls) {
            watch.secured_by(tls);
        }
    }

    /// Lets no new meeting begin, tells everybody that the server will stop, and stops it when nobody
    /// is in a meeting any more, or when the time of `--drain` is over. Returns at once.
    pub fn drain(&self) {
        self.told.drain.store(true, Ordering::SeqCst);
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
        self.told.is_stopping()
    }

    /// Stopping has begun: from now on it must not take long.
    pub fn began_to_stop(&self) {
        // Nobody waits for it if nobody listens.
        let _ = self.events.send(Event::Stopping);
    }
}
