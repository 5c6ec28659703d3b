//! One outgoing stream of a slot: decides whether a packet passes, and renumbers it.

use serde::{Deserialize, Serialize};

use super::hold::{Encoder, Hold, Verdict};
use super::picture::{Glance, VideoPatch};
use super::quality::Quality;
use super::rewrite::picture::PictureContinuity;
use super::rewrite::rtp::RtpContinuity;
use super::thin::Thinning;
use crate::codec::VideoCodec;
use crate::ids::{Layer, MediaKind};
use crate::time::Time;

/// Opus always counts at 48 kHz (RFC 7587, 4.1).
const AUDIO_CLOCK: u32 = 48_000;
/// Video counts at 90 kHz (RFC 3551, 5).
const VIDEO_CLOCK: u32 = 90_000;

/// A packet of the source, as far as forwarding cares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Time,
    /// Which encoding it belongs to; of no meaning for sound.
    pub(crate) layer: Layer,
    pub(crate) ssrc: u32,
    /// Extended sequence number.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    /// How it is encoded and what can be read of it, if it is of a picture and can be read.
    pub(crate) picture: Option<(VideoCodec, Glance)>,
}

/// What a packet becomes in the viewer's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Renumbered {
    /// Extended sequence number.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) patch: Option<VideoPatch>,
}

/// The stream of a slot.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Outlet {
    Audio(AudioOutlet),
    Video(VideoOutlet),
}

impl Outlet {
    pub(crate) fn new(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::Audio(AudioOutlet::new()),
            MediaKind::Video => Self::Video(VideoOutlet::new()),
        }
    }

    pub(crate) fn kind(&self) -> MediaKind {
        match self {
            Self::Audio(_) => MediaKind::Audio,
            Self::Video(_) => MediaKind::Video,
        }
    }

    pub(crate) fn video(&self) -> Option<&VideoOutlet> {
        match self {
            Self::Audio(_) => None,
            Self::Video(video) => Some(video),
        }
    }

    pub(crate) fn video_mut(&mut self) -> Option<&mut VideoOutlet> {
        match self {
            Self::Audio(_) => None,
            Self::Video(video) => Some(video),
        }
    }

    /// The highest sequence number that is remembered.
    pub(crate) fn newest_sequence(&self) -> u64 {
        match self {
            Self::Audio(audio) => audio.newest_sequence(),
            Self::Video(video) => video.newest_sequence(),
        }
    }

    /// The source changed, or paused.
    pub(crate) fn interrupt(&mut self) {
        match self {
            Self::Audio(audio) => audio.interrupt(),
            Self::Video(video) => video.interrupt(),
        }
    }

    /// What to send for a packet, if anything.
    pub(crate) fn pass(&mut self, packet: &Arrival) -> Option<Renumbered> {
        match self {
            Self::Audio(audio) => audio.pass(packet),
            Self::Video(video) => video.pass(packet),
        }
    }
}

/// The audio stream of a slot.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AudioOutlet {
    numbers: RtpContinuity,
    ssrc: Option<u32>,
}

impl AudioOutlet {
    pub(crate) fn new() -> Self {
        Self {
            numbers: RtpContinuity::new(AUDIO_CLOCK),
            ssrc: None,
        }
    }

    /// The highest sequence number that is remembered.
    pub(crate) fn newest_sequence(&self) -> u64 {
        self.numbers.newest_sequence()
    }

    /// The source changed, or paused.
    pub(crate) fn interrupt(&mut self) {
        self.ssrc = None;
    }

    /// What to send for a packet, if anything.
    pub(crate) fn pass(&mut self, packet: &Arrival) -> Option<Renumbered> {
        if self.ssrc.replace(packet.ssrc) != Some(packet.ssrc) {
            self.numbers.interrupt();
        }
        let (sequence, timestamp) =
            self.numbers
                .renumber(packet.at, packet.sequence, packet.timestamp)?;
        Some(Renumbered {
            sequence,
            timestamp,
            patch: None,
        })
    }
}

/// The video stream of a slot.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct VideoOutlet {
    numbers: RtpContinuity,
    pictures: PictureContinuity,
    hold: Hold,
    thinning: Thinning,
}

impl VideoOutlet {
    pub(crate) fn new() -> Self {
        Self {
            numbers: RtpContinuity::new(VIDEO_CLOCK),
            pictures: PictureContinuity::default(),
            hold: Hold::default(),
            thinning: Thinning::default(),
        }
    }

    /// The highest sequence number that is remembered.
    pub(crate) fn newest_sequence(&self) -> u64 {
        self.numbers.newest_sequence()
    }

    /// The source changed, or paused: nothing passes until a keyframe begins, because nothing
    /// before it could be decoded.
    pub(crate) fn interrupt(&mut self) {
        self.hold.interrupt();
    }

    /// Wants this, or nothing. What plays goes on until the keyframe of another layer.
    pub(crate) fn aim(&mut self, target: Option<Quality>) {
        self.hold.aim(target.map(|target| target.layer));
        if let Some(Quality { layer, temporal }) = target {
            // What is smaller than what is wanted fits as it is.
            let fits = self.hold.playing().is_some_and(|playing| playing < layer);
            self.thinning.aim(temporal, !fits);
        }
    }

    /// What is wanted, if anything.
    pub(crate) fn aimed(&self) -> Option<Quality> {
        let temporal = self.thinning.aimed();
        let layer = self.hold.aimed();
        layer.map(|layer| Quality { layer, temporal })
    }

    /// What plays, if anything.
    pub(crate) fn playing(&self) -> Option<Quality> {
        let temporal = self.thinning.passing();
        let layer = self.hold.playing();
        layer.map(|layer| Quality { layer, temporal })
    }

    /// The layer that plays, if any.
    pub(crate) fn layer(&self) -> Option<Layer> {
        self.hold.playing()
    }

    /// The layer whose keyframe is waited for, if any.
    pub(crate) fn awaited(&self) -> Option<Layer> {
        self.hold.awaited()
    }

    /// What to send for a packet, if anything.
    pub(crate) fn pass(&mut self, packet: &Arrival) -> Option<Renumbered> {
        let (codec, glance) = packet.picture?;
        let encoder = Encoder {
            ssrc: packet.ssrc,
            codec,
        };
        let starts_keyframe = glance.starts_keyframe;
        let (sequence, timestamp) = (packet.sequence, packet.timestamp);
        match self.hold.judge(packet.layer, encoder, starts_keyframe) {
            Verdict::Pass => {
                if !self.thinning.passes(sequence, timestamp, glance.temporal) {
                    self.numbers.leave_out(sequence, timestamp);
                    if codec == VideoCodec::Vp8 {
                        self.pictures.leave_out(glance.numbers);
                    }
                    return None;
                }
            }
            Verdict::Begin => {
                self.numbers.interrupt();
                self.pictures.interrupt();
                self.thinning.begin(sequence, timestamp);
            }
            Verdict::Stop => return None,
        }
        let newest = self.numbers.newest_sent();
        let (sequence, timestamp) = self.numbers.renumber(packet.at, sequence, timestamp)?;
        let is_newest = newest.is_none_or(|newest| sequence > newest);
        let patch = self.pictures.renumber(glance.numbers, is_newest)?;
        Some(Renumbered {
            sequence,
            timestamp,
            patch: Some(patch),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYFRAME: &[u8] = &[0x10, 0x00];
    const DELTA: &[u8] = &[0x10, 0x01];

    fn arrival(ssrc: u32, sequence: u64, payload: &[u8]) -> Arrival {
        let codec = VideoCodec::Vp8;
        Arrival {
            at: Time::from_millis(sequence),
            layer: Layer::Full,
            ssrc,
            sequence,
            timestamp: 90 * sequence as u32,
            picture: Glance::of(codec, payload).map(|glance| (codec, glance)),
        }
    }

    fn pass(outlet: &mut VideoOutlet, ssrc: u32, sequence: u64, payload: &[u8]) -> Option<u64> {
        outlet
            .pass(&arrival(ssrc, sequence, payload))
            .map(|out| out.sequence)
    }

    #[test]
    fn a_viewer_gets_nothing_that_it_can_not_decode() {
        let mut outlet = VideoOutlet::new();
        outlet.aim(Some(Quality::all(Layer::Full)));
        assert_eq!(pass(&mut outlet, 1, 10, DELTA), None);
        assert_eq!(outlet.awaited(), Some(Layer::Full));
        assert_eq!(pass(&mut outlet, 1, 11, KEYFRAME), Some(1_000));
        assert_eq!(pass(&mut outlet, 1, 12, DELTA), Some(1_001));
        assert_eq!(
            pass(&mut outlet, 1, 10, DELTA),
            None,
            "late, before the keyframe"
        );
    }

    #[test]
    fn another_source_begins_with_its_keyframe_and_continues_the_numbers() {
        let mut outlet = VideoOutlet::new();
        outlet.aim(Some(Quality::all(Layer::Full)));
        pass(&mut outlet, 1, 10, KEYFRAME);
        outlet.interrupt();
        assert_eq!(pass(&mut outlet, 2, 500, DELTA), None);
        assert_eq!(pass(&mut outlet, 2, 501, KEYFRAME), Some(1_001));
        assert_eq!(
            pass(&mut outlet, 3, 80, DELTA),
            None,
            "a new SSRC is a new source"
        );
        assert_eq!(pass(&mut outlet, 3, 81, KEYFRAME), Some(1_002));
    }

    #[test]
    fn sound_passes_at_once_and_a_pause_leaves_no_gap() {
        let mut outlet = AudioOutlet::new();
        let mut pass = |sequence| outlet.pass(&arrival(5, sequence, &[1])).unwrap().sequence;
        assert_eq!(pass(77), 1_000);
        assert_eq!(pass(78), 1_001);
        outlet.interrupt();
        let resumed = outlet.pass(&arrival(5, 400, &[1])).unwrap();
        assert_eq!(resumed.sequence, 1_002);
    }
}
