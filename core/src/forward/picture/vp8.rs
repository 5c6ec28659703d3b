//! The VP8 payload descriptor (RFC 7741, 4.2), and the size of a keyframe behind it.

use super::{Glance, Numbers, PictureId, Switch, TemporalId, VideoPatch};

/// Bytes of the frame header of a keyframe, as far as its size (RFC 6386, 9.1).
const KEYFRAME_HEADER: usize = 10;
/// What a keyframe has in front of its size (RFC 6386, 9.1).
const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];

/// `None` when the payload ends inside its descriptor.
pub(super) fn glance(payload: &[u8]) -> Option<Glance> {
    let mut bytes = payload.iter().copied();
    let first = bytes.next()?;
    let extension = if first & 0x80 != 0 { bytes.next()? } else { 0 };
    let mut numbers = Numbers::default();
    if extension & 0x80 != 0 {
        numbers.picture_id = Some(PictureId::read(&mut bytes)?);
    }
    if extension & 0x40 != 0 {
        numbers.tl0_index = Some(bytes.next()?);
    }
    let mut temporal = None;
    if extension & 0x30 != 0 {
        // TID (2 bits), Y, KEYIDX (5 bits).
        let layers = bytes.next()?;
        temporal = (extension & 0x20 != 0).then_some(TemporalId {
            id: layers >> 6,
            switch: match layers & 0x20 {
                0 => Switch::Closed,
                _ => Switch::ToThis,
            },
        });
    }
    let descriptor = payload.len() - bytes.len();
    let behind = &payload[descriptor..];
    // S, and the first partition.
    let starts_frame = first & 0x10 != 0 && first & 0x07 == 0;
    // RFC 7741, 4.3: the P bit of the payload header is 0 in keyframes.
    let starts_keyframe = starts_frame && behind.first()? & 0x01 == 0;
    let header = behind.first_chunk().filter(|_| starts_keyframe);
    let header = header.filter(|header| header[3..6] == START_CODE);
    Some(Glance {
        begins: starts_frame,
        starts_keyframe,
        size: header.map(size),
        numbers,
        temporal,
        length: match starts_keyframe {
            true => descriptor + KEYFRAME_HEADER.min(behind.len()),
            false => descriptor + usize::from(starts_frame),
        },
    })
}

/// Writes numbers where there are such.
pub(super) fn write(payload: &mut [u8], patch: VideoPatch) {
    let [first, extension, rest @ ..] = payload else {
        return;
    };
    if *first & 0x80 == 0 {
        return;
    }
    let mut fields = rest.iter_mut();
    if *extension & 0x80 != 0
        && let Some(high) = fields.next()
    {
        let low = if *high & 0x80 != 0 {
            fields.next()
        } else {
            None
        };
        match (patch.picture_id, low) {
            (Some(id), Some(low)) => {
                let [a, b] = id.to_be_bytes();
                (*high, *low) = (0x80 | a, b);
            }
            (Some(id), None) if *high & 0x80 == 0 => *high = (id & 0x7f) as u8,
            _ => {}
        }
    }
    if *extension & 0x40 != 0
        && let (Some(index), Some(field)) = (patch.tl0_index, fields.next())
    {
        *field = index;
    }
}

/// Width and height without their scales (RFC 6386, 9.1).
fn size(header: &[u8; KEYFRAME_HEADER]) -> (u16, u16) {
    let side = |low: u8, high: u8| u16::from_le_bytes([low, high]) & 0x3fff;
    (side(header[6], header[7]), side(header[8], header[9]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::VideoCodec::Vp8;
    use crate::forward::picture::head;

    /// X, I, L, T set; S set; a 15-bit picture id; then a payload header.
    fn payload(picture_id: u16, tl0_index: u8, header: u8) -> Vec<u8> {
        let [high, low] = (picture_id | 0x8000).to_be_bytes();
        vec![0x90, 0xe0, high, low, tl0_index, 0x00, header]
    }

    fn is_keyframe_start(payload: &[u8]) -> bool {
        glance(payload).is_some_and(|glance| glance.starts_keyframe)
    }

    #[test]
    fn a_keyframe_says_how_large_it_is() {
        let keyframe = [
            0x10, 0x50, 3, 0, 0x9d, 1, 0x2a, 0x80, 0x42, 0x68, 0x81, 7, 7,
        ];
        let size = |payload: &[u8]| glance(payload).unwrap().size;
        assert_eq!(size(&keyframe), Some((640, 360)), "without its scales");
        assert_eq!(head(Vp8, &keyframe), &keyframe[..11]);
        let mut delta = keyframe;
        delta[1] |= 1;
        assert_eq!((size(&delta), head(Vp8, &delta)), (None, &delta[..2]));
        for length in 2..11 {
            assert_eq!(size(&keyframe[..length]), None);
        }
        assert_eq!(size(&[0x10, 0x50, 3, 0, 0, 1, 0x2a, 1, 0, 1, 0]), None);
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
    fn temporal_layers_are_read() {
        let temporal = |extension, layers| {
            let mut payload = payload(5, 1, 1);
            (payload[1], payload[5]) = (extension, layers);
            let temporal = glance(&payload).unwrap().temporal;
            temporal.map(|temporal| (temporal.id, temporal.switch))
        };
        assert_eq!(temporal(0xe0, 0x5f), Some((1, Switch::Closed)));
        assert_eq!(temporal(0xe0, 0xbf), Some((2, Switch::ToThis)));
        assert_eq!(temporal(0xd0, 0xbf), None, "only KEYIDX");
    }

    #[test]
    fn numbers_are_read_in_both_forms() {
        let numbers = |payload: &[u8]| glance(payload).unwrap().numbers;
        let long = numbers(&payload(0x1234, 9, 1));
        let id = |value, long| Some(PictureId { value, long });
        assert_eq!(
            (long.picture_id, long.tl0_index),
            (id(0x1234, true), Some(9))
        );
        let short = numbers(&[0x90, 0x80, 0x34, 1]);
        assert_eq!((short.picture_id, short.tl0_index), (id(0x34, false), None));
    }
}
