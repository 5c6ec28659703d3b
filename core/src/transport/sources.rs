//! Which SSRCs a connection listens to.
//!
//! str0m believes what a packet says about itself before it checks whether it is authentic: a
//! packet whose header names an m-line (RFC 9143, 15) makes its SSRC the source of that line, or
//! the source of the line's retransmissions. And it remembers every SSRC of an authentic packet for
//! good. Two things follow:
//!
//! - Anybody who can forge the peer's address could silence it. So what a packet that was not
//!   authentic took is given back.
//! - Anybody at all could make the server remember without end. So only so many SSRCs that str0m
//!   does not know are shown to it, however many there are.
//!
//! Browsers announce their SSRCs in their answers (RFC 5576), but for those of simulcast: each of
//! these, and that of its retransmissions, is unknown until its first packet.

use str0m::Rtc;
use str0m::media::{MediaKind as RtcMediaKind, Rid};
use str0m::rtp::{Ssrc, StreamRx};

use super::Line;
use crate::ids::Layer;
use crate::limits::UNKNOWN_SOURCES;

/// Authentic sources that are remembered. A browser uses one SSRC for each encoding and one for its
/// retransmissions; more means that it changed them. The oldest is forgotten.
const AUTHENTIC: usize = 32;

/// What one peer sends from.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// The m-lines on which the peer sends.
    publish: Vec<Line>,
    /// SSRCs of authentic packets, with their places. The header extensions that name a place stop
    /// once the browser knows that we know.
    authentic: Vec<(Ssrc, Place)>,
    /// How many times an SSRC was unknown so far.
    unknown: usize,
}

/// What is known of a datagram before str0m sees it.
#[derive(Debug)]
pub(super) enum Arrival {
    /// It can't change which SSRCs str0m knows.
    Harmless,
    /// It can, and these streams may have to be given back.
    Unknown(Ssrc, Vec<Stream>),
    /// There were too many of that kind.
    Refused,
}

/// Where a stream belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: Line,
    /// Its restriction identifier, where the line has several encodings.
    rid: Option<Rid>,
}

impl Place {
    /// Which encoding it is.
    pub(super) fn layer(&self) -> Layer {
        let layer = self.rid.and_then(|rid| Layer::from_rid(&rid));
        layer.unwrap_or(Layer::Full)
    }
}

/// A stream as str0m has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    place: Place,
    ssrc: Ssrc,
    /// The SSRC of its retransmissions (RFC 4588).
    repair: Option<Ssrc>,
}

impl Sources {
    /// The peer sends on these lines.
    pub(super) fn publish(&mut self, lines: &[Line]) {
        self.publish = lines.to_vec();
    }

    /// Whether a datagram can't change which SSRCs str0m knows, whatever these are.
    pub(super) fn is_harmless(&self, datagram: &[u8]) -> bool {
        rtp_ssrc(datagram).is_none_or(|ssrc| self.is_authentic(ssrc))
    }

    /// Judges a datagram that str0m has not seen yet. Each unknown SSRC counts against the limit,
    /// also when it comes again.
    pub(super) fn arrival(&mut self, rtc: &mut Rtc, datagram: &[u8]) -> Arrival {
        let Some(ssrc) = rtp_ssrc(datagram).filter(|ssrc| !self.is_authentic(*ssrc)) else {
            return Arrival::Harmless;
        };
        let streams = self.streams(rtc);
        // 0 is for probing the bandwidth; str0m keeps one stream for it, and no m-line.
        let is_known = *ssrc == 0
            || rtc.direct_api().stream_rx(&ssrc).is_some()
            || streams.iter().any(|stream| stream.repair == Some(ssrc));
        if is_known {
            return Arrival::Harmless;
        }
        if self.unknown == UNKNOWN_SOURCES {
            return Arrival::Refused;
        }
        self.unknown += 1;
        Arrival::Unknown(ssrc, streams)
    }

    /// Undoes what a packet from `unknown` did that turned out not to be authentic.
    pub(super) fn restore(rtc: &mut Rtc, unknown: Ssrc, before: &[Stream]) {
        rtc.direct_api().remove_stream_rx(unknown);
        for stream in before {
            let Place { line, rid } = stream.place;
            let Some(media) = rtc.media(line.0) else {
                continue;
            };
            let is_audio = media.kind() == RtcMediaKind::Audio;
            let mut direct = rtc.direct_api();
            let now = direct.stream_rx(&stream.ssrc).map(|now| now.rtx());
            if now.is_some_and(|repair| repair == stream.repair || stream.repair.is_none()) {
                continue;
            }
            let restored = direct.expect_stream_rx(stream.ssrc, stream.repair, line.0, rid);
            if now.is_none() {
                // As str0m does by itself: sound is not sent again.
                restored.suppress_nack(is_audio);
            }
        }
    }

    /// Where an authentic packet belongs.
    pub(super) fn place_of(&mut self, rtc: &mut Rtc, ssrc: Ssrc) -> Option<Place> {
        if let Some((_, place)) = self.authentic.iter().find(|(known, _)| *known == ssrc) {
            return Some(*place);
        }
        let mut direct = rtc.direct_api();
        let place = place(direct.stream_rx(&ssrc)?);
        if self.authentic.len() == AUTHENTIC {
            self.authentic.remove(0);
        }
        self.authentic.push((ssrc, place));
        Some(place)
    }

    fn is_authentic(&self, ssrc: Ssrc) -> bool {
        self.authentic.iter().any(|(known, _)| *known == ssrc)
    }

    /// The streams that must not be lost: those announced for the peer's lines, and all that ever
    /// brought an authentic packet.
    fn streams(&self, rtc: &mut Rtc) -> Vec<Stream> {
        let mut direct = rtc.direct_api();
        let mut streams: Vec<Stream> = Vec::new();
        let rids = Layer::ALL.map(|layer| Some(Rid::from(layer.rid())));
        for line in &self.publish {
            for rid in rids.into_iter().chain([None]) {
                let Some(stream) = direct.stream_rx_by_mid(line.0, rid) else {
                    continue;
                };
                // Asked without an identifier, str0m gives any stream of the line.
                if streams.iter().all(|known| known.ssrc != stream.ssrc()) {
                    streams.push(Stream {
                        place: place(stream),
                        ssrc: stream.ssrc(),
                        repair: stream.rtx(),
                    });
                }
            }
        }
        for (ssrc, place) in &self.authentic {
            if streams.iter().any(|stream| stream.ssrc == *ssrc) {
                continue;
            }
            streams.extend(direct.stream_rx(ssrc).map(|stream| Stream {
                place: *place,
                ssrc: *ssrc,
                repair: stream.rtx(),
            }));
        }
        streams
    }
}

fn place(stream: &StreamRx) -> Place {
    Place {
        line: Line(stream.mid()),
        rid: stream.rid(),
    }
}

/// Whether a datagram is to be taken for RTP (RFC 7983, 7; RFC 5761, 4).
pub(super) fn is_rtp(datagram: &[u8]) -> bool {
    rtp_ssrc(datagram).is_some()
}

fn rtp_ssrc(datagram: &[u8]) -> Option<Ssrc> {
    let (head, _) = datagram.split_first_chunk::<12>()?;
    let is_rtp = (128..192).contains(&head[0]) && !(64..96).contains(&(head[1] & 0x7f));
    let ssrc = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
    is_rtp.then(|| ssrc.into())
}
