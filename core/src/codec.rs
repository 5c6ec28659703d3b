//! How sound and pictures are encoded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::MediaKind;

/// How pictures are encoded.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum VideoCodec {
    /// RFC 6386. What every browser has.
    #[default]
    Vp8,
    /// ITU-T H.264, its constrained baseline profile (RFC 7742, 6.2).
    H264,
    /// VP9, its profile 0.
    Vp9,
    /// AV1, its main profile.
    Av1,
}

impl VideoCodec {
    /// All, those first that more browsers have.
    pub const ALL: [VideoCodec; 4] = [
        VideoCodec::Vp8,
        VideoCodec::H264,
        VideoCodec::Vp9,
        VideoCodec::Av1,
    ];

    /// What it is called: `vp8`, `h264`, `vp9` or `av1`.
    pub fn name(self) -> &'static str {
        match self {
            VideoCodec::Vp8 => "vp8",
            VideoCodec::H264 => "h264",
            VideoCodec::Vp9 => "vp9",
            VideoCodec::Av1 => "av1",
        }
    }

    /// All, this one first: the order in which they are offered.
    pub(crate) fn first(self) -> impl Iterator<Item = VideoCodec> {
        let others = Self::ALL.into_iter().filter(move |codec| *codec != self);
        std::iter::once(self).chain(others)
    }
}

impl fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No such codec is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected vp8, h264, vp9 or av1")]
pub struct UnknownCodec;

impl FromStr for VideoCodec {
    type Err = UnknownCodec;

    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        let mut all = Self::ALL.into_iter();
        all.find(|codec| codec.name() == name).ok_or(UnknownCodec)
    }
}

/// How the payload of a packet is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Codec {
    /// RFC 7587.
    Opus,
    /// Opus again and again (RFC 2198).
    Red,
    Video(VideoCodec),
}

impl Codec {
    /// All.
    pub(crate) const ALL: [Codec; 2 + VideoCodec::ALL.len()] = [
        Codec::Opus,
        Codec::Red,
        Codec::Video(VideoCodec::Vp8),
        Codec::Video(VideoCodec::H264),
        Codec::Video(VideoCodec::Vp9),
        Codec::Video(VideoCodec::Av1),
    ];

    /// Its place among all.
    pub(crate) fn number(self) -> usize {
        match self {
            Codec::Opus => 0,
            Codec::Red => 1,
            Codec::Video(codec) => 2 + codec as usize,
        }
    }

    pub(crate) fn kind(self) -> MediaKind {
        match self {
            Codec::Opus | Codec::Red => MediaKind::Audio,
            Codec::Video(_) => MediaKind::Video,
        }
    }

    /// Ticks of an RTP timestamp a second: Opus always counts at 48 kHz (RFC 7587, 4.1), pictures at 90
    /// (RFC 3551, 5).
    pub(crate) fn clock_rate(self) -> u32 {
        match self.kind() {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        }
    }

    pub(crate) fn video(self) -> Option<VideoCodec> {
        match self {
            Codec::Opus | Codec::Red => None,
            Codec::Video(codec) => Some(codec),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_codec_has_its_number_and_its_name() {
        for (number, codec) in Codec::ALL.into_iter().enumerate() {
            assert_eq!(codec.number(), number);
        }
        for codec in VideoCodec::ALL {
            assert_eq!(codec.to_string().parse(), Ok(codec));
            let order: Vec<_> = codec.first().collect();
            assert_eq!((order[0], order.len()), (codec, VideoCodec::ALL.len()));
        }
        assert_eq!("VP10".parse::<VideoCodec>(), Err(UnknownCodec));
    }
}
