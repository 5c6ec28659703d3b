//! From a publisher's packet to its viewers, and from viewers' wishes to the publisher.

use std::collections::BTreeSet;

use super::Sfu;
use super::handing::Waiting;
use crate::codec::Codec;
use crate::forward::{Arrival, Glance};
use crate::ids::{Layer, MediaKind, Source};
use crate::participant::{Index, SlotState, TrackIndex, Viewer};
use crate::trace::decisions::Call;
use crate::transport::{Incoming, Line, Outgoing, Passed};

impl Sfu {
    /// Notes what a packet tells of its track. `None`: nobody is to get it. Otherwise of which source it is, whether
    /// viewers get another layer because of it, and what forwarding cares for.
    pub(super) fn arrived(&mut self, waiting: &Waiting) -> Option<(Source, bool, Arrival)> {
        let Waiting {
            publisher,
            at: now,
            ref packet,
        } = *waiting;
        let participant = self.participants.get_mut(publisher)?;
        participant.flowed = now;
        let quiet = participant.person.was_quiet(now);
        let source = participant.source_on(packet.line);
        let source = source.filter(|source| source.kind() == packet.codec.kind())?;
        let publication = participant.publication_mut(source);
        if !publication.on {
            return None;
        }
        let numbers = (packet.sequence, packet.timestamp);
        let stream = &mut publication.streams[packet.layer as usize];
        let rate = i64::from(packet.codec.clock_rate() / 1_000);
        stream.packet(now, packet.ssrc, rate, numbers, quiet);
        if source.kind() == MediaKind::Audio {
            let (bytes, redundant) = (packet.payload.len(), packet.codec == Codec::Red);
            publication.layers.heard(now, bytes, redundant);
        }
        if source == Source::Microphone {
            let level = packet.extensions.audio_level.map(|(level, _)| level);
            self.voice(publisher, level);
        }
        let participant = self.participants.get_mut(publisher)?;
        let publication = participant.publication_mut(source);
        let video = packet.codec.video();
        let glance = video.and_then(|codec| Glance::of(codec, &packet.payload));
        let began = glance.is_some_and(|glance| glance.starts_keyframe);
        let size = glance.and_then(|glance| glance.size);
        let resized = size.is_some_and(|size| publication.layers.measured(packet.layer, size));
        if began {
            publication.keyframes.satisfied(packet.layer);
        }
        let mut turns = false;
        if let Some(codec) = video {
            let (layer, bytes) = (packet.layer, packet.payload.len());
            let temporal = glance.and_then(|glance| glance.temporal);
            let arrived = publication
                .layers
                .arrived(now, layer, (codec, temporal), bytes);
            turns = arrived || resized;
        }
        let arrival = Arrival {
            // Where one source follows another, the clock of the stream goes on as that of what was
            // captured does: so sender reports go on as they were.
            at: now - packet.age,
            layer: packet.layer,
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            picture: video.zip(glance),
        };
        Some((source, turns, arrival))
    }

    /// Gives each viewer of a track what it can have now, after a layer came alive, died or changed its
    /// size or its codec.
    pub(super) fn aim_at(&mut self, track: TrackIndex) {
        let (publisher, source) = track;
        let Some(participant) = self.participants.get(publisher) else {
            return;
        };
        let viewers = participant.publication(source).viewers.iter();
        let viewers: BTreeSet<Index> = viewers.map(|viewer| viewer.participant).collect();
        let mut changed = BTreeSet::from([track]);
        for viewer in viewers {
            changed.append(&mut self.divide(viewer));
        }
        self.turned(changed);
    }

    /// Finds out which layers of a publisher have died.
    pub(super) fn bury_layers(&mut self, publisher: Index) {
        let now = self.now;
        for source in Source::ALL {
            let Some(participant) = self.participants.get_mut(publisher) else {
                return;
            };
            let publication = participant.publication_mut(source);
            if !publication.layers.bury(now) {
                continue;
            }
            let (layers, keyframes) = (&publication.layers, &mut publication.keyframes);
            for layer in Layer::ALL.into_iter().filter(|layer| !layers.lives(*layer)) {
                keyframes.satisfied(layer);
            }
            self.aim_at((publisher, source));
        }
    }

    pub(super) fn forward_to(
        &mut self,
        (from, source): TrackIndex,
        viewer: Viewer,
        came: &[Incoming],
    ) {
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
        let plain = participant.estimate.is_narrow();
        let Some(to) = slot.to else {
            return;
        };
        let steady = slot.watch.steady();
        let playing = |slot: &SlotState| slot.outlet.video().and_then(|video| video.layer());
        let before = playing(slot);
        let mut passed = std::mem::take(&mut self.passed);
        for (place, incoming) in came.iter().enumerate() {
            if !to.takes(incoming.packet.codec) {
                continue;
            }
            let Some(renumbered) = slot.outlet.pass(&incoming.arrival) else {
                let video = slot.outlet.video();
                let waits = video.is_some_and(|v| v.layer().is_none() && v.awaited().is_some());
                if waits {
                    slot.watch.waits(now);
                }
                continue;
            };
            passed.push(Passed { place, renumbered });
        }
        let parts = passed.iter().filter_map(|passed| {
            let incoming = came.get(passed.place)?;
            let part = incoming.part(&passed.renumbered)?;
            Some((incoming.packet.layer, part))
        });
        if slot.watch.depart(now, steady, passed.len(), parts) {
            participant.looks.set(viewer.slot, slot.watch.deadline());
        }
        if playing(slot) != before {
            self.unsettled.viewers.insert(viewer.participant);
            self.unsettled.tracks.insert((from, source));
        }
        if !passed.is_empty() {
            self.counters.packets_forwarded += passed.len() as u64;
            let outgoing = Outgoing {
                came,
                passed: &passed,
                plain,
            };
            let call = Call::Write {
                slot: viewer.slot,
                from,
                source,
                outgoing,
            };
            self.run(viewer.participant, &call, |connection, _, effects| {
                connection.write(now, to, outgoing, effects);
                Ok(())
            });
        }
        passed.clear();
        self.passed = passed;
    }

    /// A viewer's decoder is stuck.
    pub(super) fn viewer_wants_keyframe(&mut self, viewer: Index, line: Line) {
        let participant = self.participants.get(viewer);
        let slot = participant.and_then(|viewer| viewer.video_slot_on(line));
        if let Some(slot) = slot {
            self.renew(viewer, slot);
        }
    }

    /// What was under way to somebody and from it is lost: nobody should have to ask for new
    /// pictures.
    pub(super) fn moved(&mut self, index: Index) {
        let Some(participant) = self.participants.get(index) else {
            return;
        };
        let own = (0..participant.slots.len()).map(|slot| (index, slot));
        let viewers = participant.publications.iter();
        let viewers = viewers.flat_map(|publication| &publication.viewers);
        let viewers = viewers.map(|viewer| (viewer.participant, viewer.slot));
        let slots: Vec<_> = own.chain(viewers).collect();
        for (viewer, slot) in slots {
            self.renew(viewer, slot);
        }
    }

    /// Wants a keyframe of what a slot shows, or will: what it will get decides, not what it had.
    pub(super) fn renew(&mut self, viewer: Index, slot: usize) {
        let Some(participant) = self.participants.get(viewer) else {
            return;
        };
        let video = participant.video(slot);
        let layer = video.and_then(|video| video.awaited().or(video.layer()));
        let track = participant.slots.get(slot).and_then(|slot| slot.track);
        if let (Some(track), Some(layer)) = (track, layer) {
            self.want_keyframes(track, &[layer]);
        }
    }

    fn want_keyframes(&mut self, (publisher, source): TrackIndex, layers: &[Layer]) {
        let Some(participant) = self.participants.get_mut(publisher) else {
            return;
        };
        let publication = participant.publication_mut(source);
        if !publication.on || layers.is_empty() {
            return;
        }
        for layer in layers {
            publication.keyframes.want(*layer);
        }
        self.request_due_keyframes(publisher);
        self.schedule(publisher);
    }

    /// Asks a publisher for keyframes if some are wanted and it is time.
    pub(super) fn request_due_keyframes(&mut self, publisher: Index) {
        let now = self.now;
        for source in Source::ALL {
            let Some(participant) = self.participants.get_mut(publisher) else {
                return;
            };
            if !participant.is_connected() {
                return;
            }
            let publication = participant.publication_mut(source);
            let layers = publication.keyframes.take(now);
            if layers.is_empty() {
                continue;
            }
            let line = publication.line;
            self.counters.keyframe_requests += 1;
            *participant.person.requests.at(now) += 1;
            let call = Call::RequestKeyframe {
                source,
                layers: &layers,
            };
            self.run(publisher, &call, |connection, _, effects| {
                connection.request_keyframe(now, line, &layers, effects);
                Ok(())
            });
        }
    }

    /// Wants the keyframes of a track for which its viewers wait.
    pub(super) fn refresh_keyframe(&mut self, track: TrackIndex) {
        let (publisher, source) = track;
        let Some(participant) = self.participants.get(publisher) else {
            return;
        };
        let viewers = participant.publication(source).viewers.iter();
        let awaited = viewers.filter_map(|viewer| {
            let participant = self.participants.get(viewer.participant)?;
            participant.awaited_layer(viewer.slot)
        });
        let mut awaited: Vec<Layer> = awaited.collect();
        awaited.sort_unstable();
        awaited.dedup();
        self.want_keyframes(track, &awaited);
    }

    /// The same, of all that somebody publishes.
    pub(super) fn refresh_keyframes(&mut self, publisher: Index) {
        for source in Source::ALL {
            self.refresh_keyframe((publisher, source));
        }
    }

    /// A participant can send or receive now: it may owe others a keyframe, and others may owe it
    /// theirs.
    pub(super) fn refresh_keyframes_around(&mut self, index: Index) {
        let Some(participant) = self.participants.get(index) else {
            return;
        };
        let tracks = participant.slots.iter().filter_map(|slot| slot.track);
        let tracks: Vec<TrackIndex> = tracks.collect();
        for track in tracks {
            self.refresh_keyframe(track);
        }
        self.refresh_keyframes(index);
    }
}
