//! Time, the network between browsers and the core, and the signaling short cut.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tsuji_core::{
    Certificate, Command, Config, Datagram, IceMode, Input, Limits, LocalAddress, MediaKind,
    Notice, Output, ParticipantId, RoomId, Sfu, Time, WallTime,
};

use crate::browser::Browser;
use crate::media::{Camera, Microphone};

/// How a world is made.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// The core's bounds.
    pub limits: Limits,
    /// One way, every link.
    pub latency: Duration,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            latency: Duration::from_millis(10),
        }
    }
}

/// A core, its participants' browsers, and what is under way between them.
#[derive(Debug)]
pub struct World {
    /// The core.
    pub sfu: Sfu,
    /// Now.
    pub now: Time,
    /// The browsers, by participant.
    pub browsers: BTreeMap<ParticipantId, Browser>,
    /// Every notice so far, but offers and candidates.
    pub notices: Vec<(Time, Notice)>,
    /// Datagrams of the server that had no browser any more.
    pub undelivered: usize,
    base: Instant,
    latency: Duration,
    under_way: BTreeMap<(Time, u64), Flight>,
    flights: u64,
    next_id: u64,
}

#[derive(Debug)]
struct Flight {
    from: SocketAddr,
    to: SocketAddr,
    payload: Vec<u8>,
}

const SERVER: &str = "192.0.2.1:10000";

impl World {
    /// A world without people.
    pub fn new(options: WorldOptions) -> Self {
        let server: SocketAddr = SERVER.parse().expect("a constant address");
        let config = Config {
            addresses: vec![LocalAddress {
                socket: server,
                advertised: server,
            }],
            certificate: Certificate::generate().expect("a certificate"),
            limits: options.limits,
        };
        Self {
            sfu: Sfu::new(
                config,
                [7; 32],
                WallTime::from_unix_micros(1_700_000_000_000_000),
            ),
            now: Time::ZERO,
            browsers: BTreeMap::new(),
            notices: Vec::new(),
            undelivered: 0,
            base: Instant::now(),
            latency: options.latency,
            under_way: BTreeMap::new(),
            flights: 0,
            next_id: 1,
        }
    }

    /// Somebody enters `room` with microphone and camera.
    pub fn enter(&mut self, room: u64, ice: IceMode) -> ParticipantId {
        let id = ParticipantId(self.next_id);
        self.next_id += 1;
        let address = SocketAddr::from(([198, 51, 100, 1], 20_000 + id.0 as u16));
        let mut browser = Browser::new(self.base, self.now, address);
        browser.microphone = Some(Microphone::new(self.now));
        browser.camera = Some(Camera::new(self.now, (id.0 as u16).wrapping_mul(9_973)));
        self.browsers.insert(id, browser);
        self.command(Command::Enter {
            room: RoomId(room),
            participant: id,
            ice,
        });
        id
    }

    /// Somebody leaves on purpose.
    pub fn leave(&mut self, id: ParticipantId) {
        self.browsers.remove(&id);
        self.command(Command::Leave { participant: id });
    }

    /// Hands a command to the core.
    pub fn command(&mut self, command: Command) {
        self.sfu.handle(self.now, Input::Command(command));
        self.settle();
    }

    /// Somebody mutes or unmutes; the browser stops or starts sending.
    pub fn mute(&mut self, id: ParticipantId, kind: MediaKind, muted: bool) {
        let now = self.now;
        let browser = self.browser(id);
        match kind {
            MediaKind::Audio => browser.microphone = (!muted).then(|| Microphone::new(now)),
            MediaKind::Video => browser.camera = (!muted).then(|| Camera::new(now, 12_345)),
        }
        self.command(Command::Mute {
            participant: id,
            kind,
            muted,
        });
    }

    /// Hands a datagram to the core as if it came from `from`.
    pub fn datagram(&mut self, from: SocketAddr, payload: &[u8]) {
        let local = SERVER.parse().expect("a constant address");
        self.sfu.handle(
            self.now,
            Input::Datagram(Datagram {
                local,
                remote: from,
                payload,
            }),
        );
        self.settle();
    }

    /// The browser of a participant that is there.
    pub fn browser(&mut self, id: ParticipantId) -> &mut Browser {
        self.browsers
            .get_mut(&id)
            .expect("a participant that is there")
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

    fn next_event(&self) -> Option<Time> {
        let arrival = self.under_way.first_key_value().map(|((at, _), _)| *at);
        let browsers = self.browsers.values().map(Browser::deadline).min();
        [arrival, browsers, self.sfu.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(entry) = self.under_way.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let flight = entry.remove();
            self.arrive(flight);
        }
        for browser in self.browsers.values_mut() {
            if browser.deadline() <= now {
                browser.timeout(now);
            }
        }
        if self.sfu.deadline().is_some_and(|at| at <= now) {
            self.sfu.handle(now, Input::Timeout);
        }
        self.settle();
    }

    fn arrive(&mut self, flight: Flight) {
        if flight.to == SERVER.parse().expect("a constant address") {
            self.datagram(flight.from, &flight.payload);
            return;
        }
        let now = self.now;
        let browser = self.browsers.values_mut().find(|b| b.address == flight.to);
        match browser {
            Some(browser) => browser.receive(now, flight.from, &flight.payload),
            None => self.undelivered += 1,
        }
    }

    /// Takes everything that the core and the browsers have to say.
    fn settle(&mut self) {
        while let Some(output) = self.sfu.poll() {
            match output {
                Output::Transmit(transmit) => {
                    self.send(transmit.local, transmit.remote, transmit.payload);
                }
                Output::Notice(notice) => self.notice(notice),
            }
        }
        let mut sent = Vec::new();
        for browser in self.browsers.values_mut() {
            let from = browser.address;
            sent.extend(
                browser
                    .outbox
                    .drain(..)
                    .map(|(to, bytes)| (from, to, bytes)),
            );
        }
        for (from, to, payload) in sent {
            self.send(from, to, payload);
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, payload: Vec<u8>) {
        let key = (self.now + self.latency, self.flights);
        self.flights += 1;
        self.under_way.insert(key, Flight { from, to, payload });
    }

    fn notice(&mut self, notice: Notice) {
        let now = self.now;
        match notice {
            Notice::Offer {
                participant,
                negotiation,
                sdp,
                publish,
                slots,
            } => {
                let Some(browser) = self.browsers.get_mut(&participant) else {
                    return;
                };
                browser.slots = slots;
                let sdp = browser.answer(now, &sdp, &publish);
                self.sfu.handle(
                    now,
                    Input::Command(Command::Answer {
                        participant,
                        negotiation,
                        sdp,
                    }),
                );
            }
            Notice::Candidate {
                participant,
                candidate: Some(candidate),
            } => {
                if let Some(browser) = self.browsers.get_mut(&participant) {
                    browser.candidate(now, &candidate);
                }
            }
            notice => {
                if let Notice::Slots { participant, slots } = &notice
                    && let Some(browser) = self.browsers.get_mut(participant)
                {
                    browser.slots.clone_from(slots);
                }
                self.notices.push((now, notice));
            }
        }
    }
}
