//! H.264 in RTP (RFC 6184), as far as where a decoder can begin: a sequence parameter set (SPS).
//!
//! A keyframe (IDR picture) can be decoded only with the parameter sets that belong to it. Browsers send
//! them in front of each, in packets of their own or together with it. So that is where one begins. An
//! IDR picture whose SPS is lost is of no use: a viewer that has another with the same number would show
//! nonsense.

use super::bits::Bits;
use super::{Glance, Numbers};

const SPS: u8 = 7;
/// What may be in front of it: remarks (SEI), picture parameters, a delimiter.
const BEFORE: [u8; 3] = [6, 8, 9];
/// Several NAL units in one packet (RFC 6184, 5.7.1).
const STAP_A: u8 = 24;
/// A part of a NAL unit (RFC 6184, 5.8).
const FU_A: u8 = 28;

/// Profiles with more in their SPS (H.264, 7.3.2.1.1).
const HIGH: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// `None` when the payload ends inside its first headers.
pub(super) fn glance(payload: &[u8]) -> Option<Glance> {
    let (first, rest) = payload.split_first()?;
    let mut glance = Glance {
        begins: false,
        starts_keyframe: false,
        size: None,
        numbers: Numbers::default(),
        temporal: None,
        length: 1,
    };
    match kind(*first) {
        SPS => begin(&mut glance, rest),
        STAP_A => walk(&mut glance, payload),
        FU_A => {
            let header = *rest.first()?;
            glance.length += 1;
            // S, and the NAL unit that begins. Nobody has an SPS that fits into no packet.
            glance.starts_keyframe = header & 0x80 != 0 && kind(header) == SPS;
        }
        _ => {}
    }
    Some(glance)
}

fn kind(header: u8) -> u8 {
    header & 0x1f
}

/// Looks for an SPS in front of the picture.
fn walk(glance: &mut Glance, payload: &[u8]) {
    while let Some([high, low, header]) = payload.get(glance.length..).and_then(<[u8]>::first_chunk)
    {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        let start = glance.length + 3;
        let end = (glance.length + 2 + size).min(payload.len());
        match kind(*header) {
            SPS => {
                glance.length = start;
                let sps = payload.get(start..end).unwrap_or_default();
                return begin(glance, sps);
            }
            kind if BEFORE.contains(&kind) && size > 0 && end + 3 <= payload.len() => {
                glance.length = end;
            }
            _ => {
                glance.length = start;
                return;
            }
        }
    }
    glance.length = payload.len();
}

/// An SPS, without the first byte of its NAL unit.
fn begin(glance: &mut Glance, sps: &[u8]) {
    let mut bits = Bits::of_nal_unit(sps);
    glance.starts_keyframe = true;
    glance.size = size(&mut bits);
    glance.length += bits.position();
}

/// Width and height of what is shown (H.264, 7.3.2.1.1 and 7.4.2.1.1); `None` where that can't be read.
fn size(bits: &mut Bits<'_>) -> Option<(u16, u16)> {
    let profile = bits.bits(8)?;
    // Constraints and level.
    bits.skip(16)?;
    bits.exp_golomb()?;
    let mut chroma = 1;
    if HIGH.contains(&profile) {
        chroma = bits.exp_golomb()?;
        if chroma == 3 {
            bits.skip(1)?;
        }
        bits.exp_golomb()?;
        bits.exp_golomb()?;
        bits.skip(1)?;
        // Scaling matrices, which nobody needs in a meeting.
        if bits.bit()? {
            return None;
        }
    }
    bits.exp_golomb()?;
    match bits.exp_golomb()? {
        0 => {
            bits.exp_golomb()?;
        }
        1 => {
            bits.skip(1)?;
            bits.exp_golomb()?;
            bits.exp_golomb()?;
            for _ in 0..bits.exp_golomb()? {
                bits.exp_golomb()?;
            }
        }
        _ => {}
    }
    bits.exp_golomb()?;
    bits.skip(1)?;
    let width = bits.exp_golomb()?.checked_add(1)?;
    let height = bits.exp_golomb()?.checked_add(1)?;
    let fields = if bits.bit()? { 1 } else { 2 };
    if fields == 2 {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    let (unit_x, unit_y) = match chroma {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let mut hidden = [0; 4];
    if bits.bit()? {
        for side in &mut hidden {
            *side = bits.exp_golomb()?;
        }
    }
    let [left, right, top, bottom] = hidden;
    let shown = |blocks: u32, unit: u32, a: u32, b: u32| {
        let hidden = a.checked_add(b)?.checked_mul(unit)?;
        let shown = blocks.checked_mul(16)?.checked_sub(hidden)?;
        u16::try_from(shown).ok().filter(|shown| *shown > 0)
    };
    let width = shown(width, unit_x, left, right)?;
    let height = shown(height.checked_mul(fields)?, unit_y * fields, top, bottom)?;
    Some((width, height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::VideoCodec::H264;
    use crate::forward::picture::head;

    /// As x264 writes it: 1280 × 720, high profile.
    const HIGH_720: [u8; 24] = [
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03,
        0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83,
    ];

    /// As Chromium 156 sends it (OpenH264): 640 × 360, 23 rows of blocks, of which 8 lines are hidden.
    const BASELINE_360: [u8; 19] = [
        0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb3, 0x50, 0x60, 0x60, 0x60,
        0x78, 0x44, 0x23, 0x50,
    ];

    fn stap(units: &[&[u8]]) -> Vec<u8> {
        let mut packet = vec![0x78];
        for unit in units {
            packet.extend((unit.len() as u16).to_be_bytes());
            packet.extend(*unit);
        }
        packet
    }

    #[test]
    fn a_sequence_parameter_set_says_how_large_it_is() {
        let size = |payload: &[u8]| glance(payload).unwrap().size;
        assert_eq!(size(&HIGH_720), Some((1_280, 720)));
        assert_eq!(size(&BASELINE_360), Some((640, 360)));
        for length in 1..9 {
            let cut = glance(&BASELINE_360[..length]).unwrap();
            assert!(cut.starts_keyframe && cut.size.is_none(), "{length}");
        }
    }

    #[test]
    fn a_keyframe_begins_with_its_parameters() {
        let starts = |payload: &[u8]| glance(payload).unwrap().starts_keyframe;
        let (pps, idr, delta, delimiter): (&[u8], &[u8], &[u8], &[u8]) = (
            &[0x68, 0xce, 0x3c, 0x80],
            &[0x65, 0xb8, 0x00, 0x04],
            &[0x41, 0x9a, 0x02],
            &[0x09, 0x10],
        );
        assert!(starts(&BASELINE_360));
        assert!(starts(&stap(&[&BASELINE_360, pps])));
        assert!(starts(&stap(&[delimiter, &BASELINE_360, pps, idr])));
        assert!(starts(&[0x7c, 0x87, 0x42]), "a part of one");
        for other in [pps, idr, delta, delimiter] {
            assert!(!starts(other));
        }
        assert!(!starts(&stap(&[pps, idr])));
        assert!(!starts(&stap(&[idr, &BASELINE_360])), "of the next picture");
        assert!(!starts(&[0x7c, 0x85, 0xb8]), "a picture without them");
        assert!(!starts(&[0x7c, 0x07, 0x42]), "a later part");
        assert_eq!(glance(&[0x7c]), None);
        assert_eq!(glance(&[]), None);
        for length in 1..20 {
            starts(&stap(&[delimiter, pps, &BASELINE_360])[..length]);
        }
    }

    #[test]
    fn nothing_of_the_picture_is_in_the_head() {
        let idr = [0x65; 40];
        let packet = stap(&[&BASELINE_360, &[0x68, 0xce], &idr]);
        assert!(head(H264, &packet).len() <= 3 + BASELINE_360.len());
        assert_eq!(head(H264, &idr), &idr[..1]);
        assert_eq!(head(H264, &stap(&[&idr])), &stap(&[&idr])[..4]);
        let part = [&[0x7c, 0x85][..], &idr].concat();
        assert_eq!(head(H264, &part), &part[..2]);
    }
}
