//! What forwarding reads of pictures: the beginnings of payloads, in the payload format of each
//! codec. Nothing of what is seen in them.
//!
//! ```text
//!  vp8   payload descriptor (RFC 7741)           frame header of a keyframe
//!  vp9   payload descriptor (RFC 9628)           its scalability structure
//!  h264  NAL units alone or together (RFC 6184)  sequence parameter set
//!  av1   aggregation header (AOM RTP, 4.4)       sequence header
//!  bits  what is shorter than a byte
//! ```

mod av1;
mod bits;
mod h264;
mod vp8;
mod vp9;

use serde::{Deserialize, Serialize};

use crate::codec::VideoCodec;

/// So many bytes of a payload are looked at. 200: a picture of three spatial layers with all that VP9 can
/// say of it begins within 100, and where the parameters of H.264 or AV1 take longer, it is not known how
/// large the picture is.
const WINDOW: usize = 200;

/// What a payload says of its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glance {
    /// A picture is known to begin with it. Where it is not said, this is false.
    pub(crate) begins: bool,
    /// A keyframe begins with it, and all that a decoder needs for that.
    pub(crate) starts_keyframe: bool,
    /// Width and height in pixels of the keyframe that begins with it, where it says so.
    pub(crate) size: Option<(u16, u16)>,
    pub(crate) numbers: Numbers,
    /// Its place in time, where it says so.
    pub(crate) temporal: Option<TemporalId>,
    /// Bytes that were read to learn this: nothing that is seen.
    length: usize,
}

/// The numbers in a payload descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) picture_id: Option<PictureId>,
    /// TL0PICIDX: counts the pictures of the lowest temporal layer.
    pub(crate) tl0_index: Option<u8>,
}

/// The temporal layer of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TemporalId {
    /// TID: 0 is what all others depend on.
    pub(crate) id: u8,
    pub(crate) switch: Switch,
}

/// What a picture says of going up to its temporal layer, or from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    /// Nothing.
    Closed,
    /// It depends on the lowest layer alone (Y of VP8, RFC 7741, 4.2).
    ToThis,
    /// No later picture of a higher layer depends on one of a higher layer before this (U of VP9,
    /// RFC 9628, 4.2).
    FromThis,
}

/// Counts pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PictureId {
    pub(crate) value: u16,
    /// It has 15 bits, and else 7.
    pub(crate) long: bool,
}

impl PictureId {
    /// Reads one, as VP8 and VP9 have it in common: the first bit says how long it is.
    fn read(bytes: &mut impl Iterator<Item = u8>) -> Option<Self> {
        let high = bytes.next()?;
        let long = high & 0x80 != 0;
        let high = u16::from(high & 0x7f);
        let value = if long {
            high << 8 | u16::from(bytes.next()?)
        } else {
            high
        };
        Some(Self { value, long })
    }

    /// The bits that count.
    pub(crate) fn mask(self) -> u16 {
        if self.long { 0x7fff } else { 0x7f }
    }
}

/// Numbers to write into a payload descriptor, in the place of those that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VideoPatch {
    /// 15 bits, or 7 in the short form.
    pub(crate) picture_id: Option<u16>,
    pub(crate) tl0_index: Option<u8>,
}

impl Glance {
    /// `None` when the payload can't be read.
    pub(crate) fn of(codec: VideoCodec, payload: &[u8]) -> Option<Self> {
        let window = &payload[..payload.len().min(WINDOW)];
        match codec {
            VideoCodec::Vp8 => vp8::glance(window),
            VideoCodec::H264 => h264::glance(window),
            VideoCodec::Vp9 => vp9::glance(window),
            VideoCodec::Av1 => av1::glance(window),
        }
    }
}

/// The beginning of a payload that [`Glance::of`] reads: nothing of a picture. With anything else behind
/// it, the payload says the same. At most [`WINDOW`] bytes. What can't be read ends in its descriptor, and
/// is no longer than that.
pub(crate) fn head(codec: VideoCodec, payload: &[u8]) -> &[u8] {
    let length = Glance::of(codec, payload).map_or(WINDOW, |glance| glance.length);
    &payload[..length.min(payload.len())]
}

/// Writes other numbers into a payload descriptor. Where it has no such field, there is nothing to keep
/// continuous.
pub(crate) fn rewrite(codec: VideoCodec, payload: &mut [u8], patch: VideoPatch) {
    match codec {
        VideoCodec::Vp8 => vp8::write(payload, patch),
        VideoCodec::Vp9 if patch != VideoPatch::default() => vp9::write(payload, patch),
        VideoCodec::Vp9 | VideoCodec::H264 | VideoCodec::Av1 => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codec() -> impl Strategy<Value = VideoCodec> {
        prop::sample::select(&VideoCodec::ALL[..])
    }

    /// Nonsense that looks like a payload of some codec.
    fn payload() -> impl Strategy<Value = Vec<u8>> {
        let first = prop_oneof![
            any::<u8>(),
            prop::sample::select(&[0x90, 0x10, 0x18, 0x78, 0x7c, 0x67, 0x8a, 0xaa, 0x08][..]),
        ];
        let rest = prop::collection::vec(
            prop_oneof![2 => any::<u8>(), 1 => Just(0), 1 => Just(0x67), 1 => Just(3)],
            0..400,
        );
        (first, rest).prop_map(|(first, rest)| [vec![first], rest].concat())
    }

    proptest! {
        #[test]
        fn the_head_says_all(codec in codec(), payload in payload(), fill in any::<u8>()) {
            let said = Glance::of(codec, &payload);
            let head = head(codec, &payload);
            prop_assert!(head.len() <= WINDOW);
            let mut blackened = head.to_vec();
            blackened.resize(payload.len(), fill);
            prop_assert_eq!(Glance::of(codec, &blackened), said);
            if said.is_none() {
                prop_assert!(payload.len() < 41);
            }
        }

        #[test]
        fn what_is_written_is_read(
            codec in prop::sample::select(&[VideoCodec::Vp8, VideoCodec::Vp9][..]),
            payload in payload(),
            picture_id in 0..0x80_u16,
            tl0_index in any::<u8>(),
        ) {
            let Some(before) = Glance::of(codec, &payload) else {
                return Ok(());
            };
            let patch = VideoPatch {
                picture_id: before.numbers.picture_id.map(|_| picture_id),
                tl0_index: before.numbers.tl0_index.map(|_| tl0_index),
            };
            let mut after = payload.clone();
            rewrite(codec, &mut after, patch);
            let read = Glance::of(codec, &after).unwrap();
            prop_assert_eq!(read.numbers.picture_id.map(|id| id.value), patch.picture_id);
            prop_assert_eq!(read.numbers.tl0_index, patch.tl0_index);
            let others = Glance { numbers: before.numbers, ..read };
            prop_assert_eq!(others, before);
            prop_assert_eq!(after.len(), payload.len());
        }
    }
}
