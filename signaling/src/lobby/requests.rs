//! What clients ask for.

use tsuji_core::{Command, Negotiation, ParticipantId};

use super::addresses::Deed;
use super::rooms::{Told, View};
use super::timers::Timer;
use super::{ConnectionId, Happening, Lobby, Person, Tell, person_span};
use crate::error::Fault;
use crate::message::{Candidate, ClientMessage, ExitReason, Ice, Id, Kind, ServerMessage, Tile};
use crate::name::Name;
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
            ClientMessage::Join(join) => self.join(id, session, &join),
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
                let negotiation = Negotiation(negotiation);
                if let Some(person) = self.person_mut(participant) {
                    person.answers(negotiation);
                }
                self.command(Command::Answer {
                    participant,
                    negotiation,
                    sdp,
                });
                Ok(())
            }
            ClientMessage::Candidate { candidate } => self.candidate(session, candidate),
            ClientMessage::Mute { kind, muted } => self.mute(session, kind, muted),
            ClientMessage::Share { screen, audio } => self.share(session, screen, audio),
            ClientMessage::View { tiles } => self.view(session, &tiles),
            ClientMessage::Resume { token } => self.resume(id, session, &token),
            ClientMessage::Report(report) => {
                let participant = session.in_room()?.participant();
                let digest = Box::new(report.to_core());
                self.command(Command::Report {
                    participant,
                    digest,
                });
                Ok(())
            }
            ClientMessage::Problem => {
                let participant = session.in_room()?.participant();
                self.problem(participant);
                Ok(())
            }
            ClientMessage::Restart => {
                let participant = session.in_room()?.participant();
                self.command(Command::Restart { participant });
                Ok(())
            }
            ClientMessage::Leave => {
                session.in_room()?;
                self.exit_of(id, ExitReason::Left, Tell::Everybody);
                Ok(())
            }
        }
    }

    fn call(&mut self, id: ConnectionId, session: Session, call: Call) -> Result<(), Fault> {
        let looking = session.looking()?;
        let granted = self.connections.get(&id);
        let granted = granted.and_then(|connection| connection.granted_name.clone());
        let name = match granted {
            Some(name) => name,
            None => Name::parse(&call.name, self.limits.name_chars)?,
        };
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
        self.does(id, Deed::Enter)?;

        self.next_participant += 1;
        let participant = ParticipantId(self.next_participant);
        let person = Person {
            connection: Some(id),
            token: self.tokens.issue(participant),
            name,
            ice: call.ice,
            audio: call.audio,
            video: call.video,
            screen: false,
            screen_audio: false,
            view: View::default(),
            offered: None,
            open_offer: None,
            slots: Vec::new(),
            told: Told::default(),
            problem: self.now,
        };
        let message = ServerMessage::Call {
            participant: person.to_message(participant),
        };
        self.participants.insert(participant, room);
        let entered = Happening::Entered {
            participant,
            name: person.name.to_string(),
            connection: id,
        };
        self.rooms.enter(room, participant, person);
        self.happened(participant, entered);
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

    fn share(&mut self, session: Session, screen: bool, audio: bool) -> Result<(), Fault> {
        let me = session.in_room()?;
        let (room, participant) = (me.room(), me.participant());
        let Some(person) = self.person_mut(participant) else {
            return Ok(());
        };
        let before = (person.screen, person.screen_audio);
        (person.screen, person.screen_audio) = (screen, audio);
        if before == (screen, audio) {
            return Ok(());
        }
        self.command(Command::Share {
            participant,
            screen,
            audio,
        });
        let message = ServerMessage::Share {
            participant: Id(participant),
            screen,
            audio,
        };
        self.tell_others(room, participant, &message);
        Ok(())
    }

    fn view(&mut self, session: Session, tiles: &[Tile]) -> Result<(), Fault> {
        let participant = session.in_room()?.participant();
        let (most, longest) = (self.limits.tiles, self.limits.tile_side);
        if tiles.len() > most {
            return Err(Fault::BadMessage(format!("more than {most} tiles")));
        }
        let sides = || 1..=longest;
        let fits = |tile: &Tile| sides().contains(&tile.width) && sides().contains(&tile.height);
        if !tiles.iter().all(fits) {
            return Err(Fault::BadMessage(format!(
                "the sides of a tile are 1 to {longest} pixels"
            )));
        }
        let now = self.now;
        let Some(person) = self.person_mut(participant) else {
            return Ok(());
        };
        person.view.waiting = Some(tiles.iter().map(Tile::to_core).collect());
        let next = person.view.next;
        if next > now {
            self.timers.set(Timer::View(participant), next);
        } else {
            self.view_due(participant);
        }
        Ok(())
    }

    /// Tells the core what somebody's page shows now.
    pub(super) fn view_due(&mut self, participant: ParticipantId) {
        let (now, pause) = (self.now, self.limits.view_pause);
        let Some(person) = self.person_mut(participant) else {
            return;
        };
        if let Some(tiles) = person.view.waiting.take() {
            person.view.next = now + pause;
            self.command(Command::View { participant, tiles });
        }
    }
}
