//! Who is with whom, and who is in whose slots.

use serde::{Deserialize, Serialize};

use super::Sfu;
use crate::forward::{SlotCounts, assign, further_slots};
use crate::ids::{MediaKind, RoomId, Source};
use crate::output::Notice;
use crate::participant::{Index, TrackIndex, Viewer};

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
        for viewer in &members {
            let changed = self.assign_slots_of(*viewer);
            if changed && quiet != Some(*viewer) {
                self.tell_slots(*viewer);
            }
        }
        for publisher in &members {
            self.refresh_keyframes(*publisher);
        }
    }

    /// Whether anything changed.
    fn assign_slots_of(&mut self, viewer: Index) -> bool {
        let wanted = self.wanted_tracks(viewer);
        // Pictures first: sound takes its place beside them.
        let pictures = self.fill_slots(viewer, MediaKind::Video, &wanted);
        let sounds = self.fill_slots(viewer, MediaKind::Audio, &wanted);
        let (now, batch) = (self.now, self.limits.batch);
        if !self.missing_slots(viewer).is_none()
            && let Some(participant) = self.participants.get_mut(viewer)
        {
            participant.want_negotiation(now, batch);
            self.schedule(viewer);
        }
        pictures || sounds
    }

    /// What somebody is to see and hear, the most wanted first.
    fn wanted_tracks(&self, viewer: Index) -> Vec<TrackIndex> {
        let room = self.room_of(viewer).and_then(|id| self.rooms.get(&id));
        let members = room.map_or(&[][..], |room| &room.members);
        let others = members.iter().filter(|member| **member != viewer);
        others
            .flat_map(|other| Source::ALL.map(|source| (*other, source)))
            .collect()
    }

    /// The slots that somebody lacks for what it is to see and hear.
    pub(super) fn missing_slots(&self, viewer: Index) -> SlotCounts {
        let Some(participant) = self.participants.get(viewer) else {
            return SlotCounts::default();
        };
        let wanted = self.wanted_tracks(viewer);
        SlotCounts::each(|kind| {
            let of_kind = |track: &&TrackIndex| track.1.kind() == kind;
            let wanted = wanted.iter().filter(of_kind).count();
            let existing = participant.slots_of(kind).len();
            further_slots(wanted, existing, kind, &self.limits)
        })
    }

    /// Puts what is wanted of a kind into the slots of a viewer. Whether anything changed.
    fn fill_slots(&mut self, viewer: Index, kind: MediaKind, wanted: &[TrackIndex]) -> bool {
        let Some(participant) = self.participants.get(viewer) else {
            return false;
        };
        let of_kind = |track: &TrackIndex| track.1.kind() == kind;
        let wanted: Vec<_> = wanted.iter().copied().filter(of_kind).collect();
        let tracks_in = |kind| {
            let places = participant.slots_of(kind).into_iter();
            places.map(|place| participant.slots[place].track)
        };
        let mut tracks: Vec<_> = tracks_in(kind).collect();
        // The slots of both kinds with one number are in one MediaStream, so that the browser keeps
        // lips and voice of whoever is in both together.
        let partners: Vec<_> = match kind {
            MediaKind::Video => Vec::new(),
            MediaKind::Audio => tracks_in(MediaKind::Video).collect(),
        };
        let beside = |(index, _): TrackIndex| {
            let is_partner = |track: &Option<TrackIndex>| {
                track.is_some_and(|(partner, source)| partner == index && source == Source::Camera)
            };
            partners.iter().position(is_partner)
        };
        let changed = assign(&mut tracks, &wanted, beside);
        let places = participant.slots_of(kind);
        for number in &changed {
            self.put(viewer, places[*number], tracks[*number]);
        }
        !changed.is_empty()
    }

    /// Puts a track into a slot, or nothing.
    fn put(&mut self, viewer: Index, slot: usize, track: Option<TrackIndex>) {
        let Some(participant) = self.participants.get_mut(viewer) else {
            return;
        };
        let state = &mut participant.slots[slot];
        state.outlet.interrupt();
        if let Some(video) = state.outlet.video_mut() {
            video.aim(None);
        }
        let before = std::mem::replace(&mut state.track, track);
        let viewer = Viewer {
            participant: viewer,
            slot,
        };
        if let Some((publisher, source)) = before
            && let Some(publisher) = self.participants.get_mut(publisher)
        {
            let viewers = &mut publisher.publication_mut(source).viewers;
            viewers.retain(|known| *known != viewer);
        }
        if let Some((publisher, source)) = track
            && let Some(publisher) = self.participants.get_mut(publisher)
        {
            publisher.publication_mut(source).viewers.push(viewer);
        }
        if let Some(track) = track {
            self.aim(track, viewer);
        }
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
            for member in &room.members {
                let member = self.participants.get_mut(*member);
                for publication in member
                    .into_iter()
                    .flat_map(|member| &mut member.publications)
                {
                    let viewers = &mut publication.viewers;
                    viewers.retain(|viewer| viewer.participant != index);
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
        for path in &participant.paths {
            self.addresses.forget(path);
        }
        self.doomed.retain(|(doomed, _)| *doomed != index);
        Some(participant.room)
    }
}
