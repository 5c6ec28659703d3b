//! What must hold in every world, at every step: each promise has a name and a sentence.
//!
//! An invariant sees what an outsider sees (datagrams, decrypted packets, commands, notices, sizes)
//! and never the core's own bookkeeping, which it is there to check.

mod connection;
mod ends;
mod fault;
mod limits;
mod memory;
mod numbers;
mod picture;
mod protocol;
mod reason;
mod slots;
mod ssrc;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tsuji_core::{Limits, Notice, Time, Transmit};
use tsuji_signaling::{ConnectionId, Lobby};

use crate::browser::Received;
use crate::ledger::{Ledger, Member};
use crate::tab::Tab;
use crate::world::Core;
pub use fault::NoPanic;

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
    /// WebSockets that the lobby takes for open.
    pub open_sockets: usize,
    /// Whose address it is at present.
    pub by_address: &'a BTreeMap<SocketAddr, ConnectionId>,
    /// For their sizes and their deadlines.
    pub cores: &'a [Core],
    /// For its sizes and its deadline.
    pub lobby: &'a Lobby,
}

type Finding = Result<(), String>;

/// How long connections take to find their way after a network has come back.
const RECOVERY: Duration = Duration::from_secs(10);
/// The same after the address has changed: media follows the client's, and where it sends none, its
/// checks, which come every 3 s.
const MOVED: Duration = Duration::from_secs(10);

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

    /// A core sends a datagram.
    fn transmit(&mut self, _: &View<'_>, _core: usize, _: &Transmit) -> Finding {
        Ok(())
    }

    /// A core says something.
    fn notice(&mut self, _: &View<'_>, _: &Notice) -> Finding {
        Ok(())
    }

    /// Everything that happens at one moment has happened.
    fn step(&mut self, _: &View<'_>) -> Finding {
        Ok(())
    }

    /// Every 50 ms: for what compares over many participants and has a deadline in seconds.
    fn glance(&mut self, _: &View<'_>) -> Finding {
        Ok(())
    }

    /// So many bytes of memory the cores held, with so many people in them.
    fn weight(&mut self, _: &View<'_>, _bytes: u64, _people: usize) -> Finding {
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
            Box::new(slots::HiddenCostsNothing),
            Box::new(slots::SlotsHoldMembers::default()),
            Box::new(reason::ReasonFitsTraffic::default()),
            Box::new(ssrc::OfferedSsrc),
            Box::new(numbers::NumbersGoOn::new(limits)),
            Box::new(picture::PictureInTime::new(limits)),
            Box::new(picture::SoundInTime::default()),
            Box::new(connection::ConnectsInTime),
            Box::new(connection::WhoIsWellStays),
            Box::new(limits::WithinLimits::new(limits)),
            Box::new(memory::MemoryBounded),
            Box::new(protocol::PageAgrees),
            Box::new(ends::NothingIsLeft),
            Box::new(NoPanic),
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

    pub(crate) fn transmit(&mut self, view: &View<'_>, core: usize, transmit: &Transmit) {
        self.each(view, |one| one.transmit(view, core, transmit));
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

    pub(crate) fn weight(&mut self, view: &View<'_>, bytes: u64, people: usize) {
        self.each(view, |one| one.weight(view, bytes, people));
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
    /// From when on a participant's network counts as well: some time after its last trouble, and at
    /// once when it had none since it entered.
    pub(crate) fn recovered(&self, tab: &Tab, member: &Member) -> Option<Time> {
        let well = tab.well_since(self.now)?;
        Some(if well <= member.entered {
            well
        } else if tab.earlier.is_empty() {
            well + RECOVERY
        } else {
            well + MOVED
        })
    }

    /// On which core a participant lives: rooms go around.
    pub(crate) fn home(&self, member: &Member) -> usize {
        (member.room.0 % self.cores.len() as u64) as usize
    }

    /// The page of a participant that is in a room.
    pub(crate) fn tab(&self, connection: ConnectionId) -> Option<&'a Tab> {
        self.tabs.get(&connection)
    }
}
