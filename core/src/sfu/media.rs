//! From a publisher's packet to its viewers, and from viewers' wishes to the publisher.

use super::Sfu;
use crate::forward::{Arrival, is_keyframe_start};
use crate::ids::MediaKind;
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
        if kind == MediaKind::Video && is_keyframe_start(&packet.payload) {
            participant.keyframes.satisfied();
        }
        // Taken out while viewers are called; nobody is removed before the input ends.
        let viewers = std::mem::take(&mut participant.viewers);
        for viewer in &viewers {
            self.forward_to(publisher, *viewer, kind, packet);
        }
        if let Some(participant) = self.participants.get_mut(publisher) {
            participant.viewers = viewers;
        }
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
        let source = self
            .participants
            .get(viewer)
            .and_then(|viewer| viewer.slots.iter().find(|slot| slot.lines.1 == line))
            .and_then(|slot| slot.source);
        if let Some(source) = source {
            self.want_keyframe(source);
        }
    }

    fn want_keyframe(&mut self, publisher: Index) {
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        if participant.is_muted(MediaKind::Video) {
            return;
        }
        participant.keyframes.want();
        self.request_due_keyframe(publisher);
        self.schedule(publisher);
    }

    /// Asks a publisher for a keyframe if one is wanted and it is time.
    pub(super) fn request_due_keyframe(&mut self, publisher: Index) {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        if !participant.is_connected() || !participant.keyframes.take(now) {
            return;
        }
        let line = participant.publish.1;
        self.counters.keyframe_requests += 1;
        let call = Call::RequestKeyframe;
        self.run(publisher, &call, |connection, environment, effects| {
            connection.request_keyframe(now, environment, line, effects)
        });
    }

    /// Wants a keyframe of `publisher` if one of its viewers waits for one.
    pub(super) fn refresh_keyframe(&mut self, publisher: Index) {
        let Some(participant) = self.participants.get(publisher) else {
            return;
        };
        let awaited = participant.viewers.iter().any(|viewer| {
            self.participants
                .get(viewer.participant)
                .is_some_and(|participant| participant.awaits_keyframe(viewer.slot))
        });
        if awaited {
            self.want_keyframe(publisher);
        }
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
