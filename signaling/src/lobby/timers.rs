//! All timers of the lobby in one table.

use std::collections::{BTreeMap, BTreeSet};

use tsuji_core::{ParticipantId, RoomId, Time};

use super::ConnectionId;

/// What comes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Ping a connection.
    Ping(ConnectionId),
    /// See whether a connection was silent for too long.
    Silence(ConnectionId),
    /// Close a connection that has been without a room for too long.
    Roomless(ConnectionId),
    /// Forget an abandoned room.
    Forget(RoomId),
    /// Give up somebody who has been without a WebSocket for too long.
    Grace(ParticipantId),
    /// Tell the core what somebody's page shows.
    View(ParticipantId),
    /// Tell somebody why pictures come, or do not.
    Reasons(ParticipantId),
    /// The last meeting has had its time.
    Drained,
    /// Forget what addresses did a minute ago.
    Fade,
}

/// Each timer is set at most once.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Time, Timer)>,
    times: BTreeMap<Timer, Time>,
}

impl Timers {
    /// Sets or moves a timer.
    pub(super) fn set(&mut self, timer: Timer, at: Time) {
        self.cancel(timer);
        self.queue.insert((at, timer));
        self.times.insert(timer, at);
    }

    pub(super) fn cancel(&mut self, timer: Timer) {
        if let Some(at) = self.times.remove(&timer) {
            self.queue.remove(&(at, timer));
        }
    }

    /// Takes the first timer that is due at `now`.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        let &(at, timer) = self.queue.first()?;
        if at > now {
            return None;
        }
        self.cancel(timer);
        Some(timer)
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.queue.first().map(|&(at, _)| at)
    }
}
