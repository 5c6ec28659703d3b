//! From a datagram to its participant.

use tracing::Span;

use super::Sfu;
use crate::demux::Learnt;
use crate::ids::ParticipantId;
use crate::input::Datagram;
use crate::output::Output;
use crate::participant::Index;
use crate::path::Path;
use crate::trace::decisions::Call;
use crate::transport::{Credentials, Stun, is_stun, is_success_on, parse_stun};

/// The [shard](crate::Config::shard) for which a datagram is, if it is an ICE check (a STUN binding
/// request, RFC 8445, 7.2.2) that names one. Whether it is authentic shows when it is handed in.
pub fn shard_of(datagram: &[u8]) -> Option<u8> {
    match parse_stun(datagram)? {
        Stun::Request { ufrag } => Credentials::shard_of(ufrag),
        Stun::Success | Stun::Other => None,
    }
}

impl Sfu {
    pub(super) fn datagram(&mut self, datagram: Datagram<'_>) {
        self.counters.datagrams_in += 1;
        let length = datagram.payload.len();
        if length == 0 || length > self.limits.datagram_bytes {
            self.counters.dropped_size += 1;
            return;
        }
        if is_stun(datagram.payload)
            && let Some(Stun::Request { ufrag }) = parse_stun(datagram.payload)
        {
            match self.named_by(ufrag) {
                Some(index) => {
                    self.check_on_tape(index, &datagram);
                    self.check(index, datagram);
                }
                None => self.counters.dropped_unknown_ufrag += 1,
            }
            return;
        }
        match self.addresses.owner(self.now, &datagram.path) {
            Some(index) => {
                self.datagram_on_tape(index, &datagram);
                self.deliver(index, datagram);
            }
            None => self.counters.dropped_unknown_address += 1,
        }
    }

    /// A datagram from a tuple that a participant has proved.
    pub(super) fn deliver(&mut self, index: Index, datagram: Datagram<'_>) {
        if let Some(room) = self.room_of(index) {
            self.heard(index);
            self.contain(room, |sfu| sfu.receive(index, datagram));
        }
    }

    fn heard(&mut self, index: Index) {
        if let Some(participant) = self.participants.get_mut(index) {
            let before = std::mem::replace(&mut participant.heard, self.now);
            participant.person.heard(before, self.now);
        }
    }

    fn receive(&mut self, index: Index, datagram: Datagram<'_>) {
        let now = self.now;
        let person = self.participants.get(index).map(|participant| {
            let (room, participant) = (participant.room, participant.id);
            tracing::debug_span!("person", %room, %participant)
        });
        let _person = person.map(Span::entered);
        self.run(index, &Call::Receive, |connection, environment, effects| {
            connection.receive(now, environment, datagram, effects)
        });
        self.look_soon(index);
    }

    /// A STUN request that names a participant.
    pub(super) fn check(&mut self, index: Index, datagram: Datagram<'_>) {
        let path = datagram.path;
        if !self.addresses.may_claim(self.now, &path, index) {
            self.counters.dropped_foreign_address += 1;
            return;
        }
        let Some(room) = self.room_of(index) else {
            return;
        };
        let first = self.outputs.len();
        self.contain(room, |sfu| sfu.receive(index, datagram));
        // The ICE agent answers only what passed its MESSAGE-INTEGRITY check.
        let proved = self.find_out(|sfu| {
            let mut outputs = sfu.outputs.range(first..);
            outputs.any(|output| matches!(output, Output::Transmit(transmit) if is_success_on(transmit, &path)))
        });
        if proved {
            self.heard(index);
            self.schedule(index);
            self.learn(index, path);
        }
    }

    /// Whom a datagram is for, if it is an ICE check (a STUN binding request, RFC 8445, 7.2.2) for
    /// somebody who is here. Whether it is authentic shows when it is handed in. For those who have
    /// to tell strangers from people before there is a path, as with TCP.
    pub fn names(&self, datagram: &[u8]) -> Option<ParticipantId> {
        match parse_stun(datagram)? {
            Stun::Request { ufrag } => self.id_of(self.named_by(ufrag)?),
            Stun::Success | Stun::Other => None,
        }
    }

    /// A path is no more.
    pub(super) fn closed(&mut self, path: Path) {
        if let Some(index) = self.addresses.peek(&path) {
            self.closed_on_tape(index, path);
            self.forget(index, path);
        }
    }

    pub(super) fn forget(&mut self, index: Index, path: Path) {
        self.addresses.forget(&path);
        if let Some(participant) = self.participants.get_mut(index) {
            participant.paths.retain(|known| *known != path);
            if let Some(connection) = &mut participant.connection {
                connection.closed(&path);
            }
        }
    }

    fn named_by(&self, ufrag: &str) -> Option<Index> {
        let index = Credentials::index_of(ufrag)?;
        let participant = self.participants.get(index)?;
        (participant.ufrag == ufrag).then_some(index)
    }

    fn learn(&mut self, index: Index, path: Path) {
        let learnt = self.addresses.learn(self.now, path, index);
        if learnt == Learnt::Known {
            return;
        }
        if let Learnt::TakenFrom(before) = learnt
            && let Some(before) = self.participants.get_mut(before)
        {
            before.paths.retain(|known| *known != path);
        }
        let Some(participant) = self.participants.get_mut(index) else {
            self.addresses.forget(&path);
            return;
        };
        participant.paths.push(path);
        if participant.paths.len() > self.limits.addresses {
            let oldest = participant.paths.remove(0);
            self.addresses.forget(&oldest);
        }
    }
}
