//! str0m's events and packets as ours, and ours as its.

use std::sync::Arc;
use std::time::Duration;

use str0m::IceConnectionState;
use str0m::rtp::{RtpPacket, Vp8Descriptor};

use super::sources::Place;
use super::{Event, Extensions, Line, MediaPacket, Orientation};
use crate::codec::{Codec, VideoCodec};
use crate::forward::{VideoPatch, rewritten};

pub(super) fn translate(event: str0m::Event) -> Option<Event> {
    match event {
        str0m::Event::Connected => Some(Event::Connected),
        str0m::Event::IceConnectionStateChange(state) => match state {
            IceConnectionState::Disconnected => Some(Event::Disconnected),
            IceConnectionState::Connected | IceConnectionState::Completed => {
                Some(Event::Reconnected)
            }
            IceConnectionState::New | IceConnectionState::Checking => None,
        },
        str0m::Event::Closed => Some(Event::Closed),
        str0m::Event::KeyframeRequest(request) => Some(Event::KeyframeRequest(Line(request.mid))),
        _ => None,
    }
}

pub(super) fn media_packet(
    packet: RtpPacket,
    place: Place,
    codec: Codec,
    age: Duration,
) -> MediaPacket {
    let values = &packet.header.ext_vals;
    MediaPacket {
        line: place.line,
        layer: place.layer(),
        codec,
        ssrc: *packet.header.ssrc,
        sequence: *packet.seq_no,
        timestamp: packet.header.timestamp,
        age,
        marker: packet.header.marker,
        extensions: Extensions {
            audio_level: values
                .audio_level
                .map(|level| (level, values.voice_activity.unwrap_or(false))),
            orientation: values
                .video_orientation
                .map(|orientation| Orientation(orientation as u8)),
        },
        payload: packet.payload,
    }
}

/// How other numbers get into a payload.
pub(super) enum Rewritten {
    /// They are those that are there.
    Same,
    /// str0m writes them while it sends.
    Patch(str0m::rtp::Vp8Patch),
    /// They are in this one.
    Other(Arc<[u8]>),
}

/// Where the descriptor has no such field, there is nothing to keep continuous.
pub(super) fn rewrite(codec: Codec, payload: &[u8], patch: VideoPatch) -> Rewritten {
    let rewritten = match codec {
        Codec::Opus | Codec::Red => None,
        Codec::Video(VideoCodec::Vp8) => vp8_patch(patch, payload).map(Rewritten::Patch),
        Codec::Video(codec) => rewritten(codec, payload, patch).map(Rewritten::Other),
    };
    rewritten.unwrap_or(Rewritten::Same)
}

fn vp8_patch(patch: VideoPatch, payload: &[u8]) -> Option<str0m::rtp::Vp8Patch> {
    let mut builder = Vp8Descriptor::parse(payload).ok()?.patch();
    if let Some(id) = patch.picture_id {
        builder = builder.picture_id(id);
    }
    if let Some(index) = patch.tl0_index {
        builder = builder.tl0_pic_idx(index);
    }
    builder.build().ok()
}
