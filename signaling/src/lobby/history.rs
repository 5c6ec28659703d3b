//! What happens in rooms, for whoever keeps it.
//!
//! ```text
//!  enter, exit ───────────┐
//!  Notice::Reasons ───────┼─► Output::Event ─► whoever keeps a history, or nobody
//!  Notice::Freeze, problem ─┘
//! ```

use tracing::Span;
use tsuji_core::{Freeze, ParticipantId, Reason, SlotReason, TrackId};

use super::{ConnectionId, Lobby, Output, person_span};
use crate::message::{ExitReason, Id, ServerMessage};
use crate::room_code::RoomCode;

/// Something happened in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where. A room is one meeting from when somebody enters it while it is empty until nobody is in it.
    pub room: RoomCode,
    /// What.
    pub happening: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Somebody entered.
    Entered {
        /// Who, as long as the server runs.
        participant: ParticipantId,
        /// The name that it gave.
        name: String,
        /// On which connection.
        connection: ConnectionId,
    },
    /// Somebody is no longer there.
    Exited {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: ExitReason,
    },
    /// A picture comes to somebody, or does not, for another reason from now on.
    Picture {
        /// To whom.
        viewer: ParticipantId,
        /// Whose, and which.
        track: TrackId,
        /// Why.
        reason: Reason,
    },
    /// A picture froze for somebody: told while it lasts, if that is long, and when it is over.
    Froze {
        /// For whom.
        viewer: ParticipantId,
        /// The names of the viewer and of whose picture it is.
        names: [String; 2],
        /// What, when, and whose fault it was.
        freeze: Box<Freeze>,
    },
    /// Somebody says that something is wrong.
    Problem {
        /// Who.
        participant: ParticipantId,
    },
}

impl Lobby {
    /// Says that something happened in the room of somebody who is in it.
    pub(super) fn happened(&mut self, participant: ParticipantId, happening: Happening) {
        if let Some(room) = self.room_of(participant) {
            let room = room.code;
            self.outputs
                .push_back(Output::Event(Event { room, happening }));
        }
    }

    /// A picture froze for somebody. Its page is told whose side is at fault, if that is known.
    pub(super) fn froze(&mut self, viewer: ParticipantId, freeze: Box<Freeze>) {
        let name = |id| self.person(id).map(|person| person.name.to_string());
        let Some(names) = name(viewer).zip(name(freeze.track.participant)) else {
            return;
        };
        if let Some(verdict) = &freeze.verdict {
            // Logs have no names of people.
            let [to, of] = [viewer, freeze.track.participant].map(|id| id.to_string());
            let (culprit, confidence) = (verdict.culprit, verdict.confidence);
            let because = verdict.because(&to, &of);
            let length = freeze.to.map(|to| to.since(freeze.from));
            self.span_of_person(viewer).in_scope(|| {
                tracing::info!(track = ?freeze.track, ?length, %culprit, confidence, because, "froze");
            });
        }
        let connection = self.person(viewer).and_then(|person| person.connection);
        if let Some((connection, verdict)) = connection.zip(freeze.verdict.as_ref()) {
            let message = ServerMessage::Freeze {
                participant: Id(freeze.track.participant),
                source: freeze.track.source.into(),
                culprit: verdict.culprit.into(),
                over: freeze.to.is_some(),
            };
            self.push(connection, &message);
        }
        let froze = Happening::Froze {
            viewer,
            names: names.into(),
            freeze,
        };
        self.happened(viewer, froze);
    }

    fn span_of_person(&self, participant: ParticipantId) -> Span {
        match self.participants.get(&participant) {
            Some(&room) => person_span(room, participant),
            None => Span::none(),
        }
    }

    /// Somebody says that something is wrong.
    pub(super) fn problem(&mut self, participant: ParticipantId) {
        let (now, pause) = (self.now, self.limits.problem_pause);
        if let Some(person) = self.person_mut(participant)
            && person.problem <= now
        {
            person.problem = now + pause;
            self.happened(participant, Happening::Problem { participant });
        }
    }

    /// Says what somebody sees from now on, before it is noted: of the same slots, it was told something
    /// else before.
    pub(super) fn sees(&mut self, viewer: ParticipantId, reasons: &[SlotReason]) {
        let Some(person) = self.person(viewer) else {
            return;
        };
        let now_in = |track| reasons.iter().any(|now| now.track == Some(track));
        let before = reasons.iter().filter_map(|now| {
            let before = person.told.reasons.get(&now.mid)?;
            before.track
        });
        let gone = before.filter(|track| !now_in(*track));
        let gone = gone.map(|track| (track, Reason::Hidden));
        let there = reasons
            .iter()
            .filter_map(|now| Some((now.track?, now.reason)));
        for (track, reason) in gone.chain(there).collect::<Vec<_>>() {
            let picture = Happening::Picture {
                viewer,
                track,
                reason,
            };
            self.happened(viewer, picture);
        }
    }
}
