//! Names of things. No bare integer crosses a module.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A room, named by whoever drives the core. The core never invents or reuses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoomId(pub u64);

/// A participant, named by whoever drives the core; unique over the life of an
/// [`Sfu`](crate::Sfu), never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParticipantId(pub u64);

/// Counts the offers of one participant, from 1. An answer repeats the number of its offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Negotiation(pub u32);

/// The media identification of an m-line: the `a=mid` of RFC 5888, `RTCRtpTransceiver.mid` in a
/// browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mid(pub String);

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MediaKind {
    /// Sound: a microphone.
    Audio,
    /// Pictures: a camera.
    Video,
}

/// Where a track of somebody comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// What somebody says.
    Microphone,
    /// What somebody looks like.
    Camera,
    /// What somebody shows.
    Screen,
    /// What is to be heard of that.
    ScreenAudio,
}

impl Source {
    /// All, as they are numbered.
    pub const ALL: [Source; 4] = [
        Source::Microphone,
        Source::Camera,
        Source::Screen,
        Source::ScreenAudio,
    ];

    /// Sound or pictures.
    pub fn kind(self) -> MediaKind {
        match self {
            Source::Microphone | Source::ScreenAudio => MediaKind::Audio,
            Source::Camera | Source::Screen => MediaKind::Video,
        }
    }

    /// The encodings in which it may come, the smallest first; none of sound. A screen is as good as
    /// unreadable at a quarter of its size.
    pub fn layers(self) -> &'static [Layer] {
        match self {
            Source::Camera => &Layer::ALL,
            Source::Screen => &[Layer::Half, Layer::Full],
            Source::Microphone | Source::ScreenAudio => &[],
        }
    }
}

/// What one participant publishes from one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrackId {
    /// Whose.
    pub participant: ParticipantId,
    /// Where it comes from.
    pub source: Source,
}

/// One encoding of a picture, by its size: what a publisher sends as simulcast (RFC 8853). A source
/// with a single encoding sends `Full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Layer {
    /// A quarter of each side.
    Quarter,
    /// Half of each side.
    Half,
    /// The picture as it is.
    Full,
}

impl Layer {
    /// All, the smallest first.
    pub const ALL: [Layer; 3] = [Layer::Quarter, Layer::Half, Layer::Full];

    /// Its restriction identifier (RFC 8851): `q`, `h` or `f`.
    pub fn rid(self) -> &'static str {
        match self {
            Layer::Quarter => "q",
            Layer::Half => "h",
            Layer::Full => "f",
        }
    }

    /// The layer with a restriction identifier.
    pub fn from_rid(rid: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.rid() == rid)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rid())
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Microphone => "microphone",
            Source::Camera => "camera",
            Source::Screen => "screen",
            Source::ScreenAudio => "screen_audio",
        })
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
        })
    }
}
