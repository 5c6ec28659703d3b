//! Everything that is sent to a peer as media: RTP, its retransmissions and padding, and reports about it.
//!
//! str0m is not asked for any of it: it goes through timers, queues and streams for each packet. It keeps ICE,
//! DTLS and SDP, and has no outgoing streams, so that an SSRC has one sender only: two packets of one number would
//! have one nonce (RFC 7714, 12.1).
//!
//! ```text
//!  packet ──► write ──► Stream: number ─► Window ──► Wire: header ─► payload, rewritten ─► Keys ──► batch
//!                         │                 ▲ ▲               │ │                                    │
//!                         └─► Keep ─► NACK ─┘ │               │ └─► Arrivals (freezes)     timeout ──┴─► transmits
//!                             Share (bound)   │               └───► Estimator ─┬─► Event::Estimate
//!                                             └──────────── padding ◄──────────┘
//!  SRTCP ──► Keys ──► feedback ─┬─► NACK, PLI and FIR, transport-wide feedback: for the above
//!                               └─► sender reports: the receiver
//! ```
//! What is written leaves at once: publishers pace what they send, and what a path does not carry would come
//! late instead of never. It is sealed in the memory that is handed to the system, where packets that are written
//! together, such as those of a frame, lie one behind the other.
//!
//! A stream has the SSRCs that the offer named, from `negotiation`, and the numbers that `forward` gives.

mod batch;
pub(super) mod feedback;
mod header;
mod keep;
mod lines;
mod padding;
mod replays;
mod reports;
mod share;
mod stream;
mod wire;

pub(super) use feedback::is_rtcp;

use std::sync::Arc;

use tsuji_hermetic::KeyingMaterial;

use self::feedback::Told;
use self::header::{Header, MOST};
use self::keep::Kept;
use self::replays::Replays;
use self::stream::{Sequenced, Stream};
use self::wire::{Packet, Wire};
use super::keys::{self, Keys, TAG, Unusable};
use super::receiver::SenderReport;
use super::{Line, Pace};
use crate::codec::Codec;
use crate::estimate::Estimator;
use crate::forward::VideoPatch;
use crate::freeze::{self, Arrivals, Kind, Part};
use crate::ids::MediaKind;
use crate::output::Transmit;
use crate::path::Path;
use crate::time::{Time, WallTime};
use crate::transport::Extensions;

/// Packets of which one datagram may tell: more than are remembered.
const TOLD: usize = 4_096;
/// What a path is believed to carry until it has shown more, bits a second. 500 kbit/s: sound, and a
/// small picture of each of a few people; probes find out within half a second.
const FIRST_ESTIMATE: u64 = 500_000;

/// What a peer is sent.
#[derive(Debug)]
pub(super) struct Sender {
    streams: Vec<Stream>,
    /// Their lines, in the same order: a stream is large, and one is looked for in each frame.
    lines: Vec<Line>,
    /// The lines that have, or will have, one.
    offered: Vec<Line>,
    wire: Wire,
    /// A stream has begun, or was long not reported on.
    report: bool,
    /// The stream of pictures on which something was last written: the one of which padding is made.
    newest: Option<usize>,
    /// The estimate that was told last, once it was said that there will be any; and there is a new one.
    estimated: Option<u64>,
    news: bool,
    /// What the peer told before.
    replays: Replays,
    /// What the peer told, decrypted, and of which packets. Kept for their memory.
    plain: Vec<u8>,
    statuses: Vec<(u16, Option<i64>)>,
}

/// A packet for one line.
#[derive(Debug)]
pub(super) struct Written<'a> {
    pub(super) line: Line,
    pub(super) payload_type: u8,
    pub(super) codec: Codec,
    /// Extended.
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    /// When it was captured.
    pub(super) captured: Time,
    pub(super) marker: bool,
    pub(super) extensions: Extensions,
    pub(super) payload: &'a Arc<[u8]>,
    pub(super) patch: Option<VideoPatch>,
    pub(super) part: Option<Part>,
}

/// What came of a datagram with SRTCP.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Lines of which the peer wants a keyframe.
    pub(super) stuck: Vec<Line>,
    /// What it says of what it sends.
    pub(super) reports: Vec<SenderReport>,
}

impl Sender {
    pub(super) fn new(epoch: WallTime, estimates: bool) -> Self {
        let estimator = estimates.then(|| Estimator::new(FIRST_ESTIMATE));
        Self {
            streams: Vec::new(),
            lines: Vec::new(),
            offered: Vec::new(),
            wire: Wire::new(epoch.as_unix_micros(), estimator),
            report: false,
            newest: None,
            estimated: None,
            news: false,
            replays: Replays::default(),
            plain: Vec::new(),
            statuses: Vec::new(),
        }
    }

    /// DTLS has agreed on keys.
    pub(super) fn agreed(&mut self, material: &KeyingMaterial) {
        match Keys::new(material) {
            Ok(keys) => self.wire.keys = Some(keys),
            // Only profiles are offered that there are keys for.
            Err(Unusable) => tracing::error!("DTLS agreed on what is no key for SRTP"),
        }
    }

    /// Says how many bytes the payloads of the next so many packets have, and gives memory for them.
    pub(super) fn expect(&mut self, packets: usize, bytes: usize, spent: Option<Transmit>) {
        let bytes = bytes + packets * (MOST + TAG);
        self.wire.batch.expect(bytes, spent);
    }

    /// That memory, if it was not needed.
    pub(super) fn unused(&mut self) -> Option<Transmit> {
        self.wire.batch.unused()
    }

    /// Sends a packet, together with what else is written until [`Sender::flush`].
    pub(super) fn write(&mut self, t: Time, path: Path, written: Written<'_>) {
        let Some(place) = self.place(written.line) else {
            return;
        };
        let stream = &mut self.streams[place];
        // A number that is not new would have the nonce of another packet.
        if self.wire.keys.is_none() || !stream.window.take(written.sequence) {
            return;
        }
        let Written {
            codec,
            sequence,
            timestamp,
            marker,
            extensions,
            payload,
            ..
        } = written;
        if stream.watched.is_none() && written.part.is_some() && self.wire.estimator.is_some() {
            stream.watched = self.wire.arrivals.slot();
        }
        let part = written.part.unwrap_or_else(|| {
            let kind = if marker { Kind::MARKER } else { Kind::empty() };
            Part::new(sequence, timestamp, kind, None)
        });
        let patch = codec.video().zip(written.patch);
        let packet = Packet {
            numbered: &stream.numbered,
            header: Header {
                payload_type: written.payload_type,
                marker,
                padding: false,
                sequence: sequence as u16,
                timestamp,
                ssrc: stream.ssrc,
                extensions,
                number: 0,
                time: [0; 3],
            },
            sequenced: Sequenced {
                ssrc: stream.ssrc,
                index: sequence,
            },
            original: None,
            payload,
            patch,
            watched: stream.watched,
            part,
            cluster: None,
        };
        if self.wire.send(t, path, packet).is_none() {
            return;
        }
        let bytes = payload.len();
        let newest = (timestamp, written.captured, codec.clock_rate());
        self.report |= stream.reported.sent(t, bytes, newest);
        let Some(video) = codec.video() else {
            return;
        };
        stream.share.sent(t, bytes);
        if !stream.twice.is_empty() {
            stream.repair_twice(t, path, &mut self.wire);
        }
        self.newest = Some(place);
        stream.keep(codec, |payload_type| Kept {
            part,
            at: t,
            again: None,
            payload_type,
            extensions,
            codec: video,
            patch: written.patch,
            payload: payload.clone(),
        });
    }

    /// What leaves now.
    pub(super) fn flush(&mut self, t: Time, path: Option<Path>) -> impl Iterator<Item = Transmit> {
        if let Some(path) = path
            && std::mem::take(&mut self.report)
        {
            let now = self.wire.unix_micros(t);
            for compound in reports::write(t, now, &mut self.streams) {
                self.wire.report(path, compound);
            }
        }
        self.wire.batch.drain()
    }

    /// Takes SRTCP of the peer. `None`: it is not authentic, or came before.
    pub(super) fn hear(&mut self, t: Time, path: Option<Path>, datagram: &[u8]) -> Option<Heard> {
        let keys = self.wire.keys.as_ref()?;
        let mut plain = std::mem::take(&mut self.plain);
        let opened = keys.open_report(datagram, &mut plain);
        let sender = keys::ssrc_of(datagram);
        let is_new = |(ssrc, index): &(u32, u32)| self.replays.take(*ssrc, *index);
        let opened = sender.zip(opened).filter(is_new);
        let heard = opened.map(|_| self.told(t, path, &plain));
        self.plain = plain;
        heard
    }

    fn told(&mut self, t: Time, path: Option<Path>, compound: &[u8]) -> Heard {
        let mut heard = Heard::default();
        let mut left = TOLD;
        for told in feedback::packets(compound) {
            match told {
                Told::Missing(ssrc, entries) => {
                    let stream = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc);
                    if let (Some(stream), Some(path)) = (stream, path) {
                        for number in feedback::missing(entries) {
                            stream.repair(t, path, number, &mut self.wire);
                        }
                    }
                }
                Told::Stuck(ssrc) => self.stuck(ssrc, &mut heard),
                Told::Asked(entries) => {
                    for ssrc in feedback::asked(entries) {
                        self.stuck(ssrc, &mut heard);
                    }
                }
                Told::Arrivals(packet) => {
                    self.statuses.clear();
                    let statuses = freeze::arrivals_in(packet).take(left);
                    self.statuses.extend(statuses);
                    left -= self.statuses.len();
                    let count = packet.get(19).copied();
                    if let Some(estimator) = &mut self.wire.estimator {
                        let heard = estimator.told(t, self.statuses.iter().copied());
                        self.news |= heard.news;
                        let took = heard.took.filter(|_| heard.came == self.statuses.len());
                        let arrivals = &mut self.wire.arrivals;
                        arrivals.told(t, count, &self.statuses, took);
                    }
                }
                Told::Nothing => {}
                Told::Sends(report) => heard.reports.push(report),
            }
        }
        heard
    }

    fn stuck(&self, ssrc: u32, heard: &mut Heard) {
        let stream = self.streams.iter().find(|stream| stream.ssrc == ssrc);
        if let Some(stream) = stream.filter(|stream| stream.kind == MediaKind::Video)
            && !heard.stuck.contains(&stream.line)
        {
            heard.stuck.push(stream.line);
        }
    }

    /// The keys, once DTLS has agreed on them.
    pub(super) fn keys(&self) -> Option<&Keys> {
        self.wire.keys.as_ref()
    }

    /// Sends a compound packet of RTCP.
    pub(super) fn report(&mut self, path: Path, compound: Vec<u8>) {
        self.wire.report(path, compound);
    }

    /// Says goodbye (RTCP BYE).
    pub(super) fn close(&mut self, path: Path) {
        if let Some(packet) = reports::farewell(&self.streams) {
            self.wire.report(path, packet);
        }
    }

    /// Repeats nothing of what was sent on a line so far, whoever asks for it.
    pub(super) fn forget(&mut self, line: Line) {
        if let Some(place) = self.place(line) {
            self.streams[place].keep.clear();
        }
    }

    /// The peer is reached another way from now on.
    pub(super) fn moved(&mut self, t: Time) {
        if let Some(estimator) = &mut self.wire.estimator {
            estimator.moved(t);
        }
    }

    /// What would be sent if the path carried it.
    pub(super) fn pace(&mut self, t: Time, pace: Pace) {
        if let Some(estimator) = &mut self.wire.estimator {
            estimator.pace(t, pace);
        }
    }

    /// What the path is believed to carry, bits a second, where that is news. The first says that there will
    /// be more: packets are counted for feedback.
    pub(super) fn news(&mut self) -> Option<u64> {
        let estimator = self.wire.estimator.as_ref()?;
        let Some(before) = self.estimated else {
            let counts = |stream: &Stream| stream.numbered.counts();
            let begins = self.wire.keys.is_some() && self.streams.iter().any(counts);
            self.estimated = begins.then_some(FIRST_ESTIMATE);
            return self.estimated;
        };
        let news = std::mem::take(&mut self.news).then(|| estimator.estimate())?;
        // What nothing has changed yet tells nothing.
        let news = news.filter(|news| *news != before)?;
        self.estimated = Some(news);
        Some(news)
    }

    /// When something is to be done though nothing comes.
    pub(super) fn deadline(&self, t: Time) -> Option<Time> {
        let estimator = self.wire.estimator.as_ref();
        let due = estimator.filter(|_| self.wire.keys.is_some())?.deadline()?;
        // What was due before is not late: nobody was asked.
        Some(due.max(t))
    }

    /// What came of pictures.
    pub(super) fn arrivals(&self) -> &Arrivals {
        &self.wire.arrivals
    }

    pub(super) fn arrivals_mut(&mut self) -> &mut Arrivals {
        &mut self.wire.arrivals
    }

    /// The pictures of a line, if something was written there.
    pub(super) fn watched(&self, line: Line) -> Option<u8> {
        self.streams[self.place(line)?].watched
    }

    fn place(&self, line: Line) -> Option<usize> {
        self.lines.iter().position(|known| *known == line)
    }
}

#[cfg(test)]
mod tests;
