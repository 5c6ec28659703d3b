//! What the core tells, passed on to those whom it concerns.
//!
//! A notice may be about somebody who has left while it was under way: then it is dropped, and
//! slots that name somebody who has left are free.

use tsuji_core::{CommandError, GoneReason, Mid, Notice, ParticipantId, PublishMids};

use super::rooms::{Person, Room};
use super::{Lobby, Tell, person_span};
use crate::error::Fault;
use crate::message::{Candidate, Ice, Id, Publish, ServerMessage, Slot};

impl Lobby {
    pub(super) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Offer {
                participant,
                negotiation,
                sdp,
                publish,
                slots,
            } => self.offer(participant, negotiation.0, sdp, publish, &slots),
            Notice::Candidate {
                participant,
                candidate,
            } => self.server_candidate(participant, candidate),
            Notice::Slots { participant, slots } => self.slots(participant, &slots),
            Notice::Connected { participant } => {
                if let Some(&room) = self.participants.get(&participant) {
                    let span = person_span(room, participant);
                    span.in_scope(|| tracing::info!("media connected"));
                }
            }
            Notice::Refused { participant, error } => self.refused(participant, &error),
            Notice::Gone {
                participant,
                reason,
            } => {
                if reason == GoneReason::BadAnswer {
                    let why = "it contradicts its offer".to_owned();
                    self.refused(participant, &CommandError::BadDescription(why));
                }
                self.exit(participant, reason.into(), Tell::Everybody);
            }
        }
    }

    fn offer(
        &mut self,
        participant: ParticipantId,
        negotiation: u32,
        sdp: String,
        publish: PublishMids,
        slots: &[tsuji_core::Slot],
    ) {
        let Some(room) = self.room_of_mut(participant) else {
            return;
        };
        let Some(person) = room.people.get_mut(&participant) else {
            return;
        };
        let Mid(audio) = publish.audio;
        let Mid(video) = publish.video;
        person.offered = Some(Mid(audio.clone()));
        let (connection, ice) = (person.connection, person.ice);
        let message = ServerMessage::Offer {
            negotiation,
            sdp,
            ice,
            self_id: Id(participant),
            participants: room.roster(Some(participant)),
            publish: Publish { audio, video },
            slots: slots_of(room, slots),
        };
        self.push(connection, &message);
    }

    fn server_candidate(&mut self, participant: ParticipantId, candidate: Option<String>) {
        let Some(person) = self.person(participant) else {
            return;
        };
        if person.ice == Ice::Vanilla {
            return;
        }
        let mid = person.offered.as_ref().map(|Mid(mid)| mid.clone());
        let candidate = candidate.map(|line| Candidate::of_server(line, mid));
        let connection = person.connection;
        self.push(connection, &ServerMessage::Candidate { candidate });
    }

    fn slots(&mut self, participant: ParticipantId, slots: &[tsuji_core::Slot]) {
        let Some(person) = self.person(participant) else {
            return;
        };
        let Some(room) = self.room_of(participant) else {
            return;
        };
        let connection = person.connection;
        let slots = slots_of(room, slots);
        self.push(connection, &ServerMessage::Slots { slots });
    }

    fn refused(&mut self, participant: ParticipantId, error: &CommandError) {
        let Some(connection) = self.person(participant).map(|person| person.connection) else {
            return;
        };
        self.refuse(connection, &Fault::from(error));
    }

    fn room_of(&self, participant: ParticipantId) -> Option<&Room> {
        self.rooms.get(*self.participants.get(&participant)?)
    }

    fn room_of_mut(&mut self, participant: ParticipantId) -> Option<&mut Room> {
        self.rooms.get_mut(*self.participants.get(&participant)?)
    }

    fn person(&self, participant: ParticipantId) -> Option<&Person> {
        self.room_of(participant)?.people.get(&participant)
    }
}

fn slots_of(room: &Room, slots: &[tsuji_core::Slot]) -> Vec<Slot> {
    let here = |source: &ParticipantId| room.people.contains_key(source);
    let slot = |slot: &tsuji_core::Slot| Slot {
        audio: slot.audio.to_string(),
        video: slot.video.to_string(),
        participant: slot.source.filter(here).map(Id),
    };
    slots.iter().map(slot).collect()
}
