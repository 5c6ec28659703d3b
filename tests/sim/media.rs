//! Media that can be checked: every payload says whose it is, which packet, and when it was made.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tsuji_core::{Layer, ParticipantId, Source, Time, VideoCodec};

use crate::payload::{self, Part};

/// A packet to be sent.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Which encoding it belongs to; `None` where there is only one.
    pub layer: Option<Layer>,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker.
    pub marker: bool,
    /// RTP payload.
    pub payload: Vec<u8>,
    /// RFC 6464, dBov; of sound only.
    pub level: Option<i8>,
}

/// What a payload says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Which packet of its microphone or camera, from 1.
    pub(crate) count: u32,
    /// Who made it.
    pub(crate) source: ParticipantId,
    /// When it was made.
    pub(crate) made: Time,
    /// The RTP timestamp that it was sent with.
    pub(crate) timestamp: u32,
    /// The place in the stream of pictures; of no meaning for audio.
    pub(crate) place: Place,
    /// The encoding; of no meaning for audio.
    pub(crate) layer: Layer,
    /// Microphone, camera or screen.
    pub(crate) of: Source,
}

/// Which part of which picture a video packet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The picture, from 1.
    pub frame: u32,
    /// Which packet of the picture, from 0.
    pub part: u8,
    /// Packets of the picture.
    pub parts: u8,
    /// The picture needs no other.
    pub keyframe: bool,
    /// How many pictures before it is the one that it needs; 0 of a keyframe.
    pub needs: u8,
    /// Its temporal layer.
    pub tid: u8,
}

/// Where the stamp begins: behind the Opus TOC byte; behind what is read of pictures.
const AUDIO_STAMP: usize = 1;
const VIDEO_STAMP: usize = payload::HEAD;
const STAMP: usize = 35;
/// The end of each: real browsers' media has something else there.
const MARK: [u8; 4] = *b"tsuj";

impl Stamp {
    /// Reads the stamp of a payload that a virtual browser made.
    pub(crate) fn read(audio: bool, payload: &[u8]) -> Option<Self> {
        let begin = if audio { AUDIO_STAMP } else { VIDEO_STAMP };
        let bytes = payload.get(begin..begin + STAMP)?;
        if bytes[31..] != MARK {
            return None;
        }
        let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
        let made = u64::from(word(8)) << 32 | u64::from(word(12));
        Some(Self {
            count: word(0),
            source: ParticipantId(word(4).into()),
            made: Time::from_micros(made),
            timestamp: word(16),
            place: Place {
                frame: word(20),
                part: bytes[24],
                parts: bytes[25],
                keyframe: bytes[26] != 0,
                needs: bytes[27],
                tid: bytes[28],
            },
            layer: *Layer::ALL.get(usize::from(bytes[29]))?,
            of: *Source::ALL.get(usize::from(bytes[30]))?,
        })
    }

    fn write(&self, begin: usize, payload: &mut [u8]) {
        let made = self.made.as_micros();
        let words = [
            self.count,
            self.source.0 as u32,
            (made >> 32) as u32,
            made as u32,
            self.timestamp,
            self.place.frame,
        ];
        let bytes = words.iter().flat_map(|word| word.to_be_bytes());
        let Place { part, parts, .. } = self.place;
        let Place { needs, tid, .. } = self.place;
        let keyframe = u8::from(self.place.keyframe);
        let bytes = bytes.chain([part, parts, keyframe, needs, tid]);
        let bytes = bytes.chain([self.layer as u8, self.of as u8]);
        let bytes = bytes.chain(MARK);
        for (to, byte) in payload[begin..].iter_mut().zip(bytes) {
            *to = byte;
        }
    }
}

/// A microphone, or the sound of a screen: one Opus-sized packet every 20 ms.
#[derive(Debug)]
pub struct Microphone {
    of: Source,
    /// How loud it is, dBov (RFC 6464); by itself somebody speaks now and then.
    pub level: Option<i8>,
    /// Discontinuous transmission (RFC 7587, 3.1.3): little is sent, as of silence.
    pub sparse: bool,
    next: Time,
    count: u32,
    /// Whether it sends nothing.
    pub paused: bool,
    /// Since when it sends, if it is not paused.
    pub since: Time,
}

impl Microphone {
    const INTERVAL: Duration = Duration::from_millis(20);
    /// Between two packets of silence.
    const PAUSE: Duration = Duration::from_millis(400);
    /// 20 ms of 48 kHz.
    const TICKS: u32 = 960;

    /// Begins at `start`.
    pub fn new(start: Time) -> Self {
        Self {
            of: Source::Microphone,
            level: None,
            sparse: false,
            next: start,
            count: 0,
            paused: false,
            since: Time::ZERO,
        }
    }

    /// The sound of a screen, from `start` on.
    pub fn of_screen(start: Time) -> Self {
        Self {
            of: Source::ScreenAudio,
            ..Self::new(start)
        }
    }

    /// Packets made.
    pub fn packets(&self) -> u32 {
        self.count
    }

    /// When the next packet is due.
    pub fn deadline(&self) -> Option<Time> {
        (!self.paused).then_some(self.next)
    }

    /// Nothing is due before `t`.
    pub fn wait_until(&mut self, t: Time) {
        self.next = self.next.max(t);
        self.since = t;
    }

    /// Makes nothing before `t`.
    pub fn starve(&mut self, t: Time) {
        self.next = self.next.max(t);
    }

    /// The packet that is due at `t`.
    pub fn take(&mut self, t: Time, source: ParticipantId) -> Option<Packet> {
        if self.paused || self.next > t {
            return None;
        }
        // As in a browser, sample time goes on while nothing is sent.
        let intervals = self.next.as_micros() / Self::INTERVAL.as_micros() as u64;
        let timestamp = (intervals as u32).wrapping_mul(Self::TICKS);
        self.next = self.next
            + if self.sparse {
                Self::PAUSE
            } else {
                Self::INTERVAL
            };
        self.count += 1;
        let mut payload = vec![0xfc; 80];
        let stamp = Stamp {
            count: self.count,
            source,
            made: t,
            timestamp,
            place: Place::default(),
            layer: Layer::Full,
            of: self.of,
        };
        stamp.write(AUDIO_STAMP, &mut payload);
        Some(Packet {
            layer: None,
            timestamp,
            marker: false,
            payload,
            level: Some(self.level.unwrap_or_else(|| level_at(t, source))),
        })
    }
}

/// Everybody speaks now and then, for a second and a half at a time, dBov.
fn level_at(t: Time, source: ParticipantId) -> i8 {
    let turn = t.as_micros() / 1_500_000;
    let speaks = (turn.wrapping_mul(31) ^ source.0.wrapping_mul(7)).is_multiple_of(4);
    if speaks { -28 } else { -70 }
}

/// How much a camera sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Picture {
    /// 30 frames a second of three packets, 8 in a keyframe, 1,000 bytes each.
    #[default]
    Full,
    /// 10 frames a second of one packet, 2 in a keyframe, 600 bytes each: for long runs.
    Light,
    /// A screen: 5 frames a second of 4 packets, 20 in a keyframe, 1,150 bytes each.
    Screen,
    /// Simulcast: 15 frames a second of each layer, of one, one and two packets of 250, 500 and
    /// 800 bytes; two, three and five in a keyframe.
    Layers,
    /// 30 frames a second of so many packets, so many bytes each, keyframes like all others.
    Even {
        /// Packets of a frame.
        parts: u8,
        /// Bytes of a payload.
        bytes: u16,
    },
    /// Simulcast as Chromium sends it to the page of a camera of 1280 × 720: 30 frames a second of
    /// each layer, 150, 500 and 1,700 kbit/s with all headers; 4, 12 and 33 kB in a keyframe. Each has
    /// three temporal layers, of which the lowest takes two fifths and the next one.
    Simulcast,
}

impl Picture {
    fn interval(self) -> Duration {
        match self {
            Picture::Full | Picture::Even { .. } | Picture::Simulcast => {
                Duration::from_micros(33_333)
            }
            Picture::Light => Duration::from_millis(100),
            Picture::Screen => Duration::from_millis(200),
            Picture::Layers => Duration::from_micros(66_667),
        }
    }

    /// 90 kHz.
    fn ticks(self) -> u32 {
        match self {
            Picture::Full | Picture::Even { .. } | Picture::Simulcast => 3_000,
            Picture::Light => 9_000,
            Picture::Screen => 18_000,
            Picture::Layers => 6_000,
        }
    }

    /// The temporal layer of the picture that is so many after the last keyframe, and how far before it
    /// is the one that it needs.
    fn temporal(self, after: u32) -> (u8, u8) {
        match self {
            Picture::Simulcast => [(0, 4), (2, 1), (1, 2), (2, 1)][after as usize % 4],
            _ => (0, 1),
        }
    }

    fn packets(self, layer: Layer, keyframe: bool, tid: u8) -> u8 {
        match (self, keyframe) {
            (Picture::Full, false) => 3,
            (Picture::Full, true) => 8,
            (Picture::Light, false) => 1,
            (Picture::Light, true) => 2,
            (Picture::Screen, false) => 4,
            (Picture::Screen, true) => 20,
            (Picture::Layers, false) => [1, 1, 2][layer as usize],
            (Picture::Layers, true) => [2, 3, 5][layer as usize],
            (Picture::Even { parts, .. }, _) => parts,
            (Picture::Simulcast, false) if tid == 0 => [1, 3, 10][layer as usize],
            (Picture::Simulcast, false) => [1, 2, 5][layer as usize],
            (Picture::Simulcast, true) => [8, 12, 30][layer as usize],
        }
    }

    /// Width and height in pixels.
    fn size(self, layer: Layer) -> (u16, u16) {
        let (width, height) = match self {
            Picture::Light => (320, 180),
            Picture::Full | Picture::Layers | Picture::Even { .. } | Picture::Simulcast => {
                (1_280, 720)
            }
            Picture::Screen => (1_920, 1_080),
        };
        let smaller = Layer::Full as u16 - layer as u16;
        (width >> smaller, height >> smaller)
    }

    fn bytes(self, layer: Layer, keyframe: bool, tid: u8) -> usize {
        match self {
            Picture::Full => 1_000,
            Picture::Light => 600,
            Picture::Screen => 1_150,
            Picture::Layers => [250, 500, 800][layer as usize],
            // Room for the stamp.
            Picture::Even { bytes, .. } => usize::from(bytes).max(VIDEO_STAMP + STAMP),
            Picture::Simulcast if keyframe => [555, 970, 1_110][layer as usize],
            Picture::Simulcast if tid == 0 => [930, 1_035, 1_061][layer as usize],
            Picture::Simulcast => [430, 776, 1_061][layer as usize],
        }
    }
}

/// A camera, or for a while a screen in its place, or a screen beside it.
#[derive(Debug)]
pub struct Camera {
    of: Source,
    codec: VideoCodec,
    /// What is sent now.
    picture: Picture,
    /// What the camera sends.
    own: Picture,
    next: Time,
    /// The smallest first; one alone where it sends no simulcast.
    encoders: Vec<Encoder>,
    /// Whether it sends nothing.
    pub paused: bool,
    /// Since when it sends, if it is not paused.
    pub since: Time,
}

/// What makes one layer.
#[derive(Debug)]
struct Encoder {
    layer: Layer,
    /// Ticks by which its clock is ahead of time.
    ahead: u32,
    frame: u32,
    count: u32,
    picture_id: u16,
    tl0_index: u8,
    keyframe_wanted: bool,
    /// The frame of the last keyframe.
    keyframe: u32,
    keyframes: u32,
    stopped: bool,
    /// Somebody takes it.
    taken: bool,
}

/// By how many ticks the clock of the next source is ahead of the last: 0.2 s.
const SHARE_AHEAD: u32 = 18_000;

impl Camera {
    /// Begins at `start`, its picture ids at `picture_id`.
    pub fn new(start: Time, picture_id: u16) -> Self {
        Self {
            of: Source::Camera,
            codec: VideoCodec::Vp8,
            picture: Picture::Full,
            own: Picture::Full,
            next: start,
            encoders: vec![Encoder::new(Layer::Full, picture_id)],
            paused: false,
            since: Time::ZERO,
        }
    }

    /// The same, sending as much as `picture` says.
    pub fn with_picture(self, picture: Picture) -> Self {
        let encoders = match picture {
            Picture::Layers | Picture::Simulcast => {
                let id = self.encoders[0].picture_id;
                let encoder = |layer| Encoder::new(layer, id.wrapping_add(7_919 * layer as u16));
                Layer::ALL.map(encoder).into()
            }
            Picture::Full | Picture::Light | Picture::Screen | Picture::Even { .. } => {
                self.encoders
            }
        };
        Self {
            picture,
            own: picture,
            encoders,
            ..self
        }
    }

    /// The same in this codec.
    pub fn with_codec(self, codec: VideoCodec) -> Self {
        Self { codec, ..self }
    }

    /// A screen, in two encodings (RFC 8853) or in one.
    pub fn screen(start: Time, picture_id: u16, simulcast: bool) -> Self {
        let layers: &[Layer] = if simulcast {
            Source::Screen.layers()
        } else {
            &[Layer::Full]
        };
        let encoder =
            |layer: &Layer| Encoder::new(*layer, picture_id.wrapping_add(7_919 * *layer as u16));
        Self {
            of: Source::Screen,
            codec: VideoCodec::Vp8,
            picture: Picture::Screen,
            own: Picture::Screen,
            next: start,
            encoders: layers.iter().map(encoder).collect(),
            paused: false,
            since: Time::ZERO,
        }
    }

    /// Whether it sends several encodings (RFC 8853).
    pub fn is_simulcast(&self) -> bool {
        self.encoders.len() > 1
    }

    /// Puts the screen in the camera's place, or the camera back (`RTCRtpSender.replaceTrack`): the
    /// stream goes on with another encoder's keyframe, of another size and rate, by another clock.
    pub fn share(&mut self, t: Time, screen: bool) {
        self.picture = if screen { Picture::Screen } else { self.own };
        for encoder in &mut self.encoders {
            encoder.ahead = encoder.ahead.wrapping_add(SHARE_AHEAD);
            encoder.keyframe_wanted = true;
        }
        self.wait_until(t);
    }

    /// The browser has no time for its largest encoding, or has it again.
    pub fn overload(&mut self, overloaded: bool) {
        if let [_, .., largest] = self.encoders.as_mut_slice() {
            largest.keyframe_wanted |= largest.stopped && !overloaded;
            largest.stopped = overloaded;
        }
    }

    /// These layers are taken by somebody (`RTCRtpEncodingParameters.active`). One that begins again
    /// waits to be asked for a keyframe.
    pub fn send_layers(&mut self, layers: &[Layer]) {
        let alone = self.encoders.len() == 1;
        for encoder in &mut self.encoders {
            encoder.taken = layers.contains(&encoder.layer) || (alone && !layers.is_empty());
        }
    }

    /// Packets made.
    pub fn packets(&self) -> u32 {
        self.encoders.iter().map(|encoder| encoder.count).sum()
    }

    /// Keyframes made, of all encodings together.
    pub fn keyframes(&self) -> u32 {
        self.encoders.iter().map(|encoder| encoder.keyframes).sum()
    }

    /// When the next frame is due.
    pub fn deadline(&self) -> Option<Time> {
        (!self.paused).then_some(self.next)
    }

    /// Nothing is due before `t`.
    pub fn wait_until(&mut self, t: Time) {
        self.next = self.next.max(t);
        self.since = t;
    }

    /// The next frame will be a keyframe: of one layer, or of all.
    pub fn want_keyframe(&mut self, layer: Option<Layer>) {
        for encoder in &mut self.encoders {
            encoder.keyframe_wanted |= layer.is_none_or(|layer| layer == encoder.layer);
        }
    }

    /// Makes nothing before `t`: the camera gives nothing, or the encoder has no time.
    pub fn starve(&mut self, t: Time) {
        self.next = self.next.max(t);
    }

    /// The packets of the frame that is due at `t`.
    pub fn take(&mut self, t: Time, source: ParticipantId) -> Vec<Packet> {
        if self.paused || self.next > t {
            return Vec::new();
        }
        let interval = self.picture.interval();
        let intervals = self.next.as_micros() / interval.as_micros() as u64;
        let timestamp = (intervals as u32).wrapping_mul(self.picture.ticks());
        self.next = self.next + interval;
        let (of, codec, picture) = (self.of, self.codec, self.picture);
        let simulcast = self.is_simulcast();
        let encoders = self.encoders.iter_mut();
        let encoders = encoders.filter(|encoder| !encoder.stopped && encoder.taken);
        let mut packets = Vec::new();
        for encoder in encoders {
            let layer = simulcast.then_some(encoder.layer);
            let frame = encoder.take(t, (source, of), (picture, codec), timestamp);
            packets.extend(frame.into_iter().map(|packet| Packet { layer, ..packet }));
        }
        packets
    }
}

impl Encoder {
    fn new(layer: Layer, picture_id: u16) -> Self {
        Self {
            layer,
            // As in Chromium, each layer counts from another beginning.
            ahead: SHARE_AHEAD.wrapping_mul(u32::from(picture_id)),
            frame: 0,
            count: 0,
            picture_id: picture_id & 0x7fff,
            tl0_index: (picture_id & 0xff) as u8,
            keyframe_wanted: true,
            keyframe: 0,
            keyframes: 0,
            stopped: false,
            taken: true,
        }
    }

    fn take(
        &mut self,
        t: Time,
        (source, of): (ParticipantId, Source),
        (picture, codec): (Picture, VideoCodec),
        timestamp: u32,
    ) -> Vec<Packet> {
        let timestamp = timestamp.wrapping_add(self.ahead);
        self.frame += 1;
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        self.keyframes += u32::from(keyframe);
        if keyframe {
            self.keyframe = self.frame;
        }
        let after = self.frame - self.keyframe;
        let (tid, needs) = picture.temporal(after);
        let needs = if keyframe { 0 } else { needs };
        self.tl0_index = self.tl0_index.wrapping_add(u8::from(tid == 0));
        let parts = picture.packets(self.layer, keyframe, tid);
        let (frame, layer) = (self.frame, self.layer);
        (0..parts)
            .map(|part| {
                self.count += 1;
                let stamp = Stamp {
                    count: self.count,
                    source,
                    made: t,
                    timestamp,
                    place: Place {
                        frame,
                        part,
                        parts,
                        keyframe,
                        needs,
                        tid,
                    },
                    layer,
                    of,
                };
                self.packet(&stamp, picture, codec)
            })
            .collect()
    }

    fn packet(&self, stamp: &Stamp, picture: Picture, codec: VideoCodec) -> Packet {
        let place = stamp.place;
        let mut payload = vec![0; picture.bytes(stamp.layer, place.keyframe, place.tid)];
        let part = Part {
            number: place.part,
            last: place.part + 1 == place.parts,
            keyframe: place.keyframe,
            tid: place.tid,
            // Needs one of the lowest layer: all but the last of four.
            synchronizes: place.tid > 0 && (self.frame - self.keyframe) % 4 < 3,
            picture_id: self.picture_id,
            tl0_index: self.tl0_index,
            size: picture.size(stamp.layer),
        };
        payload::begin(codec, &part, &mut payload);
        stamp.write(VIDEO_STAMP, &mut payload);
        Packet {
            layer: None,
            timestamp: stamp.timestamp,
            marker: part.last,
            payload,
            level: None,
        }
    }
}

/// The picture id in a payload of a virtual browser, where the codec has one.
pub(crate) fn picture_id(codec: VideoCodec, payload: &[u8]) -> Option<u16> {
    let at = match codec {
        VideoCodec::Vp8 => 2,
        VideoCodec::Vp9 => 1,
        VideoCodec::H264 | VideoCodec::Av1 => return None,
    };
    let id = payload.get(at..at + 2)?;
    Some(u16::from_be_bytes([id[0], id[1]]) & 0x7fff)
}
