//! m-lines by name.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use str0m::media::{Mid as RtcMid, Pt};

use crate::codec::Codec;
use crate::ids::Mid;

/// An m-line of one connection, cheap to copy and compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line(pub(super) RtcMid);

impl Line {
    /// A line that no connection has: its name is longer than any that str0m makes.
    pub(crate) fn none() -> Self {
        Self(RtcMid::from_array([b'_'; 16]))
    }

    pub(crate) fn mid(self) -> Mid {
        Mid(self.0.to_string())
    }
}

/// As text: str0m's own form would take any bytes, and panic later at those that are no text.
impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Ok(Self(RtcMid::from(&*name)))
    }
}

/// An m-line that the peer agreed to receive on, with the payload types to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SendLine {
    pub(super) line: Line,
    /// Of each codec that the peer agreed to.
    pub(super) payload_types: [Option<Pt>; Codec::ALL.len()],
}

impl SendLine {
    /// Whether the peer has agreed to a codec, or to what can be made of it.
    pub(crate) fn takes(&self, codec: Codec) -> bool {
        let needed = match codec {
            Codec::Red => Codec::Opus,
            Codec::Opus | Codec::Video(_) => codec,
        };
        self.payload_type(needed).is_some()
    }

    pub(super) fn payload_type(&self, codec: Codec) -> Option<Pt> {
        self.payload_types[codec.number()]
    }
}
