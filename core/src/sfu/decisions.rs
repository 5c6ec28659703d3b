//! The tape: what is recorded of decisions, and how they are replayed.

use std::net::SocketAddr;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::Sfu;
use super::rooms::Room;
use crate::forward::MAX_SEQUENCE;
use crate::ids::{MediaKind, RoomId};
use crate::input::Datagram;
use crate::limits::{Limits, LocalAddress};
use crate::participant::{Index, Participant};
use crate::path::{Path, Transport};
use crate::table::Table;
use crate::time::{Time, WallTime};
use crate::trace::decisions::{
    Call, Dropped, Head, PathAlias, PathName, Pseudonyms, Ring, Script, Step, Tape, Writer,
};
use crate::trace::{Header, Kind};
use crate::transport::Event;

/// The stream of the seed's generator that names addresses; stream 0 makes everything else, so
/// that recording changes nothing.
const NAMES: u64 = 1;

/// What decisions depend on, between two inputs.
#[derive(Serialize)]
struct State<'a> {
    participants: Vec<(Index, &'a Participant, Vec<Proved>)>,
    rooms: Vec<(RoomId, &'a Room)>,
}

/// [`State`], read.
#[derive(Deserialize)]
struct Restored {
    participants: Vec<(Index, Participant, Vec<Proved>)>,
    rooms: Vec<(RoomId, Room)>,
}

/// A path that a participant has proved, and when it was last used.
type Proved = (PathAlias, Time);

impl Sfu {
    /// Keeps a trace of decisions from now on: the last `max_bytes` of it, in memory. `seed` must
    /// be the one that this `Sfu` was made with; it makes the pseudonyms of addresses.
    ///
    /// Costs no output a byte: with and without it, they are the same.
    pub fn keep_decisions(&mut self, seed: [u8; 32], max_bytes: usize) {
        let mut rng = ChaCha20Rng::from_seed(seed);
        rng.set_stream(NAMES);
        let names = Pseudonyms::new((rng.next_u64(), rng.next_u64()));
        let writer = Writer::new(names, Ring::new(max_bytes), self.now);
        self.tape = Tape::Write(Box::new(writer));
    }

    /// The decisions of the last minutes; `None` unless they are [kept](Sfu::keep_decisions).
    pub fn decisions(&self) -> Option<&Ring> {
        match &self.tape {
            Tape::Write(writer) => Some(writer.ring()),
            Tape::Off | Tape::Read(_) => None,
        }
    }

    /// When the oldest input came whose decisions are not in [`Sfu::decisions`] yet.
    pub fn decisions_since(&self) -> Option<Time> {
        match &self.tape {
            Tape::Write(writer) => writer.since(),
            Tape::Off | Tape::Read(_) => None,
        }
    }

    /// Brings [`Sfu::decisions`] up to date. Call it between two inputs.
    pub fn flush_decisions(&mut self) {
        if let Some(writer) = self.tape.writer() {
            writer.end_block();
        }
    }

    /// Has the next input preceded by a snapshot, so that a file can begin there, or go on after
    /// something was lost.
    pub fn snapshot_decisions(&mut self) {
        if let Some(writer) = self.tape.writer() {
            writer.want_snapshot();
        }
    }

    /// The frame that ends a file with [`Sfu::decisions`] in it, as they are now, sealed.
    pub fn decisions_end(&self) -> Vec<u8> {
        match &self.tape {
            Tape::Write(writer) => writer.end_frame_of_file(),
            Tape::Off | Tape::Read(_) => Vec::new(),
        }
    }

    /// The header of a file with [`Sfu::decisions`] in it. Addresses have their pseudonyms.
    pub fn decisions_header(&self, build: String) -> Header {
        let addresses = self.sockets.iter().map(|&(transport, socket)| {
            let socket = self.name_of(socket);
            LocalAddress {
                transport,
                socket,
                advertised: socket,
            }
        });
        Header {
            build,
            kind: Kind::Decisions,
            shard: self.shard.into(),
            segment: 0,
            hermetic: self.is_hermetic(),
            epoch: self.epoch,
            addresses: addresses.collect(),
            limits: self.limits.clone(),
            secrets: None,
        }
    }

    /// Before an input.
    pub(super) fn begin_on_tape(&mut self) {
        // What waits to be forwarded is part of no snapshot: it waits for the end of a turn.
        if self.waiting.is_empty()
            && self
                .tape
                .writer()
                .is_some_and(|writer| writer.wants_snapshot())
        {
            let state = self.state();
            if let Some(writer) = self.tape.writer() {
                writer.snapshot(&state);
            }
        }
    }

    /// After an input.
    pub(super) fn end_on_tape(&mut self) {
        if let Some(writer) = self.tape.writer() {
            writer.end();
        }
    }

    /// The writer, if decisions are recorded; it knows what was dropped so far.
    pub(super) fn writer(&mut self) -> Option<&mut Writer> {
        let dropped = Dropped {
            size: self.counters.dropped_size,
            unknown_address: self.counters.dropped_unknown_address,
            unknown_ufrag: self.counters.dropped_unknown_ufrag,
            overflowed: self.counters.overflowed,
        };
        let writer = self.tape.writer()?;
        writer.dropped(self.now, dropped);
        Some(writer)
    }

    pub(super) fn datagram_on_tape(&mut self, index: Index, datagram: &Datagram<'_>) {
        if let Tape::Write(_) = self.tape {
            let (now, path) = (self.now, self.path_name(index, &datagram.path));
            if let Some(writer) = self.writer() {
                writer.datagram(now, index, path, datagram.payload);
            }
        }
    }

    pub(super) fn check_on_tape(&mut self, index: Index, datagram: &Datagram<'_>) {
        if let Tape::Write(_) = self.tape {
            let (now, path) = (self.now, self.path_name(index, &datagram.path));
            if let Some(writer) = self.writer() {
                writer.check(now, index, path, datagram.payload);
            }
        }
    }

    pub(super) fn closed_on_tape(&mut self, index: Index, path: Path) {
        if let Tape::Write(_) = self.tape {
            let (now, path) = (self.now, self.path_name(index, &path));
            if let Some(writer) = self.writer() {
                writer.closed(now, index, path);
            }
        }
    }

    fn path_name(&self, index: Index, path: &Path) -> PathName {
        let proved = self.participants.get(index).map(|p| p.paths.as_slice());
        let place = proved.unwrap_or_default().iter().position(|p| p == path);
        match place {
            Some(place) => PathName::Proved(place),
            None => PathName::Other(self.alias(path)),
        }
    }

    /// Something that only a connection, or a datagram, can tell: found out, or read from the
    /// tape.
    pub(super) fn find_out(&mut self, find_out: impl FnOnce(&Self) -> bool) -> bool {
        if let Tape::Read(script) = &mut self.tape {
            return script.outcome(&mut Vec::new(), None).unwrap_or(false);
        }
        let found = find_out(self);
        if let Tape::Write(writer) = &mut self.tape {
            writer.outcome(&Ok(found), &[], None);
        }
        found
    }

    fn alias(&self, path: &Path) -> PathAlias {
        let own = (path.transport, path.local);
        let place = self.sockets.iter().position(|socket| *socket == own);
        let place = place.unwrap_or(self.sockets.len());
        (place, self.name_of(path.remote))
    }

    /// The path of an alias. The place after the last socket stands for any other, where
    /// connections take nothing.
    fn path(&self, (place, remote): PathAlias) -> Option<Path> {
        let other = (Transport::Udp, SocketAddr::from(([0; 4], 0)));
        let other = (place == self.sockets.len()).then_some(other);
        let (transport, local) = self.sockets.get(place).copied().or(other)?;
        Some(Path {
            transport,
            local,
            remote,
        })
    }

    /// An address as it stands in a trace.
    fn name_of(&self, address: SocketAddr) -> SocketAddr {
        match &self.tape {
            Tape::Write(writer) => writer.names().of(address),
            Tape::Off | Tape::Read(_) => address,
        }
    }

    /// What decisions depend on now.
    pub(crate) fn state(&self) -> Vec<u8> {
        let participants = self.participants.iter().map(|(index, participant)| {
            let proved = participant.paths.iter().map(|path| {
                let used = self.addresses.last_used(path).unwrap_or_default();
                (self.alias(path), used)
            });
            (index, participant, proved.collect())
        });
        let state = State {
            participants: participants.collect(),
            rooms: self.rooms.iter().map(|(id, room)| (*id, room)).collect(),
        };
        // Only types of unknown length fail, and there are none here.
        postcard::to_allocvec(&state).unwrap_or_default()
    }

    /// An `Sfu` without connections, for a trace to tell what they gave.
    pub(crate) fn scripted(addresses: &[LocalAddress], limits: Limits, epoch: WallTime) -> Self {
        let sockets = super::sockets(addresses);
        let rng = ChaCha20Rng::from_seed([0; 32]);
        let mut sfu = Self::empty(None, sockets, limits, epoch, rng);
        sfu.tape = Tape::Read(Box::default());
        sfu
    }

    /// Becomes what it was when [`Sfu::state`] was called, at `now`. `false` when no `Sfu` was
    /// ever so.
    pub(crate) fn restore(&mut self, state: &[u8], now: Time) -> bool {
        let Ok((restored, [])) = postcard::take_from_bytes::<Restored>(state) else {
            return false;
        };
        let mut sfu = Self::empty(
            None,
            self.sockets.clone(),
            self.limits.clone(),
            self.epoch,
            self.rng.clone(),
        );
        sfu.now = now;
        let limit = self.limits.participants;
        let mut values = Vec::new();
        for (index, mut participant, proved) in restored.participants {
            if sfu.indices.insert(participant.id, index).is_some() {
                return false;
            }
            for (alias, used) in proved {
                let Some(path) = self.path(alias) else {
                    return false;
                };
                sfu.addresses.learn(used, path, index);
                participant.paths.push(path);
            }
            values.push((index, participant));
        }
        let Some(participants) = Table::from_values(limit, values) else {
            return false;
        };
        sfu.participants = participants;
        sfu.rooms = restored.rooms.into_iter().collect();
        let plausible = sfu.is_consistent();
        if plausible {
            std::mem::swap(&mut sfu.tape, &mut self.tape);
            *self = sfu;
        }
        plausible
    }

    /// Whether what refers to something refers to something that is there.
    fn is_consistent(&self) -> bool {
        let mut members = 0;
        for (id, room) in &self.rooms {
            members += room.members.len();
            let is_in = |index: &Index| self.room_of(*index) == Some(*id);
            if room.members.is_empty() || !room.members.iter().all(is_in) {
                return false;
            }
        }
        members == self.participants.len()
            && self.participants.iter().all(|(_, participant)| {
                let there = |index: Index| self.participants.get(index).is_some();
                let publications = &participant.publications;
                let mut viewers = publications.iter().flat_map(|p| &p.viewers);
                let mut tracks = participant.slots.iter().filter_map(|slot| slot.track);
                let tiles = participant.view.as_ref().map_or(0, Vec::len);
                let within = |kind| participant.slots_of(kind).len() <= self.limits.slots(kind);
                participant.paths.len() <= self.limits.addresses
                    && tiles <= self.limits.tiles
                    && within(MediaKind::Audio)
                    && within(MediaKind::Video)
                    && viewers.all(|viewer| there(viewer.participant))
                    && tracks.all(|(index, _)| there(index))
                    && participant.newest_sequence() <= MAX_SEQUENCE
            })
    }

    /// Hands in an entry of a trace. `t` must not be less than before. `false` when it can't have
    /// happened to this `Sfu`.
    pub(crate) fn replay(&mut self, t: Time, head: &Head) -> bool {
        self.now = t;
        let possible = match head {
            Head::Datagram { index, path, .. } => match self.datagram_of(*index, *path) {
                Some(datagram) => {
                    let owner = self.addresses.owner(self.now, &datagram.path);
                    self.deliver(*index, datagram);
                    owner == Some(*index)
                }
                None => false,
            },
            Head::Check { index, path, .. } => match self.datagram_of(*index, *path) {
                Some(datagram) => {
                    self.check(*index, datagram);
                    true
                }
                None => false,
            },
            Head::Command(command) => {
                self.command(command.clone());
                true
            }
            Head::Timeout(due) => {
                self.serve(due);
                self.forward_waiting();
                true
            }
            Head::Closed { index, path } => match self.named_path(*index, *path) {
                Some(path) => {
                    let owner = self.addresses.peek(&path);
                    self.forget(*index, path);
                    owner == Some(*index)
                }
                None => false,
            },
            Head::Dropped(_) => true,
        };
        self.end();
        while self.forward_next() {}
        possible
    }

    fn datagram_of(&self, index: Index, path: PathName) -> Option<Datagram<'static>> {
        Some(Datagram {
            path: self.named_path(index, path)?,
            payload: &[],
        })
    }

    fn named_path(&self, index: Index, name: PathName) -> Option<Path> {
        match name {
            PathName::Proved(place) => {
                let participant = self.participants.get(index)?;
                participant.paths.get(place).copied()
            }
            PathName::Other(alias) => self.path(alias),
        }
    }

    pub(crate) fn script(&mut self) -> Option<&mut Script> {
        self.tape.script()
    }

    /// In a replay, for people who read: what is asked of a connection.
    pub(super) fn tell_call(&mut self, index: Index, call: &Call<'_>) {
        let Some(id) = self.id_of(index) else {
            return;
        };
        let from = match call {
            Call::Write { from, .. } => self.id_of(*from),
            _ => None,
        };
        let Some(script) = self.tape.script() else {
            return;
        };
        match call {
            Call::Write {
                slot,
                source,
                outgoing,
                ..
            } => {
                for packet in outgoing.packets() {
                    script.step(Step::Forwarded {
                        from,
                        to: id,
                        source: *source,
                        slot: *slot,
                        sequence: packet.sequence,
                    });
                }
            }
            Call::RequestKeyframe { .. } => script.step(Step::KeyframeRequested { of: id }),
            _ => {}
        }
    }

    /// In a replay, for people who read: what a connection told.
    pub(super) fn tell_event(&mut self, index: Index, event: &Event) {
        if let Some(participant) = self.participants.get(index)
            && let Tape::Read(script) = &mut self.tape
        {
            let id_of = |index| self.participants.get(index).map(|p| p.id);
            script.tell(participant.id, participant, event, id_of);
        }
    }
}
