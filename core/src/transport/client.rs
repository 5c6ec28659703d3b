//! The other end of a connection: what comes to a client.
//!
//! ```text
//!  the client's Rtc ─ DTLS ─► KeyingMaterial ─► MediaReceiver ◄─ SRTP, past the Rtc
//!        └── what was negotiated ────────────────►  │  └─► Media
//!                                                   └─► SRTCP: NACK, feedback, receiver reports
//! ```

use std::sync::Arc;
use std::time::Duration;

use str0m::Rtc;
use str0m::media::{MediaKind as RtcMediaKind, Mid as RtcMid};
use tsuji_hermetic::KeyingMaterial;

use super::capture::Capture;
use super::keys::Keys;
use super::line::Line;
use super::receiver::{Received, Receiver};
use crate::ids::{MediaKind, Mid};
use crate::time::Time;

/// How often transport-wide feedback is sent while packets come: 50 ms, as libwebrtc does where much comes.
const FEEDBACK: Duration = Duration::from_millis(50);

/// An RTP packet that came, decrypted and in order of nothing: as it came, or was repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// The m-line.
    pub mid: Mid,
    /// What it is.
    pub kind: MediaKind,
    /// Its synchronization source.
    pub ssrc: u32,
    /// Extended sequence number.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Payload, without padding.
    pub payload: Arc<[u8]>,
}

/// Receives media in a client of str0m, in its place: for who receives much, as load tools, recorders and bots do.
/// It takes what the server's side takes, a fraction of str0m's.
///
/// SRTP (RFC 3711) goes here and not to the `Rtc`; all else goes there.
#[derive(Debug)]
pub struct MediaReceiver {
    receiver: Receiver,
    keys: Keys,
    capture: Capture,
    /// Of the next SRTCP packet.
    index: u32,
}

impl MediaReceiver {
    /// Reports as `ssrc`, which nothing else of the client uses: its numbers of SRTCP packets begin at 0. `None`: what
    /// DTLS agreed on is no profile that is known here.
    pub fn new(ssrc: u32, material: &KeyingMaterial) -> Option<Self> {
        Some(Self {
            receiver: Receiver::every(FEEDBACK, ssrc),
            keys: Keys::new(material).ok()?,
            capture: Capture::default(),
            index: 0,
        })
    }

    /// After each negotiation: on which m-lines something comes.
    pub fn negotiated(&mut self, rtc: &mut Rtc, mids: &[Mid]) {
        let lines = mids.iter().map(|mid| Line(RtcMid::from(mid.0.as_str())));
        let is_there = |line: &Line| {
            let media = rtc.media(line.0);
            media.is_some_and(|media| {
                matches!(media.kind(), RtcMediaKind::Audio | RtcMediaKind::Video)
            })
        };
        let lines: Vec<Line> = lines.filter(is_there).collect();
        self.receiver.publish(&lines);
        self.receiver.negotiated(rtc);
    }

    /// Takes SRTP. `None`: it brought nothing, as padding and what came before do; or it is not authentic.
    pub fn receive(&mut self, t: Time, datagram: &[u8]) -> Option<Media> {
        let (keys, capture) = (&self.keys, &mut self.capture);
        let Received::Authentic(Some(packet)) = self.receiver.receive(t, keys, capture, datagram)
        else {
            return None;
        };
        Some(Media {
            mid: packet.line.mid(),
            kind: packet.codec.kind(),
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            payload: packet.payload,
        })
    }

    /// When [`MediaReceiver::timeout`] is wanted though nothing comes.
    pub fn deadline(&self) -> Option<Time> {
        self.receiver.deadline()
    }

    /// Does what time demands.
    pub fn timeout(&mut self, t: Time) {
        self.receiver.timeout(t);
    }

    /// SRTCP to send, in order.
    pub fn reports(&mut self) -> impl Iterator<Item = Vec<u8>> {
        let (keys, index) = (&self.keys, &mut self.index);
        self.receiver.compounds().filter_map(|mut packet| {
            let sealed = keys.seal_report(&mut packet, *index);
            *index += 1;
            sealed.map(|()| packet)
        })
    }
}
