//! What the trace tells about one participant's streams.

use tsuji_core::{MediaKind, PublishMids, Slot, Source, TrackId};

use super::datagram::Rtp;
use super::streams::{Line, Streams};

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

    pub(super) fn received(&mut self, rtp: Rtp, datagram: &[u8]) {
        self.incoming.count(rtp, datagram);
    }

    pub(super) fn sent(&mut self, rtp: Rtp, datagram: &[u8]) {
        self.outgoing.count(rtp, datagram);
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
        let told = streams.second().map(|(ssrc, line, packets, missing)| {
            let name = line.map_or_else(|| format!("SSRC {ssrc}"), |line| self.name(line));
            match missing {
                0 => format!("{name} {packets}"),
                missing => format!("{name} {packets} ({missing} missing)"),
            }
        });
        told.collect::<Vec<_>>().join(", ")
    }

    fn name(&self, line: &Line) -> String {
        let repair = &line.suffix();
        if let Some(publish) = &self.publish {
            let is_it = |source: &Source| *publish.of(*source) == line.mid;
            if let Some(source) = Source::ALL.into_iter().find(is_it) {
                return format!("{source}{repair}");
            }
        }
        if let Some(slot) = self.slots.iter().find(|slot| slot.mid == line.mid) {
            return match slot.track {
                Some(TrackId {
                    participant,
                    source,
                }) => format!("{participant}'s {source}{repair}"),
                None => format!("nobody's {}{repair}", slot.kind),
            };
        }
        format!("mid {}{repair}", line.mid)
    }
}

/// `p1`, or where it is not microphone or camera, `p1/screen`.
pub(super) fn track(track: TrackId) -> String {
    let TrackId {
        participant,
        source,
    } = track;
    match source {
        Source::Microphone | Source::Camera => participant.to_string(),
        Source::Screen | Source::ScreenAudio => format!("{participant}/{source}"),
    }
}

/// `video p1 p3 - -, audio p1 p3 - -`: what is in the slots.
pub(super) fn in_slots(slots: &[Slot]) -> String {
    let of_kind = |kind: MediaKind| {
        let slots = slots.iter().filter(|slot| slot.kind == kind);
        let tracks = slots.map(|slot| match slot.track {
            Some(id) => track(id),
            None => "-".to_owned(),
        });
        format!("{kind} {}", tracks.collect::<Vec<_>>().join(" "))
    };
    [MediaKind::Video, MediaKind::Audio].map(of_kind).join(", ")
}

#[cfg(test)]
mod tests {
    use tsuji_core::{Mid, ParticipantId};

    use super::*;

    #[test]
    fn a_second_tells_whose_streams_came_and_what_was_missing() {
        let mid = |text: &str| Mid(text.to_owned());
        let publish = PublishMids {
            audio: mid("0"),
            video: mid("1"),
            screen: mid("8"),
            screen_audio: mid("9"),
        };
        let slot = |name, kind, source| Slot {
            mid: mid(name),
            kind,
            track: Some(TrackId {
                participant: ParticipantId(5),
                source,
            }),
        };
        let slots = [
            slot("2", MediaKind::Audio, Source::Microphone),
            slot("3", MediaKind::Video, Source::Camera),
        ];
        let sdp = "m=audio\r\na=mid:2\r\na=ssrc:20 cname:x\r\n\
                   m=video\r\na=mid:3\r\na=ssrc:30 cname:x\r\na=ssrc:30 msid:y\r\na=ssrc:31 cname:x";
        let mut person = Person::default();
        person.offered(sdp, &publish, &slots);
        person.answered("m=audio\r\na=mid:0\r\na=ssrc:1 cname:z");
        for sequence in [65_534, 65_535, 2, 1] {
            person.received(Rtp::bare(1, sequence), &[]);
        }
        person.sent(Rtp::bare(30, 9), &[]);
        person.sent(Rtp::bare(31, 9), &[]);
        person.sent(Rtp::bare(99, 9), &[]);
        assert_eq!(
            person.second(),
            "sends microphone 4 (1 missing); gets p5's camera 1, p5's camera again 1, SSRC 99 1"
        );
        assert_eq!(person.second(), "");
    }
}
