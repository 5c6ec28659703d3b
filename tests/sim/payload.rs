//! Payloads as packets of each codec begin: what is read of them on the way, and nothing to be seen.

use tsuji_core::VideoCodec;

/// A packet of a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Which packet of its picture, from 0.
    pub(crate) number: u8,
    /// The last one of its picture.
    pub(crate) last: bool,
    /// The picture needs no other.
    pub(crate) keyframe: bool,
    /// The temporal layer.
    pub(crate) tid: u8,
    /// From it on, a decoder of lower layers can decode this one too.
    pub(crate) synchronizes: bool,
    /// 15 bits, where the codec has such numbers.
    pub(crate) picture_id: u16,
    /// TL0PICIDX, the same.
    pub(crate) tl0_index: u8,
    /// Width and height of the picture in pixels.
    pub(crate) size: (u16, u16),
}

/// Bytes that [`begin`] may write.
pub(crate) const HEAD: usize = 16;

/// Writes the beginning of a payload, which has at least [`HEAD`] bytes, zeros so far.
pub(crate) fn begin(codec: VideoCodec, part: &Part, payload: &mut [u8]) {
    let head = match codec {
        VideoCodec::Vp8 => vp8(part),
        VideoCodec::H264 => h264(part),
        VideoCodec::Vp9 => vp9(part),
        VideoCodec::Av1 => av1(part),
    };
    for (to, byte) in payload.iter_mut().zip(head) {
        *to = byte;
    }
}

fn vp8(part: &Part) -> Vec<u8> {
    // RFC 7741, 4.2: X, and S in the first packet; I, L and T; then the numbers.
    let [high, low] = (part.picture_id | 0x8000).to_be_bytes();
    let first = if part.number == 0 { 0x90 } else { 0x80 };
    // TID and Y.
    let layer = part.tid << 6 | u8::from(part.synchronizes) << 5;
    let mut head = vec![first, 0xe0, high, low, part.tl0_index, layer];
    // RFC 7741, 4.3: P is 0 in a keyframe, which begins with its size (RFC 6386, 9.1).
    head.push(u8::from(!part.keyframe));
    if part.keyframe && part.number == 0 {
        head.extend([0, 0, 0x9d, 0x01, 0x2a]);
        head.extend(part.size.0.to_le_bytes());
        head.extend(part.size.1.to_le_bytes());
    }
    head
}

/// Parts of NAL units (FU-A, RFC 6184, 5.8): of a sequence parameter set that fits into no packet, so that
/// nobody knows the size, and of a slice.
fn h264(part: &Part) -> Vec<u8> {
    let (unit, first) = match (part.keyframe, part.number) {
        (true, 0) => (7, true),
        (true, number) => (5, number == 1),
        (false, number) => (1, number == 0),
    };
    vec![0x7c, unit | u8::from(first) << 7 | u8::from(part.last) << 6]
}

/// RFC 9628, 4.2: not flexible, one spatial layer, temporal ones.
fn vp9(part: &Part) -> Vec<u8> {
    let begins = part.keyframe && part.number == 0;
    // I and L; P, B, E and V.
    let first = 0xa0
        | u8::from(!part.keyframe) << 6
        | u8::from(part.number == 0) << 3
        | u8::from(part.last) << 2
        | u8::from(begins) << 1;
    let [high, low] = (part.picture_id | 0x8000).to_be_bytes();
    // TID and U.
    let layer = part.tid << 5 | u8::from(part.synchronizes) << 4;
    let mut head = vec![first, high, low, layer, part.tl0_index];
    if begins {
        // One layer, whose size follows.
        head.push(0x10);
        head.extend(part.size.0.to_be_bytes());
        head.extend(part.size.1.to_be_bytes());
    }
    head
}

/// The aggregation header (AOM RTP, 4.4), and in the first packet of a keyframe a sequence header
/// (AV1, 5.5).
fn av1(part: &Part) -> Vec<u8> {
    const FRAME: u8 = 0x30;
    // W, the number of elements, is 1 or 2; Z of what goes on, Y of what will, N of a keyframe.
    let goes_on = u8::from(part.number > 0) << 7 | u8::from(!part.last) << 6;
    if !part.keyframe || part.number > 0 {
        return vec![goes_on | 0x10, FRAME];
    }
    // Main profile, one operating point, sides of 16 bits.
    let side = |side: u16| u128::from(side.saturating_sub(1));
    let sequence = (0xff << 32 | side(part.size.0) << 16 | side(part.size.1)) << 3;
    let sequence = &u128::to_be_bytes(sequence)[7..];
    let mut head = vec![goes_on | 0x28, sequence.len() as u8 + 1, 0x08];
    head.extend(sequence);
    head.push(FRAME);
    head
}
