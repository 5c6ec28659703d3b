//! What the trace tells about one participant's streams.

use std::collections::BTreeMap;

use tsuji_core::{Mid, ParticipantId, PublishMids, Slot};

use super::datagram::Rtp;

/// Streams that are told apart for one participant. 256: four for each slot of the most, doubled;
/// the rest are counted together.
const STREAMS: usize = 256;

/// A participant as the trace shows it.
#[derive(Debug, Default)]
pub(super) struct Person {
    /// Said once each.
    pub(super) path_known: bool,
    pub(super) dtls_seen: bool,
    slots: Vec<Slot>,
    publish: Option<PublishMids>,
    incoming: Streams,
    outgoing: Streams,
}

/// What goes one way.
#[derive(Debug, Default)]
struct Streams {
    /// Which m-line an SSRC is on, as the sender's description says.
    lines: BTreeMap<u32, Line>,
    seen: BTreeMap<u32, Stream>,
}

#[derive(Clone, Debug)]
struct Line {
    mid: Mid,
    /// A second SSRC on the line: what was lost, sent again (RFC 4588).
    repair: bool,
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

impl Person {
    /// An offer names the m-lines of its slots, and the SSRCs that will be sent on them.
    pub(super) fn offered(&mut self, sdp: &str, publish: &PublishMids, slots: &[Slot]) {
        self.publish = Some(publish.clone());
        self.slots = slots.to_vec();
        self.outgoing.describe(sdp);
    }

    /// An answer names the SSRCs of what it publishes.
    pub(super) fn answered(&mut self, sdp: &str) {
        self.incoming.describe(sdp);
    }

    pub(super) fn assigned(&mut self, slots: &[Slot]) {
        self.slots = slots.to_vec();
    }

    pub(super) fn received(&mut self, rtp: Rtp) {
        self.incoming.count(rtp);
    }

    pub(super) fn sent(&mut self, rtp: Rtp) {
        self.outgoing.count(rtp);
    }

    /// What was counted since this was last asked; empty if nothing was.
    pub(super) fn second(&mut self) -> String {
        let told = [
            ("sends", self.tell(&self.incoming)),
            ("gets", self.tell(&self.outgoing)),
        ];
        self.incoming.forget_second();
        self.outgoing.forget_second();
        let told = told.into_iter().filter(|(_, streams)| !streams.is_empty());
        let told = told.map(|(direction, streams)| format!("{direction} {streams}"));
        told.collect::<Vec<_>>().join("; ")
    }

    fn tell(&self, streams: &Streams) -> String {
        let seen = streams.seen.iter().filter(|(_, stream)| stream.packets > 0);
        let tell = |(ssrc, stream): (&u32, &Stream)| {
            let name = match streams.lines.get(ssrc) {
                Some(line) => self.name(line),
                None => format!("SSRC {ssrc}"),
            };
            match stream.missing {
                0 => format!("{name} {}", stream.packets),
                missing => format!("{name} {} ({missing} missing)", stream.packets),
            }
        };
        seen.map(tell).collect::<Vec<_>>().join(", ")
    }

    fn name(&self, line: &Line) -> String {
        let repair = if line.repair { " again" } else { "" };
        if let Some(publish) = &self.publish {
            if publish.audio == line.mid {
                return format!("audio{repair}");
            }
            if publish.video == line.mid {
                return format!("video{repair}");
            }
        }
        for slot in &self.slots {
            let source = || slot.source.map_or("nobody".to_owned(), |p| p.to_string());
            if slot.audio == line.mid {
                return format!("{}'s audio{repair}", source());
            }
            if slot.video == line.mid {
                return format!("{}'s video{repair}", source());
            }
        }
        format!("mid {}{repair}", line.mid)
    }
}

impl Streams {
    /// A description names SSRCs (RFC 5576); of two on a line, the second is for repair.
    fn describe(&mut self, sdp: &str) {
        let mut mid = None;
        for line in sdp.lines() {
            if line.starts_with("m=") {
                mid = None;
            } else if let Some(name) = line.strip_prefix("a=mid:") {
                mid = Some(Mid(name.to_owned()));
            } else if let Some(rest) = line.strip_prefix("a=ssrc:")
                && let Some(mid) = &mid
                && let Some(Ok(ssrc)) = rest.split(' ').next().map(str::parse)
                && self.lines.len() < STREAMS
                && !self.lines.contains_key(&ssrc)
            {
                let repair = self.lines.values().any(|line| line.mid == *mid);
                let mid = mid.clone();
                self.lines.insert(ssrc, Line { mid, repair });
            }
        }
    }

    fn count(&mut self, rtp: Rtp) {
        if self.seen.len() < STREAMS || self.seen.contains_key(&rtp.ssrc) {
            self.seen.entry(rtp.ssrc).or_default().note(rtp.sequence);
        }
    }

    fn forget_second(&mut self) {
        for stream in self.seen.values_mut() {
            (stream.packets, stream.missing) = (0, 0);
        }
    }
}

/// `p1 p3 - -`: who is in the slots.
pub(super) fn in_slots(slots: &[Slot]) -> String {
    let source = |slot: &Slot| slot.source.as_ref().map(ParticipantId::to_string);
    let sources = slots
        .iter()
        .map(|slot| source(slot).unwrap_or("-".to_owned()));
    sources.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtp(ssrc: u32, sequence: u16) -> Rtp {
        Rtp {
            ssrc,
            sequence,
            header: 12,
        }
    }

    #[test]
    fn a_second_tells_whose_streams_came_and_what_was_missing() {
        let mid = |text: &str| Mid(text.to_owned());
        let publish = PublishMids {
            audio: mid("0"),
            video: mid("1"),
        };
        let slots = [Slot {
            audio: mid("2"),
            video: mid("3"),
            source: Some(ParticipantId(5)),
        }];
        let sdp = "m=audio\r\na=mid:2\r\na=ssrc:20 cname:x\r\n\
                   m=video\r\na=mid:3\r\na=ssrc:30 cname:x\r\na=ssrc:30 msid:y\r\na=ssrc:31 cname:x";
        let mut person = Person::default();
        person.offered(sdp, &publish, &slots);
        person.answered("m=audio\r\na=mid:0\r\na=ssrc:1 cname:z");
        for sequence in [65_534, 65_535, 2, 1] {
            person.received(rtp(1, sequence));
        }
        person.sent(rtp(30, 9));
        person.sent(rtp(31, 9));
        person.sent(rtp(99, 9));
        assert_eq!(
            person.second(),
            "sends audio 4 (1 missing); gets p5's video 1, p5's video again 1, SSRC 99 1"
        );
        assert_eq!(person.second(), "");
    }

    #[test]
    fn a_hostile_trace_fills_no_memory() {
        let mut person = Person::default();
        for ssrc in 0..10_000 {
            person.received(rtp(ssrc, 1));
            person.answered(&format!("m=a\na=mid:x\na=ssrc:{ssrc} cname:y"));
        }
        let Streams { seen, lines } = &person.incoming;
        assert_eq!((seen.len(), lines.len()), (STREAMS, STREAMS));
    }
}
