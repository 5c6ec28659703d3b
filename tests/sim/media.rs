//! Media that can be checked: every payload says which packet it is.

use std::time::Duration;

use tsuji_core::Time;

/// A packet to be sent.
#[derive(Clone, Debug)]
pub struct Packet {
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker.
    pub marker: bool,
    /// RTP payload.
    pub payload: Vec<u8>,
}

/// A microphone: one Opus-sized packet every 20 ms.
#[derive(Debug)]
pub struct Microphone {
    next: Time,
    count: u32,
}

impl Microphone {
    const INTERVAL: Duration = Duration::from_millis(20);
    /// 20 ms of 48 kHz.
    const TICKS: u32 = 960;

    /// Begins at `start`.
    pub fn new(start: Time) -> Self {
        Self {
            next: start,
            count: 0,
        }
    }

    /// When the next packet is due.
    pub fn deadline(&self) -> Time {
        self.next
    }

    /// The packet that is due at `t`.
    pub fn take(&mut self, t: Time) -> Option<Packet> {
        if self.next > t {
            return None;
        }
        self.next = self.next + Self::INTERVAL;
        self.count += 1;
        let mut payload = vec![0xfc; 80];
        payload[1..5].copy_from_slice(&self.count.to_be_bytes());
        Some(Packet {
            timestamp: self.count.wrapping_mul(Self::TICKS),
            marker: false,
            payload,
        })
    }
}

/// A camera: VP8 of 30 frames a second, with a 15-bit picture id and a TL0 index.
#[derive(Debug)]
pub struct Camera {
    next: Time,
    frame: u32,
    count: u32,
    picture_id: u16,
    tl0_index: u8,
    keyframe_wanted: bool,
    /// Keyframes made.
    pub keyframes: u32,
}

impl Camera {
    const INTERVAL: Duration = Duration::from_micros(33_333);
    /// A 30th of a second of 90 kHz.
    const TICKS: u32 = 3_000;
    const PACKETS: u32 = 3;
    const KEYFRAME_PACKETS: u32 = 8;

    /// Begins at `start`, its picture ids at `picture_id`.
    pub fn new(start: Time, picture_id: u16) -> Self {
        Self {
            next: start,
            frame: 0,
            count: 0,
            picture_id: picture_id & 0x7fff,
            tl0_index: (picture_id & 0xff) as u8,
            keyframe_wanted: true,
            keyframes: 0,
        }
    }

    /// When the next frame is due.
    pub fn deadline(&self) -> Time {
        self.next
    }

    /// The next frame will be a keyframe.
    pub fn want_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// The packets of the frame that is due at `t`.
    pub fn take(&mut self, t: Time) -> Vec<Packet> {
        if self.next > t {
            return Vec::new();
        }
        self.next = self.next + Self::INTERVAL;
        self.frame += 1;
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.tl0_index = self.tl0_index.wrapping_add(1);
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        self.keyframes += u32::from(keyframe);
        let packets = if keyframe {
            Self::KEYFRAME_PACKETS
        } else {
            Self::PACKETS
        };
        (0..packets)
            .map(|number| self.packet(keyframe, number, number + 1 == packets))
            .collect()
    }

    fn packet(&mut self, keyframe: bool, number: u32, last: bool) -> Packet {
        self.count += 1;
        let mut payload = vec![0; 1_000];
        // RFC 7741, 4.2: X, and S in the first packet; I, L and T; then the numbers.
        payload[0] = if number == 0 { 0x90 } else { 0x80 };
        payload[1] = 0xe0;
        payload[2..4].copy_from_slice(&(self.picture_id | 0x8000).to_be_bytes());
        payload[4] = self.tl0_index;
        // RFC 7741, 4.3: P is 0 in a keyframe.
        payload[6] = u8::from(!keyframe);
        payload[7..11].copy_from_slice(&self.count.to_be_bytes());
        Packet {
            timestamp: self.frame.wrapping_mul(Self::TICKS),
            marker: last,
            payload,
        }
    }
}

/// Which packet of its camera a video payload is, from 1.
pub(crate) fn video_count(payload: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(payload.get(7..11)?.try_into().ok()?))
}

/// Which packet of its microphone an audio payload is, from 1.
pub(crate) fn audio_count(payload: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(payload.get(1..5)?.try_into().ok()?))
}
