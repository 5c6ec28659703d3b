//! Which codecs are offered, and what payload types stand for.

use str0m::RtcConfig;
use str0m::format::{Codec as RtcCodec, CodecConfig, FormatParams, PayloadParams};
use str0m::media::{Frequency, Pt};

use crate::codec::{Codec, VideoCodec};

/// Constrained baseline, which every browser that has H.264 has (RFC 7742, 6.2), at level 3.1; and its
/// payload types.
const H264_PROFILE_LEVEL: u32 = 0x42_e0_1f;
const H264: u8 = 108;
const H264_REPAIR: u8 = 109;

/// Profile 0, and its payload types.
const VP9: u8 = 98;
const VP9_REPAIR: u8 = 99;

/// Offers all codecs, `preferred` before the other ones of pictures. Sound is offered with what repeats
/// it, so that browsers send that which can.
///
/// Each in one form only: what one peer sends, any other that agreed to the codec can decode.
pub(super) fn offer(config: RtcConfig, preferred: VideoCodec) -> RtcConfig {
    let config = config.clear_codecs().enable_opus(true, true);
    preferred.first().fold(config, enable)
}

fn enable(mut config: RtcConfig, codec: VideoCodec) -> RtcConfig {
    match codec {
        VideoCodec::Vp8 => config.enable_vp8(true),
        VideoCodec::Av1 => config.enable_av1(true),
        VideoCodec::H264 => {
            let codecs = config.codec_config();
            codecs.add_h264(
                H264.into(),
                Some(H264_REPAIR.into()),
                true,
                H264_PROFILE_LEVEL,
            );
            config
        }
        VideoCodec::Vp9 => {
            let format = FormatParams {
                profile_id: Some(0),
                ..Default::default()
            };
            let (clock, codecs) = (Frequency::NINETY_KHZ, config.codec_config());
            codecs.add_config(
                VP9.into(),
                Some(VP9_REPAIR.into()),
                RtcCodec::Vp9,
                clock,
                None,
                format,
            );
            config
        }
    }
}

/// A payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) payload_type: u8,
    pub(super) codec: Codec,
    /// What is sent with it was sent before (RFC 4588).
    pub(super) repairs: bool,
}

/// What payload types stand for.
pub(super) fn formats(config: &CodecConfig) -> Vec<Format> {
    let mut formats = Vec::new();
    for params in config.iter() {
        let again = |(codec, _)| (codec, params.resend(), true);
        let repair = both(params).next().map(again);
        let media = both(params).map(|(codec, payload_type)| (codec, Some(payload_type), false));
        for (codec, payload_type, repairs) in media.chain(repair) {
            formats.extend(payload_type.map(|payload_type| Format {
                payload_type: *payload_type,
                codec,
                repairs,
            }));
        }
    }
    formats
}

/// The payload types of each codec among those that the peer agreed to.
pub(super) fn agreed(config: &CodecConfig, agreed: &[Pt]) -> [Option<Pt>; Codec::ALL.len()] {
    let mut payload_types = [None; Codec::ALL.len()];
    let params = config.iter().filter(|params| agreed.contains(&params.pt()));
    for (codec, payload_type) in params.flat_map(both) {
        payload_types[codec.number()].get_or_insert(payload_type);
    }
    payload_types
}

/// The payload types with which each of these codecs is sent again (RFC 4588): not sound that repeats itself.
pub(super) fn repairs(config: &CodecConfig, agreed: &[Pt]) -> [Option<u8>; Codec::ALL.len()] {
    let mut payload_types = [None; Codec::ALL.len()];
    for params in config.iter().filter(|params| agreed.contains(&params.pt())) {
        let codec = both(params).next().map(|(codec, _)| codec);
        if let (Some(codec), Some(repair)) = (codec.filter(|c| *c != Codec::Red), params.resend()) {
            payload_types[codec.number()].get_or_insert(*repair);
        }
    }
    payload_types
}

/// A codec with its payload type, and with that of its redundant form.
fn both(params: &PayloadParams) -> impl Iterator<Item = (Codec, Pt)> {
    let codec = match params.spec().codec {
        RtcCodec::Opus => Some(Codec::Opus),
        RtcCodec::Vp8 => Some(Codec::Video(VideoCodec::Vp8)),
        RtcCodec::H264 => Some(Codec::Video(VideoCodec::H264)),
        RtcCodec::Vp9 => Some(Codec::Video(VideoCodec::Vp9)),
        RtcCodec::Av1 => Some(Codec::Video(VideoCodec::Av1)),
        _ => None,
    };
    let plain = codec.map(|codec| (codec, params.pt()));
    let redundant = params.red().map(|payload_type| (Codec::Red, payload_type));
    plain.into_iter().chain(redundant)
}
