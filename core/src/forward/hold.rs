//! Which of a source's layers passes in a stream, and when it changes.

use serde::{Deserialize, Serialize};

use crate::codec::VideoCodec;
use crate::ids::Layer;

/// Holds back what the viewer could not decode.
///
/// Another layer, or another encoder of the same one (a new SSRC or codec), begins with its keyframe. Until
/// that comes, what played goes on: up and down alike. A layer that died goes on with nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Hold {
    playing: Option<Playing>,
    target: Option<Layer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Playing {
    layer: Layer,
    encoder: Encoder,
}

/// What encodes a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Encoder {
    pub(crate) ssrc: u32,
    pub(crate) codec: VideoCodec,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on.
    Pass,
    /// It goes on, and the stretch of numbers before it has ended.
    Begin,
    /// It stays here.
    Stop,
}

impl Hold {
    /// Wants this layer, or nothing.
    pub(crate) fn aim(&mut self, target: Option<Layer>) {
        self.target = target;
        if target.is_none() {
            self.playing = None;
        }
    }

    /// The source changed or paused, or what plays is far too much for the path: nothing passes until
    /// a keyframe begins.
    pub(crate) fn interrupt(&mut self) {
        self.playing = None;
    }

    /// The layer that is wanted, if any.
    pub(crate) fn aimed(&self) -> Option<Layer> {
        self.target
    }

    /// The layer that plays, if any.
    pub(crate) fn playing(&self) -> Option<Layer> {
        self.playing.map(|playing| playing.layer)
    }

    /// The layer whose keyframe is waited for, if any.
    pub(crate) fn awaited(&self) -> Option<Layer> {
        self.target.filter(|_| self.playing() != self.target)
    }

    /// Judges a packet.
    pub(crate) fn judge(
        &mut self,
        layer: Layer,
        encoder: Encoder,
        starts_keyframe: bool,
    ) -> Verdict {
        let this = Playing { layer, encoder };
        if self.playing == Some(this) {
            return Verdict::Pass;
        }
        if self.target == Some(layer) && starts_keyframe {
            self.playing = Some(this);
            return Verdict::Begin;
        }
        if self.playing() == Some(layer) {
            // Another encoder: nothing of it can be decoded yet.
            self.playing = None;
        }
        Verdict::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Layer::{Full, Half, Quarter};
    use Verdict::{Begin, Pass, Stop};

    fn judge(hold: &mut Hold, layer: Layer, ssrc: u32, starts_keyframe: bool) -> Verdict {
        let codec = VideoCodec::Vp8;
        hold.judge(layer, Encoder { ssrc, codec }, starts_keyframe)
    }

    #[test]
    fn the_old_layer_plays_until_the_keyframe_of_the_new_one() {
        let mut hold = Hold::default();
        hold.aim(Some(Quarter));
        assert_eq!(judge(&mut hold, Quarter, 1, false), Stop);
        assert_eq!(judge(&mut hold, Quarter, 1, true), Begin);
        for (aim, ssrc, last, last_ssrc) in [(Full, 3, Quarter, 1), (Half, 2, Full, 3)] {
            hold.aim(Some(aim));
            assert_eq!(hold.awaited(), Some(aim));
            assert_eq!(judge(&mut hold, aim, ssrc, false), Stop);
            assert_eq!(judge(&mut hold, last, last_ssrc, false), Pass);
            assert_eq!(judge(&mut hold, last, last_ssrc, true), Pass);
            assert_eq!(judge(&mut hold, aim, ssrc, true), Begin);
            assert_eq!(judge(&mut hold, last, last_ssrc, false), Stop, "late");
            assert_eq!(judge(&mut hold, aim, ssrc, false), Pass);
            assert_eq!(hold.awaited(), None);
        }
    }

    #[test]
    fn a_change_of_mind_leaves_what_plays() {
        let mut hold = Hold::default();
        hold.aim(Some(Half));
        assert_eq!(judge(&mut hold, Half, 2, true), Begin);
        hold.aim(Some(Full));
        hold.aim(Some(Half));
        assert_eq!(hold.awaited(), None);
        assert_eq!(judge(&mut hold, Half, 2, false), Pass);
    }

    #[test]
    fn a_new_encoder_and_what_was_stopped_begin_with_a_keyframe() {
        let mut hold = Hold::default();
        hold.aim(Some(Full));
        assert_eq!(judge(&mut hold, Full, 3, true), Begin);
        assert_eq!(judge(&mut hold, Full, 9, false), Stop);
        assert_eq!(hold.awaited(), Some(Full));
        assert_eq!(judge(&mut hold, Full, 9, true), Begin);
        hold.aim(None);
        assert_eq!(judge(&mut hold, Full, 9, true), Stop);
        hold.aim(Some(Full));
        assert_eq!(judge(&mut hold, Full, 9, false), Stop);
        assert_eq!(judge(&mut hold, Full, 9, true), Begin);
        hold.interrupt();
        assert_eq!(hold.awaited(), Some(Full));
    }

    #[test]
    fn another_codec_begins_with_its_keyframe() {
        let mut hold = Hold::default();
        hold.aim(Some(Full));
        assert_eq!(judge(&mut hold, Full, 3, true), Begin);
        let h264 = Encoder {
            ssrc: 3,
            codec: VideoCodec::H264,
        };
        assert_eq!(hold.judge(Full, h264, false), Stop);
        assert_eq!(hold.awaited(), Some(Full));
        assert_eq!(hold.judge(Full, h264, true), Begin);
        assert_eq!(hold.judge(Full, h264, false), Pass);
    }
}
