//! Time, and everything that is under way between pages, network, lobby and core.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tsuji_core::{
    Command, Config, Datagram, IceMode, Input, Limits, LocalAddress, MediaKind, Notice, Output,
    ParticipantId, Sfu, Time, WallTime,
};
use tsuji_signaling::message::{ClientMessage, Ice, ServerMessage};
use tsuji_signaling::{ConnectionId, Lobby, lobby};

use crate::browser::Browser;
use crate::digest::Digest;
use crate::engine::{anchor, certificate};
use crate::invariants::{Invariants, View, Violation};
use crate::ledger::Ledger;
use crate::network::Conditions;
use crate::page::{Manner, Page};
use crate::tab::{Down, Tab, Up};
use crate::tape::Tape;

/// How a world is made.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// Decides everything that is not decided otherwise.
    pub seed: u64,
    /// The core's bounds.
    pub limits: Limits,
    /// The links of people who enter by [`World::enter`].
    pub conditions: Conditions,
    /// One way, a WebSocket's messages.
    pub signaling_delay: Duration,
    /// Between lobby and core, which may live in two threads.
    pub hop: Duration,
    /// Whether what browsers received stays there to be looked at.
    pub keep: bool,
    /// Whether a broken promise ends the test at once.
    pub strict: bool,
    /// Whether all bytes are hashed, for [`World::digest`].
    pub digest: bool,
    /// Whether a trace is kept, for [`World::take_trace`].
    pub record: bool,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            seed: 7,
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

/// A lobby, a core, the pages of people, and what is under way between them.
#[derive(Debug)]
pub struct World {
    /// The core.
    pub sfu: Sfu,
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
    /// Promises that were broken.
    pub violations: Vec<Violation>,
    /// Inputs that the core took.
    pub steps: u64,
    options: WorldOptions,
    base: Instant,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    by_address: BTreeMap<SocketAddr, ConnectionId>,
    rooms: BTreeMap<u64, String>,
    connections: u64,
    addresses: u32,
    invariants: Invariants,
    digest: Digest,
    tape: Option<Tape>,
}

/// Something that will happen.
#[derive(Debug)]
enum Event {
    ToServer {
        from: SocketAddr,
        payload: Vec<u8>,
    },
    ToBrowser {
        to: SocketAddr,
        sent: Time,
        payload: Vec<u8>,
    },
    Up(ConnectionId, Up),
    Down(ConnectionId, Down),
    Command(Command),
    Notice(Notice),
}

/// Ordered by time, then by when it was scheduled.
#[derive(Debug)]
struct Scheduled {
    key: (Time, u64),
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// The address of the server.
pub const SERVER: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    10_000,
);

/// The wall clock at `t = 0`.
const EPOCH: WallTime = WallTime::from_unix_micros(1_700_000_000_000_000);

/// When a runtime gives up on a page that does not answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl World {
    /// A world without people.
    pub fn new(options: WorldOptions) -> Self {
        let config = Config {
            addresses: vec![LocalAddress {
                socket: SERVER,
                advertised: SERVER,
            }],
            certificate: certificate(),
            limits: options.limits.clone(),
        };
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&options.seed.to_be_bytes());
        let sfu = Sfu::new(config.clone(), seed, EPOCH);
        let tape = options
            .record
            .then(|| Tape::new(&config, seed, EPOCH, &sfu));
        Self {
            sfu,
            lobby: Lobby::new(tsuji_signaling::Limits::default(), seed),
            now: Time::ZERO,
            tabs: BTreeMap::new(),
            ledger: Ledger::default(),
            notices: Vec::new(),
            undelivered: 0,
            violations: Vec::new(),
            steps: 0,
            base: anchor(EPOCH),
            queue: BinaryHeap::new(),
            scheduled: 0,
            by_address: BTreeMap::new(),
            rooms: BTreeMap::new(),
            connections: 0,
            addresses: 0,
            invariants: Invariants::new(&options.limits),
            digest: Digest::default(),
            tape,
            options,
        }
    }

    /// Somebody enters `room` with microphone and camera.
    pub fn enter(&mut self, room: u64, ice: IceMode) -> ParticipantId {
        let ice = match ice {
            IceMode::Trickle => Ice::Trickle,
            IceMode::Vanilla => Ice::Vanilla,
        };
        let manner = Manner {
            ice,
            ..Manner::default()
        };
        let before = self.ledger.members().len();
        self.enter_as(room, manner);
        let all = self.ledger.members();
        assert_eq!(all.len(), before + 1, "the lobby let it enter at once");
        *all.last_key_value().expect("somebody").0
    }

    /// Opens a page that enters `room`.
    pub fn enter_as(&mut self, room: u64, manner: Manner) -> ConnectionId {
        let conditions = self.options.conditions.clone();
        let tab = self.open(manner, conditions);
        self.join(tab, room);
        tab
    }

    /// Somebody opens a page.
    pub fn open(&mut self, manner: Manner, conditions: Conditions) -> ConnectionId {
        self.connections += 1;
        let id = ConnectionId(self.connections);
        let inner = SocketAddr::from(([10, 0, 0, 2], 20_000));
        let outer = self.fresh_address();
        let seed = self.options.seed;
        let page = Page::new(self.base, seed, inner, manner);
        let tab = Tab::new(id, page, conditions, seed, outer, self.now);
        self.by_address.insert(outer, id);
        self.tabs.insert(id, tab);
        self.tell_lobby(lobby::Input::Opened {
            connection: id,
            peer: outer.ip(),
        });
        self.settle();
        id
    }

    /// The page joins and enters `room`, which comes into being when it is first wanted.
    pub fn join(&mut self, tab: ConnectionId, room: u64) {
        let code = self.room_code(room);
        self.page(tab, |page, _| page.enter(&code));
    }

    /// Lets a page do something.
    pub fn page(&mut self, tab: ConnectionId, act: impl FnOnce(&mut Page, Time)) {
        let now = self.now;
        if let Some(tab) = self.tabs.get_mut(&tab)
            && tab.is_open()
        {
            act(&mut tab.page, now);
        }
        self.settle();
    }

    /// Somebody leaves on purpose.
    pub fn leave(&mut self, id: ParticipantId) {
        self.page(self.tab_of(id), |page, _| page.leave());
    }

    /// Somebody mutes or unmutes; the browser stops or starts sending.
    pub fn mute(&mut self, id: ParticipantId, kind: MediaKind, muted: bool) {
        self.page(self.tab_of(id), |page, now| {
            page.mute(now, kind, muted, true);
        });
    }

    /// A page says something.
    pub fn say(&mut self, id: ParticipantId, message: ClientMessage) {
        self.page(self.tab_of(id), |page, _| page.say(message));
    }

    /// A page sends a text.
    pub fn text(&mut self, tab: ConnectionId, text: String) {
        self.send_up(tab, Up::Text(text));
        self.settle();
    }

    /// A page sends a frame that no page should.
    pub fn rude_frame(&mut self, tab: ConnectionId, binary: bool) {
        self.send_up(tab, if binary { Up::Binary } else { Up::Oversized });
        self.settle();
    }

    /// A tab crashes, or its computer is switched off: nothing is sent any more.
    pub fn vanish(&mut self, tab: ConnectionId) {
        if let Some(tab) = self.tabs.get_mut(&tab) {
            tab.crash();
        }
    }

    /// A tab is closed: the browser says goodbye on both ways.
    pub fn close(&mut self, tab: ConnectionId) {
        let now = self.now;
        if let Some(tab) = self.tabs.get_mut(&tab)
            && tab.is_open()
            && let Some(browser) = &mut tab.page.browser
        {
            browser.close(now);
        }
        self.settle();
        self.send_up(tab, Up::Closed);
        self.vanish(tab);
        self.settle();
    }

    /// The network between a page and the server changes the port, or the whole address, under
    /// which the server sees the page.
    pub fn rebind(&mut self, tab: ConnectionId, whole_address: bool) {
        let fresh = self.fresh_address();
        let now = self.now;
        if let Some(tab) = self.tabs.get_mut(&tab) {
            let before = tab.outer;
            let outer = if whole_address {
                fresh
            } else {
                SocketAddr::new(before.ip(), fresh.port())
            };
            tab.rebind(now, outer);
            self.by_address.remove(&before);
            self.by_address.insert(outer, tab.id);
        }
    }

    /// Hands a command to the core.
    pub fn command(&mut self, command: Command) {
        self.tell_core(command);
        self.settle();
    }

    /// Hands a datagram to the core as if it came from `from`.
    pub fn datagram(&mut self, from: SocketAddr, payload: &[u8]) {
        self.core_receives(from, payload);
        self.settle();
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

    /// A hash of all bytes that core, lobby and browsers gave out so far.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// The trace so far, as a file for `tsuji replay`; nothing is kept from then on.
    pub fn take_trace(&mut self) -> Option<Vec<u8>> {
        self.tape.take().map(Tape::finish)
    }

    /// Lets time pass.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = end;
    }

    /// Lets time pass until `done`, at most `limit`. Says whether it was done.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            let Some(at) = self.next_event().filter(|at| *at <= end) else {
                return false;
            };
            self.now = self.now.max(at);
            self.step();
        }
        true
    }

    /// Checks what must hold once everybody has left and all timers have run out.
    pub fn check_end(&mut self) {
        let under_way = self.queue.len();
        self.check(|invariants, view| invariants.end(view, under_way));
    }

    fn next_event(&self) -> Option<Time> {
        let arrival = self.queue.peek().map(|Reverse(next)| next.key.0);
        let tabs = self.tabs.values().filter_map(Tab::deadline).min();
        [arrival, tabs, self.sfu.deadline(), self.lobby.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn step(&mut self) {
        let now = self.now;
        self.settle();
        for tab in self.tabs.values_mut() {
            if tab.deadline().is_some_and(|at| at <= now)
                && let Some(browser) = &mut tab.page.browser
            {
                browser.timeout(now);
            }
        }
        if self.sfu.deadline().is_some_and(|at| at <= now) {
            self.give_core(Input::Timeout);
        }
        if self.lobby.deadline().is_some_and(|at| at <= now) {
            self.tell_lobby(lobby::Input::Timeout);
        }
        self.settle();
    }

    /// Lets everything happen that happens now.
    fn settle(&mut self) {
        self.take_tab_outputs();
        while let Some(Reverse(next)) = self.queue.peek()
            && next.key.0 <= self.now
        {
            if let Some(Reverse(next)) = self.queue.pop() {
                self.happen(next.event);
                self.take_tab_outputs();
            }
        }
        self.check(Invariants::step);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToServer { from, payload } => self.core_receives(from, &payload),
            Event::ToBrowser { to, sent, payload } => self.browser_receives(to, sent, &payload),
            Event::Up(id, up) => self.lobby_receives(id, up),
            Event::Down(id, down) => self.page_receives(id, down),
            Event::Command(command) => self.tell_core(command),
            Event::Notice(notice) => self.tell_lobby(lobby::Input::Notice(notice)),
        }
    }

    fn core_receives(&mut self, from: SocketAddr, payload: &[u8]) {
        let datagram = Datagram {
            local: SERVER,
            remote: from,
            payload,
        };
        self.give_core(Input::Datagram(datagram));
    }

    fn tell_core(&mut self, command: Command) {
        self.ledger.command(self.now, &command);
        self.give_core(Input::Command(command));
    }

    fn give_core(&mut self, input: Input<'_>) {
        if let Some(tape) = &mut self.tape {
            tape.begin(self.now, &input);
        }
        self.sfu.handle(self.now, input);
        self.take_core_outputs();
    }

    fn browser_receives(&mut self, to: SocketAddr, sent: Time, payload: &[u8]) {
        let now = self.now;
        let id = self.by_address.get(&to).copied();
        let tab = id.and_then(|id| self.tabs.get_mut(&id));
        let Some(browser) = tab
            .filter(|tab| tab.is_open())
            .and_then(|tab| tab.page.browser.as_mut())
        else {
            self.undelivered += 1;
            return;
        };
        let known = browser.received.len();
        browser.receive_sent(now, sent, SERVER, payload);
        if browser.received.len() > known
            && let Some(id) = id
        {
            self.look_at_received(id, known);
        }
    }

    fn look_at_received(&mut self, id: ConnectionId, known: usize) {
        let keep = self.options.keep;
        let browser = |world: &mut Self| {
            let tab = world.tabs.get_mut(&id);
            tab.and_then(|tab| tab.page.browser.as_mut())
                .map(|browser| std::mem::take(&mut browser.received))
        };
        let Some(mut received) = browser(self) else {
            return;
        };
        for packet in &received[known..] {
            if self.options.digest {
                self.digest
                    .add(b'R', self.now, format!("{packet:?}").as_bytes());
            }
            self.check(|invariants, view| invariants.packet(view, id, packet));
        }
        if !keep {
            received.clear();
        }
        if let Some(tab) = self.tabs.get_mut(&id)
            && let Some(browser) = &mut tab.page.browser
        {
            browser.received = received;
        }
    }

    fn lobby_receives(&mut self, connection: ConnectionId, up: Up) {
        let Some(tab) = self.tabs.get_mut(&connection) else {
            return;
        };
        if tab.closed {
            return;
        }
        tab.closed = matches!(up, Up::Closed);
        match up {
            Up::Text(text) => self.tell_lobby(lobby::Input::Text {
                connection,
                text: &text,
            }),
            Up::Binary => self.tell_lobby(lobby::Input::Binary { connection }),
            Up::Oversized => self.tell_lobby(lobby::Input::Oversized { connection }),
            Up::Pong => self.tell_lobby(lobby::Input::Alive { connection }),
            Up::Closed => self.tell_lobby(lobby::Input::Closed { connection }),
        }
    }

    fn tell_lobby(&mut self, input: lobby::Input<'_>) {
        let from = match &input {
            lobby::Input::Text { connection, .. } => Some(*connection),
            _ => None,
        };
        self.lobby.handle(self.now, input);
        while let Some(output) = self.lobby.poll() {
            if self.options.digest {
                self.digest
                    .add(b'L', self.now, format!("{output:?}").as_bytes());
            }
            match output {
                lobby::Output::Send { connection, text } => {
                    self.send_down(connection, Down::Text(text));
                }
                lobby::Output::Ping { connection } => self.send_down(connection, Down::Ping),
                lobby::Output::Close { connection, .. } => {
                    self.send_down(connection, Down::Close);
                    // Nobody may answer.
                    let at = self.now + CLOSE_TIMEOUT;
                    self.schedule(at, Event::Up(connection, Up::Closed));
                }
                lobby::Output::Command(command) => {
                    if let (Command::Enter { participant, .. }, Some(from)) = (&command, from) {
                        self.ledger.admitted(*participant, from);
                    }
                    self.schedule(self.now + self.options.hop, Event::Command(command));
                }
            }
        }
    }

    fn page_receives(&mut self, id: ConnectionId, down: Down) {
        let now = self.now;
        let Some(tab) = self.tabs.get_mut(&id).filter(|tab| tab.is_open()) else {
            return;
        };
        match down {
            Down::Text(text) => tab.page.hear(now, &text),
            Down::Ping => self.send_up(id, Up::Pong),
            Down::Close => {
                self.send_up(id, Up::Closed);
                self.vanish(id);
            }
        }
    }

    fn take_core_outputs(&mut self) {
        self.steps += 1;
        while let Some(output) = self.sfu.poll() {
            if let Some(tape) = &mut self.tape {
                tape.output(&output);
            }
            match output {
                Output::Transmit(transmit) => {
                    if self.options.digest {
                        self.digest.add(b'T', self.now, &transmit.payload);
                    }
                    self.check(|invariants, view| invariants.transmit(view, &transmit));
                    self.send_to_browser(transmit.remote, transmit.payload);
                }
                Output::Notice(notice) => {
                    if self.options.digest {
                        self.digest
                            .add(b'N', self.now, format!("{notice:?}").as_bytes());
                    }
                    self.ledger.notice(self.now, &notice);
                    self.check(|invariants, view| invariants.notice(view, &notice));
                    if !matches!(notice, Notice::Offer { .. } | Notice::Candidate { .. }) {
                        self.notices.push((self.now, notice.clone()));
                    }
                    self.schedule(self.now + self.options.hop, Event::Notice(notice));
                }
            }
        }
    }

    fn send_to_browser(&mut self, to: SocketAddr, payload: Vec<u8>) {
        let sent = self.now;
        let tab = self.by_address.get(&to).copied();
        let Some(tab) = tab.and_then(|tab| self.tabs.get_mut(&tab)) else {
            self.undelivered += 1;
            return;
        };
        let (queue, scheduled) = (&mut self.queue, &mut self.scheduled);
        tab.down.carry(sent, payload, |at, payload| {
            let event = Event::ToBrowser { to, sent, payload };
            push(queue, scheduled, at, event);
        });
    }

    fn take_tab_outputs(&mut self) {
        let now = self.now;
        let mut messages = Vec::new();
        for tab in self.tabs.values_mut() {
            if !tab.is_open() {
                continue;
            }
            let said = tab.page.take_outbox();
            messages.extend(said.into_iter().map(|message| (tab.id, message)));
            let Some(browser) = &mut tab.page.browser else {
                continue;
            };
            let from = tab.outer;
            for (to, payload) in browser.outbox.drain(..) {
                if to != SERVER {
                    continue;
                }
                let (queue, scheduled) = (&mut self.queue, &mut self.scheduled);
                tab.up.carry(now, payload, |at, payload| {
                    push(queue, scheduled, at, Event::ToServer { from, payload });
                });
            }
        }
        for (id, message) in messages {
            let text = serde_json::to_string(&message).expect("a message has a JSON form");
            self.send_up(id, Up::Text(text));
        }
    }

    fn send_up(&mut self, id: ConnectionId, up: Up) {
        let delay = self.options.signaling_delay;
        if let Some(tab) = self.tabs.get_mut(&id)
            && tab.is_open()
        {
            let at = tab.frame_up(self.now, delay);
            self.schedule(at, Event::Up(id, up));
        }
    }

    fn send_down(&mut self, id: ConnectionId, down: Down) {
        let delay = self.options.signaling_delay;
        if let Some(tab) = self.tabs.get_mut(&id) {
            let at = tab.frame_down(self.now, delay);
            self.schedule(at, Event::Down(id, down));
        }
    }

    fn schedule(&mut self, at: Time, event: Event) {
        push(&mut self.queue, &mut self.scheduled, at, event);
    }

    /// Lets the invariants look; what they find is kept.
    fn check(&mut self, look: impl FnOnce(&mut Invariants, &View<'_>)) {
        let view = View {
            now: self.now,
            ledger: &self.ledger,
            tabs: &self.tabs,
            by_address: &self.by_address,
            sfu: &self.sfu,
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

    /// Rooms have links that are known before anybody comes, as when somebody sends one around.
    fn room_code(&mut self, room: u64) -> String {
        if let Some(code) = self.rooms.get(&room) {
            return code.clone();
        }
        let connection = ConnectionId(u64::MAX - room);
        let peer = [127, 0, 0, 1].into();
        let now = self.now;
        let text = r#"{"type":"join"}"#;
        let inputs = [
            lobby::Input::Opened { connection, peer },
            lobby::Input::Text { connection, text },
            lobby::Input::Closed { connection },
        ];
        let mut code = String::new();
        for input in inputs {
            self.lobby.handle(now, input);
            while let Some(output) = self.lobby.poll() {
                if let lobby::Output::Send { text, .. } = output
                    && let Ok(ServerMessage::Join { room, .. }) = serde_json::from_str(&text)
                {
                    code = room.to_string();
                }
            }
        }
        self.rooms.insert(room, code.clone());
        code
    }

    fn fresh_address(&mut self) -> SocketAddr {
        self.addresses += 1;
        let [_, a, b, c] = self.addresses.to_be_bytes();
        let port = 20_000 + (self.addresses % 40_000) as u16;
        SocketAddr::from(([100, a, b, c], port))
    }
}

fn push(queue: &mut BinaryHeap<Reverse<Scheduled>>, scheduled: &mut u64, at: Time, event: Event) {
    let key = (at, *scheduled);
    *scheduled += 1;
    queue.push(Reverse(Scheduled { key, event }));
}
