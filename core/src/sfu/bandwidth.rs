//! What each viewer's link carries, and which layer of each picture it gets for that.
//!
//! ```text
//!  feedback of the viewer ─► Estimator ─► Event::Estimate ─► Budget ─► allocate ─► Rises ─► aim of each slot
//!  views, layers that live, their rates ───────────────────────────────────────►  │
//!                                                                                 └─► Pace: what to probe for
//! ```
//! Loss and delay on a publisher's way in change what lives, never an estimate.

use std::collections::BTreeSet;

use super::Sfu;
use crate::forward::{Quality, Shown, Want, allocate, part, rank};
use crate::ids::{MediaKind, Source, TrackId};
use crate::participant::{Estimate, Index, Participant, TrackIndex};
use crate::time::Time;
use crate::trace::decisions::Call;
use crate::transport::Pace;

/// Bits a second that are kept for a sound of which nothing is known yet: Opus of speech with all that is
/// around it.
const SOUND: u64 = 50_000;
/// How much more than what is wanted is probed for, so that an upgrade finds its margin: 20 %.
const HEADROOM: (u64, u64) = (120, 100);
/// Of an estimate, by how much smallest layers may go beyond it: 30 %.
const SLACK: (u64, u64) = (30, 100);
/// When what flows is so much more than the estimate, it does not go on until the keyframe of
/// something smaller: it would stand in that keyframe's way. 130 %.
const FLOOD: (u64, u64) = (130, 100);
/// Nobody is probed for more, and nobody for less: pictures may come at any moment, and then it should be
/// known what the path carries. Bits a second.
const MOST: u64 = 20_000_000;
const LEAST: u64 = 2_500_000;
/// Where the path carries so many times what all pictures want, all of them may become larger at once. 2.
const ROOM: u64 = 2;

/// A picture in a slot, and what is wanted of it.
struct Picture {
    slot: usize,
    track: TrackIndex,
    /// The place in the order of tiles.
    place: usize,
    want: Want,
    /// Whether something of it lives.
    lives: bool,
    /// What plays, and its bits a second.
    plays: Option<Quality>,
    flows: u64,
}

impl Picture {
    /// Whether something larger than what plays, and than what is awaited, would begin. The first picture
    /// waits for nobody.
    fn is_to_rise(&self, given: Option<Quality>) -> bool {
        let layer = |of: Option<Quality>| of.map(|of| of.layer);
        self.plays.is_some() && layer(given) > layer(self.want.has).max(layer(self.plays))
    }
}

impl Sfu {
    /// The path to somebody carries so much.
    pub(super) fn estimated(&mut self, viewer: Index, bits: u64) {
        if let Some(participant) = self.participants.get_mut(viewer) {
            participant.estimate = participant.estimate.then(bits);
        }
        let changed = self.divide(viewer);
        self.turned(changed);
    }

    /// What a path failed to carry may be tried again, the next picture become larger, or the path be
    /// probed.
    pub(super) fn try_again(&mut self, viewer: Index) {
        let participant = self.participants.get(viewer);
        let due = participant.map(|viewer| [viewer.budget.deadline(), viewer.rises.deadline()]);
        let is_due = |due: Option<Time>| due.is_some_and(|due| due <= self.now);
        if due.is_some_and(|due| due.into_iter().any(is_due)) {
            let changed = self.divide(viewer);
            self.turned(changed);
        }
    }

    /// Decides which layer of each picture a viewer gets. The tracks of which it gets another now, or
    /// none, are for [`Sfu::turned`].
    #[must_use]
    pub(super) fn divide(&mut self, viewer: Index) -> BTreeSet<TrackIndex> {
        let mut changed = BTreeSet::new();
        let pictures = self.pictures(viewer);
        let Some(participant) = self.participants.get(viewer) else {
            return changed;
        };
        let sound = self.sound(participant);
        let wants: Vec<Want> = pictures.iter().map(|picture| picture.want).collect();
        let flows = pictures.iter().map(|picture| picture.flows).sum::<u64>() + sound;
        let now = self.now;
        let Some(participant) = self.participants.get_mut(viewer) else {
            return changed;
        };
        let small = || wants.iter().map(Want::smallest).collect::<Vec<Want>>();
        let mut floods = false;
        let given = match participant.estimate {
            Estimate::Missing => allocate(u64::MAX, 0, &wants),
            // Nobody waits for that; what is small comes at once.
            Estimate::Begun => allocate(u64::MAX, 0, &small()),
            Estimate::Known(bits) => {
                floods = flows > part(bits, FLOOD);
                let slack = part(bits.min(MOST), SLACK);
                let bits = participant.budget.of(now, bits, flows);
                let bits = bits.saturating_sub(sound);
                if participant.budget.has_collapsed() {
                    allocate(bits, slack, &small())
                } else {
                    allocate(bits, slack, &wants)
                }
            }
        };
        let all = wants.iter().map(Want::all).sum::<u64>();
        let spaced = participant.estimate.is_below(ROOM * all);
        participant.rises.begin();
        let mut cut = Vec::new();
        for (picture, given) in pictures.iter().zip(&given) {
            // When nothing lives, it stays with what it had.
            if *given == picture.want.has || (given.is_none() && !picture.lives) {
                continue;
            }
            let Some(participant) = self.participants.get_mut(viewer) else {
                continue;
            };
            if spaced && picture.is_to_rise(*given) && !participant.rises.may_rise(now) {
                continue;
            }
            let slot = participant.slots.get_mut(picture.slot);
            if let Some(video) = slot.and_then(|slot| slot.outlet.video_mut()) {
                video.aim(*given);
                if floods && given.map(|given| given.layer) < video.layer() {
                    video.interrupt();
                    cut.push(picture.slot);
                }
                changed.insert(picture.track);
            }
        }
        for slot in cut {
            self.forget_sent(viewer, slot);
        }
        if !changed.is_empty() {
            self.concerns_viewer(viewer);
        }
        self.pace(viewer, sound, &wants, &given);
        self.schedule(viewer);
        changed
    }

    /// What was lost of what was far too much for a path is not sent again: it would be too much once
    /// more, and nothing depends on it.
    fn forget_sent(&mut self, viewer: Index, slot: usize) {
        let to = self.participants.get(viewer);
        let to = to.and_then(|viewer| viewer.slots.get(slot)?.to);
        if let Some(to) = to {
            self.run(viewer, &Call::Forget { slot }, |connection, _, _| {
                connection.forget(to);
                Ok(())
            });
        }
    }

    /// Viewers of these tracks get other layers now. Told together, so that one request asks for all
    /// keyframes of a track.
    pub(super) fn turned(&mut self, tracks: BTreeSet<TrackIndex>) {
        for track in tracks {
            self.concerns_track(track);
            self.refresh_keyframe(track);
        }
    }

    /// The pictures that somebody sees, the most wanted first.
    fn pictures(&self, viewer: Index) -> Vec<Picture> {
        let Some(participant) = self.participants.get(viewer) else {
            return Vec::new();
        };
        let mut pictures: Vec<Picture> = participant
            .slots
            .iter()
            .enumerate()
            .filter_map(|(slot, state)| {
                let track = state.track.filter(|_| state.shown != Shown::Hidden)?;
                let video = state.outlet.video()?;
                let publication = self.participants.get(track.0)?.publication(track.1);
                let most = publication.layers.needed(state.shown)?;
                let (rank, place) = self.place(participant, track, slot);
                let rates = publication.layers.rates();
                let lives = publication.layers.is_alive();
                let rates = state.decodable(&publication.layers, rates);
                let want = Want {
                    rank,
                    rates,
                    most,
                    has: video.aimed(),
                };
                Some(Picture {
                    slot,
                    track,
                    place,
                    lives,
                    plays: video.playing(),
                    flows: want.cost(video.playing()),
                    want,
                })
            })
            .collect();
        pictures.sort_by_key(|picture| (picture.want.rank, picture.place));
        pictures
    }

    /// The rank of a track in what the page shows, and its place there.
    fn place(
        &self,
        participant: &Participant,
        (index, source): TrackIndex,
        slot: usize,
    ) -> (u8, usize) {
        let by_itself = || (u8::from(source != Source::Screen), slot);
        let (Some(tiles), Some(id)) = (&participant.view, self.id_of(index)) else {
            return by_itself();
        };
        let is_it = |track: &TrackId| (track.participant, track.source) == (id, source);
        let place = tiles.iter().position(|tile| is_it(&tile.track));
        place.map_or_else(by_itself, |place| (rank(&tiles[place]), place))
    }

    /// Bits a second of all sounds that somebody gets. Of who is silent, that is next to nothing.
    fn sound(&self, participant: &Participant) -> u64 {
        let plain = participant.estimate.is_narrow();
        let tracks = participant.slots.iter().filter_map(|slot| slot.track);
        let tracks = tracks.filter(|(_, source)| source.kind() == MediaKind::Audio);
        let sounds = tracks.filter_map(|(publisher, source)| {
            let publication = self.participants.get(publisher)?.publication(source);
            let rate = || publication.layers.sound(plain).unwrap_or(SOUND);
            publication.on.then(rate)
        });
        sounds.sum()
    }

    /// Tells the estimator of a viewer's path what is to be found out.
    fn pace(&mut self, viewer: Index, sound: u64, wants: &[Want], given: &[Option<Quality>]) {
        if !self.limits.estimate_bandwidth {
            return;
        }
        let desired = wants.iter().map(Want::all).sum::<u64>() + sound;
        let pairs = || wants.iter().zip(given);
        let spent = pairs().map(|(want, given)| want.cost(*given)).sum::<u64>() + sound;
        // Padding beside pictures would only press them out of a path that carries little more. Probes
        // find out what else there is.
        let nothing = given.iter().all(Option::is_none);
        let next = pairs().filter_map(|(want, given)| want.next(*given));
        let next = next.min().filter(|_| nothing);
        let least = next.map_or(0, |more| spent + more);
        let Some(participant) = self.participants.get_mut(viewer) else {
            return;
        };
        let pace = Pace {
            least: least.min(MOST),
            desired: part(desired, HEADROOM).clamp(LEAST, MOST),
        };
        if !participant.is_connected() || participant.pace.is_near(pace) {
            return;
        }
        participant.pace = pace;
        let now = self.now;
        self.run(viewer, &Call::Pace(pace), |connection, _, _| {
            connection.pace(now, pace);
            Ok(())
        });
    }
}
