//! AV1 in RTP (the AOMedia specification "RTP Payload Format For AV1", 4.4), as far as where a decoder
//! can begin, and the sequence header there (AV1 Bitstream Specification, 5.5).

use super::bits::Bits;
use super::{Glance, Numbers};

/// The first OBU goes on from the packet before.
const Z: u8 = 0x80;
/// A coded video sequence begins: with a keyframe, and the sequence header in front of it.
const N: u8 = 0x08;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;

/// `None` when there is no payload.
pub(super) fn glance(payload: &[u8]) -> Option<Glance> {
    let first = *payload.first()?;
    let starts_keyframe = first & Z == 0 && first & N != 0;
    let mut glance = Glance {
        begins: false,
        starts_keyframe,
        size: None,
        numbers: Numbers::default(),
        temporal: None,
        length: 1,
    };
    if starts_keyframe {
        let mut bits = Bits::new(payload.get(1..)?);
        // W: how many OBUs there are. The last of them has no length, unless they are not counted.
        let elements = u32::from(first >> 4 & 0x03);
        glance.size = first_size(&mut bits, elements);
        glance.length += bits.position();
    }
    Some(glance)
}

/// The size in the sequence header, if that comes first.
fn first_size(bits: &mut Bits<'_>, elements: u32) -> Option<(u16, u16)> {
    for element in 1..=3 {
        let length = match elements == element {
            true => None,
            false => Some(leb128(bits)?),
        };
        let start = bits.position();
        // A bit that is forbidden, the type, whether an extension and a size follow, and one reserved.
        bits.skip(1)?;
        let kind = bits.bits(4)? as u8;
        let (extended, sized) = (bits.bit()?, bits.bit()?);
        bits.skip(1)?;
        if extended {
            bits.skip(8)?;
        }
        if sized {
            leb128(bits)?;
        }
        match kind {
            SEQUENCE_HEADER => return size(bits),
            // Senders should leave it out, and it has nothing in it.
            TEMPORAL_DELIMITER if length == Some(bits.position() - start) => {}
            _ => return None,
        }
    }
    None
}

/// A number in groups of seven bits, the lowest first (AV1, 4.10.5).
fn leb128(bits: &mut Bits<'_>) -> Option<usize> {
    let mut number = 0;
    for group in 0..4 {
        let more = bits.bit()?;
        number |= bits.bits(7)? << (7 * group);
        if !more {
            return usize::try_from(number).ok();
        }
    }
    None
}

/// The largest width and height of a sequence.
fn size(bits: &mut Bits<'_>) -> Option<(u16, u16)> {
    // Profile, and whether it is one picture.
    bits.skip(4)?;
    let is_reduced = bits.bit()?;
    if is_reduced {
        bits.skip(5)?;
    } else {
        operating_points(bits)?;
    }
    let (width, height) = (bits.bits(4)? + 1, bits.bits(4)? + 1);
    let mut side = |length| u16::try_from(bits.bits(length)? + 1).ok();
    Some((side(width)?, side(height)?))
}

/// Passes over what says how fast a decoder has to be.
fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.bit()? {
        bits.skip(64)?;
        if bits.bit()? {
            bits.exp_golomb()?;
        }
        if bits.bit()? {
            delay_bits = Some(bits.bits(5)? + 1);
            bits.skip(42)?;
        }
    }
    let tells_display_delay = bits.bit()?;
    for _ in 0..=bits.bits(5)? {
        bits.skip(12)?;
        if bits.bits(5)? > 7 {
            bits.skip(1)?;
        }
        if let Some(delay_bits) = delay_bits
            && bits.bit()?
        {
            bits.skip(2 * delay_bits + 1)?;
        }
        if tells_display_delay && bits.bit()? {
            bits.skip(4)?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::VideoCodec::Av1;
    use crate::forward::picture::head;

    /// The sequence header of Chromium 156 (libaom), 640 × 360, as an OBU without a size.
    const SEQUENCE: [u8; 11] = [
        0x08, 0x00, 0x00, 0x00, 0x0c, 0xc4, 0xff, 0x67, 0x00, 0x68, 0x02,
    ];

    fn keyframe() -> Vec<u8> {
        // W = 2, N; the length of the first element; it; and a frame.
        let mut packet = vec![0x28, SEQUENCE.len() as u8];
        packet.extend(SEQUENCE);
        packet.extend([0x30, 0x11, 0x22, 0x33]);
        packet
    }

    #[test]
    fn a_keyframe_says_how_large_it_is() {
        let packet = keyframe();
        let read = glance(&packet).unwrap();
        assert!(read.starts_keyframe);
        assert_eq!(read.size, Some((640, 360)));
        assert!(head(Av1, &packet).len() <= 2 + SEQUENCE.len());
        for length in 1..9 {
            let cut = glance(&packet[..length]).unwrap();
            assert!(cut.starts_keyframe && cut.size.is_none(), "{length}");
        }
        let delimiter = [&[0x38, 1, 0x10][..], &packet[1..]].concat();
        assert_eq!(glance(&delimiter).unwrap().size, Some((640, 360)));
        let alone = [&[0x18][..], &SEQUENCE].concat();
        assert_eq!(glance(&alone).unwrap().size, Some((640, 360)));
        let uncounted = [&[0x08], &packet[1..]].concat();
        assert_eq!(glance(&uncounted).unwrap().size, Some((640, 360)));
    }

    #[test]
    fn keyframes_are_told_from_others() {
        let starts = |first| glance(&[first, 0x30, 1]).unwrap().starts_keyframe;
        assert!(starts(0x18));
        assert!(!starts(0x10), "a later picture");
        assert!(!starts(0x98), "goes on");
        assert_eq!(head(Av1, &[0x10, 0x30, 1]), [0x10]);
        assert_eq!(glance(&[]), None);
    }
}
