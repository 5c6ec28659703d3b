//! Everything that a stranger can fill has its bound here, with its default and why.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::VideoCodec;
use crate::ids::MediaKind;
use crate::path::Transport;
use crate::transport::Certificate;

/// SSRCs from which one connection may send in its life. 64: a browser has two for each of its encodings, and
/// each is remembered, some 300 bytes, until the connection ends.
pub(crate) const SOURCES: usize = 64;

/// Remote addresses from which one connection may be checked in its life. 512: a phone that gets a
/// new one every two minutes keeps its connection for 17 hours, and str0m remembers each, some 300
/// bytes, until the connection ends.
pub(crate) const ADDRESSES_CHECKED: usize = 512;

/// How long a participant whose signaling is lost may be silent, if it was sending media, or never
/// did connect. 3 s: media that comes back has fewer gaps, and somebody who crashed should not be
/// looked at for longer.
pub(crate) const SILENCE: Duration = Duration::from_secs(3);

/// The same where nothing but checks and reports came, as from somebody who is muted. 8 s: a
/// browser checks its path every 2.5 s to 6 s (RFC 7675, 5.1).
pub(crate) const QUIET: Duration = Duration::from_secs(8);

/// How long a layer that nobody takes any more is still sent. 2 s: somebody turns pages back and
/// forth, and each time that it is wanted again costs its sender a keyframe.
pub(crate) const LINGER: Duration = Duration::from_secs(2);

/// Media threads of one server. 64: what one character of a username fragment tells apart; more cores
/// than that serve more servers.
pub const MAX_SHARDS: u8 = 64;

/// What a server may be told to take, instead of what [`Limits`] says by itself: people in all rooms together, and in
/// one room. A trace may ask for no more.
pub const MAX_PARTICIPANTS: u32 = 100_000;
/// See [`MAX_PARTICIPANTS`].
pub const MAX_PARTICIPANTS_PER_ROOM: u32 = 1_000;

/// What an [`Sfu`](crate::Sfu) is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The sockets of the runtime and what participants are told to reach them. Each becomes one
    /// ICE host candidate; of those with the same transport, the first are preferred. A socket may
    /// be reached under several addresses; an address leads to one socket of each transport.
    pub addresses: Vec<LocalAddress>,
    /// The DTLS certificate of all connections.
    pub certificate: Certificate,
    /// The bounds.
    pub limits: Limits,
    /// Which of the server's media threads this is for, from 0 and below [`MAX_SHARDS`]: its ICE
    /// username fragments say it ([`shard_of`](crate::shard_of)).
    pub shard: u8,
}

/// A socket and an address under which participants reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalAddress {
    /// What the socket is for. One of TCP waits for connections (a passive candidate, RFC 6544).
    pub transport: Transport,
    /// What the runtime bound, as it stands in every datagram of this socket.
    pub socket: SocketAddr,
    /// What candidates say: the same, or the public address in front of it.
    pub advertised: SocketAddr,
}

/// The bounds of one [`Sfu`](crate::Sfu).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Participants in all rooms together. 10,000: far above what one media thread forwards, well
    /// below what its memory holds.
    pub participants: usize,
    /// Participants in one room. 100: the largest room that we test.
    pub participants_per_room: usize,
    /// Bytes of a session description. 64 KiB: an answer for the most slots is below half of it,
    /// and parsing costs the media thread about 0.1 ms per KiB.
    pub sdp_bytes: usize,
    /// Lines of a session description. 4,000: for the most slots an answer has below 2,000.
    pub sdp_lines: usize,
    /// m-lines of a session description. 128: those for publishing and one for each slot, doubled.
    pub sdp_media: usize,
    /// Remote candidates of one participant until ICE is restarted. 64: a laptop with several
    /// interfaces has about 20.
    pub candidates: usize,
    /// Bytes of one candidate. 512: an RFC 8839 line is below 200.
    pub candidate_bytes: usize,
    /// Bytes of a datagram. 1,500: an Ethernet MTU; nothing that WebRTC sends is larger.
    pub datagram_bytes: usize,
    /// Remote addresses learnt for one participant. 8: the pairs that a browser probes at once.
    pub addresses: usize,
    /// Slots for pictures in a first offer to somebody who comes to a small room; later ones, beyond
    /// `first_slots`, are added this many at a time, or as many as are missing. 4: most meetings then
    /// never negotiate twice.
    pub slot_step: usize,
    /// Slots for pictures in a first offer to somebody who comes to a larger room, and as soon as one has
    /// become that. 9: what is shown at once of a large room.
    pub first_slots: usize,
    /// Slots for pictures of one participant. 24: more faces than a screen shows well.
    pub video_slots: usize,
    /// Voices that are heard at once, the loudest. 3: of more that speak together nobody understands
    /// one.
    pub voices: usize,
    /// Slots for sound of one participant. 8: for the voices, and the sound of a few screens.
    pub audio_slots: usize,
    /// Tiles of one view. 100: everybody of the largest room.
    pub tiles: usize,
    /// How long a participant may take to connect. 30 s: a person who first has to allow a
    /// firewall prompt still makes it.
    pub connect_timeout: Duration,
    /// How long a connection that was up may be without a working path. 15 s: a change of network
    /// is over by then.
    pub reconnect_timeout: Duration,
    /// How long an offer may stay unanswered. 20 s: a phone waking from sleep still makes it.
    pub answer_timeout: Duration,
    /// How long changes gather before one new offer tells them all. 100 ms: people who come
    /// together cost one negotiation, and nobody waits noticeably.
    pub batch: Duration,
    /// The shortest time between two keyframe requests to one source. 500 ms: a keyframe costs
    /// its sender several frames' bits.
    pub keyframe_interval: Duration,
    /// Whether viewers get only what the paths to them are estimated to carry.
    pub estimate_bandwidth: bool,
    /// The codec of pictures that is offered first, so that browsers send it if they can. VP8: it is the
    /// only one that all of them have.
    pub video_codec: VideoCodec,
}

impl Limits {
    /// Slots of a kind that one participant may have.
    pub fn slots(&self, kind: MediaKind) -> usize {
        match kind {
            MediaKind::Audio => self.audio_slots,
            MediaKind::Video => self.video_slots,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            participants: 10_000,
            participants_per_room: 100,
            sdp_bytes: 64 * 1024,
            sdp_lines: 4_000,
            sdp_media: 128,
            candidates: 64,
            candidate_bytes: 512,
            datagram_bytes: 1_500,
            addresses: 8,
            slot_step: 4,
            first_slots: 9,
            video_slots: 24,
            voices: 3,
            audio_slots: 8,
            tiles: 100,
            connect_timeout: Duration::from_secs(30),
            reconnect_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_secs(20),
            batch: Duration::from_millis(100),
            keyframe_interval: Duration::from_millis(500),
            estimate_bandwidth: true,
            video_codec: VideoCodec::Vp8,
        }
    }
}
