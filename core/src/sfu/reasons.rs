//! What follows from what has changed: why each viewer gets what it gets, and which layers
//! publishers are to send.
//!
//! Whatever changes something only marks whom it may concern. Both are worked out once, when the
//! input is handled.

use super::Sfu;
use crate::forward::{Taken, taken};
use crate::ids::{MediaKind, Source, TrackId};
use crate::output::{Notice, SlotReason};
use crate::participant::{Index, Participant, SlotState, TrackIndex};
use crate::reason::{Facts, Line, Reason};

impl Sfu {
    /// Something may have changed for this viewer.
    pub(super) fn concerns_viewer(&mut self, viewer: Index) {
        self.unsettled.viewers.insert(viewer);
    }

    /// Something may have changed for all viewers of a track.
    pub(super) fn concerns_track(&mut self, track: TrackIndex) {
        let (publisher, source) = track;
        self.unsettled.tracks.insert(track);
        if let Some(publisher) = self.participants.get(publisher) {
            let viewers = publisher.publication(source).viewers.iter();
            let viewers = viewers.map(|viewer| viewer.participant);
            self.unsettled.viewers.extend(viewers);
        }
    }

    /// The connection of somebody is up, or down.
    pub(super) fn concerns_all_around(&mut self, index: Index) {
        self.concerns_viewer(index);
        for source in Source::ALL {
            self.concerns_track((index, source));
        }
    }

    /// Tells what has changed in all of that.
    pub(super) fn settle(&mut self) {
        while let Some(viewer) = self.unsettled.viewers.pop_first() {
            if let Some(room) = self.room_of(viewer) {
                self.contain(room, |sfu| sfu.tell_reasons(viewer));
            }
        }
        while let Some(track) = self.unsettled.tracks.pop_first() {
            if let Some(room) = self.room_of(track.0) {
                self.contain(room, |sfu| sfu.tell_layers(track));
            }
        }
    }

    fn tell_reasons(&mut self, viewer: Index) {
        let at = self.now;
        let Some(participant) = self.participants.get(viewer) else {
            return;
        };
        let mut changed = Vec::new();
        for (place, slot) in participant.slots.iter().enumerate() {
            if slot.outlet.kind() == MediaKind::Audio {
                continue;
            }
            let now = (slot.track, self.reason_of(participant, slot));
            if now != slot.reason {
                changed.push((place, now));
            }
        }
        if changed.is_empty() {
            return;
        }
        let told = changed.iter().map(|(place, (track, reason))| SlotReason {
            mid: participant.slots[*place].line.mid(),
            track: track.and_then(|(index, source)| {
                let participant = self.id_of(index)?;
                Some(TrackId {
                    participant,
                    source,
                })
            }),
            reason: *reason,
        });
        let notice = Notice::Reasons {
            participant: participant.id,
            at: self.now,
            reasons: told.collect(),
        };
        if let Some(participant) = self.participants.get_mut(viewer) {
            for (place, now) in changed {
                let slot = &mut participant.slots[place];
                let before = std::mem::replace(&mut slot.reason, now);
                if before.0 != now.0 || !now.1.is_awaited() {
                    slot.watch.forget(at, before.0);
                    if let Some(connection) = &mut participant.connection {
                        connection.forget_arrivals(at, slot.line);
                    }
                }
            }
            participant.expect_freezes();
        }
        self.notify(notice);
    }

    fn reason_of(&self, viewer: &Participant, slot: &SlotState) -> Reason {
        let carried = slot.track.and_then(|(publisher, source)| {
            let publisher = self.participants.get(publisher)?;
            Some((publisher, publisher.publication(source)))
        });
        let Some((publisher, publication)) = carried else {
            return Reason::Free;
        };
        let video = slot.outlet.video();
        let playing = video.and_then(|video| video.layer());
        let lives = publication.layers.is_alive();
        let shown = slot.shown.is_seen();
        Reason::of(&Facts {
            shown,
            line: match slot.to {
                Some(_) => Line::Agreed,
                None if slot.refused => Line::Refused,
                None => Line::Open,
            },
            viewer_connected: viewer.is_connected(),
            published: publication.on,
            publisher_connected: publisher.is_connected(),
            lives,
            dead: publication.layers.is_dead(),
            other_codec: slot.is_foreign(&publication.layers),
            too_large: lives && shown && video.is_some_and(|video| video.aimed().is_none()),
            playing: playing.filter(|layer| publication.layers.lives(*layer)),
        })
    }

    fn tell_layers(&mut self, (publisher, source): TrackIndex) {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        let publication = participant.publication_mut(source);
        if source.kind() == MediaKind::Audio {
            return;
        }
        if !publication.on {
            publication.demand.rest();
            self.schedule(publisher);
            return;
        }
        let Some(participant) = self.participants.get(publisher) else {
            return;
        };
        let publication = participant.publication(source);
        let viewers = publication.viewers.iter().filter_map(|viewer| {
            let slot = self.participants.get(viewer.participant)?;
            let slot = slot.slots.get(viewer.slot)?;
            // Nobody sends anything for whoever can't decode it.
            if slot.is_foreign(&publication.layers) {
                return None;
            }
            let video = slot.outlet.video()?;
            Some(Taken {
                shown: slot.shown,
                aimed: video.aimed().map(|aimed| aimed.layer),
                playing: video.layer(),
            })
        });
        let taken = taken(source, &publication.layers, viewers);
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        let publication = participant.publication_mut(source);
        let layers = publication.demand.update(now, taken);
        if layers.is_some_and(|layers| !layers.layers().is_empty()) {
            publication.layers.expect(now);
        }
        let participant = participant.id;
        if let Some(layers) = layers {
            self.notify(Notice::Layers {
                participant,
                source,
                layers: layers.layers(),
            });
        }
        self.schedule(publisher);
    }
}
