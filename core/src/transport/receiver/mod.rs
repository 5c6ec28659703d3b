//! Everything that comes from a peer as media: RTP is decrypted, put in order of its numbers and handed on, and what
//! its sender has to know of it is reported.
//!
//! str0m sees none of it. It keeps timers for what may be missing though nothing is, looks at all of them after each
//! packet, and believes what a header says before the packet turns out to be authentic. Here nothing changes before that.
//!
//! ```text
//!  SRTP ──► Header ──► Sources: whose SSRC ──► Keys ──► Window: new? ─┬─► Reception ─► MediaPacket
//!                                                                     │     │
//!                          repairs (RFC 4588) become what was missing ┘     ├─► Missing ──┐
//!                          all that has a transport-wide number ─► Wide ────┼─────────────┼─► reports ─► the peer
//!  sender reports ─────────────────────────────────────────────► Reception ─┴─────────────┘
//! ```
//! Reports are made when a packet comes, where they are due; time is asked for only if none does.

mod header;
mod missing;
mod reception;
mod reports;
mod sources;
mod wide;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use str0m::Rtc;
use str0m::media::MediaKind as RtcMediaKind;

use self::header::{Extmap, Header};
use self::reception::Reception;
use self::sources::{Kind, Sources};
use self::wide::Wide;
use super::capture::Capture;
use super::codecs::{self, Format};
use super::keys::Keys;
use super::{Extensions, Line, MediaPacket, Orientation};
use crate::ids::{Layer, MediaKind};
use crate::time::{Time, earliest};

/// Bytes before the payload of a repair: the number of what it repeats (RFC 4588, 4).
const ORIGINAL: usize = 2;

/// What a peer sends.
#[derive(Debug)]
pub(super) struct Receiver {
    /// Who reports.
    ssrc: u32,
    /// The lines on which the peer sends.
    lines: Vec<Line>,
    extmap: Extmap,
    formats: Vec<Format>,
    sources: Sources,
    wide: Wide,
    /// A packet, decrypted. Kept for its memory.
    plain: Vec<u8>,
    /// Reports that are due.
    compounds: VecDeque<Vec<u8>>,
}

/// What came of a datagram with SRTP.
#[derive(Debug)]
pub(super) enum Received {
    /// Nothing: it is not authentic, came before, or belongs to nothing that was agreed on.
    Nothing,
    /// Nothing: its SSRC would be one too many.
    Refused,
    /// It is authentic; and brought this, if it is of media.
    Authentic(Option<MediaPacket>),
}

/// What a sender report says of a stream (RFC 3550, 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SenderReport {
    pub(super) ssrc: u32,
    /// The moment that it is about: NTP, seconds and fraction.
    pub(super) ntp: u64,
    /// The same moment on the stream's clock.
    pub(super) timestamp: u32,
}

impl Receiver {
    /// `ssrc`: of the one who reports.
    pub(super) fn new(ssrc: u32) -> Self {
        Self::with(Wide::default(), ssrc)
    }

    /// The same, with transport-wide feedback at such intervals.
    pub(super) fn every(interval: Duration, ssrc: u32) -> Self {
        Self::with(Wide::every(interval), ssrc)
    }

    fn with(wide: Wide, ssrc: u32) -> Self {
        Self {
            ssrc,
            lines: Vec::new(),
            extmap: Extmap::default(),
            formats: Vec::new(),
            sources: Sources::default(),
            wide,
            plain: Vec::new(),
            compounds: VecDeque::new(),
        }
    }

    /// The peer is asked to send on these lines.
    pub(super) fn publish(&mut self, lines: &[Line]) {
        self.lines = lines.to_vec();
    }

    /// After a negotiation: takes over what was agreed on.
    pub(super) fn negotiated(&mut self, rtc: &mut Rtc) {
        self.formats = codecs::formats(rtc.codec_config());
        self.sources.announced.clear();
        for line in &self.lines {
            let Some(media) = rtc.media(line.0) else {
                continue;
            };
            self.extmap.learn(media.remote_extmap());
            let kind = match media.kind() {
                RtcMediaKind::Audio => MediaKind::Audio,
                RtcMediaKind::Video => MediaKind::Video,
            };
            self.sources.announce(&mut rtc.direct_api(), *line, kind);
        }
    }

    /// Takes SRTP. `capture`: what is known of the peer's clock.
    pub(super) fn receive(
        &mut self,
        t: Time,
        keys: &Keys,
        capture: &mut Capture,
        datagram: &[u8],
    ) -> Received {
        let Some(header) = Header::parse(datagram, &self.extmap) else {
            return Received::Nothing;
        };
        let format = |format: &&Format| format.payload_type == header.payload_type;
        let format = self.formats.iter().find(format).copied();
        let known = self.sources.find(header.ssrc);
        let found = match known.ok_or_else(|| self.sources.identify(&header, format, &self.lines)) {
            Ok(place) => Ok(place),
            Err(None) => return Received::Nothing,
            Err(Some(_)) if self.sources.is_full() => return Received::Refused,
            Err(Some(fresh)) => Err(fresh),
        };
        let newest = known.and_then(|place| self.sources.all[place].window.newest());
        let Some(index) = extended(newest, header.sequence) else {
            return Received::Nothing;
        };
        let plain = &mut self.plain;
        if keys
            .open(datagram, header.length, header.ssrc, index, plain)
            .is_none()
        {
            return Received::Nothing;
        }
        // Nothing is believed before.
        let place = found.unwrap_or_else(|fresh| self.sources.add(fresh));
        if !self.sources.all[place].window.take(index) {
            return Received::Nothing;
        }
        if let Some(number) = header.number {
            self.wide.came(t, number, header.ssrc);
        }
        let packet = self.packet(t, capture, &header, format, place, index);
        if self.is_due(t) {
            self.report(t);
        }
        Received::Authentic(packet)
    }

    /// What a decrypted packet brought.
    fn packet(
        &mut self,
        t: Time,
        capture: &mut Capture,
        header: &Header<'_>,
        format: Option<Format>,
        place: usize,
        index: u64,
    ) -> Option<MediaPacket> {
        let payload = match (header.padding, self.plain.last()) {
            (true, count) => unpadded(&self.plain, *count?)?,
            (false, _) => &self.plain,
        };
        let format = format?;
        let source = &mut self.sources.all[place];
        let (place, sequence, payload) = match &mut source.kind {
            Kind::Probe => return None,
            Kind::Media(reception) => {
                let clock_rate = format.codec.clock_rate();
                reception.came(t, index, header.timestamp, clock_rate);
                if format.repairs {
                    return None;
                }
                (place, index, payload)
            }
            Kind::Repair => {
                let (original, payload) = payload.split_first_chunk::<ORIGINAL>()?;
                if !format.repairs {
                    return None;
                }
                let at = source.at;
                let (place, main) = self.sources.repaired(at)?;
                let original = extended(main.window.newest(), u16::from_be_bytes(*original))?;
                if !main.window.take(original) {
                    return None;
                }
                if let Kind::Media(reception) = &mut main.kind {
                    reception.is_here(t, original);
                }
                (place, original, payload)
            }
        };
        // What is padding alone counts as a packet: else it would be missing to those who watch.
        let source = &self.sources.all[place];
        let stream = ((source.at.line, source.at.layer()), source.ssrc);
        Some(MediaPacket {
            line: source.at.line,
            layer: source.at.layer(),
            codec: format.codec,
            ssrc: source.ssrc,
            sequence,
            timestamp: header.timestamp,
            age: capture.age(t, stream, header.timestamp, format.codec.clock_rate()),
            marker: header.marker,
            extensions: Extensions {
                audio_level: header.level,
                orientation: header.orientation.map(Orientation),
            },
            payload: Arc::from(payload),
        })
    }

    /// Takes what the peer says of what it sends.
    pub(super) fn heard(&mut self, t: Time, capture: &mut Capture, report: SenderReport) {
        let Some(place) = self.sources.find(report.ssrc) else {
            return;
        };
        let source = &mut self.sources.all[place];
        if let Kind::Media(reception) = &mut source.kind {
            reception.heard(t, report.ntp);
            capture.report(t, (source.at.line, source.at.layer()), report);
        }
    }

    /// Asks for a keyframe (PLI, RFC 4585, 6.3.1).
    pub(super) fn ask(&mut self, line: Line, layer: Layer) {
        if let Some(media) = self.sources.newest(line, layer) {
            let pli = reports::stuck(self.ssrc, media);
            self.compounds.push_back(pli);
        }
    }

    /// When something is to be reported though nothing comes.
    pub(super) fn deadline(&self) -> Option<Time> {
        let missing = self
            .receptions()
            .filter_map(|reception| reception.missing.deadline());
        earliest([self.wide.deadline(), missing.min()])
    }

    /// Whether something is to be reported now that something came.
    fn is_due(&self, t: Time) -> bool {
        self.wide.is_due(t) || self.receptions().any(|reception| reception.is_due(t))
    }

    fn receptions(&self) -> impl Iterator<Item = &Reception> {
        let sources = self.sources.all.iter();
        sources.filter_map(|source| match &source.kind {
            Kind::Media(reception) => Some(reception),
            Kind::Repair | Kind::Probe => None,
        })
    }

    /// Does what time demands.
    pub(super) fn timeout(&mut self, t: Time) {
        if self.deadline().is_some_and(|deadline| deadline <= t) {
            self.report(t);
        }
    }

    /// Makes the reports that are due.
    fn report(&mut self, t: Time) {
        let (ours, compounds) = (self.ssrc, &mut self.compounds);
        self.wide.tell(t, ours, compounds);
        let mut blocks = Vec::new();
        for source in &mut self.sources.all {
            let Kind::Media(reception) = &mut source.kind else {
                continue;
            };
            let missing = reception.missing.due(t);
            if !missing.is_empty() {
                compounds.push_back(reports::missing(ours, source.ssrc, &missing));
            }
            if blocks.len() < reports::BLOCKS && reception.is_report_due(t) {
                blocks.push(reception.report(t, source.ssrc));
            }
        }
        if !blocks.is_empty() {
            compounds.push_back(reports::received(ours, &blocks));
        }
    }

    /// What is to be sent, in order: compound packets of RTCP.
    pub(super) fn compounds(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.compounds.drain(..)
    }
}

/// What stands before padding (RFC 3550, 5.1). `None`: there is more of it than there is.
fn unpadded(payload: &[u8], padding: u8) -> Option<&[u8]> {
    let length = payload.len().checked_sub(padding.into())?;
    payload.get(..length).filter(|_| padding > 0)
}

/// The extended number that is nearest to the newest one (RFC 3711, 3.3.1). `None`: before the first.
fn extended(newest: Option<u64>, number: u16) -> Option<u64> {
    let Some(newest) = newest else {
        return Some(number.into());
    };
    let step = number.wrapping_sub(newest as u16).cast_signed();
    newest.checked_add_signed(step.into())
}

#[cfg(test)]
mod tests;
