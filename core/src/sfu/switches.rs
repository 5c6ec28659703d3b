//! What somebody publishes is switched on and off.

use super::Sfu;
use crate::ids::{MediaKind, Source};
use crate::participant::{Index, TrackIndex};

impl Sfu {
    pub(super) fn mute(&mut self, index: Index, kind: MediaKind, muted: bool) {
        let source = match kind {
            MediaKind::Audio => Source::Microphone,
            MediaKind::Video => Source::Camera,
        };
        self.switch((index, source), !muted);
    }

    pub(super) fn share(&mut self, index: Index, screen: bool, audio: bool) {
        self.switch((index, Source::Screen), screen);
        self.switch((index, Source::ScreenAudio), audio);
        if let Some(room) = self.room_of(index) {
            self.assign_slots(room, None);
        }
    }

    /// What somebody publishes is forwarded from now on, or not any more.
    fn switch(&mut self, track: TrackIndex, on: bool) {
        let ((index, source), now) = (track, self.now);
        let Some(participant) = self.participants.get_mut(index) else {
            return;
        };
        let publication = participant.publication_mut(source);
        if std::mem::replace(&mut publication.on, on) == on {
            return;
        }
        if on {
            publication.layers.expect(now);
        } else {
            publication.keyframes.unwanted();
        }
        for viewer in publication.viewers.clone() {
            if let Some(slot) = self
                .participants
                .get_mut(viewer.participant)
                .and_then(|participant| participant.slots.get_mut(viewer.slot))
            {
                slot.outlet.interrupt();
            }
        }
        if on {
            self.refresh_keyframe(track);
        }
        self.concerns_track(track);
        self.schedule(index);
        if source == Source::Microphone {
            self.voice_switched(index, on);
        }
    }
}
