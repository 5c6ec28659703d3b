//! Who is in whose slots.

use std::collections::BTreeSet;

use super::Sfu;
use crate::forward::{Shown, SlotCounts, assign, further_slots, rank};
use crate::ids::{MediaKind, RoomId, Source};
use crate::input::Tile;
use crate::output::Notice;
use crate::participant::{Index, TrackIndex, Viewer};

/// What somebody is to see and hear, the most wanted first.
struct Wanted {
    pictures: Vec<(TrackIndex, Shown)>,
    sounds: Vec<TrackIndex>,
}

impl Sfu {
    /// The page of somebody shows other tiles now.
    pub(super) fn view(&mut self, index: Index, mut tiles: Vec<Tile>) {
        tiles.truncate(self.limits.tiles);
        tiles.sort_by_key(rank);
        if let Some(participant) = self.participants.get_mut(index) {
            participant.view = Some(tiles);
        }
        if self.assign_slots_of(index) {
            self.tell_slots(index);
        }
    }

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
        let wanted = self.wanted(viewer);
        let tracks: Vec<_> = wanted.pictures.iter().map(|(track, _)| *track).collect();
        // Pictures first: sound takes its place beside them.
        let pictures = self.fill_slots(viewer, MediaKind::Video, &tracks);
        let sounds = self.fill_slots(viewer, MediaKind::Audio, &wanted.sounds);
        self.show(viewer, &wanted.pictures);
        let (now, batch) = (self.now, self.limits.batch);
        if !self.missing_for(viewer, &wanted).is_none()
            && let Some(participant) = self.participants.get_mut(viewer)
        {
            participant.want_negotiation(now, batch);
            self.schedule(viewer);
        }
        pictures || sounds
    }

    /// What somebody is to see and hear, the most wanted first, and how.
    fn wanted(&self, viewer: Index) -> Wanted {
        let others = self.others_of(viewer);
        let all = |source| {
            let there = others
                .iter()
                .filter(move |other| self.has((**other, source)));
            there.map(move |other| (*other, source))
        };
        let mut all_pictures = all(Source::Screen).chain(all(Source::Camera));
        let view = self
            .participants
            .get(viewer)
            .and_then(|viewer| viewer.view.as_ref());
        let pictures = match view {
            None => {
                let first = all_pictures.take(self.limits.first_slots);
                first.map(|track| (track, Shown::Full)).collect()
            }
            Some(tiles) => {
                let there: BTreeSet<_> = all_pictures.by_ref().collect();
                let mut seen = BTreeSet::new();
                let place = |tile: &Tile| {
                    let index = self.indices.get(&tile.track.participant)?;
                    let track = (*index, tile.track.source);
                    (there.contains(&track) && seen.insert(track))
                        .then(|| (track, Shown::in_tile(tile)))
                };
                tiles.iter().filter_map(place).collect()
            }
        };
        let sounds = all(Source::ScreenAudio).chain(self.voices_for(&others));
        Wanted {
            pictures,
            sounds: sounds.collect(),
        }
    }

    /// Whom of these to hear: the loudest, and where there are fewer, who could speak next.
    fn voices_for(&self, others: &[Index]) -> Vec<TrackIndex> {
        let room = others.first().and_then(|other| self.room_of(*other));
        let room = room.and_then(|id| self.rooms.get(&id));
        let loudest = room.map_or(&[][..], |room| room.speakers.loudest());
        let rank = |other: &Index| {
            let participant = self.participants.get(*other);
            let on = participant.is_some_and(|other| other.publication(Source::Microphone).on);
            (!loudest.contains(other), !on)
        };
        let mut voices = others.to_vec();
        // Stable: of the others, who came first.
        voices.sort_by_key(rank);
        voices.truncate(self.limits.voices);
        voices
            .into_iter()
            .map(|other| (other, Source::Microphone))
            .collect()
    }

    /// Who is muted leaves its slots to who could speak.
    pub(super) fn voice_switched(&mut self, index: Index, on: bool) {
        let Some(id) = self.room_of(index) else {
            return;
        };
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        if !on {
            room.speakers.forget(index);
        }
        if room.members.len() > self.limits.voices + 1 {
            self.assign_slots(id, None);
        }
    }

    /// Somebody's microphone was heard.
    pub(super) fn voice(&mut self, index: Index, level: Option<i8>) {
        let (now, voices) = (self.now, self.limits.voices);
        let Some(id) = self.room_of(index) else {
            return;
        };
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        let change = room.speakers.hear(now, index, level, voices);
        let all_are_heard = room.members.len() <= voices + 1;
        if change.loudest && !all_are_heard {
            self.assign_slots(id, None);
        }
        if let Some(participant) = change.dominant.and_then(|index| self.id_of(index)) {
            self.notify(Notice::Speaker { participant });
        }
    }

    /// Whether there is such a track. Of a screen there is nothing while it is not shared; who is
    /// muted may come back at any moment.
    fn has(&self, (index, source): TrackIndex) -> bool {
        let participant = self.participants.get(index);
        participant.is_some_and(|participant| match source {
            Source::Microphone | Source::Camera => true,
            Source::Screen | Source::ScreenAudio => participant.publication(source).on,
        })
    }

    fn others_of(&self, viewer: Index) -> Vec<Index> {
        let room = self.room_of(viewer).and_then(|id| self.rooms.get(&id));
        let members = room.map_or(&[][..], |room| &room.members);
        let others = members.iter().copied();
        others.filter(|member| *member != viewer).collect()
    }

    /// The slots that somebody lacks for what it is to see and hear.
    pub(super) fn missing_slots(&self, viewer: Index) -> SlotCounts {
        self.missing_for(viewer, &self.wanted(viewer))
    }

    fn missing_for(&self, viewer: Index, wanted: &Wanted) -> SlotCounts {
        let Some(participant) = self.participants.get(viewer) else {
            return SlotCounts::default();
        };
        SlotCounts::each(|kind| {
            let wanted = match kind {
                MediaKind::Audio => wanted.sounds.len(),
                MediaKind::Video => wanted.pictures.len(),
            };
            let existing = participant.slots_of(kind).len();
            further_slots(wanted, existing, kind, &self.limits)
        })
    }

    /// Puts what is wanted of a kind into the slots of a viewer. Whether anything changed.
    fn fill_slots(&mut self, viewer: Index, kind: MediaKind, wanted: &[TrackIndex]) -> bool {
        let Some(participant) = self.participants.get(viewer) else {
            return false;
        };
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
        let changed = assign(&mut tracks, wanted, |track| self.has(track), beside);
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
        state.shown = Shown::Hidden;
        let before = std::mem::replace(&mut state.track, track);
        self.concerns_viewer(viewer);
        for track in before.into_iter().chain(track) {
            self.concerns_track(track);
        }
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
    }

    /// Notes how a viewer sees what is in its slots.
    fn show(&mut self, viewer: Index, pictures: &[(TrackIndex, Shown)]) {
        let Some(participant) = self.participants.get_mut(viewer) else {
            return;
        };
        let mut changed = BTreeSet::new();
        for state in &mut participant.slots {
            let picture = pictures
                .iter()
                .find(|(track, _)| Some(*track) == state.track);
            let shown = picture.map_or(Shown::Hidden, |(_, shown)| *shown);
            let before = std::mem::replace(&mut state.shown, shown);
            if shown == Shown::Hidden
                && let Some(video) = state.outlet.video_mut()
            {
                video.aim(None);
            }
            if let Some(track) = state.track
                && before != shown
            {
                changed.insert(track);
            }
        }
        if changed.is_empty() {
            return;
        }
        changed.append(&mut self.divide(viewer));
        self.turned(changed);
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
}
