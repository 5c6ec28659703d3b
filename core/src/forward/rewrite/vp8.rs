//! The VP8 payload descriptor (RFC 7741, 4.2): reading it, and keeping its numbers continuous.

use serde::{Deserialize, Serialize};

use crate::forward::VideoPatch;

/// Bits of a picture id in its long form.
const PICTURE_ID_MASK: u16 = 0x7fff;
/// Bytes of the longest descriptor, and one after it.
const LONGEST: usize = 7;
/// Bytes of the frame header of a keyframe, as far as its size (RFC 6386, 9.1).
const KEYFRAME_HEADER: usize = 10;
/// What a keyframe has in front of its size (RFC 6386, 9.1).
const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];
/// Bits of a picture id in its short form.
const SHORT_PICTURE_ID_MASK: u16 = 0x7f;

/// What a payload descriptor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    picture_id: Option<PictureId>,
    tl0_index: Option<u8>,
    /// S: the first packet of a partition; and that partition is the first of its frame.
    starts_frame: bool,
    /// The payload behind the descriptor begins a keyframe, if it begins a frame.
    keyframe: bool,
    /// Bytes that were read to learn this.
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PictureId {
    value: u16,
    long: bool,
}

impl Descriptor {
    /// `None` when the payload ends inside its descriptor.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let mut bytes = payload.iter().copied();
        let first = bytes.next()?;
        let extension = if first & 0x80 != 0 { bytes.next()? } else { 0 };
        let mut picture_id = None;
        if extension & 0x80 != 0 {
            let high = bytes.next()?;
            let long = high & 0x80 != 0;
            let high = u16::from(high & 0x7f);
            let value = if long {
                high << 8 | u16::from(bytes.next()?)
            } else {
                high
            };
            picture_id = Some(PictureId { value, long });
        }
        let tl0_index = if extension & 0x40 != 0 {
            Some(bytes.next()?)
        } else {
            None
        };
        if extension & 0x30 != 0 {
            bytes.next()?;
        }
        let starts_frame = first & 0x10 != 0 && first & 0x07 == 0;
        // RFC 7741, 4.3: the P bit of the payload header is 0 in keyframes.
        let keyframe = starts_frame && bytes.next()? & 0x01 == 0;
        Some(Self {
            picture_id,
            tl0_index,
            starts_frame,
            keyframe,
            length: payload.len() - bytes.len(),
        })
    }

    /// Whether this is the first packet of a keyframe.
    pub(crate) fn starts_keyframe(&self) -> bool {
        self.starts_frame && self.keyframe
    }
}

/// Whether a payload begins a keyframe.
pub(crate) fn is_keyframe_start(payload: &[u8]) -> bool {
    Descriptor::parse(payload).is_some_and(|descriptor| descriptor.starts_keyframe())
}

/// Width and height in pixels of the keyframe that a payload begins (RFC 6386, 9.1).
pub(crate) fn keyframe_size(payload: &[u8]) -> Option<(u16, u16)> {
    let header = keyframe_header(payload)?;
    let side = |low: u8, high: u8| u16::from_le_bytes([low, high]) & 0x3fff;
    Some((side(header[6], header[7]), side(header[8], header[9])))
}

/// The frame header of the keyframe that a payload begins.
fn keyframe_header(payload: &[u8]) -> Option<&[u8; KEYFRAME_HEADER]> {
    let descriptor = Descriptor::parse(payload)?;
    // Its first byte was read with the descriptor.
    let header = payload.get(descriptor.length - 1..)?.first_chunk()?;
    let is_whole = descriptor.starts_keyframe() && header[3..6] == START_CODE;
    is_whole.then_some(header)
}

/// The beginning of a payload that [`Descriptor::parse`] and [`keyframe_size`] read: nothing of a
/// picture. At most 16 bytes; the first 7 of a payload that can't be read.
pub(crate) fn head(payload: &[u8]) -> &[u8] {
    let mut length = Descriptor::parse(payload).map_or(LONGEST, |descriptor| descriptor.length);
    if keyframe_header(payload).is_some() {
        length += KEYFRAME_HEADER - 1;
    }
    &payload[..length.min(payload.len())]
}

/// Renumbers the picture ids and TL0 indices of one outgoing stream.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Vp8Continuity {
    stretch: Option<Stretch>,
    last_picture_id: Option<u16>,
    last_tl0_index: Option<u8>,
}

/// Wrapping offsets: out = in + offset.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Stretch {
    picture_id: u16,
    tl0_index: u8,
}

impl Vp8Continuity {
    /// The next packet begins a new stretch.
    pub(crate) fn interrupt(&mut self) {
        self.stretch = None;
    }

    /// What to write into a packet's descriptor.
    pub(crate) fn renumber(&mut self, descriptor: &Descriptor) -> VideoPatch {
        let stretch = match self.stretch {
            Some(stretch) => stretch,
            None => *self.stretch.insert(Stretch {
                picture_id: match (self.last_picture_id, descriptor.picture_id) {
                    (Some(last), Some(id)) => last.wrapping_add(1).wrapping_sub(id.value),
                    _ => 0,
                },
                tl0_index: match (self.last_tl0_index, descriptor.tl0_index) {
                    (Some(last), Some(index)) => last.wrapping_add(1).wrapping_sub(index),
                    _ => 0,
                },
            }),
        };
        let picture_id = descriptor.picture_id.map(|id| {
            let mask = if id.long {
                PICTURE_ID_MASK
            } else {
                SHORT_PICTURE_ID_MASK
            };
            let out = id.value.wrapping_add(stretch.picture_id) & mask;
            let newer = |last: u16| out.wrapping_sub(last) & mask < mask / 2;
            if self.last_picture_id.is_none_or(newer) {
                self.last_picture_id = Some(out);
            }
            out
        });
        let tl0_index = descriptor
            .tl0_index
            .map(|index| index.wrapping_add(stretch.tl0_index));
        if let Some(index) = tl0_index {
            let newer = |last: u8| index.wrapping_sub(last) < u8::MAX / 2;
            if self.last_tl0_index.is_none_or(newer) {
                self.last_tl0_index = Some(index);
            }
        }
        VideoPatch {
            picture_id,
            tl0_index,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X, I, L, T set; S set; a 15-bit picture id; then a payload header.
    fn payload(picture_id: u16, tl0_index: u8, header: u8) -> Vec<u8> {
        let [high, low] = (picture_id | 0x8000).to_be_bytes();
        vec![0x90, 0xe0, high, low, tl0_index, 0x00, header]
    }

    fn out(stream: &mut Vp8Continuity, picture_id: u16, tl0_index: u8) -> (u16, u8) {
        let descriptor = Descriptor::parse(&payload(picture_id, tl0_index, 1)).unwrap();
        let patch = stream.renumber(&descriptor);
        (patch.picture_id.unwrap(), patch.tl0_index.unwrap())
    }

    #[test]
    fn a_keyframe_says_how_large_it_is() {
        let keyframe = [
            0x10, 0x50, 3, 0, 0x9d, 1, 0x2a, 0x80, 0x42, 0x68, 0x81, 7, 7,
        ];
        assert_eq!(
            keyframe_size(&keyframe),
            Some((640, 360)),
            "without its scales"
        );
        assert_eq!(head(&keyframe), &keyframe[..11]);
        let mut delta = keyframe;
        delta[1] |= 1;
        assert_eq!((keyframe_size(&delta), head(&delta)), (None, &delta[..2]));
        for length in 0..11 {
            assert_eq!(keyframe_size(&keyframe[..length]), None);
        }
        assert_eq!(
            keyframe_size(&[0x10, 0x50, 3, 0, 0, 1, 0x2a, 1, 0, 1, 0]),
            None
        );
    }

    #[test]
    fn keyframes_are_told_from_others() {
        assert!(is_keyframe_start(&payload(5, 1, 0x10)));
        assert!(!is_keyframe_start(&payload(5, 1, 0x11)), "P set");
        let mut middle = payload(5, 1, 0x10);
        middle[0] = 0x80;
        assert!(!is_keyframe_start(&middle), "S not set");
        let mut second_partition = payload(5, 1, 0x10);
        second_partition[0] = 0x91;
        assert!(!is_keyframe_start(&second_partition));
        assert!(is_keyframe_start(&[0x10, 0x00]), "no extension");
        for cut in 0..6 {
            assert!(!is_keyframe_start(&payload(5, 1, 0x10)[..cut]));
        }
    }

    #[test]
    fn a_new_source_continues_where_the_old_one_ended() {
        let mut stream = Vp8Continuity::default();
        assert_eq!(out(&mut stream, 32_767, 255), (32_767, 255));
        assert_eq!(out(&mut stream, 0, 0), (0, 0), "wraps");
        stream.interrupt();
        assert_eq!(out(&mut stream, 17_000, 40), (1, 1));
        assert_eq!(out(&mut stream, 17_002, 41), (3, 2), "a gap stays a gap");
        assert_eq!(out(&mut stream, 17_001, 40), (2, 1), "late, its place kept");
        stream.interrupt();
        assert_eq!(
            out(&mut stream, 3, 200),
            (4, 3),
            "after the newest, not after the last"
        );
    }

    #[test]
    fn a_short_picture_id_stays_short() {
        let mut stream = Vp8Continuity::default();
        let short = |id: u8| Descriptor::parse(&[0x90, 0x80, id, 1]).unwrap();
        assert_eq!(stream.renumber(&short(127)).picture_id, Some(127));
        assert_eq!(stream.renumber(&short(0)).picture_id, Some(0));
        stream.interrupt();
        assert_eq!(stream.renumber(&short(90)).picture_id, Some(1));
        assert_eq!(stream.renumber(&short(90)).tl0_index, None);
    }
}
