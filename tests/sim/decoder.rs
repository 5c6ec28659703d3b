//! What of a video stream can be shown: as a browser's jitter buffer and decoder decide it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tsuji_core::{Layer, Time, TrackId};

use crate::browser::Received;
use crate::media::Place;
use crate::screen::Screen;

/// How long a gap may stay open before a keyframe is asked for, as in libwebrtc, which asks for what is missing
/// as long (`max_wait_for_frame`).
const STUCK: Duration = Duration::from_secs(3);
/// The same, of who has shown nothing yet (`max_wait_for_keyframe`).
const BEGINS: Duration = Duration::from_millis(200);
/// How long what can be shown waits for what should have come before it.
const GAP: Duration = Duration::from_millis(100);
/// Between two requests.
const AGAIN: Duration = Duration::from_millis(500);
/// Pictures that wait for others.
const WAITING: usize = 128;

/// The decoder of one m-line.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Whose pictures it shows, and which encoding of them.
    stream: Option<(TrackId, Layer)>,
    newest_sequence: u64,
    /// The newest picture shown, and its picture id, where the codec has any.
    shown: Option<(u32, Option<u16>)>,
    /// All that were shown since the last keyframe.
    decoded: BTreeSet<u32>,
    /// Parts that came of pictures not yet shown.
    pictures: BTreeMap<u32, Parts>,
    stuck_since: Option<Time>,
    asked: Option<Time>,
    /// When a picture of the present source was shown last.
    pub last_shown: Option<Time>,
    /// Where everything is shown that can be.
    pub screen: Screen,
}

#[derive(Debug)]
struct Parts {
    missing: u32,
    place: Place,
    picture_id: Option<u16>,
    made: Time,
}

impl Parts {
    fn is_complete(&self) -> bool {
        self.missing == 0
    }
}

impl Decoder {
    /// Whose pictures it shows.
    pub fn track(&self) -> Option<TrackId> {
        self.stream.map(|(track, _)| track)
    }

    /// The encoding that it shows.
    pub fn layer(&self) -> Option<Layer> {
        self.stream.map(|(_, layer)| layer)
    }

    /// Takes a packet.
    pub(crate) fn packet(&mut self, packet: &Received) {
        let stream = (packet.track(), packet.layer);
        if self.stream != Some(stream) {
            if packet.sequence < self.newest_sequence {
                return;
            }
            let is_same_source = self.track() == Some(packet.track());
            let mut screen = std::mem::take(&mut self.screen);
            if !is_same_source {
                screen.forget();
            }
            *self = Self {
                screen,
                stream: Some(stream),
                asked: self.asked,
                last_shown: self.last_shown.filter(|_| is_same_source),
                ..Self::default()
            };
        }
        self.newest_sequence = self.newest_sequence.max(packet.sequence);
        let place = packet.place;
        if self.shown.is_some_and(|(shown, _)| place.frame <= shown) {
            return;
        }
        let parts = self.pictures.entry(place.frame).or_insert(Parts {
            missing: (1 << place.parts) - 1,
            place,
            picture_id: packet.picture_id,
            made: packet.made,
        });
        parts.missing &= !(1 << place.part);
        if self.show(packet.at) {
            self.last_shown = Some(packet.at);
            self.stuck_since = None;
        }
        if self.pictures.is_empty() {
            self.stuck_since = None;
        } else {
            self.stuck_since.get_or_insert(packet.at);
        }
        while self.pictures.len() > WAITING {
            self.pictures.pop_first();
        }
    }

    /// Shows what has become complete; says whether anything was.
    fn show(&mut self, t: Time) -> bool {
        let before = self.shown;
        let complete_key = |(frame, parts): (&u32, &Parts)| {
            (parts.place.keyframe && parts.is_complete()).then_some(*frame)
        };
        let key = self.pictures.iter().rev().find_map(complete_key);
        if let Some(key) = key {
            self.decoded.clear();
            self.advance_to(key, t);
        }
        while let Some(next) = self.next(t) {
            self.advance_to(next, t);
        }
        self.shown != before
    }

    /// The next picture that can be shown. What is missing before it is waited for a while.
    fn next(&self, t: Time) -> Option<u32> {
        let (shown, id) = self.shown?;
        let (frame, parts) = self.pictures.first_key_value()?;
        let follows = |id: u16| parts.picture_id == Some((id + 1) & 0x7fff);
        let is_next = *frame == shown + 1 || id.is_some_and(follows);
        if is_next {
            let needs = u32::from(parts.place.needs);
            let needed = needs == 0 || self.decoded.contains(&(frame - needs));
            assert!(
                needed,
                "{frame} follows {shown} without what it needs: {parts:?}"
            );
            return parts.is_complete().then_some(*frame);
        }
        let patient = self.stuck_since.is_none_or(|since| t < since + GAP);
        let can_be_shown = |(frame, parts): (&u32, &Parts)| {
            let needed = frame.checked_sub(parts.place.needs.into());
            let there = needed.is_some_and(|needed| self.decoded.contains(&needed));
            (parts.place.tid == 0 && parts.is_complete() && there).then_some(*frame)
        };
        let mut pictures = self.pictures.iter().filter(|_| !patient);
        pictures.find_map(can_be_shown)
    }

    fn advance_to(&mut self, frame: u32, t: Time) {
        if let Some(parts) = self.pictures.get(&frame) {
            self.screen.frame(parts.made, t);
            self.shown = Some((frame, parts.picture_id));
            self.decoded.insert(frame);
        }
        self.pictures = self.pictures.split_off(&(frame + 1));
    }

    /// When [`Decoder::asks`] may say yes.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let patience = if self.shown.is_some() { STUCK } else { BEGINS };
        let stuck = self.stuck_since? + patience;
        Some(self.asked.map_or(stuck, |asked| stuck.max(asked + AGAIN)))
    }

    /// Whether to ask for a keyframe now. Saying yes counts as asked.
    pub(crate) fn asks(&mut self, t: Time) -> bool {
        let due = self.deadline().is_some_and(|due| due <= t);
        if due {
            self.asked = Some(t);
        }
        due
    }
}
