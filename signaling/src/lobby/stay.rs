//! Staying in a room without a WebSocket, and coming back with another one.
//!
//! ```text
//!            the WebSocket is gone             grace is over, or the core lets go
//!  reached ───────────────────────► away ──────────────────────────────────────► vanished
//!     ▲  │ resume: the old WebSocket  │ resume
//!     │  │ is closed                  │
//!     └──┴────────────────────────────┘
//! ```
//! Nobody else is told of any of it but the end. Who is away is told nothing; coming back it is
//! told everything as it is then, and the offer that it has not answered.

use tsuji_core::{Command, ParticipantId};

use super::rooms::Told;
use super::timers::Timer;
use super::{ConnectionId, Lobby, Tell, person_span};
use crate::error::{Closing, Fault};
use crate::message::{Candidate, ExitReason, Id, ServerMessage};
use crate::session::Session;

impl Lobby {
    /// The WebSocket of a participant is gone; it stays for a while.
    pub(super) fn detach(&mut self, id: ConnectionId) {
        let Some(Session::InRoom(me)) = self.session(id) else {
            return;
        };
        if self.limits.grace.is_zero() {
            self.exit_of(id, ExitReason::Vanished, Tell::Others);
            return;
        }
        let (room, participant) = (me.room(), me.participant());
        if let Some(person) = self.person_mut(participant) {
            person.connection = None;
        }
        let end = self.now + self.limits.grace;
        self.timers.set(Timer::Grace(participant), end);
        self.command(Command::Signaling {
            participant,
            lost: true,
        });
        person_span(room, participant).in_scope(|| tracing::info!("signaling lost"));
    }

    /// It did not come back in time.
    pub(super) fn grace_over(&mut self, participant: ParticipantId) {
        self.command(Command::Leave { participant });
        self.exit(participant, ExitReason::Vanished, Tell::Others);
    }

    pub(super) fn resume(
        &mut self,
        id: ConnectionId,
        session: Session,
        token: &str,
    ) -> Result<(), Fault> {
        let greeting = session.greeting()?;
        let holder = self.tokens.holder(token);
        let stay = holder.and_then(|who| Some((who, *self.participants.get(&who)?)));
        let Some((participant, room)) = stay else {
            return Err(self.guessed_token(id));
        };
        let Some(person) = self.person_mut(participant) else {
            return Err(self.guessed_token(id));
        };
        match person.connection.replace(id) {
            // Half open: its client has given it up, and we have not noticed.
            Some(before) => self.taken_over(before),
            None => self.command(Command::Signaling {
                participant,
                lost: false,
            }),
        }
        self.timers.cancel(Timer::Grace(participant));
        self.set_session(id, Session::InRoom(greeting.resume(room, participant)));
        let span = person_span(room, participant);
        span.in_scope(|| tracing::info!(connection = id.0, "resumed"));
        self.tell_all_as_it_is(id, participant);
        self.tell_drain(id);
        Ok(())
    }

    /// A token has 128 bits, so nobody finds one by trying; and after a restart everybody behind
    /// one address has a token that means nothing. So the connection alone counts.
    fn guessed_token(&mut self, id: ConnectionId) -> Fault {
        let limit = self.limits.guesses;
        match self.connections.get_mut(&id) {
            Some(connection) => {
                connection.guesses += 1;
                if connection.guesses < limit {
                    Fault::ResumeFailed
                } else {
                    Fault::TooManyGuesses
                }
            }
            None => Fault::ResumeFailed,
        }
    }

    fn taken_over(&mut self, before: ConnectionId) {
        self.set_session(before, Session::Closing);
        self.timers.cancel(Timer::Ping(before));
        self.timers.cancel(Timer::Silence(before));
        self.push_close(before, Closing::TAKEN_OVER);
    }

    fn tell_all_as_it_is(&mut self, id: ConnectionId, participant: ParticipantId) {
        let (Some(room), Some(person)) = (self.room_of(participant), self.person(participant))
        else {
            return;
        };
        let mut messages = vec![ServerMessage::Resume {
            self_id: Id(participant),
            participants: room.roster(Some(participant)),
            slots: room.slots(&person.slots),
        }];
        let Told {
            reasons, layers, ..
        } = &person.told;
        if !reasons.is_empty() {
            messages.push(ServerMessage::Reasons {
                reasons: room.reasons(reasons.values()),
            });
        }
        messages.extend(layers.iter().map(|(source, layers)| ServerMessage::Layers {
            source: *source,
            layers: layers.clone(),
        }));
        messages.extend(room.speaker.map(|speaker| ServerMessage::Speaker {
            participant: Some(Id(speaker)),
        }));
        if let Some(open) = &person.open_offer {
            messages.extend(room.offer(participant));
            let candidates = open.candidates.iter().cloned();
            let mid = person.offered.as_ref().map(ToString::to_string);
            let tell = |line: Option<String>| ServerMessage::Candidate {
                candidate: line.map(|line| Candidate::of_server(line, mid.clone())),
            };
            messages.extend(candidates.map(tell));
        }
        for message in messages {
            self.push(id, &message);
        }
    }
}
