//! Who is with whom.

use serde::{Deserialize, Serialize};

use super::Sfu;
use crate::ids::{RoomId, Source};
use crate::participant::Index;
use crate::speaker::Speakers;

/// A room: its members in the order in which they came.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Room {
    pub(super) members: Vec<Index>,
    pub(super) speakers: Speakers,
}

impl Sfu {
    /// Takes a participant out of everything; its room goes on without it.
    pub(super) fn remove(&mut self, index: Index) {
        let Some(room_id) = self.take_out(index) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(&room_id) {
            room.members.retain(|member| *member != index);
            room.speakers.forget(index);
            for member in &room.members {
                let Some(participant) = self.participants.get_mut(*member) else {
                    continue;
                };
                for source in Source::ALL {
                    let viewers = &mut participant.publication_mut(source).viewers;
                    viewers.retain(|viewer| viewer.participant != index);
                    self.unsettled.tracks.insert((*member, source));
                }
            }
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
        if let Some(at) = participant.look {
            self.looks.remove(&(at, index));
        }
        for path in &participant.paths {
            self.addresses.forget(path);
        }
        self.doomed.retain(|(doomed, _)| *doomed != index);
        // Whoever comes next may get the same index.
        self.waiting.retain(|waiting| waiting.publisher != index);
        Some(participant.room)
    }
}
