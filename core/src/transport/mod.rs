//! One participant's WebRTC transport. ICE-lite, DTLS (passive) and SDP are str0m's; all media is our own: what is
//! sent to the peer (`sender`), and what comes from it (`receiver`).
//!
//! This module and its children are the only place that names str0m. Plain values go in and come
//! out, so that nothing else depends on it.
//!
//! ```text
//!  datagram ─► Connection::receive ─┬─ ICE, DTLS ─► seam ─► str0m::Rtc ─► drain ─┬─► Effects::transmits
//!                                   │                 ▲         │ keys           │        ▲
//!                                   ├─ SRTP ──► Receiver ◄──────┴─► Sender ──────┼────────┘
//!                                   └─ SRTCP ─► Sender ─► Receiver   ▲           └─► Effects::events
//!  time     ─► Connection::timeout ─► all of them                    │
//!  packet   ─► Connection::write ────────────────────────────────────┘
//! ```
//! What `Rtc` has to say is taken from it by `drain`, after each call; it is given time when it asks for it,
//! and never for a packet. It has the media lines too, because it negotiates them, but nothing comes on them.
//! What the receiver has to report leaves by the sender, which numbers it.

mod arrivals;
mod capture;
mod certificate;
mod client;
mod codecs;
mod connection;
mod credentials;
mod description;
mod drain;
mod environment;
mod extension;
mod fault;
mod keys;
mod line;
mod negotiation;
mod receiver;
mod red;
mod route;
mod sender;
mod stun;
mod window;
mod words;

pub use certificate::{Certificate, CertificateError};
pub use client::{Media, MediaReceiver};
pub(crate) use connection::Connection;
pub(crate) use credentials::Credentials;
pub(crate) use environment::Environment;
pub(crate) use fault::Fault;
pub(crate) use line::{Line, SendLine};
pub(crate) use negotiation::{AnswerResult, Description};
pub(crate) use stun::{Stun, is_stun, is_success_on, nominates, parse as parse_stun};

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::forward::{Arrival, Renumbered, VideoPatch};
use crate::freeze::{Kind, Part};
use crate::ids::{Layer, MediaKind};
use crate::output::Transmit;

/// What one call into a [`Connection`] caused.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Datagrams to send, in order.
    pub(crate) transmits: Vec<Transmit>,
    /// One that was sent, whose memory may be used.
    pub(crate) spent: Option<Transmit>,
    /// What happened, in order.
    pub(crate) events: Vec<Event>,
    /// A datagram was dropped for its SSRC: there were too many.
    pub(crate) refused_source: bool,
    /// A check of a path was dropped for its address.
    pub(crate) refused_address: bool,
}

/// What happened on a connection.
#[derive(Debug)]
pub(crate) enum Event {
    /// ICE and DTLS are up.
    Connected,
    /// No ICE pair works at present; it may come back.
    Disconnected,
    /// An ICE pair works again.
    Reconnected,
    /// The peer is reached another way from now on; what was under way is lost.
    Moved,
    /// The peer ended the connection.
    Closed,
    /// A media packet of the peer, decrypted.
    Packet(MediaPacket),
    /// What the path to the peer carries, as its transport-wide feedback tells: bits a second. The first only
    /// says that there will be more.
    Estimate(u64),
    /// The peer can't decode what it gets on this m-line (PLI or FIR, RFC 4585 and RFC 5104).
    KeyframeRequest(Line),
}

/// An RTP packet from a publisher, decrypted, its sequence number extended to 64 bits.
#[derive(Clone, Debug)]
pub(crate) struct MediaPacket {
    /// The m-line that it came on.
    pub(crate) line: Line,
    /// Which encoding it belongs to; `Full` where there is only one.
    pub(crate) layer: Layer,
    /// What its payload type stands for; perhaps not for what the line carries.
    pub(crate) codec: Codec,
    /// Its synchronization source.
    pub(crate) ssrc: u32,
    /// Extended sequence number.
    pub(crate) sequence: u64,
    /// RTP timestamp, in ticks of the codec's clock.
    pub(crate) timestamp: u32,
    /// How long before it came it was captured, beside what everything of its sender takes, in whole
    /// milliseconds.
    pub(crate) age: Duration,
    /// The marker bit.
    pub(crate) marker: bool,
    /// Header extensions that travel on.
    pub(crate) extensions: Extensions,
    /// The payload, shared by everybody whom it is forwarded to.
    pub(crate) payload: Arc<[u8]>,
}

/// Header extensions (RFC 8285) that a viewer needs unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extensions {
    /// RFC 6464: level in −dBov and whether it is voice.
    pub(crate) audio_level: Option<(i8, bool)>,
    /// 3GPP TS 26.114, 7.4.5: how to turn the picture.
    pub(crate) orientation: Option<Orientation>,
}

/// The rotation in a coordination of video orientation (CVO) header extension: two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Orientation(pub(crate) u8);

/// What somebody would be sent, bits a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pace {
    /// What it is sent, and what the next step up costs more.
    pub(crate) least: u64,
    /// All that it wants.
    pub(crate) desired: u64,
}

impl Pace {
    /// Whether it is no news: both within a tenth.
    pub(crate) fn is_near(self, other: Self) -> bool {
        let near = |a: u64, b: u64| a.abs_diff(b) <= a.max(b) / 10;
        near(self.least, other.least) && near(self.desired, other.desired)
    }
}

/// Packets of one track on their way to a viewer, together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    /// The packets as they came.
    pub(crate) came: &'a [Incoming],
    /// What becomes of some of them, in order.
    pub(crate) passed: &'a [Passed],
    /// What is only in case something was lost is left out.
    pub(crate) plain: bool,
}

/// A packet as it came, and what forwarding cares for of it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) packet: MediaPacket,
    pub(crate) arrival: Arrival,
    /// What decoding cares for, the same for all viewers. `None` where its payload can't be read.
    kind: Option<Kind>,
}

impl Incoming {
    pub(crate) fn new(packet: MediaPacket, arrival: Arrival) -> Self {
        let is_sound = packet.codec.kind() == MediaKind::Audio;
        let kind = match arrival.picture {
            _ if is_sound => Some(Kind::SOUND),
            Some((_, glance)) => {
                let is_lowest = glance.temporal.is_none_or(|temporal| temporal.id == 0);
                let mut kind = Kind::empty();
                kind.set(Kind::MARKER, packet.marker);
                kind.set(Kind::KEY, glance.starts_keyframe);
                kind.set(Kind::FIRST, glance.begins);
                kind.set(Kind::BASE, is_lowest);
                Some(kind)
            }
            None => None,
        };
        Self {
            packet,
            arrival,
            kind,
        }
    }

    /// What decoding depends on, as it leaves for a viewer.
    pub(crate) fn part(&self, renumbered: &Renumbered) -> Option<Part> {
        let (sequence, timestamp) = (renumbered.sequence, renumbered.timestamp);
        let base = renumbered.patch.and_then(|patch| patch.tl0_index);
        Some(Part::new(sequence, timestamp, self.kind?, base))
    }
}

/// What becomes of a packet for a viewer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    /// Which one.
    pub(crate) place: usize,
    pub(crate) renumbered: Renumbered,
}

impl<'a> Outgoing<'a> {
    /// Each of them.
    pub(crate) fn packets(self) -> impl Iterator<Item = OutgoingPacket<'a>> {
        self.passed.iter().filter_map(move |passed| {
            let Renumbered {
                sequence,
                timestamp,
                patch,
            } = passed.renumbered;
            let incoming = self.came.get(passed.place)?;
            Some(OutgoingPacket {
                source: &incoming.packet,
                sequence,
                timestamp,
                patch,
                plain: self.plain,
                part: incoming.part(&passed.renumbered),
            })
        })
    }
}

/// A packet on its way to a viewer.
#[derive(Debug)]
pub(crate) struct OutgoingPacket<'a> {
    /// The packet as it came.
    pub(crate) source: &'a MediaPacket,
    /// Extended sequence number in the viewer's stream.
    pub(crate) sequence: u64,
    /// RTP timestamp in the viewer's stream.
    pub(crate) timestamp: u32,
    /// Changes inside the payload descriptor.
    pub(crate) patch: Option<VideoPatch>,
    /// What is only in case something was lost is left out.
    pub(crate) plain: bool,
    /// What decoding depends on, of a picture.
    pub(crate) part: Option<Part>,
}
