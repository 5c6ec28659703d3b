//! Pictures in packets, as encoders of each codec send them.

use proptest::prelude::*;

use super::TICKS;
use crate::codec::VideoCodec;
use crate::ids::Layer;

/// Where a layer's numbers begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0_index: u8,
    /// Picture ids have 15 bits.
    long: bool,
}

/// One packet on its way, before it may be lost.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) source: usize,
    pub(super) layer: Layer,
    pub(super) codec: VideoCodec,
    pub(super) frame: u64,
    /// When it was taken, in pictures: that of the sources is not the number while they are silent.
    pub(super) time: u64,
    /// How many pictures before it is what it depends on; of a keyframe, none.
    pub(super) needs: Option<u64>,
    pub(super) first: bool,
    pub(super) keyframe: bool,
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) payload: Vec<u8>,
}

impl Packet {
    pub(super) fn ssrc(&self) -> u32 {
        (self.source * 10 + self.layer as usize) as u32
    }

    /// A keyframe begins with it.
    pub(super) fn begins(&self) -> bool {
        self.keyframe && self.first
    }

    /// Whose numbers it has.
    pub(super) fn stream(&self) -> (usize, Layer, VideoCodec) {
        (self.source, self.layer, self.codec)
    }
}

pub(super) fn start() -> impl Strategy<Value = Start> {
    let near = |end: u64| prop_oneof![0..end, end.saturating_sub(40)..end];
    let sequence = prop_oneof![near(1 << 16), near(1 << 32)];
    let (picture_id, tl0_index) = (near(1 << 15), near(1 << 8));
    let all = (
        sequence,
        near(1 << 32),
        picture_id,
        tl0_index,
        any::<bool>(),
    );
    all.prop_map(|(sequence, timestamp, picture_id, tl0_index, long)| Start {
        sequence,
        timestamp: timestamp as u32,
        picture_id: picture_id as u16,
        tl0_index: tl0_index as u8,
        long,
    })
}

/// The temporal layer of a picture, and how far before it is what it depends on. Keyframes are made at
/// any number; what would depend on a picture before one depends on it.
const TEMPORAL: [(u8, u64); 4] = [(0, 4), (2, 1), (1, 2), (2, 1)];

/// The packets of one picture of one layer: one in the smallest, three in the largest.
pub(super) fn picture(
    (source, layer): (usize, Layer),
    codec: VideoCodec,
    start: &Start,
    (frame, time): (u64, u64),
    keyframe: bool,
) -> Vec<Packet> {
    let parts = layer as u64 + 1;
    let (tid, needs) = match keyframe {
        true => (0, None),
        false => {
            let (tid, needs) = TEMPORAL[frame as usize % TEMPORAL.len()];
            (tid, Some(needs))
        }
    };
    let numbers = Numbers {
        tid,
        on_base: matches!(frame % 4, 1 | 2) && tid > 0,
        picture_id: start.picture_id.wrapping_add(frame as u16),
        long: start.long,
        tl0_index: start.tl0_index.wrapping_add(frame as u8),
    };
    let packet = |part| {
        let (first, last) = (part == 0, part == parts - 1);
        Packet {
            source,
            layer,
            codec,
            frame,
            time,
            needs,
            first,
            keyframe,
            sequence: start.sequence + frame * parts + part,
            timestamp: start.timestamp.wrapping_add(time as u32 * TICKS),
            payload: match codec {
                VideoCodec::Vp8 => vp8(&numbers, keyframe, first),
                VideoCodec::Vp9 => vp9(&numbers, keyframe, first, last),
                VideoCodec::H264 => h264(keyframe, part, parts),
                VideoCodec::Av1 => av1(keyframe, first, last),
            },
        }
    };
    (0..parts).map(packet).collect()
}

struct Numbers {
    picture_id: u16,
    long: bool,
    tl0_index: u8,
    tid: u8,
    /// It depends on the lowest temporal layer alone.
    on_base: bool,
}

impl Numbers {
    fn id(&self) -> Vec<u8> {
        match self.long {
            true => (self.picture_id | 0x8000).to_be_bytes().to_vec(),
            false => vec![self.picture_id as u8 & 0x7f],
        }
    }
}

/// RFC 7741, 4.2: X, and S in the first packet; I, L and T; TID and Y; then P of the payload header.
fn vp8(numbers: &Numbers, keyframe: bool, first: bool) -> Vec<u8> {
    let flags = if first { 0x90 } else { 0x80 };
    let mut payload = vec![flags, 0xe0];
    payload.extend(numbers.id());
    let layers = numbers.tid << 6 | u8::from(numbers.on_base) << 5;
    payload.extend([numbers.tl0_index, layers, u8::from(!keyframe)]);
    payload
}

/// RFC 9628, 4.2: I and L; P, B and E as it is; V in keyframes, of one layer that says no size. U always:
/// no picture depends on one of a higher layer before.
fn vp9(numbers: &Numbers, keyframe: bool, first: bool, last: bool) -> Vec<u8> {
    let flag = |flag, set| if set { flag } else { 0 };
    let starts = keyframe && first;
    let flags = 0xa0 | flag(0x40, !keyframe) | flag(0x08, first) | flag(0x04, last);
    let mut payload = vec![flags | flag(0x02, starts)];
    payload.extend(numbers.id());
    payload.extend([numbers.tid << 5 | 0x10, numbers.tl0_index]);
    payload.extend(starts.then_some(0x00));
    payload.extend([0x86, 0x55]);
    payload
}

/// RFC 6184: a keyframe's parameters in front of it, in one packet with it if that is small (STAP-A), and
/// large slices in parts (FU-A).
fn h264(keyframe: bool, part: u64, parts: u64) -> Vec<u8> {
    const PARAMETERS: [u8; 13] = [
        0x78, 0x00, 0x04, 0x67, 0x42, 0xc0, 0x1f, 0x00, 0x04, 0x68, 0xce, 0x3c, 0x80,
    ];
    let slice: u8 = if keyframe { 0x65 } else { 0x41 };
    let parameters = u64::from(keyframe && parts > 1);
    if keyframe && part == 0 {
        let mut payload = PARAMETERS.to_vec();
        if parts == 1 {
            payload.extend([0x00, 0x02, slice, 0xb8]);
        }
        return payload;
    }
    let flag = |flag, set| if set { flag } else { 0 };
    match parts - parameters {
        1 => vec![slice, 0x9a],
        _ => {
            let edges = flag(0x80, part == parameters) | flag(0x40, part == parts - 1);
            vec![0x7c, edges | slice & 0x1f, 0x9a]
        }
    }
}

/// The AV1 payload format, 4.4: one OBU after the sequence header, which goes on from packet to packet
/// (Z and Y).
fn av1(keyframe: bool, first: bool, last: bool) -> Vec<u8> {
    let goes_on = if last { 0 } else { 0x40 };
    match (keyframe, first) {
        (true, true) => vec![0x28 | goes_on, 2, 0x08, 0x00, 0x30, 0x11],
        (false, true) => vec![0x10 | goes_on, 0x30, 0x11],
        (_, false) => vec![0x90 | goes_on, 0x11, 0x22],
    }
}
