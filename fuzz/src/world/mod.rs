//! A core with people in a room, on virtual time, with a network that loses nothing.

mod client;
mod keys;
mod media;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use tsuji_core::{
    Certificate, Command, Config, Datagram, GoneReason, IceMode, Input, Limits, LocalAddress,
    Negotiation, Notice, Output, ParticipantId, RoomId, Sfu, Time, WallTime,
};

pub(crate) use client::Client;

/// The wall-clock time of `t = 0`.
const EPOCH: Duration = Duration::from_secs(1_750_000_000);
/// One step of time, in milliseconds.
const STEP: u64 = 10;
/// How often a datagram may cause another within one step.
const ROUNDS: usize = 50;

/// Datagrams of clients that are kept to be repeated.
const HISTORY: usize = 64;

/// Where the core listens.
pub(crate) fn server() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 10_000))
}

/// The certificate of everybody, one for the life of the process: making one takes long.
pub(crate) fn certificate() -> Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    let make = || Certificate::generate().expect("a certificate can be made");
    CERTIFICATE.get_or_init(make).clone()
}

/// A core without people.
pub(crate) fn sfu(limits: Limits) -> Sfu {
    let config = Config {
        addresses: vec![LocalAddress {
            socket: server(),
            advertised: server(),
        }],
        certificate: certificate(),
        limits,
    };
    let epoch = WallTime::from_unix_micros(EPOCH.as_micros() as u64);
    Sfu::new(config, [7; 32], epoch)
}

/// A core and its people.
pub(crate) struct World {
    pub(crate) sfu: Sfu,
    pub(crate) now: Time,
    pub(crate) clients: BTreeMap<ParticipantId, Client>,
    pub(crate) gone: BTreeMap<ParticipantId, GoneReason>,
    /// Addresses beside the clients' own that the core may send to, because it got a valid check
    /// from them.
    pub(crate) proved: BTreeSet<SocketAddr>,
    /// Offers that are not answered by themselves: number and description.
    pub(crate) offers: BTreeMap<ParticipantId, (Negotiation, String)>,
    /// Who does not answer by itself.
    pub(crate) mute: BTreeSet<ParticipantId>,
    pub(crate) refused: u32,
    /// The last datagrams that clients sent.
    pub(crate) history: VecDeque<Vec<u8>>,
    to_server: VecDeque<(SocketAddr, Vec<u8>)>,
    to_clients: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            sfu: sfu(Limits::default()),
            now: Time::ZERO,
            clients: BTreeMap::new(),
            gone: BTreeMap::new(),
            proved: BTreeSet::new(),
            offers: BTreeMap::new(),
            mute: BTreeSet::new(),
            refused: 0,
            history: VecDeque::new(),
            to_server: VecDeque::new(),
            to_clients: VecDeque::new(),
        }
    }

    /// A room of `people`, numbered from 1, who are connected and see each other.
    pub(crate) fn meeting(people: u8) -> Self {
        let mut world = Self::new();
        for number in 1..=people {
            world.enter(number, IceMode::Vanilla);
        }
        for _ in 0..300 {
            if world.clients.values().all(|client| client.connected) {
                world.run(200);
                return world;
            }
            world.run(STEP);
        }
        panic!("clients without bad intentions connect");
    }

    pub(crate) fn enter(&mut self, number: u8, ice: IceMode) {
        let participant = ParticipantId(number.into());
        let client = Client::new(self.now, number, &certificate());
        self.clients.insert(participant, client);
        self.command(Command::Enter {
            room: RoomId(1),
            participant,
            ice,
        });
    }

    pub(crate) fn client(&mut self, number: u8) -> &mut Client {
        let client = self.clients.get_mut(&ParticipantId(number.into()));
        client.expect("a client that entered")
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.sfu.handle(self.now, Input::Command(command));
        self.settle();
    }

    /// A datagram that reaches the core now.
    pub(crate) fn datagram(&mut self, remote: SocketAddr, payload: &[u8]) {
        let local = server();
        self.sfu.handle(
            self.now,
            Input::Datagram(Datagram {
                local,
                remote,
                payload,
            }),
        );
        self.settle();
    }

    /// Lets time pass in steps, with sound and pictures of everybody.
    pub(crate) fn run(&mut self, millis: u64) {
        for _ in 0..millis.div_ceil(STEP) {
            self.now = self.now + Duration::from_millis(STEP);
            self.step();
        }
    }

    fn step(&mut self) {
        let now = self.now;
        let step = now.as_micros() / 1_000 / STEP;
        for client in self.clients.values_mut() {
            if client.deadline() <= now {
                client.timeout(now);
            }
            if step.is_multiple_of(2) {
                client.send_sound(now);
            }
            if step.is_multiple_of(3) {
                client.send_frame(now);
            }
        }
        if self.sfu.deadline().is_some_and(|due| due <= now) {
            self.sfu.handle(now, Input::Timeout);
        }
        self.settle();
    }

    /// Takes everything that the core and the clients have to say, until nobody has more.
    fn settle(&mut self) {
        for _ in 0..ROUNDS {
            while let Some(output) = self.sfu.poll() {
                self.output(output);
            }
            while let Some((to, payload)) = self.to_clients.pop_front() {
                let now = self.now;
                let client = self.clients.values_mut().find(|c| c.address == to);
                if let Some(client) = client {
                    client.receive(now, server(), &payload);
                }
            }
            for client in self.clients.values_mut() {
                let sent = client.outbox.drain(..);
                self.to_server
                    .extend(sent.map(|bytes| (client.address, bytes)));
            }
            if self.to_server.is_empty() {
                return;
            }
            while let Some((remote, payload)) = self.to_server.pop_front() {
                let datagram = Datagram {
                    local: server(),
                    remote,
                    payload: &payload,
                };
                self.sfu.handle(self.now, Input::Datagram(datagram));
                self.remember(payload);
                while let Some(output) = self.sfu.poll() {
                    self.output(output);
                }
            }
        }
    }

    fn remember(&mut self, payload: Vec<u8>) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(payload);
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Transmit(transmit) => {
                let to = transmit.remote;
                let known = self.clients.values().any(|client| client.address == to);
                assert!(
                    known || self.proved.contains(&to),
                    "{} bytes to {to}, which nobody proved to be theirs",
                    transmit.payload.len()
                );
                assert_eq!(transmit.local, server());
                self.to_clients.push_back((to, transmit.payload));
            }
            Output::Notice(notice) => self.notice(notice),
        }
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
                let Some(client) = self.clients.get_mut(&participant) else {
                    return;
                };
                client.slots = slots;
                let answer = client.answer(now, &sdp, &publish);
                if self.mute.contains(&participant) {
                    self.offers.insert(participant, (negotiation, answer));
                    return;
                }
                let command = Command::Answer {
                    participant,
                    negotiation,
                    sdp: answer,
                };
                self.sfu.handle(now, Input::Command(command));
            }
            Notice::Slots { participant, slots } => {
                if let Some(client) = self.clients.get_mut(&participant) {
                    client.slots = slots;
                }
            }
            Notice::Gone {
                participant,
                reason,
            } => {
                self.gone.insert(participant, reason);
            }
            Notice::Refused { .. } => self.refused += 1,
            _ => {}
        }
    }

    /// What `viewer` got on a line, by the position of its packets in the source.
    fn line(&self, viewer: ParticipantId, mid: &str) -> Vec<(u64, Option<u32>)> {
        let received = self.clients[&viewer].received.iter();
        let on_line = received.filter(|packet| packet.mid == mid);
        on_line
            .map(|packet| (packet.sequence, packet.count))
            .collect()
    }

    /// Checks that two people without bad intentions still meet, and have met without a break.
    ///
    /// # Panics
    /// When they have not.
    pub(crate) fn check_meeting(&mut self, one: u8, other: u8) {
        self.run(300);
        for (viewer, source) in [(one, other), (other, one)] {
            let viewer = ParticipantId(viewer.into());
            let source = ParticipantId(source.into());
            assert_eq!(self.gone.get(&viewer), None, "{viewer} lost its connection");
            let client = &self.clients[&viewer];
            assert!(!client.broken, "{viewer} was sent what it can't take");
            let slot = client.slots.iter().find(|slot| slot.source == Some(source));
            let slot = slot.expect("both are in each other's slots").clone();
            let sent = &self.clients[&source].source;
            for (mid, sent) in [(slot.audio, sent.sounds), (slot.video, sent.pictures)] {
                let packets = self.line(viewer, &mid.0);
                let continuous = packets.windows(2).all(|pair| {
                    let ((before, first), (after, second)) = (pair[0], pair[1]);
                    after == before + 1 && second == first.map(|first| first + 1)
                });
                assert!(continuous, "a break on {mid} from {source} to {viewer}");
                let last = packets.last().and_then(|(_, count)| *count).unwrap_or(0);
                assert!(
                    last + 3 >= sent,
                    "{last} of {sent} from {source} to {viewer}"
                );
            }
        }
    }
}
