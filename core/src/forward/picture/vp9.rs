//! The VP9 payload descriptor (RFC 9628, 4.2), as far as the sizes in its scalability structure.

use super::{Glance, Numbers, PictureId, Switch, TemporalId, VideoPatch};

/// A picture id is there.
const I: u8 = 0x80;
/// The picture depends on one before it.
const P: u8 = 0x40;
/// Layer indices are there.
const L: u8 = 0x20;
/// Flexible mode: the picture says on which it depends.
const F: u8 = 0x10;
/// A frame begins.
const B: u8 = 0x08;
/// A scalability structure is there.
const V: u8 = 0x02;

/// `None` when the payload ends inside its descriptor.
pub(super) fn glance(payload: &[u8]) -> Option<Glance> {
    let mut bytes = payload.iter().copied();
    let first = bytes.next()?;
    let has = |flag| first & flag != 0;
    let mut numbers = Numbers::default();
    let (mut spatial, mut temporal) = (0, None);
    if has(I) {
        numbers.picture_id = Some(PictureId::read(&mut bytes)?);
    }
    if has(L) {
        // TID (3 bits), U, SID (3 bits), D.
        let layers = bytes.next()?;
        spatial = layers >> 1 & 0x07;
        temporal = Some(TemporalId {
            id: layers >> 5,
            switch: match layers & 0x10 {
                0 => Switch::Closed,
                _ => Switch::FromThis,
            },
        });
        if !has(F) {
            numbers.tl0_index = Some(bytes.next()?);
        }
    }
    if has(F) && has(P) {
        // P_DIFF (7 bits) and N: another follows. Three at most.
        for _ in 0..3 {
            if bytes.next()? & 0x01 == 0 {
                break;
            }
        }
    }
    let size = if has(V) { sizes(&mut bytes)? } else { None };
    // A layer that depends on those below it in the same picture has no P either.
    let starts_keyframe = !has(P) && has(B) && spatial == 0;
    Some(Glance {
        begins: has(B) && spatial == 0,
        starts_keyframe,
        size: size.filter(|_| starts_keyframe),
        numbers,
        temporal,
        length: payload.len() - bytes.len(),
    })
}

/// Width and height of the largest spatial layer, where they are told.
fn sizes(bytes: &mut impl Iterator<Item = u8>) -> Option<Option<(u16, u16)>> {
    // N_S (3 bits): one layer less than there are; Y: their sizes are told.
    let first = bytes.next()?;
    let mut size = None;
    if first & 0x10 != 0 {
        for _ in 0..=first >> 5 {
            let mut side = || Some(u16::from_be_bytes([bytes.next()?, bytes.next()?]));
            size = Some((side()?, side()?));
        }
    }
    Some(size)
}

/// Writes numbers over those that are there.
pub(super) fn write(payload: &mut [u8], patch: VideoPatch) {
    let mut bytes = payload.iter_mut();
    let Some(first) = bytes.next().copied() else {
        return;
    };
    if first & I != 0 {
        let Some(high) = bytes.next() else {
            return;
        };
        let id = patch.picture_id;
        if *high & 0x80 == 0 {
            *high = id.map_or(*high, |id| id as u8 & 0x7f);
        } else if let Some(low) = bytes.next()
            && let Some(id) = id
        {
            [*high, *low] = (id | 0x8000).to_be_bytes();
        }
    }
    // Behind the layer indices.
    if first & L != 0
        && first & F == 0
        && let (Some(index), Some(patched)) = (bytes.nth(1), patch.tl0_index)
    {
        *index = patched;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a keyframe, not flexible, 15 bits, one layer of 640 × 360.
    const KEYFRAME: [u8; 12] = [
        0xaa, 0x92, 0x34, 0x00, 0x07, 0x18, 0x02, 0x80, 0x01, 0x68, 0x01, 0x00,
    ];
    /// The same of Chromium 156 as an encoding of simulcast: flexible, three temporal layers.
    const OF_CHROMIUM: [u8; 12] = [
        0xbb, 0x88, 0x01, 0x10, 0x10, 0x02, 0x80, 0x01, 0x68, 0x83, 0x49, 0x83,
    ];

    #[test]
    fn a_keyframe_says_how_large_it_is() {
        let read = glance(&KEYFRAME).unwrap();
        assert!(read.starts_keyframe);
        assert_eq!(read.size, Some((640, 360)));
        assert_eq!(read.numbers.tl0_index, Some(7));
        let id = read.numbers.picture_id.unwrap();
        assert_eq!((id.value, id.long), (0x1234, true));
        for length in 0..10 {
            assert_eq!(glance(&KEYFRAME[..length]), None, "{length}");
        }
        let read = glance(&OF_CHROMIUM).unwrap();
        assert!(read.starts_keyframe);
        assert_eq!(read.size, Some((640, 360)));
        assert_eq!((read.numbers.tl0_index, read.length), (None, 9));
        let (id, switch) = (0, Switch::FromThis);
        assert_eq!(read.temporal, Some(TemporalId { id, switch }));
        let mut three_layers = vec![0x0a, 0x50];
        three_layers.extend([0, 160, 0, 90, 1, 64, 0, 180, 2, 128, 1, 104]);
        assert_eq!(glance(&three_layers).unwrap().size, Some((640, 360)));
    }

    #[test]
    fn keyframes_are_told_from_others() {
        let starts = |first, layers| {
            let payload = [first, 0x85, 0x01, layers, 0, 2, 2, 2];
            glance(&payload).unwrap().starts_keyframe
        };
        assert!(starts(0xa8, 0x00));
        assert!(!starts(0xa0, 0x00), "the second packet of a frame");
        assert!(!starts(0xe8, 0x00), "depends on another picture");
        assert!(!starts(0xa8, 0x03), "a layer above the first");
        assert!(!starts(0xf8, 0x00), "flexible, and depends on another");
        assert!(starts(0xb8, 0x00), "flexible");
        assert!(starts(0x08, 0x00), "without any number");
    }

    #[test]
    fn references_are_passed_over() {
        // F, P and V: two P_DIFF, then a structure that says no size.
        let payload = [0x5a, 0x03, 0x02, 0x08, 0x77];
        assert_eq!(glance(&payload).unwrap().length, 4);
        assert_eq!(glance(&payload[..3]), None);
    }

    #[test]
    fn numbers_are_written_where_they_are() {
        let patch = VideoPatch {
            picture_id: Some(0x2345),
            tl0_index: Some(0x99),
        };
        let mut long = KEYFRAME;
        write(&mut long, patch);
        assert_eq!(long[..6], [0xaa, 0xa3, 0x45, 0x00, 0x99, 0x18]);
        let mut short = [0xa8, 0x11, 0x00, 0x07, 0x18];
        write(&mut short, patch);
        assert_eq!(short, [0xa8, 0x45, 0x00, 0x99, 0x18]);
        let mut flexible = [0xb8, 0x11, 0x00, 0x07, 0x18];
        write(&mut flexible, patch);
        assert_eq!(flexible, [0xb8, 0x45, 0x00, 0x07, 0x18]);
        for length in 0..5 {
            write(&mut long[..length], patch);
        }
    }
}
