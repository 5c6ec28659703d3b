//! The rooms and who is in them.

use std::collections::{BTreeMap, BTreeSet};

use tsuji_core::{Mid, Negotiation, ParticipantId, PublishMids, RoomId, Tile, Time, TrackId};

use super::ConnectionId;
use super::rate::Meter;
use crate::message::{
    Ice, Id, Kind, Layer, Participant, Publish, RtcIceServer, ServerMessage, Slot, SlotReason,
    Source,
};
use crate::name::Name;
use crate::password::Lock;
use crate::resume::Token;
use crate::room_code::RoomCode;

/// All rooms.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    by_id: BTreeMap<RoomId, Room>,
    by_code: BTreeMap<RoomCode, RoomId>,
    /// The order in which abandoned rooms give way to new ones: those that nobody ever entered
    /// first, then by age.
    abandoned: BTreeSet<(Used, Time, RoomId)>,
    next: u64,
}

/// One room.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) code: RoomCode,
    pub(super) people: BTreeMap<ParticipantId, Person>,
    /// The dominant one.
    pub(super) speaker: Option<ParticipantId>,
    /// What is kept of its password, if it has one.
    pub(super) lock: Option<Lock>,
    /// Wrong passwords.
    pub(super) passwords: Meter,
    lookers: usize,
    used: Used,
    abandoned: Option<Time>,
}

/// Whether anybody ever entered a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Used {
    Never,
    Once,
}

/// A participant as the room knows it.
#[derive(Debug)]
pub(super) struct Person {
    /// `None` while it is away.
    pub(super) connection: Option<ConnectionId>,
    /// What another connection resumes the stay with.
    pub(super) token: Token,
    pub(super) name: Name,
    pub(super) ice: Ice,
    pub(super) audio: bool,
    pub(super) video: bool,
    pub(super) screen: bool,
    pub(super) screen_audio: bool,
    /// When its page may say again what it shows, and what it has said before that.
    pub(super) view: View,
    /// The m-line of its microphone, once the first offer told it. That offer also tells who is
    /// there, so before it nothing about others is sent.
    pub(super) offered: Option<Mid>,
    /// What it has to answer.
    pub(super) open_offer: Option<OpenOffer>,
    /// Its slots as the core last told them.
    pub(super) slots: Vec<tsuji_core::Slot>,
    pub(super) told: Told,
    /// Until when problems that it reports are the same one.
    pub(super) problem: Time,
}

/// What a page shows, on its way to the core: at most once in a while.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) next: Time,
    pub(super) waiting: Option<Vec<Tile>>,
}

/// What the core last told a participant of media, in case it has to be told again.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Of each slot whose reason was ever another than that it is free.
    pub(super) reasons: BTreeMap<Mid, tsuji_core::SlotReason>,
    /// Slots whose reasons are to be told together.
    pub(super) changed: BTreeSet<Mid>,
    /// What is taken of what it publishes.
    pub(super) layers: BTreeMap<Source, Vec<Layer>>,
}

/// An offer that was not answered, in case it has to be told again.
#[derive(Debug)]
pub(super) struct OpenOffer {
    pub(super) negotiation: Negotiation,
    pub(super) sdp: String,
    pub(super) publish: PublishMids,
    /// STUN and TURN servers.
    pub(super) ice_servers: Vec<RtcIceServer>,
    /// The server's, as far as they were told; `None` is their end.
    pub(super) candidates: Vec<Option<String>>,
}

impl Rooms {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn find(&self, code: RoomCode) -> Option<RoomId> {
        self.by_code.get(&code).copied()
    }

    pub(super) fn get(&self, room: RoomId) -> Option<&Room> {
        self.by_id.get(&room)
    }

    pub(super) fn get_mut(&mut self, room: RoomId) -> Option<&mut Room> {
        self.by_id.get_mut(&room)
    }

    /// Makes a room. `code` must be new; `lock` makes its lock.
    pub(super) fn create(
        &mut self,
        code: RoomCode,
        lock: impl FnOnce(RoomId) -> Option<Lock>,
    ) -> RoomId {
        self.next += 1;
        let id = RoomId(self.next);
        let room = Room {
            code,
            people: BTreeMap::new(),
            speaker: None,
            lock: lock(id),
            passwords: Meter::default(),
            lookers: 0,
            used: Used::Never,
            abandoned: None,
        };
        self.by_id.insert(id, room);
        self.by_code.insert(code, id);
        id
    }

    /// Forgets a room, unless somebody is in it or looks at it.
    pub(super) fn forget(&mut self, id: RoomId) {
        let Some(room) = self.by_id.get(&id) else {
            return;
        };
        if !room.is_abandoned() {
            return;
        }
        if let Some(since) = room.abandoned {
            self.abandoned.remove(&(room.used, since, id));
        }
        self.by_code.remove(&room.code);
        self.by_id.remove(&id);
    }

    /// The room that gives way first when there are too many.
    pub(super) fn first_abandoned(&self) -> Option<RoomId> {
        self.abandoned.first().map(|&(_, _, id)| id)
    }

    pub(super) fn look(&mut self, id: RoomId) {
        if let Some(room) = self.by_id.get_mut(&id) {
            room.lookers += 1;
        }
    }

    pub(super) fn look_away(&mut self, id: RoomId) {
        if let Some(room) = self.by_id.get_mut(&id) {
            room.lookers = room.lookers.saturating_sub(1);
        }
    }

    pub(super) fn enter(&mut self, id: RoomId, participant: ParticipantId, person: Person) {
        if let Some(room) = self.by_id.get_mut(&id) {
            room.people.insert(participant, person);
        }
    }

    /// To be called after people came or went. Gives whether the room is abandoned now and since
    /// when.
    pub(super) fn settle(&mut self, id: RoomId, now: Time) -> Option<Time> {
        let room = self.by_id.get_mut(&id)?;
        match (room.is_abandoned(), room.abandoned) {
            (true, None) => {
                room.abandoned = Some(now);
                self.abandoned.insert((room.used, now, id));
            }
            (false, Some(since)) => {
                room.abandoned = None;
                self.abandoned.remove(&(room.used, since, id));
            }
            _ => {}
        }
        if !room.people.is_empty() {
            room.used = Used::Once;
        }
        room.abandoned
    }
}

impl Room {
    fn is_abandoned(&self) -> bool {
        self.people.is_empty() && self.lookers == 0
    }

    /// Everybody but `except`, in the order in which they came.
    pub(super) fn roster(&self, except: Option<ParticipantId>) -> Vec<Participant> {
        let people = self.people.iter();
        let others = people.filter(|(id, _)| Some(**id) != except);
        others.map(|(id, person)| person.to_message(*id)).collect()
    }

    /// Slots without whoever has left.
    pub(super) fn slots(&self, slots: &[tsuji_core::Slot]) -> Vec<Slot> {
        let here = |track: &TrackId| self.people.contains_key(&track.participant);
        let slot = |slot: &tsuji_core::Slot| {
            let track = slot.track.filter(here);
            Slot {
                mid: slot.mid.to_string(),
                kind: slot.kind.into(),
                participant: track.map(|track| Id(track.participant)),
                source: track.map(|track| track.source.into()),
            }
        };
        slots.iter().map(slot).collect()
    }

    /// Reasons without whoever has left.
    pub(super) fn reasons<'a>(
        &self,
        reasons: impl IntoIterator<Item = &'a tsuji_core::SlotReason>,
    ) -> Vec<SlotReason> {
        let reason = |told: &tsuji_core::SlotReason| {
            let here = |track: &TrackId| self.people.contains_key(&track.participant);
            let track = told.track.filter(here);
            let reason = match track {
                Some(_) => told.reason,
                None => tsuji_core::Reason::Free,
            };
            SlotReason {
                mid: told.mid.to_string(),
                participant: track.map(|track| Id(track.participant)),
                source: track.map(|track| track.source.into()),
                reason: reason.into(),
                layer: match reason {
                    tsuji_core::Reason::Forwarding { layer } => Some(layer.into()),
                    _ => None,
                },
            }
        };
        reasons.into_iter().map(reason).collect()
    }

    /// What somebody has to answer, with everything else as it is now.
    pub(super) fn offer(&self, participant: ParticipantId) -> Option<ServerMessage> {
        let person = self.people.get(&participant)?;
        let open = person.open_offer.as_ref()?;
        Some(ServerMessage::Offer {
            negotiation: open.negotiation.0,
            sdp: open.sdp.clone(),
            ice: person.ice,
            self_id: Id(participant),
            token: person.token.as_str().to_owned(),
            participants: self.roster(Some(participant)),
            publish: Publish::from(&open.publish),
            slots: self.slots(&person.slots),
            ice_servers: open.ice_servers.clone(),
        })
    }
}

impl Person {
    pub(super) fn to_message(&self, id: ParticipantId) -> Participant {
        Participant {
            id: Id(id),
            name: self.name.to_string(),
            audio: self.audio,
            video: self.video,
            screen: self.screen,
            screen_audio: self.screen_audio,
        }
    }

    /// An answer is on its way to the core: its offer need not be told again.
    pub(super) fn answers(&mut self, negotiation: Negotiation) {
        self.open_offer
            .take_if(|open| open.negotiation == negotiation);
    }

    /// Turns microphone or camera on or off; tells whether that changed anything.
    pub(super) fn set_muted(&mut self, kind: Kind, muted: bool) -> bool {
        let on = match kind {
            Kind::Audio => &mut self.audio,
            Kind::Video => &mut self.video,
        };
        std::mem::replace(on, !muted) == muted
    }
}
