//! What must hold in every world, at every step: each promise has a name and a sentence.
//!
//! An invariant sees what an outsider sees (datagrams, decrypted packets, commands, notices, sizes)
//! and never the core's own bookkeeping, which it is there to check.

mod connection;
mod ends;
mod limits;
mod numbers;
mod picture;
mod protocol;
mod slots;
mod ssrc;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tsuji_core::{Limits, Notice, Sfu, Time, Transmit};
use tsuji_signaling::{ConnectionId, Lobby};

use crate::browser::Received;
use crate::ledger::Ledger;
use crate::tab::Tab;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it was seen.
    pub at: Time,
    /// Which.
    pub invariant: &'static str,
    /// What the invariant says.
    pub promise: &'static str,
    /// What was seen instead.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            invariant,
            promise,
            seen,
        } = self;
        write!(f, "{invariant} at {at}: {seen} ({promise})")
    }
}

/// What an invariant may look at.
#[derive(Debug)]
pub struct View<'a> {
    /// Now.
    pub now: Time,
    /// Who is where.
    pub ledger: &'a Ledger,
    /// All page loads.
    pub tabs: &'a BTreeMap<ConnectionId, Tab>,
    /// Whose address it is at present.
    pub by_address: &'a BTreeMap<SocketAddr, ConnectionId>,
    /// For its sizes and its deadline.
    pub sfu: &'a Sfu,
    /// For its sizes and its deadline.
    pub lobby: &'a Lobby,
}

type Finding = Result<(), String>;

/// One promise.
pub trait Invariant: fmt::Debug {
    /// Its name, stable.
    fn name(&self) -> &'static str;

    /// Its sentence.
    fn promise(&self) -> &'static str;

    /// A media packet reached a browser and was decrypted there.
    fn packet(&mut self, _: &View<'_>, _to: ConnectionId, _: &Received) -> Finding {
        Ok(())
    }

    /// The core sends a datagram.
    fn transmit(&mut self, _: &View<'_>, _: &Transmit) -> Finding {
        Ok(())
    }

    /// The core says something.
    fn notice(&mut self, _: &View<'_>, _: &Notice) -> Finding {
        Ok(())
    }

    /// Everything that happens at one moment has happened.
    fn step(&mut self, _: &View<'_>) -> Finding {
        Ok(())
    }

    /// From time to time: for what compares over many participants.
    fn glance(&mut self, _: &View<'_>) -> Finding {
        Ok(())
    }

    /// Everybody has left and all timers have run out. `under_way`: what the world still carries.
    fn end(&mut self, _: &View<'_>, _under_way: usize) -> Finding {
        Ok(())
    }
}

/// All invariants of one world.
#[derive(Debug)]
pub struct Invariants {
    all: Vec<Box<dyn Invariant>>,
    next_glance: Time,
    found: Vec<Violation>,
}

/// Between two glances.
const GLANCE: Duration = Duration::from_millis(50);
/// Findings that are kept: the first says most.
const KEPT: usize = 20;

impl Invariants {
    /// All of them, for a core with these limits.
    pub fn new(limits: &Limits) -> Self {
        let all: Vec<Box<dyn Invariant>> = vec![
            Box::new(slots::OnlyToMembers),
            Box::new(slots::SlotCarriesItsSource),
            Box::new(slots::MutedIsSilent),
            Box::new(slots::SlotsHoldMembers),
            Box::new(ssrc::OfferedSsrc),
            Box::new(numbers::NumbersGoOn::default()),
            Box::new(picture::PictureInTime),
            Box::new(picture::SoundInTime::default()),
            Box::new(connection::ConnectsInTime),
            Box::new(connection::WhoIsWellStays),
            Box::new(limits::WithinLimits::new(limits)),
            Box::new(protocol::PageAgrees),
            Box::new(ends::NothingIsLeft),
        ];
        Self {
            all,
            next_glance: Time::ZERO,
            found: Vec::new(),
        }
    }

    /// Names and sentences of all invariants.
    pub fn table() -> Vec<(&'static str, &'static str)> {
        let all = Self::new(&Limits::default()).all;
        let rows = all.iter().map(|one| (one.name(), one.promise()));
        rows.collect()
    }

    pub(crate) fn packet(&mut self, view: &View<'_>, to: ConnectionId, packet: &Received) {
        self.each(view, |one| one.packet(view, to, packet));
    }

    pub(crate) fn transmit(&mut self, view: &View<'_>, transmit: &Transmit) {
        self.each(view, |one| one.transmit(view, transmit));
    }

    pub(crate) fn notice(&mut self, view: &View<'_>, notice: &Notice) {
        self.each(view, |one| one.notice(view, notice));
    }

    pub(crate) fn step(&mut self, view: &View<'_>) {
        self.each(view, |one| one.step(view));
        if self.next_glance <= view.now {
            self.next_glance = view.now + GLANCE;
            self.each(view, |one| one.glance(view));
        }
    }

    pub(crate) fn end(&mut self, view: &View<'_>, under_way: usize) {
        self.each(view, |one| one.end(view, under_way));
    }

    pub(crate) fn has_found(&self) -> bool {
        !self.found.is_empty()
    }

    pub(crate) fn take(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }

    fn each(&mut self, view: &View<'_>, mut look: impl FnMut(&mut dyn Invariant) -> Finding) {
        for one in &mut self.all {
            if let Err(seen) = look(one.as_mut())
                && self.found.len() < KEPT
            {
                self.found.push(Violation {
                    at: view.now,
                    invariant: one.name(),
                    promise: one.promise(),
                    seen,
                });
            }
        }
    }
}

impl<'a> View<'a> {
    /// The page of a participant that is in a room.
    pub(crate) fn tab(&self, connection: ConnectionId) -> Option<&'a Tab> {
        self.tabs.get(&connection)
    }
}
