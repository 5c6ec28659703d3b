//! Media that can be checked: every payload says which packet of its source it is.

use tsuji_core::VideoCodec;

use super::payload::{self, HEAD, Part};

/// A packet to be sent.
pub(crate) struct Packet {
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Vec<u8>,
}

/// A microphone and a camera.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) sounds: u32,
    pub(crate) pictures: u32,
    frames: u32,
    pub(crate) keyframe_wanted: bool,
}

impl Source {
    /// 20 ms of sound.
    pub(crate) fn sound(&mut self) -> Packet {
        self.sounds += 1;
        let mut payload = vec![0xfc; 20];
        payload[1..5].copy_from_slice(&self.sounds.to_be_bytes());
        Packet {
            timestamp: self.sounds.wrapping_mul(960),
            marker: false,
            payload,
        }
    }

    /// A frame in two packets.
    pub(crate) fn frame(&mut self, codec: VideoCodec) -> [Packet; 2] {
        self.frames += 1;
        let keyframe = std::mem::take(&mut self.keyframe_wanted) || self.frames == 1;
        [0, 1].map(|number| self.part(codec, number, keyframe))
    }

    fn part(&mut self, codec: VideoCodec, number: u8, keyframe: bool) -> Packet {
        self.pictures += 1;
        let part = Part {
            number,
            last: number == 1,
            keyframe,
            tid: 0,
            synchronizes: false,
            picture_id: self.frames as u16 & 0x7fff,
            tl0_index: self.frames as u8,
            size: (640, 360),
        };
        let mut payload = vec![0; 60];
        payload::begin(codec, &part, &mut payload);
        payload[HEAD..HEAD + 4].copy_from_slice(&self.pictures.to_be_bytes());
        Packet {
            timestamp: self.frames.wrapping_mul(3_000),
            marker: part.last,
            payload,
        }
    }
}

/// Which packet of its source a payload is, from 1; nonsense for what others made.
pub(crate) fn count(audio: bool, payload: &[u8]) -> Option<u32> {
    let at = if audio { 1 } else { HEAD };
    let bytes = payload.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}
