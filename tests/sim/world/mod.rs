//! Everything that is between pages, network, lobby and cores, and the time that it takes.
//!
//! ```text
//!  people   what people do, and what tests do in their place
//!  time     from one moment to the next
//!  ways     from a page to the server and back
//!  server   lobby and cores
//!  agenda   what is under way
//! ```

mod agenda;
mod people;
mod server;
mod time;
mod ways;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tsuji_core::{Limits, Notice, ParticipantId, Sfu, Time, WallTime};
use tsuji_signaling::{ConnectionId, Lobby};

use crate::browser::Browser;
use crate::digest::Digest;
use crate::engine::anchor;
use crate::invariants::{Invariants, View, Violation};
use crate::ledger::Ledger;
use crate::network::Conditions;
use crate::tab::Tab;
use agenda::Agenda;
pub use server::{Core, SERVER};

/// How a world is made.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// Decides everything that is not decided otherwise.
    pub seed: u64,
    /// Cores that the rooms are spread over, at least one.
    pub cores: u8,
    /// The bounds of each core.
    pub limits: Limits,
    /// The links of people who enter by [`World::enter`].
    pub conditions: Conditions,
    /// One way, a WebSocket's messages.
    pub signaling_delay: Duration,
    /// Between lobby and cores, which may live in several threads.
    pub hop: Duration,
    /// Whether what browsers received stays there to be looked at.
    pub keep: bool,
    /// Whether a broken promise ends the test at once.
    pub strict: bool,
    /// Whether all bytes are hashed, for [`World::digest`].
    pub digest: bool,
    /// Whether traces are kept, for [`World::take_traces`].
    pub record: bool,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            seed: 7,
            cores: 1,
            limits: Limits::default(),
            conditions: Conditions::default(),
            signaling_delay: Duration::ZERO,
            hop: Duration::ZERO,
            keep: true,
            strict: true,
            digest: false,
            record: false,
        }
    }
}

/// A lobby, cores, the pages of people, and what is under way between them.
#[derive(Debug)]
pub struct World {
    /// The cores.
    pub cores: Vec<Core>,
    /// The room protocol.
    pub lobby: Lobby,
    /// Now.
    pub now: Time,
    /// Page loads, by their WebSocket.
    pub tabs: BTreeMap<ConnectionId, Tab>,
    /// Who is where.
    pub ledger: Ledger,
    /// Every notice so far, but offers and candidates.
    pub notices: Vec<(Time, Notice)>,
    /// Datagrams of the server that had no browser any more.
    pub undelivered: usize,
    /// Bytes of the server to addresses where nobody ever was.
    pub bytes_to_strangers: usize,
    /// Promises that were broken.
    pub violations: Vec<Violation>,
    /// Inputs that the cores took.
    pub steps: u64,
    options: WorldOptions,
    base: Instant,
    agenda: Agenda,
    by_address: BTreeMap<SocketAddr, ConnectionId>,
    /// All WebSockets that there ever were.
    sockets: BTreeMap<ConnectionId, Socket>,
    rooms: BTreeMap<u64, String>,
    connections: u64,
    addresses: u32,
    invariants: Invariants,
    digest: Digest,
    /// The cores' threads get no time before.
    stalled_until: Time,
    /// Until then what comes finds no room now and then, and for what part of the time, %.
    full: (Time, u64),
    /// How many datagrams found none, and were not told of.
    overflowed: u32,
}

/// A WebSocket, as the server sees it.
#[derive(Clone, Copy, Debug)]
struct Socket {
    /// Of which page.
    tab: ConnectionId,
    /// The lobby was not told that it is closed.
    open: bool,
}

/// The wall clock at `t = 0`.
const EPOCH: WallTime = WallTime::from_unix_micros(1_700_000_000_000_000);

impl World {
    /// A world without people.
    pub fn new(options: WorldOptions) -> Self {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&options.seed.to_be_bytes());
        let cores = 0..options.cores.max(1);
        let core = |number| Core::new(number, seed, &options.limits, options.record);
        Self {
            cores: cores.map(core).collect(),
            lobby: Lobby::new(tsuji_signaling::Limits::default(), seed),
            now: Time::ZERO,
            tabs: BTreeMap::new(),
            ledger: Ledger::default(),
            notices: Vec::new(),
            undelivered: 0,
            bytes_to_strangers: 0,
            violations: Vec::new(),
            steps: 0,
            base: anchor(EPOCH),
            agenda: Agenda::default(),
            by_address: BTreeMap::new(),
            sockets: BTreeMap::new(),
            rooms: BTreeMap::new(),
            connections: 0,
            addresses: 0,
            invariants: Invariants::new(&options.limits),
            digest: Digest::default(),
            stalled_until: Time::ZERO,
            full: (Time::ZERO, 0),
            overflowed: 0,
            options,
        }
    }

    /// The first core, in most tests the only one.
    pub fn sfu(&self) -> &Sfu {
        &self.cores[0].sfu
    }

    /// The browser of a participant that is there.
    pub fn browser(&self, id: ParticipantId) -> &Browser {
        let tab = self.tabs.get(&self.tab_of(id));
        tab.and_then(|tab| tab.page.browser.as_ref())
            .expect("a participant that is there")
    }

    /// The browser of a participant that is there.
    pub fn browser_mut(&mut self, id: ParticipantId) -> &mut Browser {
        let tab = self.tab_of(id);
        let tab = self.tabs.get_mut(&tab);
        tab.and_then(|tab| tab.page.browser.as_mut())
            .expect("a participant that is there")
    }

    /// The browsers of all who are there.
    pub fn browsers(&self) -> impl Iterator<Item = &Browser> {
        let pages = self.tabs.values().map(|tab| &tab.page);
        pages.filter_map(|page| page.browser.as_ref())
    }

    /// The page of a participant.
    pub fn tab_of(&self, id: ParticipantId) -> ConnectionId {
        let member = self.ledger.member(id);
        member.map_or(ConnectionId(0), |member| member.connection)
    }

    /// A hash of all bytes that cores, lobby and browsers gave out so far.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// The traces so far, one for each core, as files for `tsuji replay`; nothing is kept from then
    /// on.
    pub fn take_traces(&mut self) -> Vec<Vec<u8>> {
        self.cores.iter_mut().filter_map(Core::take_trace).collect()
    }

    /// Checks what must hold once everybody has left and all timers have run out.
    pub fn check_end(&mut self) {
        let under_way = self.agenda.len();
        self.check(|invariants, view| invariants.end(view, under_way));
    }

    /// Lets all cores go, with everybody in them, and checks what they held. For the end of a run.
    pub fn weigh(&mut self) {
        let fresh = || Core::new(0, [0; 32], &self.options.limits, false).sfu;
        let cores = self.cores.iter_mut();
        let sfus: Vec<Sfu> = cores
            .map(|core| std::mem::replace(&mut core.sfu, fresh()))
            .collect();
        let people = sfus.iter().map(|sfu| sfu.sizes().participants).sum();
        let change = allocation_counter::measure(|| drop(sfus)).bytes_current;
        self.check(|invariants, view| {
            invariants.weight(view, change.unsigned_abs(), people);
        });
    }

    /// Lets the invariants look; what they find is kept.
    fn check(&mut self, look: impl FnOnce(&mut Invariants, &View<'_>)) {
        let view = View {
            now: self.now,
            ledger: &self.ledger,
            tabs: &self.tabs,
            open_sockets: self.sockets.values().filter(|socket| socket.open).count(),
            by_address: &self.by_address,
            cores: &self.cores,
            lobby: &self.lobby,
        };
        look(&mut self.invariants, &view);
        if self.invariants.has_found() {
            self.violations.extend(self.invariants.take());
            assert!(
                !self.options.strict,
                "a promise was broken: {}",
                self.violations[0]
            );
        }
    }
}
