//! The layers of what somebody publishes, and which of them live.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::meter::Meter;
use super::picture::TemporalId;
use super::quality::{Rates, Temporal};
use super::view::Shown;
use crate::codec::VideoCodec;
use crate::ids::{Layer, Source};
use crate::time::{Time, earliest};

/// A layer from which nothing came for so long is dead. 900 ms: its viewers have gone to another
/// within the second, and a camera that makes two pictures a second in the dark still lives.
const SILENCE: Duration = Duration::from_millis(900);
/// The same of a screen. 2.5 s: Chromium sends a still one again once a second.
const SCREEN_SILENCE: Duration = Duration::from_millis(2_500);

/// How long the first packet may take from when it should come. 2 s: a page that was asked to send
/// again does so within one.
const PATIENCE: Duration = Duration::from_secs(2);

/// What cameras mostly make, for as long as nothing is known. Pixels.
const USUAL: (u32, u32) = (1_280, 720);

/// Bits a second for each pixel of what browsers make of a camera: 1.8 Mbit/s of 1280 × 720.
const BITS_A_PIXEL: u64 = 2;

/// What the smallest layer is taken for until it was measured, bits a second.
const UNMETERED: u64 = 100_000;

/// One picture as somebody publishes it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Track {
    silence: Duration,
    /// Width and height of the last keyframe of each layer, in pixels.
    sizes: [Option<(u16, u16)>; Layer::ALL.len()],
    /// How each layer was encoded when it last came.
    codecs: [Option<VideoCodec>; Layer::ALL.len()],
    /// How much comes of each layer.
    meters: [Meter; Layer::ALL.len()],
    /// When each living layer's newest packet came.
    layers: [Option<Time>; Layer::ALL.len()],
    /// When to look for the dead. Not later than is due; a packet does not move it.
    check: Option<Time>,
    /// When something should have come.
    due: Option<Time>,
    /// Nothing comes that should.
    dead: bool,
}

impl Track {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            silence: match source {
                Source::Screen => SCREEN_SILENCE,
                Source::Camera | Source::Microphone | Source::ScreenAudio => SILENCE,
            },
            sizes: Default::default(),
            codecs: Default::default(),
            meters: Default::default(),
            layers: Default::default(),
            check: None,
            due: None,
            dead: false,
        }
    }

    /// A keyframe of this size came. Whether the layer had another before.
    pub(crate) fn measured(&mut self, layer: Layer, size: (u16, u16)) -> bool {
        self.sizes[layer as usize].replace(size) != Some(size)
    }

    /// The smallest layer that is as sharp as a viewer can see it; `None` where it sees none.
    pub(crate) fn needed(&self, shown: Shown) -> Option<Layer> {
        if shown == Shown::Hidden {
            return None;
        }
        let mut layers = Layer::ALL.into_iter();
        let fitting = layers.find(|layer| shown.is_filled_by(self.size(*layer)));
        Some(fitting.unwrap_or(Layer::Full))
    }

    /// Width and height of a layer in pixels. Of one that has not shown it, from the largest that
    /// has: each is twice as large as the one before.
    fn size(&self, layer: Layer) -> (u32, u32) {
        let known = Layer::ALL.into_iter().rev();
        let known = known.map(|known| (known, self.sizes[known as usize]));
        let exact = self.sizes[layer as usize].map(|size| (layer, size));
        let found = exact.or_else(|| known.into_iter().find_map(|(of, size)| Some((of, size?))));
        let (of, (width, height)) = match found {
            Some((of, (width, height))) => (of, (width.into(), height.into())),
            None => (Layer::Full, USUAL),
        };
        let scale = |side: u32| (side << layer as u32) >> of as u32;
        (scale(width), scale(height))
    }

    /// Bits a second of each layer that lives, and of less of it. Of one that has not come for long,
    /// what is usual for its size; of the smallest, little, so that nobody waits for it to be measured.
    pub(crate) fn rates(&self) -> [Rates; Layer::ALL.len()] {
        let smallest = Layer::ALL.into_iter().find(|layer| self.lives(*layer));
        Layer::ALL.map(|layer| {
            if !self.lives(layer) {
                return Rates::default();
            }
            let metered = self.meters[layer as usize].rates();
            let usual = || {
                let (width, height) = self.size(layer);
                let bits = BITS_A_PIXEL * u64::from(width) * u64::from(height);
                let bits = bits.min(if Some(layer) == smallest {
                    UNMETERED
                } else {
                    u64::MAX
                });
                [None, None, Some(bits)]
            };
            metered.unwrap_or_else(usual)
        })
    }

    /// A packet with so many bytes of payload came, of a picture of such a temporal layer. Whether its
    /// layer lives only since then, or is encoded otherwise.
    pub(crate) fn arrived(
        &mut self,
        t: Time,
        layer: Layer,
        (codec, temporal): (VideoCodec, Option<TemporalId>),
        bytes: usize,
    ) -> bool {
        let of = temporal.map_or(Temporal::Base, |temporal| Temporal::of(temporal.id));
        self.meters[layer as usize].note(t, bytes, of);
        let is_other = self.codecs[layer as usize].replace(codec) != Some(codec);
        let is_new = self.layers[layer as usize].replace(t).is_none();
        if is_new {
            self.check.get_or_insert(t + self.silence);
            (self.due, self.dead) = (None, false);
        }
        is_new || is_other
    }

    /// A packet of sound with so many bytes of payload came; `redundant`: it repeats what was in the one
    /// before (RFC 2198), which is about as long.
    pub(crate) fn heard(&mut self, t: Time, bytes: usize, redundant: bool) {
        let repeated = if redundant { bytes / 2 } else { 0 };
        self.meters[Layer::Full as usize].note_sound(t, bytes, repeated);
    }

    /// Bits a second of a sound, without what only repeats others if that is left out; `None` while that
    /// is not known.
    pub(crate) fn sound(&self, plain: bool) -> Option<u64> {
        let [base, _, all] = self.meters[Layer::Full as usize].rates()?;
        base.filter(|_| plain).or(all)
    }

    /// How all that comes is encoded; where nothing does, how it was.
    pub(crate) fn codecs(&self) -> impl Iterator<Item = VideoCodec> {
        let is_alive = self.is_alive();
        let layers = Layer::ALL.into_iter();
        let layers = layers.filter(move |layer| !is_alive || self.lives(*layer));
        layers.filter_map(|layer| self.codec(layer))
    }

    /// How a layer was encoded when it last came.
    pub(crate) fn codec(&self, layer: Layer) -> Option<VideoCodec> {
        self.codecs[layer as usize]
    }

    /// From now on something should come.
    pub(crate) fn expect(&mut self, t: Time) {
        if !self.is_alive() {
            (self.due, self.dead) = (Some(t + PATIENCE), false);
        }
    }

    /// When [`Track::bury`] is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        earliest([self.check, self.due])
    }

    /// Whether a layer has died, or nothing came that should have.
    pub(crate) fn bury(&mut self, t: Time) -> bool {
        if self.due.take_if(|due| *due <= t).is_some() {
            self.dead = true;
            return true;
        }
        if self.check.is_none_or(|check| check > t) {
            return false;
        }
        let before = self.layers;
        for newest in &mut self.layers {
            *newest = newest.filter(|newest| *newest + self.silence > t);
        }
        for (meter, newest) in self.meters.iter_mut().zip(&self.layers) {
            if newest.is_none() {
                meter.pause();
            }
        }
        let oldest = self.layers.iter().flatten().min();
        self.check = oldest.map(|oldest| *oldest + self.silence);
        self.dead = oldest.is_none();
        self.layers.map(|newest| newest.is_some()) != before.map(|newest| newest.is_some())
    }

    /// Whether something comes of a layer.
    pub(crate) fn lives(&self, layer: Layer) -> bool {
        self.layers[layer as usize].is_some()
    }

    /// Whether nothing comes that should.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    /// Whether something comes at all.
    pub(crate) fn is_alive(&self) -> bool {
        self.layers.iter().any(Option::is_some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Layer::{Full, Half, Quarter};

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn a_layer_that_stops_is_noticed_within_a_second() {
        let mut track = Track::new(Source::Camera);
        assert_eq!(track.rates(), [Rates::default(); 3]);
        let mut died = None;
        for ms in 0..5_000 {
            let t = at(ms);
            if ms % 33 == 0 {
                assert_eq!(
                    track.arrived(t, Quarter, (VideoCodec::Vp8, None), 1_000),
                    ms == 0
                );
                if ms <= 1_980 {
                    assert_eq!(
                        track.arrived(t, Full, (VideoCodec::Vp8, None), 1_000),
                        ms == 0
                    );
                }
            }
            if track.deadline().is_some_and(|due| due <= t) && track.bury(t) {
                assert_eq!(died.replace(ms), None, "once");
            }
        }
        assert_eq!(died, Some(1_980 + 900));
        assert!(track.lives(Quarter) && !track.lives(Full));
        assert!(
            track.arrived(at(5_000), Full, (VideoCodec::Vp8, None), 1_000),
            "it is back"
        );
    }

    #[test]
    fn nothing_is_waited_for_when_nothing_lives() {
        let mut track = Track::new(Source::Camera);
        track.arrived(at(0), Half, (VideoCodec::Vp8, None), 1_000);
        assert!(!track.bury(at(899)) && track.bury(at(900)));
        assert_eq!(track.deadline(), None);
    }

    #[test]
    fn what_should_come_and_does_not_is_dead_after_a_while() {
        let mut track = Track::new(Source::Camera);
        assert!(!track.is_dead() && track.deadline().is_none());
        track.expect(at(1_000));
        assert!(!track.bury(at(2_999)) && track.bury(at(3_000)) && track.is_dead());
        assert_eq!(track.deadline(), None);
        track.expect(at(4_000));
        assert!(!track.is_dead());
        assert!(track.arrived(at(4_500), Full, (VideoCodec::Vp8, None), 1_000));
        track.expect(at(4_600));
        assert!(track.bury(at(5_400)) && track.is_dead());
        assert!(!track.bury(at(9_000)), "once");
        assert!(track.arrived(at(9_500), Full, (VideoCodec::Vp8, None), 1_000) && !track.is_dead());
    }

    #[test]
    fn what_lives_tells_how_it_is_encoded_and_else_what_came_last() {
        use VideoCodec::{Av1, Vp8};
        let mut track = Track::new(Source::Camera);
        assert_eq!(track.codecs().count(), 0);
        assert!(track.arrived(at(0), Full, (Vp8, None), 1_000));
        assert!(!track.arrived(at(10), Full, (Vp8, None), 1_000));
        assert!(
            track.arrived(at(20), Full, (Av1, None), 1_000),
            "another codec"
        );
        track.arrived(at(900), Half, (Vp8, None), 1_000);
        assert_eq!(track.codecs().collect::<Vec<_>>(), [Vp8, Av1]);
        track.bury(at(1_000));
        assert_eq!(track.codecs().collect::<Vec<_>>(), [Vp8]);
        track.bury(at(9_000));
        assert_eq!(track.codecs().collect::<Vec<_>>(), [Vp8, Av1]);
    }

    #[test]
    fn a_screen_that_stands_still_lives() {
        let mut track = Track::new(Source::Screen);
        for second in 0..5 {
            assert!(!track.bury(at(1_000 * second)));
            track.arrived(at(1_000 * second), Full, (VideoCodec::Vp8, None), 1_000);
        }
        assert!(track.bury(at(6_500)));
    }

    #[test]
    fn the_smallest_layer_that_fills_its_tile_is_enough() {
        let tile = |width, height| Shown::Tile {
            width,
            height,
            whole: false,
        };
        let mut track = Track::new(Source::Camera);
        let unknown = [tile(300, 170), tile(321, 100), tile(1_280, 800)];
        let needed = unknown.map(|shown| track.needed(shown));
        assert_eq!(needed, [Some(Quarter), Some(Half), Some(Full)]);
        assert!(track.measured(Half, (320, 180)) && !track.measured(Half, (320, 180)));
        for (shown, layer) in [
            (Shown::Hidden, None),
            (Shown::Full, Some(Full)),
            (tile(160, 90), Some(Quarter)),
            (tile(161, 90), Some(Half)),
            (tile(320, 181), Some(Full)),
        ] {
            assert_eq!(track.needed(shown), layer, "{shown:?}");
        }
        track.measured(Full, (320, 240));
        assert_eq!(
            track.needed(tile(320, 180)),
            Some(Half),
            "what was seen counts"
        );
        assert_eq!(track.needed(tile(80, 60)), Some(Quarter));
    }
}
