//! Inputs to rooms to outputs.
//!
//! ```text
//!  Datagram ─► datagram.rs ─► demux ─► Connection ─┬─► packets ─► handing.rs ─► media.rs ─► each viewer's slot
//!  Command  ─► commands.rs ──────────► Connection ─┤
//!  Timeout  ─► timers.rs ────────────► Connection ─┴─► events ──► mod.rs (event)
//!                                        │ effects
//!                                        ▼
//!                                     outputs ─► poll ─► handing.rs, if there are none
//! ```
//! Media packets wait in between: the packets of a frame come in one turn of whoever drives this, which ends with
//! a timeout, because that is due at once when something waits. Then all of them go to one viewer, and then to the
//! next, each time when somebody asks for outputs: so what is known of a viewer is looked up once for a frame and
//! not once for a packet, and what was written for one is sent before the next one's is written, to the same memory.
//!
//! Every call into a connection goes through [`Sfu::run`]. A connection that fails there is only
//! marked; it is taken out at the end of the input, so that nothing vanishes under a loop.
//!
//! What crosses there, and what else decisions depend on, goes on the tape (`decisions.rs`): so a
//! trace of decisions is written, and in a replay of one the tape answers in the place of
//! connections.
//!
//! A panic inside str0m ends in its seam. One in here, a bug of ours, ends in [`Sfu::contain`]: it
//! costs the room that it happened in, whose people are sent away, and no other.

mod bandwidth;
mod commands;
mod datagram;
mod decisions;
mod freezes;
mod handing;
mod media;
mod reasons;
mod rooms;
mod slots;
mod switches;
mod timers;

pub use datagram::shard_of;
pub(crate) use freezes::Found;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::counters::Counters;
use crate::demux::AddressTable;
use crate::freeze::Bins;
use crate::ids::{ParticipantId, RoomId};
use crate::input::Input;
use crate::limits::{Config, Limits, LocalAddress};
use crate::output::{GoneReason, Notice, Output, Transmit};
use crate::participant::{Index, Participant, Phase, TrackIndex};
use crate::path::{Path, Transport};
use crate::sizes::Sizes;
use crate::table::Table;
use crate::time::{Time, WallTime, earliest};
use crate::trace::decisions::{Call, Outcome, Tape};
use crate::transport::{Connection, Effects, Environment, Event, Fault, Passed};
use handing::{Handing, Waiting};
use rooms::Room;

/// Transmits that are kept for their memory, and bytes of each, at most: more than whoever drives this sends at once.
const SPENT: usize = 32;
const SPENT_BYTES: usize = 32 * 1_024;

/// A selective forwarding unit: rooms of participants, each of whom gets what the others send.
///
/// A state machine without IO. See the [crate documentation](crate) for its promise and an example.
#[derive(Debug)]
pub struct Sfu {
    /// What connections need; `None` in a replay of decisions, where there are none.
    environment: Option<Environment>,
    /// Our sockets.
    sockets: Vec<(Transport, SocketAddr)>,
    epoch: WallTime,
    limits: Limits,
    shard: u8,
    rng: ChaCha20Rng,
    /// The newest time seen: time never runs backwards in here.
    now: Time,
    participants: Table<Participant>,
    indices: BTreeMap<ParticipantId, Index>,
    rooms: BTreeMap<RoomId, Room>,
    addresses: AddressTable,
    /// When each participant wants its time; one entry for each at most.
    timers: BTreeSet<(Time, Index)>,
    /// When to look for freezes of each viewer's pictures, which is never urgent.
    looks: BTreeSet<(Time, Index)>,
    /// Empty; kept for its capacity.
    due: Vec<Index>,
    /// Packets that came and wait for the next [`Input::Timeout`], which is due at once: those of a frame come
    /// together, and what goes to one viewer is done together.
    waiting: Vec<Waiting>,
    /// Those that are being forwarded, as outputs are taken.
    handing: Option<Handing>,
    /// Empty; kept for their capacity.
    spare_handing: Handing,
    passed: Vec<Passed>,
    /// Whom this input concerned.
    unsettled: Unsettled,
    /// Participants whose connection failed during this input, and why.
    doomed: Vec<(Index, GoneReason)>,
    outputs: VecDeque<Output>,
    /// Empty effects, kept for their capacity.
    spare: Vec<Effects>,
    /// What was sent, kept for its memory.
    spent: Vec<Transmit>,
    counters: Counters,
    /// By how much inputs came too late, milliseconds. Decides nothing.
    late: Bins<u32>,
    /// Datagrams that never came. Decides nothing.
    overflow: Bins<u32>,
    tape: Tape,
}

/// For whom what is told may have changed.
#[derive(Debug, Default)]
struct Unsettled {
    viewers: BTreeSet<Index>,
    tracks: BTreeSet<TrackIndex>,
}

impl Sfu {
    /// Makes an SFU without rooms.
    ///
    /// `seed` decides everything that must not be guessed, ICE passwords among it: take it from
    /// the operating system. `epoch` is the wall-clock time of `t = 0`.
    pub fn new(config: Config, seed: [u8; 32], epoch: WallTime) -> Self {
        let sockets = sockets(&config.addresses);
        let environment =
            Environment::new(config.certificate, config.addresses, epoch, &config.limits);
        let rng = ChaCha20Rng::from_seed(seed);
        let mut sfu = Self::empty(Some(environment), sockets, config.limits, epoch, rng);
        sfu.shard = config.shard;
        sfu
    }

    fn empty(
        environment: Option<Environment>,
        sockets: Vec<(Transport, SocketAddr)>,
        limits: Limits,
        epoch: WallTime,
        mut rng: ChaCha20Rng,
    ) -> Self {
        let addresses = AddressTable::new((rng.next_u64(), rng.next_u64()));
        Self {
            environment,
            sockets,
            epoch,
            limits,
            shard: 0,
            rng,
            now: Time::ZERO,
            participants: Table::new(),
            indices: BTreeMap::new(),
            rooms: BTreeMap::new(),
            addresses,
            timers: BTreeSet::new(),
            looks: BTreeSet::new(),
            due: Vec::new(),
            waiting: Vec::new(),
            handing: None,
            spare_handing: Handing::default(),
            passed: Vec::new(),
            unsettled: Unsettled::default(),
            doomed: Vec::new(),
            outputs: VecDeque::new(),
            spare: Vec::new(),
            spent: Vec::new(),
            counters: Counters::default(),
            late: Bins::default(),
            overflow: Bins::default(),
            tape: Tape::Off,
        }
    }

    /// Takes one input. `t` must not be less than before; if it is, it counts as the last one.
    ///
    /// Never fails: what can't be done is told by a [`Notice`], or counted where nobody is to be
    /// told.
    pub fn handle(&mut self, t: Time, input: Input<'_>) {
        // Whoever takes no outputs between two inputs gets all of them behind.
        while self.forward_next() {}
        self.begin_on_tape();
        self.now = self.now.max(t);
        self.note_lateness();
        match input {
            Input::Datagram(datagram) => self.datagram(datagram),
            Input::Command(command) => {
                let now = self.now;
                if let Some(writer) = self.writer() {
                    writer.command(now, &command);
                }
                self.command(command);
            }
            Input::Timeout => self.timeout(),
            Input::Overflow { datagrams } => self.overflowed(datagrams),
            Input::Closed(path) => self.closed(path),
        }
        self.end();
        if self.handing.is_none() {
            self.end_on_tape();
        }
    }

    /// Ends what an input began.
    fn end(&mut self) {
        if self.waiting.len() >= handing::WAITING && self.handing.is_none() {
            self.forward_waiting();
        }
        self.bury();
        self.settle();
    }

    /// The next output, oldest first. Take all of them after each input: some are only made now, and what was
    /// not taken comes before what the next input causes.
    pub fn poll(&mut self) -> Option<Output> {
        while self.outputs.is_empty() && self.forward_next() {}
        self.outputs.pop_front()
    }

    /// Takes a transmit back that was sent, for the sake of its memory, which the next one may lie in. Nobody has to
    /// give any back.
    pub fn reuse(&mut self, transmit: Transmit) {
        if self.spent.len() < SPENT && transmit.payload.capacity() <= SPENT_BYTES {
            self.spent.push(transmit);
        }
    }

    /// When to hand in an [`Input::Timeout`] if nothing else comes before.
    pub fn deadline(&self) -> Option<Time> {
        let waits = !self.waiting.is_empty();
        earliest([waits.then_some(self.now), self.next_timer()])
    }

    /// What was counted since the beginning.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether outputs depend on configuration, seed, epoch and inputs alone, to the byte. False
    /// where the platform can't (see `tsuji_hermetic`).
    pub fn is_hermetic(&self) -> bool {
        let environment = self.environment.as_ref();
        environment.is_none_or(Environment::is_hermetic)
    }

    /// How many participants there are.
    pub fn participants(&self) -> usize {
        self.participants.len()
    }

    /// Who has proved that a path leads to it.
    pub fn participant_at(&self, path: &Path) -> Option<ParticipantId> {
        self.id_of(self.addresses.peek(path)?)
    }

    /// How many rooms there are. A room without participants is none.
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// How much is held now.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            participants: self.participants.len(),
            names: self.indices.len(),
            rooms: self.rooms.len(),
            addresses: self.addresses.len(),
            timers: self.timers.len() + self.looks.len(),
            outputs: self.outputs.len(),
            doomed: self.doomed.len(),
            spare: self.spare.len(),
        }
    }

    fn notify(&mut self, notice: Notice) {
        self.tape.notice(&notice);
        self.outputs.push_back(Output::Notice(notice));
    }

    pub(crate) fn id_of(&self, index: Index) -> Option<ParticipantId> {
        self.participants.get(index).map(|p| p.id)
    }

    /// Calls into one participant's connection and deals with what that causes. `None` when it
    /// failed, or was not there.
    fn run<R: Outcome>(
        &mut self,
        index: Index,
        call: &Call<'_>,
        perform: impl FnOnce(&mut Connection, &Environment, &mut Effects) -> Result<R, Fault>,
    ) -> Option<R> {
        self.tape.call(index, call);
        if let Tape::Read(_) = self.tape {
            self.tell_call(index, call);
        }
        let participant = self.participants.get_mut(index)?;
        let mut effects = self.spare.pop().unwrap_or_default();
        if let Call::Write { .. } = call {
            effects.spent = self.spent.pop();
        }
        let result = match (&mut participant.connection, &self.environment) {
            (Some(connection), Some(environment)) => perform(connection, environment, &mut effects),
            _ => Err(Fault::Recorded),
        };
        let result = match &mut self.tape {
            Tape::Off => result,
            Tape::Write(writer) => {
                writer.outcome(&result, &effects.events, Some(participant));
                result
            }
            Tape::Read(script) => script.outcome(&mut effects.events, Some(participant)),
        };
        let counts = effects.transmits.iter().map(Transmit::count);
        self.counters.datagrams_out += counts.sum::<usize>() as u64;
        self.counters.dropped_source += u64::from(std::mem::take(&mut effects.refused_source));
        self.counters.dropped_excess_address +=
            u64::from(std::mem::take(&mut effects.refused_address));
        if !effects.transmits.is_empty() {
            let transmits = effects.transmits.drain(..).map(Output::Transmit);
            self.outputs.extend(transmits);
        }
        // A packet that comes waits.
        let waits = |event: &Event| matches!(event, Event::Packet(_));
        let moves_little = matches!(call, Call::Write { .. } | Call::Receive | Call::Timeout);
        let moves_little = moves_little && result.is_ok() && effects.events.iter().all(waits);
        for event in effects.events.drain(..) {
            if let Tape::Read(_) = self.tape {
                self.tell_event(index, &event);
            }
            self.event(index, event);
        }
        self.spent.extend(effects.spent.take());
        self.spare.push(effects);
        if moves_little {
            self.schedule_connection(index);
        } else {
            self.schedule(index);
        }
        result.map_err(|fault| self.fail(index, &fault)).ok()
    }

    /// A connection can't go on.
    fn fail(&mut self, index: Index, fault: &Fault) {
        let Some(participant) = self.participants.get(index) else {
            return;
        };
        let (room, id) = (participant.room, participant.id);
        let reason = match fault {
            Fault::BadAnswer(_) => GoneReason::BadAnswer,
            Fault::Handshake(_) => match participant.phase {
                Phase::Connecting { .. } => GoneReason::NeverConnected,
                Phase::Connected | Phase::Interrupted { .. } => GoneReason::ConnectionLost,
            },
            Fault::Panicked | Fault::Rtc(_) | Fault::NothingToOffer | Fault::Recorded => {
                GoneReason::Internal
            }
        };
        tracing::warn!(%room, participant = %id, %fault, "connection failed");
        self.doom(index, reason);
    }

    /// Does something in a room. When it panics, that room is given up, because what is inside may
    /// be half changed.
    fn contain(&mut self, room: RoomId, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_ok() {
            return;
        }
        tracing::error!(%room, "a fault in the server: the room is given up");
        self.rooms.remove(&room);
        let members: Vec<_> = self
            .participants
            .iter()
            .filter(|(_, participant)| participant.room == room)
            .map(|(index, participant)| (index, participant.id))
            .collect();
        for (index, participant) in members {
            self.take_out(index);
            self.notify(Notice::Gone {
                participant,
                reason: GoneReason::Internal,
            });
        }
    }

    fn room_of(&self, index: Index) -> Option<RoomId> {
        self.participants.get(index).map(|p| p.room)
    }

    /// Marks a participant to be taken out at the end of this input.
    fn doom(&mut self, index: Index, reason: GoneReason) {
        if self.doomed.iter().all(|(doomed, _)| *doomed != index) {
            self.doomed.push((index, reason));
        }
    }

    /// Takes out whoever was doomed. Taking one out calls into others, which may doom them.
    fn bury(&mut self) {
        while let Some((index, reason)) = self.doomed.pop() {
            let Some((id, room)) = self.participants.get(index).map(|p| (p.id, p.room)) else {
                continue;
            };
            self.notify(Notice::Gone {
                participant: id,
                reason,
            });
            self.contain(room, |sfu| sfu.remove(index));
        }
    }

    fn event(&mut self, index: Index, event: Event) {
        match event {
            Event::Packet(packet) => self.wait(index, packet),
            Event::KeyframeRequest(line) => self.viewer_wants_keyframe(index, line),
            Event::Connected => self.connected(index),
            Event::Disconnected => self.interrupted(index),
            Event::Reconnected => self.reconnected(index),
            Event::Moved => self.moved(index),
            Event::Estimate(bits) => self.estimated(index, bits),
            Event::Closed => self.doom(index, GoneReason::ConnectionLost),
        }
    }

    fn connected(&mut self, index: Index) {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(index) else {
            return;
        };
        participant.phase = Phase::Connected;
        for publication in &mut participant.publications {
            publication.layers.expect(now);
        }
        let id = participant.id;
        self.notify(Notice::Connected { participant: id });
        self.concerns_all_around(index);
        self.refresh_keyframes_around(index);
    }

    fn interrupted(&mut self, index: Index) {
        let since = self.now;
        if let Some(participant) = self.participants.get_mut(index)
            && participant.is_connected()
        {
            participant.phase = Phase::Interrupted { since };
            participant.person.connected(since, false);
            self.concerns_all_around(index);
        }
    }

    fn reconnected(&mut self, index: Index) {
        if let Some(participant) = self.participants.get_mut(index)
            && let Phase::Interrupted { .. } = participant.phase
        {
            participant.phase = Phase::Connected;
            participant.person.connected(self.now, true);
            self.concerns_all_around(index);
            self.refresh_keyframes_around(index);
        }
    }
}

/// Each socket once, in the order in which they are first named.
fn sockets(addresses: &[LocalAddress]) -> Vec<(Transport, SocketAddr)> {
    let mut sockets = Vec::with_capacity(addresses.len());
    for address in addresses {
        let socket = (address.transport, address.socket);
        if !sockets.contains(&socket) {
            sockets.push(socket);
        }
    }
    sockets
}
