//! RTP packets (RFC 3550, 5.1; RFC 8285) that are nearly right.
//!
//! Bytes of the input: flags, then as they ask for it. The sequence number and the timestamp are
//! given as a distance to the packet before.

use arbitrary::Unstructured;

use tsuji_core::VideoCodec;

use super::{Attacker, byte};
use crate::world::payload::{self, HEAD, Part};

/// What the offer says about how media is to be sent.
pub(super) struct Lines {
    codec: VideoCodec,
    /// Audio, video, retransmissions of video.
    payload_types: [u8; 3],
    /// The header extension that names the m-line, and the names.
    mid_extension: u8,
    mids: [String; 2],
    sequences: [u16; 3],
    timestamps: [u32; 3],
}

impl Lines {
    pub(super) fn read(offer: &str, codec: VideoCodec, [audio, video]: [u16; 2]) -> Self {
        let number = |prefix: &str, found: &dyn Fn(&str) -> bool| {
            let mut values = offer.lines().filter_map(|line| line.strip_prefix(prefix));
            let value = values.find(|value| found(value));
            let digits = value.and_then(|value| value.split([' ', '/']).next());
            digits.and_then(|digits| digits.parse().ok())
        };
        let name = format!(" {}/", codec.name().to_ascii_uppercase());
        let picture: u8 = number("a=rtpmap:", &|v| v.contains(&name)).unwrap_or_default();
        let opus = number("a=rtpmap:", &|v| v.contains("opus")).unwrap_or_default();
        let again = number("a=fmtp:", &|v| v.ends_with(&format!("apt={picture}")));
        let mid = number("a=extmap:", &|v| v.ends_with("sdes:mid"));
        let mut mids = offer.lines().filter_map(|line| line.strip_prefix("a=mid:"));
        let mut next = || mids.next().unwrap_or_default().to_owned();
        Self {
            codec,
            payload_types: [opus, picture, again.unwrap_or_default()],
            mid_extension: mid.unwrap_or_default(),
            mids: [next(), next()],
            sequences: [audio, video, 0],
            timestamps: [0; 3],
        }
    }
}

/// A packet in the clear that claims for its SSRC to be the source of sound (0), of video (1), or
/// of what of the video is sent again (2).
pub(crate) fn claim(offer: &str, line: usize, ssrc: u32, sequence: u16) -> Vec<u8> {
    let lines = Lines::read(offer, VideoCodec::Vp8, [0; 2]);
    let name = lines.mids[line.min(1)].as_bytes();
    let mut packet = vec![0x90, lines.payload_types[line]];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    let mut body = vec![lines.mid_extension << 4 | (name.len() as u8).wrapping_sub(1) & 0x0f];
    body.extend_from_slice(name);
    body.resize(body.len().next_multiple_of(4), 0);
    packet.extend_from_slice(&[0xbe, 0xde, 0, (body.len() / 4) as u8]);
    packet.extend(body);
    packet.extend_from_slice(&[0x5a; 40]);
    packet
}

impl Attacker {
    pub(super) fn rtp(&mut self, input: &mut Unstructured<'_>) -> Vec<u8> {
        let flags: u16 = input.arbitrary().unwrap_or_default();
        let stream = usize::from(flags & 3).min(2);
        let asked = |bit: u16| flags & (4 << bit) != 0;
        let (marker, padding, other_ssrc, other_type) = (asked(0), asked(1), asked(2), asked(3));
        let (jump, wild_time, named, extended) = (asked(4), asked(5), asked(6), asked(7));
        let (plain_picture, sources) = (asked(8), asked(9));

        let step = if jump {
            input.arbitrary().unwrap_or_default()
        } else {
            1u16
        };
        let lines = &mut self.lines;
        lines.sequences[stream] = lines.sequences[stream].wrapping_add(step);
        let ticks: u32 = if wild_time {
            input.arbitrary().unwrap_or_default()
        } else {
            960
        };
        lines.timestamps[stream] = lines.timestamps[stream].wrapping_add(ticks);
        let (sequence, timestamp) = (lines.sequences[stream], lines.timestamps[stream]);
        let ssrc = if other_ssrc {
            self.ssrc(input)
        } else {
            self.own[stream]
        };
        let payload_type = if other_type {
            byte(input) & 0x7f
        } else {
            self.lines.payload_types[stream]
        };

        let contributing = if sources { byte(input) & 0x0f } else { 0 };
        let has_extension = named || extended;
        let first = 0x80 | u8::from(padding) << 5 | u8::from(has_extension) << 4 | contributing;
        let mut packet = vec![first, u8::from(marker) << 7 | payload_type];
        packet.extend_from_slice(&sequence.to_be_bytes());
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&ssrc.to_be_bytes());
        packet.resize(packet.len() + 4 * usize::from(contributing), 0x5a);
        if has_extension {
            let extension = self.extension(named.then_some(stream.min(1)), extended, input);
            packet.extend(extension);
        }
        if stream == 2 {
            // RFC 4588, 4: the sequence number of the original.
            packet.extend_from_slice(&input.arbitrary::<u16>().unwrap_or_default().to_be_bytes());
        }
        if plain_picture {
            let picture = byte(input);
            let part = Part {
                number: picture >> 1 & 1,
                last: marker,
                keyframe: picture & 1 == 0,
                tid: picture >> 2 & 3,
                synchronizes: picture & 0x10 != 0,
                picture_id: picture.into(),
                tl0_index: picture,
                size: (640, 360),
            };
            let mut head = [0; HEAD];
            payload::begin(self.lines.codec, &part, &mut head);
            packet.extend_from_slice(&head);
        }
        packet.extend(payload(input));
        packet
    }

    /// RFC 8285, 4.2 and 4.3.
    fn extension(
        &self,
        line: Option<usize>,
        extended: bool,
        input: &mut Unstructured<'_>,
    ) -> Vec<u8> {
        let mut body = Vec::new();
        let mut profile = [0xbe, 0xde];
        if let Some(line) = line {
            let name = self.lines.mids[line].as_bytes();
            body.push(self.lines.mid_extension << 4 | (name.len() as u8).wrapping_sub(1) & 0x0f);
            body.extend_from_slice(name);
        }
        if extended {
            let choice = byte(input);
            if choice & 0x80 != 0 {
                profile = [0x10, 0x00];
            }
            let length = usize::from(choice & 0x3f).min(input.len());
            body.extend_from_slice(input.bytes(length).unwrap_or_default());
        }
        body.resize(body.len().next_multiple_of(4), 0);
        let words = (body.len() / 4) as u16;
        [&profile[..], &words.to_be_bytes(), &body].concat()
    }
}

/// A length, how to fill it, and what to begin with.
fn payload(input: &mut Unstructured<'_>) -> Vec<u8> {
    let length = usize::from(input.arbitrary::<u16>().unwrap_or_default()) % 1_600;
    let fill = byte(input);
    let given = usize::from(byte(input) & 0x3f).min(input.len()).min(length);
    let mut payload = input.bytes(given).unwrap_or_default().to_vec();
    payload.resize(length, fill);
    payload
}
