//! What clients ask for.

use tsuji_core::{Command, Negotiation, ParticipantId, RoomId};

use super::{ConnectionId, Lobby, Person, Tell, person_span};
use crate::error::Fault;
use crate::message::{Candidate, ClientMessage, ExitReason, Ice, Id, Kind, ServerMessage};
use crate::name::Name;
use crate::room_code::RoomCode;
use crate::session::Session;

/// What a `call` asks for.
struct Call {
    name: String,
    ice: Ice,
    audio: bool,
    video: bool,
}

impl Lobby {
    pub(super) fn request(
        &mut self,
        id: ConnectionId,
        message: ClientMessage,
    ) -> Result<(), Fault> {
        let Some(session) = self.session(id) else {
            return Ok(());
        };
        match message {
            ClientMessage::Join { room } => self.join(id, session, room.as_deref()),
            ClientMessage::Call {
                name,
                ice,
                audio,
                video,
            } => {
                let call = Call {
                    name,
                    ice,
                    audio,
                    video,
                };
                self.call(id, session, call)
            }
            ClientMessage::Answer { negotiation, sdp } => {
                let participant = session.in_room()?.participant();
                self.command(Command::Answer {
                    participant,
                    negotiation: Negotiation(negotiation),
                    sdp,
                });
                Ok(())
            }
            ClientMessage::Candidate { candidate } => self.candidate(session, candidate),
            ClientMessage::Mute { kind, muted } => self.mute(session, kind, muted),
            ClientMessage::Leave => {
                session.in_room()?;
                self.exit_of(id, ExitReason::Left, Tell::Everybody);
                Ok(())
            }
        }
    }

    fn join(
        &mut self,
        id: ConnectionId,
        session: Session,
        room: Option<&str>,
    ) -> Result<(), Fault> {
        session.may_look()?;
        let room = match room {
            None => {
                self.may_begin(None)?;
                self.create_room()?
            }
            Some(text) => self.find_room(id, text)?,
        };
        self.may_begin(Some(room))?;
        self.set_session(id, Session::Looking(session.look(room)?));
        if let Some(found) = self.rooms.get(room) {
            let message = ServerMessage::Join {
                room: found.code,
                participants: found.roster(None),
            };
            self.push(id, &message);
        }
        Ok(())
    }

    /// Where there are too many rooms, one that was abandoned gives way, so that nobody can fill
    /// the server with rooms and go.
    fn create_room(&mut self) -> Result<RoomId, Fault> {
        if self.rooms.len() >= self.limits.rooms {
            let abandoned = self.rooms.first_abandoned().ok_or(Fault::TooManyRooms)?;
            self.forget(abandoned);
        }
        let code = loop {
            let code = self.codes.generate();
            if self.rooms.find(code).is_none() {
                break code;
            }
        };
        Ok(self.rooms.create(code))
    }

    fn find_room(&mut self, id: ConnectionId, text: &str) -> Result<RoomId, Fault> {
        let code = text.parse::<RoomCode>().ok();
        if let Some(room) = code.and_then(|code| self.rooms.find(code)) {
            return Ok(room);
        }
        let Some(connection) = self.connections.get_mut(&id) else {
            return Err(Fault::RoomNotFound(code));
        };
        connection.guesses += 1;
        if connection.guesses < self.limits.guesses {
            Err(Fault::RoomNotFound(code))
        } else {
            Err(Fault::TooManyGuesses)
        }
    }

    fn call(&mut self, id: ConnectionId, session: Session, call: Call) -> Result<(), Fault> {
        let looking = session.looking()?;
        let name = Name::parse(&call.name, self.limits.name_chars)?;
        let room = looking.room();
        self.may_begin(Some(room))?;
        let people = self.rooms.get(room).map_or(0, |room| room.people.len());
        if people >= self.limits.participants_per_room {
            let limit = self.limits.participants_per_room;
            return Err(Fault::RoomFull { limit });
        }
        if self.participants.len() >= self.limits.participants {
            return Err(Fault::ServerFull);
        }

        self.next_participant += 1;
        let participant = ParticipantId(self.next_participant);
        let person = Person {
            connection: id,
            name,
            ice: call.ice,
            audio: call.audio,
            video: call.video,
            offered: None,
        };
        let message = ServerMessage::Call {
            participant: person.to_message(participant),
        };
        self.participants.insert(participant, room);
        self.rooms.enter(room, participant, person);
        self.set_session(id, Session::InRoom(looking.enter(participant)));
        let span = person_span(room, participant);
        span.in_scope(|| tracing::info!(connection = id.0, "enter"));

        self.command(Command::Enter {
            room,
            participant,
            ice: call.ice.into(),
        });
        for (kind, on) in [(Kind::Audio, call.audio), (Kind::Video, call.video)] {
            if !on {
                self.command(Command::Mute {
                    participant,
                    kind: kind.into(),
                    muted: true,
                });
            }
        }
        self.tell_others(room, participant, &message);
        self.tell_drain(id);
        Ok(())
    }

    fn candidate(&mut self, session: Session, candidate: Option<Candidate>) -> Result<(), Fault> {
        let participant = session.in_room()?.participant();
        let line = candidate.map(|candidate| candidate.candidate);
        self.command(Command::Candidate {
            participant,
            candidate: line.filter(|line| !line.is_empty()),
        });
        Ok(())
    }

    fn mute(&mut self, session: Session, kind: Kind, muted: bool) -> Result<(), Fault> {
        let me = session.in_room()?;
        let (room, participant) = (me.room(), me.participant());
        let person = self
            .rooms
            .get_mut(room)
            .and_then(|room| room.people.get_mut(&participant));
        if !person.is_some_and(|person| person.set_muted(kind, muted)) {
            return Ok(());
        }
        self.command(Command::Mute {
            participant,
            kind: kind.into(),
            muted,
        });
        let message = ServerMessage::Mute {
            participant: Id(participant),
            kind,
            muted,
        };
        self.tell_others(room, participant, &message);
        Ok(())
    }
}
