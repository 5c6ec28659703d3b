//! Who is with whom, and who is in whose slots.

use serde::{Deserialize, Serialize};

use super::Sfu;
use crate::forward::{assign, slots_wanted};
use crate::ids::{MediaKind, RoomId};
use crate::output::Notice;
use crate::participant::{Index, Viewer};

/// A room: its members in the order in which they came.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Room {
    pub(super) members: Vec<Index>,
}

impl Sfu {
    /// Gives every member of a room the others in its slots, after somebody came or went.
    ///
    /// `quiet` is not told of its slots, because an offer is about to tell it.
    pub(super) fn assign_slots(&mut self, room: RoomId, quiet: Option<Index>) {
        let Some(members) = self.rooms.get(&room).map(|room| room.members.clone()) else {
            return;
        };
        for index in &members {
            if let Some(participant) = self.participants.get_mut(*index) {
                participant.viewers.clear();
            }
        }
        for viewer in &members {
            let changed = self.assign_slots_of(*viewer, &members);
            if changed && quiet != Some(*viewer) {
                self.tell_slots(*viewer);
            }
        }
        for publisher in &members {
            self.refresh_keyframe(*publisher);
        }
    }

    /// Whether anything changed.
    fn assign_slots_of(&mut self, viewer: Index, members: &[Index]) -> bool {
        let (now, batch) = (self.now, self.limits.batch);
        let Some(participant) = self.participants.get_mut(viewer) else {
            return false;
        };
        let others: Vec<Index> = members.iter().copied().filter(|m| *m != viewer).collect();
        let mut sources: Vec<_> = participant.slots.iter().map(|slot| slot.source).collect();
        let changed = assign(&mut sources, &others);
        for slot in &changed {
            let source = sources[*slot];
            let slot = &mut participant.slots[*slot];
            slot.source = source;
            slot.interrupt(MediaKind::Audio);
            slot.interrupt(MediaKind::Video);
            slot.video.aim(None);
        }
        if slots_wanted(others.len(), self.limits.slot_step, self.limits.slots) > sources.len() {
            participant.want_negotiation(now, batch);
            self.schedule(viewer);
        }
        for (slot, source) in sources.iter().enumerate() {
            let Some(source) = *source else {
                continue;
            };
            let viewer = Viewer {
                participant: viewer,
                slot,
            };
            if let Some(source) = self.participants.get_mut(source) {
                source.viewers.push(viewer);
            }
            self.aim(source, viewer);
        }
        !changed.is_empty()
    }

    fn tell_slots(&mut self, viewer: Index) {
        let Some(participant) = self.participants.get(viewer) else {
            return;
        };
        let notice = Notice::Slots {
            participant: participant.id,
            slots: participant.slots_notice(|index| self.id_of(index)),
        };
        self.notify(notice);
    }

    /// Takes a participant out of everything; its room goes on without it.
    pub(super) fn remove(&mut self, index: Index) {
        let Some(room_id) = self.take_out(index) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(&room_id) {
            room.members.retain(|member| *member != index);
            if room.members.is_empty() {
                self.rooms.remove(&room_id);
            }
        }
        self.assign_slots(room_id, None);
    }

    /// Takes a participant out of every table. Gives the room, which still counts it.
    pub(super) fn take_out(&mut self, index: Index) -> Option<RoomId> {
        let participant = self.participants.remove(index)?;
        self.indices.remove(&participant.id);
        if let Some(at) = participant.timer {
            self.timers.remove(&(at, index));
        }
        for path in &participant.paths {
            self.addresses.forget(path);
        }
        self.doomed.retain(|(doomed, _)| *doomed != index);
        Some(participant.room)
    }
}
