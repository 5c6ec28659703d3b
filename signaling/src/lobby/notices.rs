//! What the core tells, passed on to those whom it concerns.
//!
//! A notice may be about somebody who has left while it was under way: then it is dropped, and
//! slots that name somebody who has left are free.

use tsuji_core::{CommandError, GoneReason, Notice, ParticipantId};

use super::rooms::{OpenOffer, Person, Room};
use super::timers::Timer;
use super::{Lobby, Tell, person_span};
use crate::error::Fault;
use crate::message::{Candidate, ExitReason, Ice, Id, Layer, RtcIceServer, ServerMessage, Source};

impl Lobby {
    pub(super) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Offer {
                participant,
                negotiation,
                sdp,
                publish,
                slots,
            } => {
                let open = OpenOffer {
                    negotiation,
                    sdp,
                    publish,
                    ice_servers: Vec::new(),
                    candidates: Vec::new(),
                };
                self.offer(participant, open, slots);
            }
            Notice::Candidate {
                participant,
                candidate,
            } => self.server_candidate(participant, candidate),
            Notice::Slots { participant, slots } => self.slots(participant, slots),
            Notice::Reasons {
                participant,
                reasons,
                ..
            } => self.reasons(participant, reasons),
            Notice::Layers {
                participant,
                source,
                layers,
            } => self.layers(participant, source.into(), layers),
            Notice::Freeze {
                participant,
                freeze,
            } => self.froze(participant, freeze),
            Notice::Speaker { participant } => self.speaker(participant),
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
                let away = self
                    .person(participant)
                    .is_some_and(|person| person.connection.is_none());
                let reason = match reason.into() {
                    // Nothing of it is left, neither media nor signaling.
                    ExitReason::ConnectionFailed if away => ExitReason::Vanished,
                    reason => reason,
                };
                self.exit(participant, reason, Tell::Everybody);
            }
        }
    }

    fn offer(
        &mut self,
        participant: ParticipantId,
        mut open: OpenOffer,
        slots: Vec<tsuji_core::Slot>,
    ) {
        open.ice_servers = self.ice_servers_for(participant);
        let Some(person) = self.person_mut(participant) else {
            return;
        };
        let is_first = person.offered.is_none();
        person.offered = Some(open.publish.audio.clone());
        person.open_offer = Some(open);
        person.slots = slots;
        let Some(connection) = person.connection else {
            return;
        };
        let room = self.room_of(participant);
        let Some(room) = room else {
            return;
        };
        let speaker = room.speaker.filter(|_| is_first);
        let speaker = speaker.map(|speaker| ServerMessage::Speaker {
            participant: Some(Id(speaker)),
        });
        let messages = room.offer(participant).into_iter().chain(speaker);
        for message in messages.collect::<Vec<_>>() {
            self.push(connection, &message);
        }
    }

    /// What a first offer says; later ones need no other servers.
    fn ice_servers_for(&self, participant: ParticipantId) -> Vec<RtcIceServer> {
        let person = self.person(participant);
        let person = person.filter(|person| person.offered.is_none());
        let Some((servers, person)) = self.ice_servers.as_ref().zip(person) else {
            return Vec::new();
        };
        let connection = person.connection;
        let connection = connection.and_then(|id| self.connections.get(&id));
        let host = connection.and_then(|connection| connection.secure_host.as_ref());
        servers.told(self.now, self.limits.turn_password, participant, host)
    }

    fn server_candidate(&mut self, participant: ParticipantId, candidate: Option<String>) {
        let Some(person) = self.person_mut(participant) else {
            return;
        };
        if person.ice == Ice::Vanilla {
            return;
        }
        if let Some(open) = &mut person.open_offer {
            open.candidates.push(candidate.clone());
        }
        let mid = person.offered.as_ref().map(ToString::to_string);
        let candidate = candidate.map(|line| Candidate::of_server(line, mid));
        if let Some(connection) = person.connection {
            self.push(connection, &ServerMessage::Candidate { candidate });
        }
    }

    fn slots(&mut self, participant: ParticipantId, slots: Vec<tsuji_core::Slot>) {
        let Some(person) = self.person_mut(participant) else {
            return;
        };
        person.slots = slots;
        if let (Some(room), Some(person)) = (self.room_of(participant), self.person(participant))
            && let Some(connection) = person.connection
        {
            let slots = room.slots(&person.slots);
            self.push(connection, &ServerMessage::Slots { slots });
        }
    }

    fn reasons(&mut self, participant: ParticipantId, reasons: Vec<tsuji_core::SlotReason>) {
        self.sees(participant, &reasons);
        let Some(person) = self.person_mut(participant) else {
            return;
        };
        let told = &mut person.told;
        let is_first = told.changed.is_empty();
        for reason in reasons {
            told.changed.insert(reason.mid.clone());
            told.reasons.insert(reason.mid.clone(), reason);
        }
        if is_first {
            let at = self.now + self.limits.reasons_pause;
            self.timers.set(Timer::Reasons(participant), at);
        }
    }

    /// Tells what has gathered. Who is away will be told everything.
    pub(super) fn reasons_due(&mut self, participant: ParticipantId) {
        let Some(person) = self.person_mut(participant) else {
            return;
        };
        let changed = std::mem::take(&mut person.told.changed);
        let (Some(room), Some(person)) = (self.room_of(participant), self.person(participant))
        else {
            return;
        };
        if let Some(connection) = person.connection {
            let reasons = &person.told.reasons;
            let reasons = room.reasons(changed.iter().filter_map(|mid| reasons.get(mid)));
            self.push(connection, &ServerMessage::Reasons { reasons });
        }
    }

    fn layers(
        &mut self,
        participant: ParticipantId,
        source: Source,
        layers: Vec<tsuji_core::Layer>,
    ) {
        let Some(person) = self.person_mut(participant) else {
            return;
        };
        let layers: Vec<Layer> = layers.into_iter().map(Layer::from).collect();
        person.told.layers.insert(source, layers.clone());
        if let Some(connection) = person.connection {
            self.push(connection, &ServerMessage::Layers { source, layers });
        }
    }

    fn speaker(&mut self, participant: ParticipantId) {
        let Some(&id) = self.participants.get(&participant) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(id) {
            room.speaker = Some(participant);
        }
        let message = ServerMessage::Speaker {
            participant: Some(Id(participant)),
        };
        self.tell_all(id, &message);
    }

    fn refused(&mut self, participant: ParticipantId, error: &CommandError) {
        let connection = self
            .person(participant)
            .and_then(|person| person.connection);
        if let Some(connection) = connection {
            self.refuse(connection, &Fault::from(error));
        }
    }

    pub(super) fn room_of(&self, participant: ParticipantId) -> Option<&Room> {
        self.rooms.get(*self.participants.get(&participant)?)
    }

    pub(super) fn person(&self, participant: ParticipantId) -> Option<&Person> {
        self.room_of(participant)?.people.get(&participant)
    }

    pub(super) fn person_mut(&mut self, participant: ParticipantId) -> Option<&mut Person> {
        let room = *self.participants.get(&participant)?;
        self.rooms.get_mut(room)?.people.get_mut(&participant)
    }
}
