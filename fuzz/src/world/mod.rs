//! A core with people in a room, on virtual time, with a network that loses nothing.

mod client;
mod codec;
mod keys;
mod media;
#[path = "../../../tests/sim/payload.rs"]
pub(crate) mod payload;
mod tape;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use tsuji_core::{
    Certificate, Command, Config, Datagram, GoneReason, IceMode, Input, Limits, LocalAddress,
    Negotiation, Notice, Output, ParticipantId, Path, RoomId, Sfu, Source, Time, TrackId,
    Transport, VideoCodec, WallTime,
};

pub(crate) use client::Client;
use tape::Tape;
pub(crate) use tape::decisions;

/// The wall-clock time of `t = 0`.
const EPOCH: Duration = Duration::from_secs(1_750_000_000);
/// One step of time, in milliseconds.
const STEP: u64 = 10;
/// How often a datagram may cause another within one step.
const ROUNDS: usize = 50;

/// Datagrams of clients that are kept to be repeated.
const HISTORY: usize = 64;
/// How many datagrams one input to the core may cause. Whoever asks for many retransmissions gets
/// them, but only to a bound.
const AT_ONCE: usize = 2_500;
/// How much time one input may let pass, in milliseconds: more makes it slow and nothing new.
const PATIENCE: u64 = 20_000;
/// The seed of the core.
const SEED: [u8; 32] = [7; 32];

/// Where the core listens.
pub(crate) fn server() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 10_000))
}

/// The certificate of everybody: that of the simulations, so that an input does the same in every
/// process.
pub(crate) fn certificate() -> Certificate {
    Certificate::from_der(
        include_bytes!("../../../tests/sim/certificate.der").to_vec(),
        include_bytes!("../../../tests/sim/certificate.pkcs8").to_vec(),
    )
}

/// The bounds of a world. Nothing is held back for want of bandwidth: whether everything that is sent
/// comes is how a world knows that two people still meet.
pub(crate) fn limits() -> Limits {
    Limits {
        estimate_bandwidth: false,
        ..Limits::default()
    }
}

/// A core without people.
pub(crate) fn sfu(limits: Limits) -> Sfu {
    let config = Config {
        addresses: vec![LocalAddress {
            transport: Transport::Udp,
            socket: server(),
            advertised: server(),
        }],
        certificate: certificate(),
        limits,
        shard: 0,
    };
    Sfu::new(config, SEED, epoch())
}

fn epoch() -> WallTime {
    WallTime::from_unix_micros(EPOCH.as_micros() as u64)
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
    patience: u64,
    /// The codec of the first client: see [`World::codec_of`].
    first_codec: usize,
    tape: Option<Tape>,
    answers: VecDeque<Command>,
    to_server: VecDeque<(SocketAddr, Vec<u8>)>,
    to_clients: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            sfu: sfu(limits()),
            now: Time::ZERO,
            clients: BTreeMap::new(),
            gone: BTreeMap::new(),
            proved: BTreeSet::new(),
            offers: BTreeMap::new(),
            mute: BTreeSet::new(),
            refused: 0,
            history: VecDeque::new(),
            patience: PATIENCE,
            first_codec: 0,
            tape: None,
            answers: VecDeque::new(),
            to_server: VecDeque::new(),
            to_clients: VecDeque::new(),
        }
    }

    /// What a target begins with for this input: see [`World::with_meeting`]. Of some inputs,
    /// everything is recorded.
    pub(crate) fn meeting_for(data: &[u8], people: u8) -> Self {
        let mut world = Self::new();
        // Its end decides, which most targets read last.
        world.first_codec = data.last().map_or(0, |byte| usize::from(*byte));
        if tape::is_chosen(data) {
            world.record();
        }
        world.with_meeting(people)
    }

    /// Records everything from now on. Nothing may have happened before.
    pub(crate) fn record(&mut self) {
        self.tape = Some(Tape::new(&mut self.sfu));
    }

    /// The full trace of what was recorded.
    pub(crate) fn take_tape(&mut self) -> Vec<u8> {
        self.tape.take().map(Tape::full).unwrap_or_default()
    }

    /// A room of `people`, numbered from 1, who are connected and see each other.
    pub(crate) fn with_meeting(mut self, people: u8) -> Self {
        let world = &mut self;
        for number in 1..=people {
            world.enter(number, IceMode::Vanilla);
        }
        for _ in 0..300 {
            if world.clients.values().all(|client| client.connected) {
                world.run(200);
                return self;
            }
            world.run(STEP);
        }
        panic!("clients without bad intentions connect");
    }

    pub(crate) fn enter(&mut self, number: u8, ice: IceMode) {
        let participant = ParticipantId(number.into());
        let codec = self.codec_of(number);
        let client = Client::new(self.now, number, codec, &certificate());
        self.clients.insert(participant, client);
        self.command(Command::Enter {
            room: RoomId(1),
            participant,
            ice,
        });
    }

    /// In which a client sends pictures: each in another, around.
    pub(crate) fn codec_of(&self, number: u8) -> VideoCodec {
        let place = self.first_codec + usize::from(number.saturating_sub(1));
        VideoCodec::ALL[place % VideoCodec::ALL.len()]
    }

    pub(crate) fn client(&mut self, number: u8) -> &mut Client {
        let client = self.clients.get_mut(&ParticipantId(number.into()));
        client.expect("a client that entered")
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.give(Input::Command(command));
        self.settle();
    }

    /// A datagram that reaches the core now.
    pub(crate) fn datagram(&mut self, remote: SocketAddr, payload: &[u8]) {
        self.give(Input::Datagram(Datagram {
            path: Path::udp(server(), remote),
            payload,
        }));
        self.settle();
    }

    /// Hands an input to the core and takes what comes of it.
    fn give(&mut self, input: Input<'_>) {
        if let Some(tape) = &mut self.tape {
            tape.begin(self.now, &input);
        }
        self.sfu.handle(self.now, input);
        let mut datagrams = 0;
        while let Some(output) = self.sfu.poll() {
            if let Some(tape) = &mut self.tape {
                tape.output(&output);
            }
            if let Output::Transmit(transmit) = &output {
                datagrams += transmit.count();
            }
            self.output(output);
        }
        assert!(datagrams <= AT_ONCE, "{datagrams} datagrams at once");
    }

    /// The same for a target, whose input may want to let pass more than there is.
    pub(crate) fn pass(&mut self, millis: u64) {
        let millis = millis.min(self.patience);
        self.patience -= millis;
        self.run(millis);
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
            self.give(Input::Timeout);
        }
        self.settle();
    }

    /// Takes everything that the core and the clients have to say, until nobody has more.
    fn settle(&mut self) {
        for _ in 0..ROUNDS {
            while let Some(command) = self.answers.pop_front() {
                self.give(Input::Command(command));
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
            if self.to_server.is_empty() && self.answers.is_empty() {
                return;
            }
            while let Some((remote, payload)) = self.to_server.pop_front() {
                self.give(Input::Datagram(Datagram {
                    path: Path::udp(server(), remote),
                    payload: &payload,
                }));
                self.remember(payload);
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
                let to = transmit.path.remote;
                let known = self.clients.values().any(|client| client.address == to);
                assert!(
                    known || self.proved.contains(&to),
                    "{} bytes to {to}, which nobody proved to be theirs",
                    transmit.payload.len()
                );
                assert_eq!(transmit.path.local, server());
                let datagrams = transmit.datagrams().map(|datagram| (to, datagram.to_vec()));
                self.to_clients.extend(datagrams);
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
                self.answers.push_back(Command::Answer {
                    participant,
                    negotiation,
                    sdp: answer,
                });
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

    /// If this was recorded, checks that the recordings replay: every byte, and every decision.
    ///
    /// # Panics
    /// When one does not.
    pub(crate) fn check_recordings(&mut self) {
        if let Some(tape) = self.tape.take() {
            tape.check(&mut self.sfu);
        }
    }

    /// Checks that two people without bad intentions still meet, and have met without a break;
    /// and if it was recorded, that the recordings replay.
    ///
    /// # Panics
    /// When they have not.
    pub(crate) fn check_meeting(&mut self, one: u8, other: u8) {
        self.run(300);
        self.check_recordings();
        for (viewer, source) in [(one, other), (other, one)] {
            let viewer = ParticipantId(viewer.into());
            let source = ParticipantId(source.into());
            assert_eq!(self.gone.get(&viewer), None, "{viewer} lost its connection");
            let client = &self.clients[&viewer];
            assert!(!client.broken, "{viewer} was sent what it can't take");
            let sent = &self.clients[&source].source;
            for (of, sent) in [
                (Source::Microphone, sent.sounds),
                (Source::Camera, sent.pictures),
            ] {
                let track = TrackId {
                    participant: source,
                    source: of,
                };
                let slot = client.slots.iter().find(|slot| slot.track == Some(track));
                let mid = &slot.expect("both are in each other's slots").mid;
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
