//! From a publisher's packet to its viewers, and from viewers' wishes to the publisher.

use super::Sfu;
use crate::forward::{Arrival, is_keyframe_start};
use crate::ids::{Layer, MediaKind};
use crate::participant::{Index, Viewer};
use crate::trace::decisions::Call;
use crate::transport::{Line, MediaPacket, OutgoingPacket};

impl Sfu {
    /// Hands a packet to everybody who has its publisher in a slot.
    pub(super) fn forward(&mut self, publisher: Index, packet: &MediaPacket) {
        self.counters.packets_in += 1;
        let now = self.now;
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        participant.flowed = now;
        let Some(kind) = participant.published_kind(packet.line) else {
            return;
        };
        if participant.is_muted(kind) {
            return;
        }
        let mut began = None;
        if kind == MediaKind::Video {
            if is_keyframe_start(&packet.payload) {
                participant.keyframes.satisfied(packet.layer);
                began = Some(packet.layer);
            }
            if participant.camera.arrived(now, packet.layer) {
                self.aim_at(publisher);
                self.schedule(publisher);
            }
        }
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        // Taken out while viewers are called; nobody is removed before the input ends.
        let viewers = std::mem::take(&mut participant.viewers);
        for viewer in &viewers {
            self.forward_to(publisher, *viewer, kind, packet);
        }
        if let Some(participant) = self.participants.get_mut(publisher) {
            participant.viewers = viewers;
        }
        if began.is_some() {
            // Whoever it was not forwarded to waits for the next.
            self.refresh_keyframe(publisher);
        }
    }

    /// Gives each viewer of a publisher the best layer that lives, after one came alive or died.
    /// When none lives, it stays with what it had.
    pub(super) fn aim_at(&mut self, publisher: Index) {
        let Some(participant) = self.participants.get(publisher) else {
            return;
        };
        let viewers = participant.viewers.clone();
        for viewer in viewers {
            self.aim(publisher, viewer);
        }
        self.refresh_keyframe(publisher);
    }

    pub(super) fn aim(&mut self, publisher: Index, viewer: Viewer) {
        let publisher = self.participants.get(publisher);
        let best = publisher.and_then(|publisher| publisher.camera.best(Layer::Full));
        let viewer_slot = self
            .participants
            .get_mut(viewer.participant)
            .and_then(|participant| participant.slots.get_mut(viewer.slot));
        if let (Some(layer), Some(slot)) = (best, viewer_slot) {
            slot.video.aim(Some(layer));
        }
    }

    /// Finds out which layers of a publisher have died.
    pub(super) fn bury_layers(&mut self, publisher: Index) {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        if !participant.camera.bury(now) {
            return;
        }
        let (camera, keyframes) = (&participant.camera, &mut participant.keyframes);
        for layer in Layer::ALL.into_iter().filter(|layer| !camera.lives(*layer)) {
            keyframes.satisfied(layer);
        }
        self.aim_at(publisher);
    }

    fn forward_to(&mut self, from: Index, viewer: Viewer, kind: MediaKind, packet: &MediaPacket) {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(viewer.participant) else {
            return;
        };
        if !participant.is_connected() {
            return;
        }
        let Some(slot) = participant.slots.get_mut(viewer.slot) else {
            return;
        };
        let arrival = Arrival {
            at: now,
            layer: packet.layer,
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            payload: &packet.payload,
        };
        let (to, renumbered) = match kind {
            MediaKind::Audio => (slot.audio_to, slot.audio.pass(&arrival)),
            MediaKind::Video if slot.video_to.is_some() => {
                (slot.video_to, slot.video.pass(&arrival))
            }
            MediaKind::Video => return,
        };
        let (Some(to), Some(renumbered)) = (to, renumbered) else {
            return;
        };
        let outgoing = OutgoingPacket {
            source: packet,
            sequence: renumbered.sequence,
            timestamp: renumbered.timestamp,
            patch: renumbered.patch,
        };
        self.counters.packets_forwarded += 1;
        let call = Call::Write {
            slot: viewer.slot,
            kind,
            from,
            packet: &outgoing,
        };
        self.run(
            viewer.participant,
            &call,
            |connection, environment, effects| {
                connection.write(now, environment, to, &outgoing, effects)
            },
        );
    }

    /// A viewer's decoder is stuck.
    pub(super) fn viewer_wants_keyframe(&mut self, viewer: Index, line: Line) {
        let slot = self
            .participants
            .get(viewer)
            .and_then(|viewer| viewer.slots.iter().find(|slot| slot.lines.1 == line));
        // What it will get decides, not what it had.
        let wanted = slot.and_then(|slot| {
            let layer = slot.video.awaited().or(slot.video.playing());
            slot.source.zip(layer)
        });
        if let Some((source, layer)) = wanted {
            self.want_keyframes(source, &[layer]);
        }
    }

    /// What was under way to somebody and from it is lost: nobody should have to ask for new
    /// pictures.
    pub(super) fn moved(&mut self, index: Index) {
        let Some(participant) = self.participants.get(index) else {
            return;
        };
        let own = (0..participant.slots.len()).map(|slot| (index, slot));
        let viewers = participant.viewers.iter();
        let viewers = viewers.map(|viewer| (viewer.participant, viewer.slot));
        let slots: Vec<_> = own.chain(viewers).collect();
        for (viewer, slot) in slots {
            if let Some((source, layer)) = self.shown(viewer, slot) {
                self.want_keyframes(source, &[layer]);
            }
        }
    }

    /// What a slot shows, or will.
    fn shown(&self, viewer: Index, slot: usize) -> Option<(Index, Layer)> {
        let slot = self.participants.get(viewer)?.slots.get(slot)?;
        let layer = slot.video.awaited().or(slot.video.playing())?;
        Some((slot.source?, layer))
    }

    fn want_keyframes(&mut self, publisher: Index, layers: &[Layer]) {
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        if participant.is_muted(MediaKind::Video) || layers.is_empty() {
            return;
        }
        for layer in layers {
            participant.keyframes.want(*layer);
        }
        self.request_due_keyframe(publisher);
        self.schedule(publisher);
    }

    /// Asks a publisher for keyframes if some are wanted and it is time.
    pub(super) fn request_due_keyframe(&mut self, publisher: Index) {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        if !participant.is_connected() {
            return;
        }
        let layers = participant.keyframes.take(now);
        if layers.is_empty() {
            return;
        }
        let line = participant.publish.1;
        self.counters.keyframe_requests += 1;
        let call = Call::RequestKeyframe { layers: &layers };
        self.run(publisher, &call, |connection, environment, effects| {
            connection.request_keyframe(now, environment, line, &layers, effects)
        });
    }

    /// Wants the keyframes of `publisher` for which its viewers wait.
    pub(super) fn refresh_keyframe(&mut self, publisher: Index) {
        let Some(participant) = self.participants.get(publisher) else {
            return;
        };
        let viewers = participant.viewers.iter();
        let awaited = viewers.filter_map(|viewer| {
            let participant = self.participants.get(viewer.participant)?;
            participant.awaited_layer(viewer.slot)
        });
        let mut awaited: Vec<Layer> = awaited.collect();
        awaited.sort_unstable();
        awaited.dedup();
        self.want_keyframes(publisher, &awaited);
    }

    /// A participant can send or receive now: it may owe others a keyframe, and others may owe it
    /// theirs.
    pub(super) fn refresh_keyframes_around(&mut self, index: Index) {
        let Some(participant) = self.participants.get(index) else {
            return;
        };
        let sources: Vec<Index> = participant
            .slots
            .iter()
            .filter_map(|slot| slot.source)
            .collect();
        for source in sources {
            self.refresh_keyframe(source);
        }
        self.refresh_keyframe(index);
    }
}
