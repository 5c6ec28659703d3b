//! How meetings go: what froze and why, and how long people wait for the first picture.

use std::collections::BTreeMap;
use std::time::Duration;

use tsuji_core::freeze::Culprit;
use tsuji_core::{Freeze, ParticipantId, Reason, Time};
use tsuji_signaling::Happening;

/// Upper bounds of the classes of waiting, in milliseconds.
const BOUNDS: [u64; 9] = [100, 250, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 30_000];

/// What is told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QualityStats {
    /// Freezes that are over, by [`Culprit::ALL`], and how long they were.
    pub(super) freezes: [(u64, Duration); Culprit::ALL.len()],
    /// How long people were in meetings, together.
    pub(super) stays: Duration,
    /// How many waited how long for the first picture; the last class is beyond the last bound.
    pub(super) first: [u64; BOUNDS.len() + 1],
    pub(super) waited: Duration,
}

/// Counts it.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    stats: QualityStats,
    /// Who is there, since when, and whether it still waits for a picture.
    people: BTreeMap<ParticipantId, (Time, bool)>,
    /// Until when stays are counted.
    counted: Time,
}

impl Quality {
    /// Something happened at `t`.
    pub(crate) fn note(&mut self, t: Time, happening: &Happening) {
        match happening {
            Happening::Entered { participant, .. } => {
                self.count(t);
                self.people.insert(*participant, (t, true));
            }
            Happening::Exited { participant, .. } => {
                self.count(t);
                self.people.remove(participant);
            }
            Happening::Picture {
                viewer,
                reason: Reason::Forwarding { .. },
                ..
            } => {
                if let Some((entered, waits @ true)) = self.people.get_mut(viewer) {
                    *waits = false;
                    let waited = t.since(*entered);
                    let ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                    let class = BOUNDS.iter().take_while(|bound| **bound < ms).count();
                    self.stats.first[class] += 1;
                    self.stats.waited += waited;
                }
            }
            Happening::Froze { freeze, .. } => self.froze(freeze),
            Happening::Picture { .. } | Happening::Problem { .. } => {}
        }
    }

    fn froze(&mut self, freeze: &Freeze) {
        if let (Some(to), Some(verdict)) = (freeze.to, &freeze.verdict) {
            let place = Culprit::ALL.iter().position(|c| *c == verdict.culprit);
            let (times, length) = &mut self.stats.freezes[place.unwrap_or(Culprit::ALL.len() - 1)];
            *times += 1;
            *length += to.since(freeze.from);
        }
    }

    fn count(&mut self, t: Time) {
        let people = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
        self.stats.stays += t.since(self.counted) * people;
        self.counted = self.counted.max(t);
    }

    /// All until `t`.
    pub(crate) fn stats(&mut self, t: Time) -> QualityStats {
        self.count(t);
        self.stats
    }
}

impl QualityStats {
    /// Each class of waiting: its upper bound in seconds, and how many.
    pub(super) fn classes(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.map(|bound| Duration::from_millis(bound).as_secs_f64());
        let bounds = bounds.into_iter().chain([f64::MAX]);
        bounds.zip(self.first).collect()
    }
}

#[cfg(test)]
mod tests {
    use tsuji_core::freeze::Verdict;
    use tsuji_core::{Layer, Mid, Source, TrackId};
    use tsuji_signaling::ConnectionId;
    use tsuji_signaling::message::ExitReason;

    use super::*;

    #[test]
    fn stays_waits_and_freezes_add_up() {
        let mut quality = Quality::default();
        let at = Time::from_millis;
        let participant = ParticipantId(1);
        let enters = |participant| Happening::Entered {
            participant,
            name: "Mika".to_owned(),
            connection: ConnectionId(1),
        };
        let track = TrackId {
            participant: ParticipantId(2),
            source: Source::Camera,
        };
        let sees = |reason| Happening::Picture {
            viewer: participant,
            track,
            reason,
        };
        let froze = |to: Option<u64>, culprit| Happening::Froze {
            viewer: participant,
            names: [String::new(), String::new()],
            freeze: Box::new(Freeze {
                track,
                mid: Mid("3".to_owned()),
                from: at(1_000),
                to: to.map(at),
                facts: None,
                verdict: Some(Verdict {
                    culprit,
                    confidence: 90,
                    evidence: Vec::new(),
                }),
            }),
        };
        quality.note(at(100), &enters(participant));
        quality.note(at(100), &enters(ParticipantId(2)));
        quality.note(at(200), &sees(Reason::WaitingForKeyframe));
        for later in [400, 900] {
            quality.note(at(later), &sees(Reason::Forwarding { layer: Layer::Full }));
        }
        quality.note(at(1_800), &froze(None, Culprit::Unknown));
        quality.note(at(2_500), &froze(Some(2_500), Culprit::Server));
        let left = Happening::Exited {
            participant,
            reason: ExitReason::Left,
        };
        quality.note(at(3_100), &left);
        let stats = quality.stats(at(4_100));
        assert_eq!(stats.stays, Duration::from_secs(7));
        let classes = stats.classes();
        assert_eq!((classes[1], classes[2]), ((0.25, 0), (0.5, 1)));
        assert_eq!(stats.waited, Duration::from_millis(300));
        let server = Culprit::ALL.iter().position(|c| *c == Culprit::Server);
        let counted = stats
            .freezes
            .iter()
            .enumerate()
            .filter(|(_, (n, _))| *n > 0);
        let counted: Vec<_> = counted.collect();
        let once = (1, Duration::from_millis(1_500));
        assert_eq!(counted, [(server.unwrap(), &once)]);
    }
}
