//! The codecs of pictures that clients take, all of them, and how they are told apart.

use str0m::RtcConfig;
use str0m::format::{Codec, CodecConfig, FormatParams};
use str0m::media::{Frequency, Pt};
use tsuji_core::VideoCodec;

/// Constrained baseline 3.1, as the server offers it.
const H264_PROFILE_LEVEL: u32 = 0x42_e0_1f;

pub(super) fn enable_all(config: RtcConfig) -> RtcConfig {
    let mut config = config.enable_vp8(true).enable_av1(true);
    let codecs = config.codec_config();
    codecs.add_h264(108.into(), Some(109.into()), true, H264_PROFILE_LEVEL);
    let format = FormatParams {
        profile_id: Some(0),
        ..Default::default()
    };
    let (clock, repair) = (Frequency::NINETY_KHZ, Some(99.into()));
    codecs.add_config(98.into(), repair, Codec::Vp9, clock, None, format);
    config
}

/// The payload type of a codec among those that were agreed on.
pub(super) fn payload_type(codec: VideoCodec, config: &CodecConfig, agreed: &[Pt]) -> Option<Pt> {
    let codec = match codec {
        VideoCodec::Vp8 => Codec::Vp8,
        VideoCodec::H264 => Codec::H264,
        VideoCodec::Vp9 => Codec::Vp9,
        VideoCodec::Av1 => Codec::Av1,
    };
    let of_codec = config.iter().filter(|params| params.spec().codec == codec);
    let mut payload_types = of_codec.map(|params| params.pt());
    payload_types.find(|payload_type| agreed.contains(payload_type))
}
