//! When str0m is given time, and how much of it.
//!
//! Where bandwidth is estimated, str0m wants time every 25 ms from each connection, for each packet
//! that it sends, and for each 5 ms of padding, whether anything flows or not; and each time it goes
//! through all that it has. Most of that may come later, or with what happens anyway:
//!
//! - **What is written together goes in one go**, in as few calls as that takes.
//! - **The estimator's clock** is driven by what is sent and by feedback. Without either it ticks every
//!   [`SLOW`], unless a probe is under way: that has its times.
//! - **Who gets nothing rests**: after [`AWAKE`] its clock ticks every [`REST`], nothing is probed for,
//!   next to nothing padded, and feedback about that not heard, which would make str0m pad again. What is
//!   known of the path stays. What is written to it, another path, or another demand wakes it up.
//! - **Who sends media** is told of losses and arrivals in time: nothing of that waits.

use std::time::Duration;

use str0m::{PacerReason, Reason};

use crate::time::Time;

/// How long the estimator's clock may stand still where something flows. 50 ms: feedback comes as often.
const SLOW: Duration = Duration::from_millis(50);
/// The same, of who sends media. 20 ms: str0m tells the next moment only, and behind it may be that of a
/// report.
const SHORT: Duration = Duration::from_millis(20);
/// The same, of who rests. 1 s: its reports are due every few seconds.
const REST: Duration = Duration::from_secs(1);
/// How long after something was sent a connection rests. 10 s: enough to find out what a new path
/// carries, and to find out again.
const AWAKE: Duration = Duration::from_secs(10);
/// For so long after its last packet, somebody sends media. 1 s: silence is a packet every 400 ms.
const SENDS: Duration = Duration::from_secs(1);

/// A connection's times.
#[derive(Debug)]
pub(super) struct Pulse {
    /// When media last came.
    heard: Option<Time>,
    /// When something was last to be sent.
    wrote: Time,
    resting: bool,
}

/// What str0m wants time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// What has a time of its own: a probe, a report, something to be sent.
    Exact,
    /// The estimator's clock.
    Clock,
}

impl Pulse {
    /// Of a connection that begins.
    pub(super) fn new(t: Time) -> Self {
        Self {
            heard: None,
            wrote: t,
            resting: false,
        }
    }

    /// Media came.
    pub(super) fn heard(&mut self, t: Time) {
        self.heard = Some(t);
    }

    /// Something is to be sent, or to be found out.
    pub(super) fn woken(&mut self, t: Time) {
        self.wrote = t;
    }

    /// It wants time at `at`. When it is to be given it. `pads`: it was asked for padding.
    pub(super) fn next(&self, t: Time, at: Time, reason: Reason, pads: bool) -> Time {
        let want = match reason {
            Reason::BweDelayControl | Reason::Stats | Reason::Pacer(PacerReason::Handle) => {
                Want::Clock
            }
            Reason::Pacer(PacerReason::Padding) if !pads => Want::Clock,
            _ => Want::Exact,
        };
        match want {
            Want::Clock if self.sends(t) => at.max(t + SHORT),
            Want::Clock if self.resting => at.max(t + REST),
            Want::Clock => at.max(t + SLOW),
            Want::Exact => at,
        }
    }

    /// Says whether what is to be found out changes: `Some(true)` when it rests from now on.
    pub(super) fn turn(&mut self, t: Time) -> Option<bool> {
        let rests = t.since(self.wrote) >= AWAKE;
        (std::mem::replace(&mut self.resting, rests) != rests).then_some(rests)
    }

    pub(super) fn rests(&self) -> bool {
        self.resting
    }

    fn sends(&self, t: Time) -> bool {
        self.heard.is_some_and(|heard| t.since(heard) < SENDS)
    }
}
