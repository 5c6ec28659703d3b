//! Whether str0m has nothing under way but what is written to it.
//!
//! After each packet str0m's pacer wants time at once, to see what is next. After the last one of a frame
//! that is mostly nothing: it goes through all that it has, and then waits for its clock as it did
//! before. So where it waited for nothing but time when it was last asked, and that time has not come, it
//! is left when the last packet is out, and asked again when feedback comes, or later.
//!
//! While it probes or pads, or has something left, it is never left so, nor when its time has come, which
//! may begin a probe: what it sends then has its times. And what leaves is compared with what was written:
//! a retransmission in between would otherwise leave a packet behind.

use str0m::{PacerReason, Reason};

use crate::time::Time;

/// What str0m waited for when it was last asked.
#[derive(Debug, Default)]
pub(super) struct Calm {
    /// Until when it waits, if it is calm.
    until: Option<Time>,
    /// When it is to be given time.
    due: Option<Time>,
    /// The sequence number of the packet that was written last.
    last: u16,
}

impl Calm {
    /// A packet with this extended sequence number was written.
    pub(super) fn wrote(&mut self, sequence: u64) {
        self.last = sequence as u16;
    }

    /// It waits until `until`, for this reason, and is to be given time when it is `due`. `pads`: it was
    /// asked for padding.
    pub(super) fn waits(&mut self, until: Time, reason: Reason, pads: bool, due: Time) {
        let is_busy = match reason {
            Reason::Pacer(PacerReason::Handle) => false,
            Reason::Pacer(PacerReason::Padding) => pads,
            Reason::Pacer(_) => true,
            _ => false,
        };
        self.until = Some(until).filter(|_| !is_busy);
        self.due = Some(due);
    }

    /// It wants to be asked again, when it is `due`.
    pub(super) fn busy(&mut self, due: Time) {
        (self.until, self.due) = (None, Some(due));
    }

    /// The number after which it can be left at `t`, if it can.
    pub(super) fn last(&self, t: Time) -> Option<u16> {
        self.until.filter(|until| *until > t).map(|_| self.last)
    }

    /// When it is to be given time, as it was found when it was last asked.
    pub(super) fn due(&self) -> Option<Time> {
        self.due
    }
}
