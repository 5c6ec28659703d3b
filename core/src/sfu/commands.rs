//! What signaling wants.

use rand_chacha::ChaCha20Rng;

use super::Sfu;
use crate::forward::{SlotCounts, first_slots};
use crate::freeze::Looks;
use crate::ids::{MediaKind, Negotiation, ParticipantId, RoomId, Source};
use crate::input::{Command, IceMode};
use crate::output::{CommandError, GoneReason, Notice, PublishMids};
use crate::participant::{
    Index, Negotiating, Participant, Phase, Publication, Signaling, SlotState,
};
use crate::time::Time;
use crate::trace::decisions::{Call, Made};
use crate::transport::{Connection, Credentials, Environment, Fault, Line};

impl Sfu {
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Enter {
                room,
                participant,
                ice,
            } => self.contain(room, |sfu| sfu.enter(room, participant, ice)),
            Command::Answer {
                participant,
                negotiation,
                sdp,
            } => self.with(participant, |sfu, index| {
                sfu.answer(index, negotiation, &sdp)
            }),
            Command::Candidate {
                participant,
                candidate,
            } => self.with(participant, |sfu, index| {
                sfu.candidate(index, candidate.as_deref())
            }),
            Command::Mute {
                participant,
                kind,
                muted,
            } => self.with(participant, |sfu, index| {
                sfu.mute(index, kind, muted);
                Ok(())
            }),
            Command::Share {
                participant,
                screen,
                audio,
            } => self.with(participant, |sfu, index| {
                sfu.share(index, screen, audio);
                Ok(())
            }),
            Command::View { participant, tiles } => self.with(participant, |sfu, index| {
                sfu.view(index, tiles);
                Ok(())
            }),
            Command::Report {
                participant,
                digest,
            } => self.with(participant, |sfu, index| sfu.report(index, *digest)),
            Command::Leave { participant } => self.leave(participant),
            Command::Restart { participant } => self.with(participant, |sfu, index| {
                sfu.restart(index);
                Ok(())
            }),
            // Whoever is not there any more needs no signaling.
            Command::Signaling { participant, lost } => {
                if let Some((index, room)) = self.located(participant) {
                    self.contain(room, |sfu| sfu.signaling(index, lost));
                }
            }
        }
    }

    fn located(&self, participant: ParticipantId) -> Option<(Index, RoomId)> {
        let index = *self.indices.get(&participant)?;
        Some((index, self.room_of(index)?))
    }

    /// Runs a command of a participant and tells it when it is refused.
    fn with(
        &mut self,
        participant: ParticipantId,
        command: impl FnOnce(&mut Self, Index) -> Result<(), CommandError>,
    ) {
        let Some((index, room)) = self.located(participant) else {
            let error = CommandError::UnknownParticipant;
            self.notify(Notice::Refused { participant, error });
            return;
        };
        self.contain(room, |sfu| {
            if let Err(error) = command(sfu, index) {
                sfu.notify(Notice::Refused { participant, error });
            }
        });
    }

    fn enter(&mut self, room: RoomId, id: ParticipantId, ice: IceMode) {
        let members = self.rooms.get(&room).map_or(0, |room| room.members.len());
        let full = self.participants.len() >= self.limits.participants
            || members >= self.limits.participants_per_room;
        if full || self.indices.contains_key(&id) {
            self.notify(Notice::Gone {
                participant: id,
                reason: GoneReason::Full,
            });
            return;
        }
        match self.newcomer(room, id, ice, members) {
            Ok(newcomer) => self.admit(newcomer),
            Err(fault) => {
                tracing::error!(%room, participant = %id, %fault, "no connection could be made");
                self.notify(Notice::Gone {
                    participant: id,
                    reason: GoneReason::Internal,
                });
            }
        }
    }

    fn newcomer(
        &mut self,
        room: RoomId,
        id: ParticipantId,
        ice: IceMode,
        others: usize,
    ) -> Result<Newcomer, Fault> {
        let index = self.participants.vacant();
        let credentials = Credentials::new(self.shard, index, &mut self.rng);
        let slots = SlotCounts::each(|kind| first_slots(others, kind, &self.limits));
        let (connection, made) = self.make_connection(index, &credentials, slots, ice)?;
        let Made {
            offer,
            publish,
            candidates,
        } = made;
        let participant = Participant {
            id,
            room,
            ice,
            ufrag: credentials.ufrag,
            connection: connection.map(Box::new),
            phase: Phase::Connecting { since: self.now },
            negotiation: Negotiating::Idle,
            last_offer: Negotiation(0),
            publications: Source::ALL
                .map(|source| Publication::new(source, publish[source as usize], &self.limits)),
            slots: Vec::new(),
            view: None,
            paths: Vec::new(),
            timer: None,
            slow: None,
            heard: self.now,
            flowed: self.now,
            signaling: Signaling::Up,
            restart: false,
            estimate: Default::default(),
            budget: Default::default(),
            pace: Default::default(),
            rises: Default::default(),
            bases: Default::default(),
            person: Default::default(),
            looks: Looks::default(),
            look: None,
        };
        Ok(Newcomer {
            participant,
            sdp: offer.sdp,
            slots: offer.slots,
            candidates,
        })
    }

    /// The counterpart of [`Sfu::run`] for a participant that is not there yet.
    fn make_connection(
        &mut self,
        index: Index,
        credentials: &Credentials,
        slots: SlotCounts,
        ice: IceMode,
    ) -> Result<(Option<Connection>, Made), Fault> {
        let restart = false;
        self.tape.call(index, &Call::Offer { slots, restart });
        if let Some(script) = self.tape.script() {
            return Ok((None, script.outcome(&mut Vec::new(), None)?));
        }
        let environment = self.environment.as_ref().ok_or(Fault::Recorded)?;
        let made = connect(
            self.now,
            environment,
            credentials,
            &mut self.rng,
            slots,
            ice,
        );
        let (connection, made) = match made {
            Ok((connection, made)) => (Some(connection), Ok(made)),
            Err(fault) => (None, Err(fault)),
        };
        if let Some(writer) = self.tape.writer() {
            writer.outcome(&made, &[], None);
        }
        Ok((connection, made?))
    }

    fn admit(&mut self, newcomer: Newcomer) {
        let (id, room) = (newcomer.participant.id, newcomer.participant.room);
        let ice = newcomer.participant.ice;
        let index = self.participants.insert(newcomer.participant);
        self.indices.insert(id, index);
        self.rooms.entry(room).or_default().members.push(index);
        self.offered(index, newcomer.sdp, newcomer.slots);
        if ice == IceMode::Trickle {
            let ends = [None];
            for candidate in newcomer.candidates.into_iter().map(Some).chain(ends) {
                self.notify(Notice::Candidate {
                    participant: id,
                    candidate,
                });
            }
        }
    }

    /// An offer was made: its slots are filled, and the participant is told.
    fn offered(&mut self, index: Index, sdp: String, slots: Vec<(Line, MediaKind)>) {
        let Some(participant) = self.participants.get_mut(index) else {
            return;
        };
        participant.slots.extend(
            slots
                .into_iter()
                .map(|(line, kind)| SlotState::new(line, kind)),
        );
        participant.negotiation = Negotiating::Offered { since: self.now };
        participant.last_offer.0 += 1;
        let (id, negotiation) = (participant.id, participant.last_offer);
        let mid = |source| participant.publication(source).line.mid();
        let publish = PublishMids {
            audio: mid(Source::Microphone),
            video: mid(Source::Camera),
            screen: mid(Source::Screen),
            screen_audio: mid(Source::ScreenAudio),
        };
        let room = participant.room;
        self.assign_slots(room, Some(index));
        let slots = self
            .participants
            .get(index)
            .map(|participant| participant.slots_notice(|index| self.id_of(index)));
        self.notify(Notice::Offer {
            participant: id,
            negotiation,
            sdp,
            publish,
            slots: slots.unwrap_or_default(),
        });
        self.schedule(index);
    }

    /// Offers the slots that a participant lacks, and an ICE restart if it wants one. What it lacked
    /// when this was planned may have gone meanwhile.
    pub(super) fn negotiate(&mut self, index: Index) {
        let missing = self.missing_slots(index);
        let Some(participant) = self.participants.get_mut(index) else {
            return;
        };
        participant.negotiation = Negotiating::Idle;
        let restart = std::mem::take(&mut participant.restart);
        if missing.is_none() && !restart {
            return;
        }
        let existing = SlotCounts::each(|kind| participant.slots_of(kind).len());
        let ice = participant.ice;
        let credentials = restart.then(|| Credentials::new(self.shard, index, &mut self.rng));
        let call = Call::Offer {
            slots: missing,
            restart,
        };
        let offer = self.run(index, &call, |connection, _, _| {
            connection.further_offer(existing, missing, ice, credentials)
        });
        if let Some(offer) = offer {
            self.offered(index, offer.sdp, offer.slots);
        }
    }

    fn answer(
        &mut self,
        index: Index,
        negotiation: Negotiation,
        sdp: &str,
    ) -> Result<(), CommandError> {
        let now = self.now;
        let expected = self.participants.get(index).is_some_and(|participant| {
            participant.last_offer == negotiation
                && matches!(participant.negotiation, Negotiating::Offered { .. })
        });
        if !expected {
            return Err(CommandError::UnexpectedAnswer);
        }
        let limits = self.limits.clone();
        let accepted = self.run(index, &Call::Answer, |connection, environment, effects| {
            let accepted = connection.answer(sdp, &limits)?;
            connection.timeout(now, environment, effects)?;
            Ok(accepted)
        });
        match accepted {
            Some(accepted) => accepted?,
            // The connection failed: it is told that it is gone, and why.
            None => return Ok(()),
        }
        self.open_slots(index);
        self.concerns_viewer(index);
        // Now it is known what it can decode.
        let changed = self.divide(index);
        self.turned(changed);
        let missing = !self.missing_slots(index).is_none();
        if let Some(participant) = self.participants.get_mut(index) {
            participant.negotiation = Negotiating::Idle;
            if let Some(connection) = &participant.connection {
                participant.ufrag = connection.ufrag().to_owned();
            }
            if participant.restart {
                participant.negotiation = Negotiating::Due { at: now };
            } else if missing {
                participant.want_negotiation(now, self.limits.batch);
            }
        }
        self.schedule(index);
        self.refresh_keyframes_around(index);
        Ok(())
    }

    /// Finds out on which lines the participant agreed to receive.
    fn open_slots(&mut self, index: Index) {
        let count = self.participants.get(index).map_or(0, |p| p.slots.len());
        for number in 0..count {
            let Some(slot) = self.participants.get(index).map(|p| &p.slots[number]) else {
                return;
            };
            if slot.to.is_some() {
                continue;
            }
            let line = slot.line;
            let call = Call::SendLine { slot: number };
            let to = self.run(index, &call, |connection, _, _| connection.send_line(line));
            if let (Some(to), Some(participant)) = (to, self.participants.get_mut(index)) {
                let slot = &mut participant.slots[number];
                slot.to = to;
                slot.refused = to.is_none();
            }
        }
    }

    fn candidate(&mut self, index: Index, candidate: Option<&str>) -> Result<(), CommandError> {
        // The end of candidates changes nothing for an ICE-lite agent: it starts no checks.
        let Some(candidate) = candidate.filter(|candidate| !candidate.is_empty()) else {
            return Ok(());
        };
        let (now, limits) = (self.now, self.limits.clone());
        let call = Call::Candidate;
        let accepted = self.run(index, &call, |connection, environment, effects| {
            let accepted = connection.add_remote_candidate(candidate, &limits)?;
            connection.timeout(now, environment, effects)?;
            Ok(accepted)
        });
        accepted.unwrap_or(Ok(()))
    }

    /// An offer that is open has to be answered first.
    fn restart(&mut self, index: Index) {
        let Some(participant) = self.participants.get_mut(index) else {
            return;
        };
        participant.restart = true;
        if !matches!(participant.negotiation, Negotiating::Offered { .. }) {
            self.negotiate(index);
        }
    }

    fn signaling(&mut self, index: Index, lost: bool) {
        let since = self.now;
        if let Some(participant) = self.participants.get_mut(index) {
            participant.signaling = match lost {
                true => Signaling::Lost { since },
                false => Signaling::Up,
            };
        }
        self.schedule(index);
    }

    fn leave(&mut self, participant: ParticipantId) {
        let now = self.now;
        let Some((index, room)) = self.located(participant) else {
            return;
        };
        self.contain(room, |sfu| {
            sfu.run(index, &Call::Close, |connection, environment, effects| {
                connection.close(now, environment, effects)
            });
            sfu.remove(index);
        });
    }
}

fn connect(
    now: Time,
    environment: &Environment,
    credentials: &Credentials,
    rng: &mut ChaCha20Rng,
    slots: SlotCounts,
    ice: IceMode,
) -> Result<(Connection, Made), Fault> {
    let mut connection = Connection::new(now, environment, credentials, rng)?;
    if ice == IceMode::Vanilla {
        connection.add_local_candidates(environment)?;
    }
    let (offer, publish) = connection.first_offer(slots, ice)?;
    let candidates = match ice {
        IceMode::Trickle => connection.add_local_candidates(environment)?,
        IceMode::Vanilla => Vec::new(),
    };
    let made = Made {
        offer,
        publish,
        candidates,
    };
    Ok((connection, made))
}

/// Somebody with a connection and its first offer, not yet in the room.
struct Newcomer {
    participant: Participant,
    sdp: String,
    slots: Vec<(Line, MediaKind)>,
    /// To be trickled.
    candidates: Vec<String>,
}
