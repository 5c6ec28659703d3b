//! The history of meetings: who was there, who saw what of whom, what froze and why.
//!
//! ```text
//!   Lobby ─ Output::Event ─► Desk ─► Keeper ─ bounded queue ─► a thread: Store ─► SQLite (--history)
//!                                                                                  │
//!   /admin (--admin) ◄── Reader ◄───────────────────────────────────────────────────┤
//!   tsuji why ROOM, tsuji export ◄── Reader ◄────────────────────────────────────────┘
//!   tsuji why --trace FILE ◄── replay::freezes
//! ```
//! Neither the front nor a media side ever waits for the disk: what finds no room in the queue is lost,
//! and the log says how much. Whoever reads has a connection of its own, and holds up nobody
//! (SQLite's write-ahead log). Of a person it has the name that was typed, and a pseudonym of the
//! address, unless `--history-addresses` says otherwise.

pub(crate) mod options;
pub(crate) mod query;
mod store;
pub(crate) mod tell;
#[cfg(test)]
mod tests;
mod words;
mod writing;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use tsuji_core::{Time, WallTime};
use tsuji_signaling::Event;

use crate::trouble::Trouble;
pub(crate) use store::Keeping;
use store::Store;
pub(crate) use words::culprit as culprit_name;
use writing::Entry;

/// What waits for the disk. 16,384: a room of 100 whose pictures all change at once.
const QUEUE: usize = 16 * 1_024;
/// What comes within this is written together. 500 ms: a disk that only writes ahead is not
/// bothered by it, and whoever looks does not notice.
const TOGETHER: Duration = Duration::from_millis(500);
/// How often what is too old is thrown away. 10 min.
const FORGET: Duration = Duration::from_secs(600);
/// The shortest time between two log lines about what is lost. 10 s.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// There can be no history.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep a history in {}: {source}", .path.display())]
pub struct HistoryError {
    path: PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Keeps what happens. Without a history it does nothing.
#[derive(Debug, Default)]
pub(crate) struct Keeper(Option<Active>);

#[derive(Debug)]
struct Active {
    epoch: WallTime,
    entries: Option<Sender<Entry>>,
    lost: Trouble,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Begins to write to a database, which is made if it is not there.
    pub(crate) fn start(
        path: PathBuf,
        keeping: Keeping,
        epoch: WallTime,
    ) -> Result<Self, HistoryError> {
        let now = milliseconds(epoch, Time::ZERO);
        let store = Store::open(&path, epoch, keeping).map_err(|source| HistoryError {
            path: path.clone(),
            source: source.into(),
        })?;
        let (entries, taken) = crossbeam_channel::bounded(QUEUE);
        let thread = std::thread::Builder::new()
            .name("tsuji-history".to_owned())
            .spawn(move || write(store, now, &taken))
            .map_err(|source: io::Error| HistoryError {
                path: path.clone(),
                source: source.into(),
            })?;
        tracing::info!(file = %path.display(), "keeping a history of meetings");
        Ok(Self(Some(Active {
            epoch,
            entries: Some(entries),
            lost: Trouble::new(LOG_INTERVAL),
            thread: Some(thread),
        })))
    }

    /// Whether there is a history.
    pub(crate) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Something happened at `t`; `peer`: the address of who entered. Does not wait.
    pub(crate) fn keep(&mut self, t: Time, event: Event, peer: Option<IpAddr>) {
        let Some(active) = &mut self.0 else {
            return;
        };
        let entry = Entry {
            at: milliseconds(active.epoch, t),
            room: event.room.to_string(),
            happening: event.happening,
            peer,
        };
        let is_full = active.entries.as_ref().is_some_and(|entries| {
            // That the writer is gone was said when it went.
            matches!(entries.try_send(entry), Err(TrySendError::Full(_)))
        });
        if is_full && let Some(times) = active.lost.happened(t) {
            tracing::warn!(times, "the disk does not keep up: the history has gaps");
        }
    }
}

impl Drop for Active {
    /// The one place that waits for the disk: nobody is there any more.
    fn drop(&mut self) {
        self.entries = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes until nobody has anything to say any more. `began`: when the server was started.
fn write(mut store: Store, began: i64, entries: &Receiver<Entry>) {
    let started = std::time::Instant::now();
    let now = || began.saturating_add(i64::try_from(started.elapsed().as_millis()).unwrap_or(0));
    let mut forget = now();
    let mut batch = Vec::new();
    loop {
        match entries.recv_timeout(FORGET) {
            Ok(entry) => batch.push(entry),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if !batch.is_empty() {
            gather(&mut batch, entries);
            let entries = batch.len();
            match store.write(&batch) {
                Ok(()) => tracing::debug!(entries, "the history is written"),
                Err(error) => tracing::warn!(%error, entries, "the history was not written"),
            }
            batch.clear();
        }
        if now() >= forget {
            forget = now().saturating_add(i64::try_from(FORGET.as_millis()).unwrap_or(0));
            if let Err(error) = store.forget(now()) {
                tracing::warn!(%error, "the old history was not thrown away");
            }
        }
    }
    if let Err(error) = store.end_all(now(), "server_stopping") {
        tracing::warn!(%error, "the history has no end");
    }
}

/// Takes what comes together.
fn gather(batch: &mut Vec<Entry>, entries: &Receiver<Entry>) {
    let end = std::time::Instant::now() + TOGETHER;
    while batch.len() < QUEUE {
        match entries.recv_deadline(end) {
            Ok(entry) => batch.push(entry),
            Err(_) => return,
        }
    }
}

fn milliseconds(epoch: WallTime, t: Time) -> i64 {
    let micros = epoch.as_unix_micros().saturating_add(t.as_micros());
    i64::try_from(micros / 1_000).unwrap_or(i64::MAX)
}
