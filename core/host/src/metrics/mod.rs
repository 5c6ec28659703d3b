//! What a server tells those who watch over it: `/metrics` for Prometheus, and `/healthz`.
//!
//! ```text
//!   media sides: Shard ─ once a second ──► Published<MediaStats> ─┐
//!   front:      Desk  ── once a second ──► Published<FrontStats> ─┼─► Watch ──► text ──► serve
//!   Handle: draining, stopping · Tls: expiry · /proc: memory ─────┘                   (a thread)
//! ```
//! Nobody waits for whoever watches: a side copies what it counts to a place of its own, and leaves
//! that out when it is just being read. Without `--metrics` nothing is published. That an address and
//! a thread of its own answer has a reason: they can also tell that the front does not.

mod lateness;
mod media;
mod quality;
mod serve;
mod text;

use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

use tsuji_core::{Counters, Sizes, Time};

use crate::clock::Clock;
use crate::control::Told;
use crate::media::drops::Drops;
use crate::record::RecordStats;
use crate::tls::Tls;
pub(crate) use lateness::Lateness;
pub(crate) use quality::{Quality, QualityStats};

/// How often each side publishes what it counts. 1 s: finer than anybody asks.
const INTERVAL: Duration = Duration::from_secs(1);
/// A side that has published nothing for so long hangs. 5 s: no turn of a busy server is so long.
const SILENCE: Duration = Duration::from_secs(5);

/// All that is known of a running server.
#[derive(Debug)]
pub(crate) struct Watch {
    clock: Clock,
    told: Arc<Told>,
    /// One for each shard.
    media: Vec<Arc<Published<MediaStats>>>,
    front: Arc<Published<FrontStats>>,
    tls: OnceLock<Tls>,
    /// The UDP sockets, as the system numbers them.
    drops: OnceLock<Option<Drops>>,
}

/// How a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// It takes new meetings.
    Ready,
    /// It lets those end that are there.
    Draining,
    /// It ends.
    Stopping,
    /// It does nothing, although it should.
    Hangs(&'static str),
}

/// What one shard of the media side counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MediaStats {
    pub(crate) counters: Counters,
    pub(crate) sizes: Sizes,
    pub(crate) sockets: SocketStats,
    pub(crate) lateness: Lateness,
    /// Notices that wait for the front.
    pub(crate) notices: usize,
    /// Bytes of the decisions of the last minutes.
    pub(crate) decisions_bytes: usize,
    pub(crate) recording: Option<RecordStats>,
}

/// What the UDP sockets did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SocketStats {
    pub(crate) received: u64,
    /// Marked on their way as having met congestion.
    pub(crate) congested: u64,
    pub(crate) sent: u64,
    /// Not sent, because the system had no room for it.
    pub(crate) send_queue_full: u64,
    pub(crate) send_errors: u64,
    pub(crate) receive_errors: u64,
}

/// What the front counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FrontStats {
    pub(crate) lobby: tsuji_signaling::Sizes,
    /// TCP connections of all kinds.
    pub(crate) connections: usize,
    /// Those that ask for pages.
    pub(crate) http: usize,
    /// Those that were accepted, since the start.
    pub(crate) admitted: u64,
    /// Those that were turned away, or gave way, because there were too many.
    pub(crate) crowded: u64,
    /// WebSockets that were given up because they did not read.
    pub(crate) given_up: u64,
    /// Commands that wait for the media side.
    pub(crate) commands: usize,
    pub(crate) lateness: Lateness,
    pub(crate) quality: QualityStats,
}

impl Watch {
    /// Of a server with so many shards.
    pub(crate) fn new(clock: Clock, told: Arc<Told>, shards: usize) -> Self {
        Self {
            clock,
            told,
            media: (0..shards).map(|_| Arc::default()).collect(),
            front: Arc::default(),
            tls: OnceLock::new(),
            drops: OnceLock::new(),
        }
    }

    pub(crate) fn media(&self, shard: usize) -> Reporter<MediaStats> {
        self.media.get(shard).map(Reporter::to).unwrap_or_default()
    }

    pub(crate) fn front(&self) -> Reporter<FrontStats> {
        Reporter::to(&self.front)
    }

    /// Media comes to these sockets, as the system numbers them.
    pub(crate) fn receiving_at(&self, sockets: Vec<u64>) {
        // A server has them once; the first counts.
        let _ = self.drops.set(Drops::of(sockets));
    }

    /// Connections are secured with this.
    pub(crate) fn secured_by(&self, tls: &Tls) {
        // A server has one; the first counts.
        let _ = self.tls.set(tls.clone());
    }

    fn health(&self) -> Health {
        let now = self.clock.now();
        let hangs = |at: Option<Time>| now.since(at.unwrap_or(Time::ZERO)) > SILENCE;
        if self.told.is_stopping() {
            Health::Stopping
        } else if self.media.iter().any(|side| hangs(side.at())) {
            Health::Hangs("media")
        } else if hangs(self.front.at()) {
            Health::Hangs("front")
        } else if self.told.is_draining() {
            Health::Draining
        } else {
            Health::Ready
        }
    }
}

/// The last of something that is counted, and when that was.
#[derive(Debug)]
pub(crate) struct Published<T>(Mutex<Option<(Time, T)>>);

impl<T> Default for Published<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Copy> Published<T> {
    /// Never waits: while somebody reads the old one, it stays.
    fn publish(&self, t: Time, stats: T) {
        match self.0.try_lock() {
            Ok(mut place) => *place = Some((t, stats)),
            Err(TryLockError::Poisoned(place)) => *place.into_inner() = Some((t, stats)),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn last(&self) -> Option<(Time, T)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self) -> Option<Time> {
        self.last().map(|(at, _)| at)
    }
}

/// Publishes for one side. Without a watch it does nothing.
#[derive(Debug)]
pub(crate) struct Reporter<T> {
    to: Option<Arc<Published<T>>>,
    due: Time,
}

impl<T> Default for Reporter<T> {
    fn default() -> Self {
        Self {
            to: None,
            due: Time::ZERO,
        }
    }
}

impl<T: Copy> Reporter<T> {
    fn to(published: &Arc<Published<T>>) -> Self {
        Self {
            to: Some(Arc::clone(published)),
            due: Time::ZERO,
        }
    }

    /// When it wants to publish again.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.to.as_ref().map(|_| self.due)
    }

    /// Whether it is to publish now.
    pub(crate) fn is_due(&self, t: Time) -> bool {
        self.to.is_some() && self.due <= t
    }

    /// Publishes.
    pub(crate) fn publish(&mut self, t: Time, stats: T) {
        self.due = t + INTERVAL;
        if let Some(published) = &self.to {
            published.publish(t, stats);
        }
    }
}

#[cfg(test)]
mod tests;
