//! str0m's events and packets as ours, and ours as its.

use std::time::Duration;

use str0m::IceConnectionState;
use str0m::rtp::RtpPacket;

use super::sources::Place;
use super::{Event, Extensions, MediaPacket, Orientation};
use crate::codec::Codec;

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
