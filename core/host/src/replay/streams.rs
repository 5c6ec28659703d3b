//! Streams of RTP by their SSRC, and which m-line and encoding each is.

use std::collections::BTreeMap;

use tsuji_core::Mid;

use super::datagram::{Rtp, extension};

/// Streams that are told apart for one participant. 256: four for each slot of the most, doubled;
/// the rest are counted together.
const STREAMS: usize = 256;

/// What goes one way.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Which m-line an SSRC is on, as the sender's description says, or its packets.
    lines: BTreeMap<u32, Line>,
    names: Names,
    seen: BTreeMap<u32, Stream>,
}

/// What an SSRC is.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) mid: Mid,
    /// The `rid` of an encoding (RFC 8852), where there are several.
    rid: Option<String>,
    /// A second SSRC for the same: what was lost, sent again (RFC 4588).
    repair: bool,
}

impl Line {
    /// What is said behind what it carries.
    pub(super) fn suffix(&self) -> String {
        let rid = self.rid.iter().map(|rid| format!(" {rid}"));
        let repair = self.repair.then(|| " again".to_owned());
        rid.chain(repair).collect()
    }
}

/// The header extensions that say what a packet belongs to: their ids.
#[derive(Debug, Default)]
struct Names {
    /// RFC 9143, 15.1.
    mid: Option<u8>,
    /// RFC 8852, 3.1 and 3.2.
    rid: Option<u8>,
    repaired_rid: Option<u8>,
}

/// What was seen of a stream in the current second.
#[derive(Debug, Default)]
struct Stream {
    last: Option<u16>,
    packets: u32,
    missing: u32,
}

impl Stream {
    fn note(&mut self, sequence: u16) {
        self.packets += 1;
        let Some(last) = self.last else {
            self.last = Some(sequence);
            return;
        };
        match sequence.wrapping_sub(last) {
            0 => {}
            step @ 1..0x8000 => {
                self.missing += u32::from(step) - 1;
                self.last = Some(sequence);
            }
            // Late: it was counted as missing, unless that was in an earlier second.
            _ => self.missing = self.missing.saturating_sub(1),
        }
    }
}

impl Names {
    /// `a=extmap:ID URI` (RFC 8285, 5).
    fn read(&mut self, attribute: &str) {
        let Some((id, uri)) = attribute.split_once(' ') else {
            return;
        };
        let Ok(id) = id.split('/').next().unwrap_or_default().parse() else {
            return;
        };
        let name = uri.trim_end();
        match name.strip_prefix("urn:ietf:params:rtp-hdrext:sdes:") {
            Some("mid") => self.mid = Some(id),
            Some("rtp-stream-id") => self.rid = Some(id),
            Some("repaired-rtp-stream-id") => self.repaired_rid = Some(id),
            _ => {}
        }
    }

    /// What a packet says of itself.
    fn line(&self, datagram: &[u8]) -> Option<Line> {
        let text = |id: Option<u8>| {
            let value = extension(datagram, id?)?;
            let is_token = !value.is_empty() && value.iter().all(u8::is_ascii_alphanumeric);
            is_token.then(|| String::from_utf8_lossy(value).into_owned())
        };
        let mid = Mid(text(self.mid)?);
        let repaired = text(self.repaired_rid);
        Some(Line {
            mid,
            repair: repaired.is_some(),
            rid: repaired.or_else(|| text(self.rid)),
        })
    }
}

impl Streams {
    /// A description names SSRCs (RFC 5576); of two on a line, the second is for repair. Where it
    /// names none, as for several encodings, packets say what they are.
    pub(super) fn describe(&mut self, sdp: &str) {
        let mut mid = None;
        for line in sdp.lines() {
            if line.starts_with("m=") {
                mid = None;
            } else if let Some(name) = line.strip_prefix("a=mid:") {
                mid = Some(Mid(name.to_owned()));
            } else if let Some(attribute) = line.strip_prefix("a=extmap:") {
                self.names.read(attribute);
            } else if let Some(rest) = line.strip_prefix("a=ssrc:")
                && let Some(mid) = &mid
                && let Some(Ok(ssrc)) = rest.split(' ').next().map(str::parse)
            {
                let repair = self.lines.values().any(|line| line.mid == *mid);
                let (mid, rid) = (mid.clone(), None);
                self.learn(ssrc, Line { mid, rid, repair });
            }
        }
    }

    fn learn(&mut self, ssrc: u32, line: Line) {
        if self.lines.len() < STREAMS {
            self.lines.entry(ssrc).or_insert(line);
        }
    }

    pub(super) fn count(&mut self, rtp: Rtp, datagram: &[u8]) {
        if !self.lines.contains_key(&rtp.ssrc)
            && let Some(line) = self.names.line(datagram)
        {
            self.learn(rtp.ssrc, line);
        }
        if self.seen.len() < STREAMS || self.seen.contains_key(&rtp.ssrc) {
            self.seen.entry(rtp.ssrc).or_default().note(rtp.sequence);
        }
    }

    /// What was seen in this second: SSRC, what it is, packets, and those missing.
    pub(super) fn second(&self) -> impl Iterator<Item = (u32, Option<&Line>, u32, u32)> {
        let seen = self.seen.iter().filter(|(_, stream)| stream.packets > 0);
        seen.map(|(ssrc, stream)| {
            let line = self.lines.get(ssrc);
            (*ssrc, line, stream.packets, stream.missing)
        })
    }

    pub(super) fn forget_second(&mut self) {
        for stream in self.seen.values_mut() {
            (stream.packets, stream.missing) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An RTP packet with header extensions of one byte.
    fn packet(elements: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0xbe, 0xde, 0, 0];
        packet[15] = u8::try_from(elements.len().div_ceil(4)).unwrap();
        packet.extend_from_slice(elements);
        packet.resize(packet.len().next_multiple_of(4), 0);
        packet
    }

    #[test]
    fn packets_say_of_which_encoding_they_are() {
        let mut streams = Streams::default();
        let extmap =
            |id: u8, name| format!("a=extmap:{id} urn:ietf:params:rtp-hdrext:sdes:{name}\r\n");
        let sdp = [
            extmap(4, "mid"),
            extmap(10, "rtp-stream-id"),
            extmap(11, "repaired-rtp-stream-id"),
        ];
        streams.describe(&format!("m=video\r\na=mid:1\r\n{}", sdp.concat()));
        streams.count(Rtp::bare(7, 1), &packet(&[0x40, b'1', 0xa0, b'q']));
        streams.count(Rtp::bare(8, 1), &packet(&[0x40, b'1', 0xb0, b'h']));
        // Later packets say nothing.
        streams.count(Rtp::bare(7, 2), &packet(&[]));
        streams.count(Rtp::bare(9, 2), &packet(&[0x40, b'\n']));
        let told: Vec<_> = streams
            .second()
            .map(|(ssrc, line, packets, _)| (ssrc, line.map(Line::suffix), packets))
            .collect();
        let expected = [
            (7, Some(" q".to_owned()), 2),
            (8, Some(" h again".to_owned()), 1),
            (9, None, 1),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_hostile_trace_fills_no_memory() {
        let mut streams = Streams::default();
        streams.describe("a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid");
        for ssrc in 0..10_000 {
            streams.count(Rtp::bare(ssrc, 1), &packet(&[0x10, b'x']));
            streams.describe(&format!("m=a\na=mid:x\na=ssrc:{} cname:y", ssrc + 20_000));
        }
        let Streams { seen, lines, .. } = &streams;
        assert_eq!((seen.len(), lines.len()), (STREAMS, STREAMS));
    }
}
