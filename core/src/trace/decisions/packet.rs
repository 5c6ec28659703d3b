//! What connections tell, as it stands in a trace of decisions.
//!
//! ```text
//! event  0x01 connected · 0x02 disconnected · 0x03 reconnected · 0x04 closed
//!        0x08 moved
//!        0x09 bits a second (varint)   what the path carries
//!        0x0a                      it is not known what the path carries
//!        0x05 slot (varint)        the viewer can't decode what comes in the slot
//!        0x06                      the same of an m-line that is no slot's
//!        0x07                      a packet on an m-line that nobody forwards
//!        0x80 | flags, and then    a packet
//!             stream (u8)          0: microphone; 1, 2, 3: the layers of the camera; 4: sound of the
//!                                  screen; 5, 6, 7: the layers of the screen. And 8 times the codec:
//!                                  0 Opus, 1 RED, 2 VP8, 3 H.264, 4 VP9, 5 AV1
//!             ssrc (u32)           if NEW_SOURCE
//!             sequence (signed)    unless NEXT: how much more than the last
//!             timestamp (signed)   unless SAME_TIME: how much more than the last, wrapping
//!             age (varint)         if AGED: milliseconds since it was captured
//!             level (u8)           if LEVEL: −dBov, and 0x80 for voice
//!             orientation (u8)     if ORIENTATION
//!             length (varint) · length of the head (u8) · the head
//! ```
//! The head of a payload is its payload descriptor, and what says whether a keyframe begins and how
//! large it is, if that is at the beginning; of sound it is empty. Nothing of a picture or of a sound.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::forward::{MAX_SEQUENCE, head};
use crate::ids::{Layer, Source};
use crate::participant::Participant;
use crate::trace::cursor::{Cursor, put_signed, put_varint};
use crate::trace::format::Damage;
use crate::transport::{Event, Extensions, Line, MediaPacket, Orientation};

const CONNECTED: u8 = 1;
const DISCONNECTED: u8 = 2;
const RECONNECTED: u8 = 3;
const CLOSED: u8 = 4;
const KEYFRAME: u8 = 5;
const KEYFRAME_ELSEWHERE: u8 = 6;
const PACKET_ELSEWHERE: u8 = 7;
const MOVED: u8 = 8;
const ESTIMATE: u8 = 9;

const PACKET: u8 = 0x80;
const AGED: u8 = 0x01;
const MARKER: u8 = 0x02;
const NEW_SOURCE: u8 = 0x04;
const NEXT: u8 = 0x08;
const SAME_TIME: u8 = 0x10;
const LEVEL: u8 = 0x20;
const ORIENTATION: u8 = 0x40;

const VOICE: u8 = 0x80;

/// Payloads are not longer than datagrams.
const MAX_PAYLOAD: usize = 65_535;

/// The streams of somebody: sound and the layers of the picture, twice.
const STREAMS: usize = 2 * (1 + Layer::ALL.len());

/// The last packets of each stream of somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bases([Base; STREAMS]);

impl Bases {
    /// The highest sequence number in there.
    pub(crate) fn newest_sequence(&self) -> u64 {
        let sequences = self.0.iter().map(|base| base.sequence);
        sequences.max().unwrap_or(0)
    }
}

fn stream(source: Source, layer: Layer) -> usize {
    match source {
        Source::Microphone => 0,
        Source::Camera => 1 + layer as usize,
        Source::ScreenAudio => 4,
        Source::Screen => 5 + layer as usize,
    }
}

/// The reverse of [`stream`].
fn source_of(stream: usize) -> Option<(Source, Layer)> {
    Some(match stream {
        0 => (Source::Microphone, Layer::Full),
        1..=3 => (Source::Camera, Layer::ALL[stream - 1]),
        4 => (Source::ScreenAudio, Layer::Full),
        _ => (Source::Screen, *Layer::ALL.get(stream - 5)?),
    })
}

/// The last packet of a stream, to which the next one is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Base {
    ssrc: u32,
    sequence: u64,
    timestamp: u32,
}

pub(super) fn put_event(buffer: &mut Vec<u8>, participant: &mut Participant, event: &Event) {
    match event {
        Event::Connected => buffer.push(CONNECTED),
        Event::Disconnected => buffer.push(DISCONNECTED),
        Event::Reconnected => buffer.push(RECONNECTED),
        Event::Moved => buffer.push(MOVED),
        Event::Estimate(bits) => {
            buffer.push(ESTIMATE);
            put_varint(buffer, *bits);
        }
        Event::Closed => buffer.push(CLOSED),
        Event::KeyframeRequest(line) => match participant.video_slot_on(*line) {
            Some(slot) => {
                buffer.push(KEYFRAME);
                put_varint(buffer, slot as u64);
            }
            None => buffer.push(KEYFRAME_ELSEWHERE),
        },
        Event::Packet(packet) => match participant.source_on(packet.line) {
            Some(source) => put_packet(buffer, &mut participant.bases, source, packet),
            None => buffer.push(PACKET_ELSEWHERE),
        },
    }
}

fn put_packet(buffer: &mut Vec<u8>, bases: &mut Bases, source: Source, packet: &MediaPacket) {
    let stream = stream(source, packet.layer);
    let base = &mut bases.0[stream];
    let start = buffer.len();
    let mut flags = PACKET;
    let mut set = |flag, condition: bool| {
        flags |= if condition { flag } else { 0 };
        condition
    };
    buffer.extend_from_slice(&[0, (packet.codec.number() * STREAMS + stream) as u8]);
    set(MARKER, packet.marker);
    if set(NEW_SOURCE, packet.ssrc != base.ssrc) {
        buffer.extend_from_slice(&packet.ssrc.to_le_bytes());
    }
    if !set(NEXT, packet.sequence == base.sequence + 1) {
        let more = packet.sequence.cast_signed() - base.sequence.cast_signed();
        put_signed(buffer, more);
    }
    if !set(SAME_TIME, packet.timestamp == base.timestamp) {
        let more = packet.timestamp.wrapping_sub(base.timestamp).cast_signed();
        put_signed(buffer, more.into());
    }
    let age = packet.age.as_millis() as u64;
    if set(AGED, age > 0) {
        put_varint(buffer, age);
    }
    let Extensions {
        audio_level,
        orientation,
    } = packet.extensions;
    if set(LEVEL, audio_level.is_some())
        && let Some((level, voice)) = audio_level
    {
        buffer.push(level.unsigned_abs() & !VOICE | if voice { VOICE } else { 0 });
    }
    if set(ORIENTATION, orientation.is_some())
        && let Some(Orientation(bits)) = orientation
    {
        buffer.push(bits);
    }
    put_varint(buffer, packet.payload.len() as u64);
    let video = packet.codec.video();
    let head = video.map_or(&[][..], |codec| head(codec, &packet.payload));
    buffer.push(head.len() as u8);
    buffer.extend_from_slice(head);
    buffer[start] = flags;
    *base = Base {
        ssrc: packet.ssrc,
        sequence: packet.sequence,
        timestamp: packet.timestamp,
    };
}

pub(super) fn read_event(
    cursor: &mut Cursor<'_>,
    participant: &mut Participant,
) -> Result<Event, Damage> {
    Ok(match cursor.u8()? {
        CONNECTED => Event::Connected,
        DISCONNECTED => Event::Disconnected,
        RECONNECTED => Event::Reconnected,
        MOVED => Event::Moved,
        ESTIMATE => Event::Estimate(cursor.varint()?),
        CLOSED => Event::Closed,
        KEYFRAME => {
            let slot = participant.slots.get(cursor.size()?);
            Event::KeyframeRequest(slot.ok_or(Damage::Content)?.line)
        }
        KEYFRAME_ELSEWHERE => Event::KeyframeRequest(Line::none()),
        PACKET_ELSEWHERE => Event::Packet(MediaPacket {
            line: Line::none(),
            layer: Layer::Full,
            codec: Codec::Opus,
            ssrc: 0,
            sequence: 0,
            timestamp: 0,
            age: Duration::ZERO,
            marker: false,
            extensions: Extensions::default(),
            payload: Arc::default(),
        }),
        flags if flags & PACKET != 0 => Event::Packet(read_packet(cursor, flags, participant)?),
        _ => return Err(Damage::Content),
    })
}

fn read_packet(
    cursor: &mut Cursor<'_>,
    flags: u8,
    participant: &mut Participant,
) -> Result<MediaPacket, Damage> {
    let has = |flag| flags & flag != 0;
    let stream = usize::from(cursor.u8()?);
    let (codec, stream) = (stream / STREAMS, stream % STREAMS);
    let codec = *Codec::ALL.get(codec).ok_or(Damage::Content)?;
    let (source, layer) = source_of(stream).ok_or(Damage::Content)?;
    let line = participant.publication(source).line;
    let bases = &mut participant.bases.0;
    let base = bases.get_mut(stream).ok_or(Damage::Content)?;
    if has(NEW_SOURCE) {
        base.ssrc = cursor.u32()?;
    }
    let more = if has(NEXT) { 1 } else { cursor.signed()? };
    base.sequence = base
        .sequence
        .checked_add_signed(more)
        .filter(|sequence| *sequence <= MAX_SEQUENCE)
        .ok_or(Damage::Content)?;
    if !has(SAME_TIME) {
        // Wrapping, as the timestamp does.
        base.timestamp = base.timestamp.wrapping_add(cursor.signed()? as u32);
    }
    let age = if has(AGED) { cursor.varint()? } else { 0 };
    let audio_level = has(LEVEL).then(|| cursor.u8()).transpose()?;
    let audio_level = audio_level.map(|byte| {
        let level = (byte & !VOICE).cast_signed();
        (-level, byte & VOICE != 0)
    });
    let orientation = has(ORIENTATION).then(|| cursor.u8()).transpose()?;
    let length = cursor.size()?;
    let head = cursor.u8()?.into();
    if length > MAX_PAYLOAD || head > length {
        return Err(Damage::Content);
    }
    // What was not recorded is zero.
    let mut payload = vec![0; length];
    payload[..head].copy_from_slice(cursor.bytes(head)?);
    Ok(MediaPacket {
        line,
        layer,
        codec,
        ssrc: base.ssrc,
        sequence: base.sequence,
        timestamp: base.timestamp,
        age: Duration::from_millis(age),
        marker: has(MARKER),
        extensions: Extensions {
            audio_level,
            orientation: orientation.map(Orientation),
        },
        payload: payload.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::VideoCodec::{self, Av1, H264, Vp8, Vp9};
    use crate::ids::MediaKind;

    fn packet(source: Source, codec: VideoCodec, sequence: u64, payload: &[u8]) -> MediaPacket {
        let is_video = source.kind() == MediaKind::Video;
        MediaPacket {
            line: Line::none(),
            layer: Layer::Full,
            codec: match is_video {
                true => Codec::Video(codec),
                false => Codec::Red,
            },
            ssrc: 0x0102_0304,
            sequence,
            timestamp: 90_000,
            age: Duration::from_millis(30),
            marker: true,
            extensions: Extensions {
                audio_level: (!is_video).then_some((-30, true)),
                orientation: is_video.then_some(Orientation(3)),
            },
            payload: payload.into(),
        }
    }

    #[test]
    fn nothing_that_was_seen_or_heard_is_written_down() {
        // A keyframe with a descriptor of four bytes, one without any extension, one that ends in
        // its descriptor, and sound.
        let picture: Vec<u8> = (0..1_100u32).map(|n| (n * 37 % 251) as u8 | 1).collect();
        let with = |head: &[u8]| [head, &picture].concat();
        let cases = [
            (Source::Camera, Vp8, with(&[0x90, 0x80, 0x80, 0x11]), 5),
            (Source::Camera, Vp8, with(&[0x00]), 1),
            // A keyframe of 640 by 360.
            (
                Source::Screen,
                Vp8,
                with(&[0x10, 0x50, 3, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1]),
                11,
            ),
            (Source::Camera, Vp8, vec![0x90, 0xf0, 0x80], 3),
            (Source::Camera, Vp9, with(&[0xa8, 0x11, 0x00, 0x07]), 4),
            (Source::Camera, H264, with(&[0x65]), 1),
            (Source::Camera, H264, with(&[0x7c, 0x85]), 2),
            (Source::Screen, Av1, with(&[0x10]), 1),
            (Source::Microphone, Vp8, with(&[]), 0),
        ];
        for (source, codec, payload, head) in cases {
            let mut buffer = Vec::new();
            let mut bases = Default::default();
            put_packet(
                &mut buffer,
                &mut bases,
                source,
                &packet(source, codec, 70_000, &payload),
            );
            assert!(buffer.ends_with(&[&[head as u8], &payload[..head]].concat()));
            assert!(buffer.len() < 25 + head, "{}", buffer.len());
            let beyond = payload.get(head..head + 4).unwrap_or(&[0xee; 4]);
            assert!(!buffer.windows(4).any(|window| window == beyond));
        }
    }

    #[test]
    fn the_next_packet_of_a_picture_takes_few_bytes() {
        let mut buffer = Vec::new();
        let mut bases = Default::default();
        let payload = [0x80, 0x80, 0x81, 0x11, 5, 6, 7, 8];
        for sequence in 5..7 {
            buffer.clear();
            let packet = packet(Source::Camera, Vp8, sequence, &payload);
            put_packet(&mut buffer, &mut bases, Source::Camera, &packet);
        }
        assert_eq!(
            buffer.len(),
            4 + 4 + 1 + 1,
            "flags, stream, lengths, descriptor, age, orientation"
        );
    }
}
