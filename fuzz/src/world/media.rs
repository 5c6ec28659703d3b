//! Media that can be checked: every payload says which packet of its source it is.

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

    /// A frame of VP8 in two packets.
    pub(crate) fn frame(&mut self) -> [Packet; 2] {
        self.frames += 1;
        let keyframe = std::mem::take(&mut self.keyframe_wanted) || self.frames == 1;
        [self.part(true, keyframe), self.part(false, keyframe)]
    }

    fn part(&mut self, first: bool, keyframe: bool) -> Packet {
        self.pictures += 1;
        let mut payload = vec![0; 60];
        // RFC 7741, 4.2: X, and S in the first packet; I, L and T; then the numbers.
        payload[0] = if first { 0x90 } else { 0x80 };
        payload[1] = 0xe0;
        payload[2..4].copy_from_slice(&(self.frames as u16 | 0x8000).to_be_bytes());
        payload[4] = self.frames as u8;
        // RFC 7741, 4.3: P is 0 in a keyframe.
        payload[6] = u8::from(!keyframe);
        payload[7..11].copy_from_slice(&self.pictures.to_be_bytes());
        Packet {
            timestamp: self.frames.wrapping_mul(3_000),
            marker: !first,
            payload,
        }
    }
}

/// Which packet of its source a payload is, from 1; nonsense for what others made.
pub(crate) fn count(audio: bool, payload: &[u8]) -> Option<u32> {
    let at = if audio { 1 } else { 7 };
    let bytes = payload.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}
