//! What really happened, as seen from outside the core: who is where, who is in whose slots.
//!
//! Written from commands and notices at the moment at which the core handles them, so that an
//! invariant can compare what the core said with what it sends.

use std::collections::BTreeMap;

use tsuji_core::{
    Command, GoneReason, MediaKind, Negotiation, Notice, ParticipantId, Reason, RoomId, Slot,
    SlotReason, Source, Tile, Time, TrackId,
};
use tsuji_signaling::ConnectionId;

/// All participants of a world, past and present.
#[derive(Debug, Default)]
pub struct Ledger {
    members: BTreeMap<ParticipantId, Member>,
    connections: BTreeMap<ParticipantId, ConnectionId>,
    stays: BTreeMap<ConnectionId, Vec<ParticipantId>>,
    changes: u64,
}

/// What is known of one participant.
#[derive(Debug)]
pub struct Member {
    /// Where.
    pub room: RoomId,
    /// Through which WebSocket.
    pub connection: ConnectionId,
    /// Since when.
    pub entered: Time,
    /// Until when.
    pub left: Option<Time>,
    /// Why the core let go of it, if it did.
    pub gone: Option<GoneReason>,
    /// When its media connection came up.
    pub connected: Option<Time>,
    /// Whether what it publishes is forwarded, by source.
    on: [History<bool>; Source::ALL.len()],
    /// When its page first said what it shows.
    looked: Option<Time>,
    /// Which pictures it shows since then.
    shown: BTreeMap<TrackId, History<bool>>,
    /// Its slots.
    pub slots: Vec<SlotRecord>,
    open_offer: Option<Negotiation>,
}

/// What is known of one slot.
#[derive(Debug)]
pub struct SlotRecord {
    /// Its m-line.
    pub mid: String,
    /// What it can carry.
    pub kind: MediaKind,
    /// When the answer to its offer was handled.
    pub answered: Option<Time>,
    /// What it carried.
    pub track: History<Option<TrackId>>,
    /// Why that comes, or does not; of pictures only.
    pub reason: History<(Option<TrackId>, Reason)>,
    /// Whether that is because it is forwarded.
    pub forwarding: History<bool>,
}

/// A value over time.
#[derive(Debug)]
pub struct History<T>(Vec<(Time, T)>);

impl<T: PartialEq> History<T> {
    fn new(t: Time, value: T) -> Self {
        Self(vec![(t, value)])
    }

    fn set(&mut self, t: Time, value: T) {
        if *self.now() != value {
            self.0.push((t, value));
        }
    }

    /// The present value.
    pub fn now(&self) -> &T {
        &self.0[self.0.len() - 1].1
    }

    /// Since when it has been so.
    pub fn since(&self) -> Time {
        self.0[self.0.len() - 1].0
    }

    /// Whether it has been `value` all the time since `from`.
    pub fn always(&self, value: &T, from: Time) -> bool {
        self.now() == value && self.since() <= from
    }

    /// Whether it was `value` at some moment from `from` to `to`, both included.
    pub fn was(&self, value: &T, from: Time, to: Time) -> bool {
        let mut end = None;
        for (begin, held) in self.0.iter().rev() {
            if end.is_some_and(|end| end < from) {
                return false;
            }
            if *begin <= to && held == value {
                return true;
            }
            end = Some(*begin);
        }
        false
    }
}

impl Member {
    /// Whether it is in its room.
    pub fn is_in(&self) -> bool {
        self.left.is_none()
    }

    /// Whether what it publishes from a source is forwarded, over time.
    pub fn on(&self, source: Source) -> &History<bool> {
        &self.on[source as usize]
    }

    /// Whether its page showed a picture at some moment from `from` to `to`.
    pub fn showed(&self, track: TrackId, from: Time, to: Time) -> bool {
        if self.looked.is_none_or(|looked| from <= looked) {
            return true;
        }
        let shown = self.shown.get(&track);
        shown.is_some_and(|shown| shown.was(&true, from, to))
    }

    /// Since when its page has shown a picture, if it does.
    pub fn shows_since(&self, track: TrackId) -> Option<Time> {
        if self.looked.is_none() {
            return Some(self.entered);
        }
        let shown = self.shown.get(&track).filter(|shown| *shown.now());
        shown.map(History::since)
    }

    fn explained(&mut self, t: Time, reasons: &[SlotReason]) {
        for told in reasons {
            let mut slots = self.slots.iter_mut();
            if let Some(slot) = slots.find(|slot| slot.mid == told.mid.0) {
                let forwarding = matches!(told.reason, Reason::Forwarding { .. });
                slot.reason.set(t, (told.track, told.reason));
                slot.forwarding.set(t, forwarding);
            }
        }
    }

    fn look(&mut self, t: Time, tiles: &[Tile]) {
        self.looked.get_or_insert(t);
        let tracks = || tiles.iter().map(|tile| tile.track);
        for track in tracks() {
            let unseen = || History::new(Time::ZERO, false);
            self.shown.entry(track).or_insert_with(unseen);
        }
        for (track, shown) in &mut self.shown {
            shown.set(t, tracks().any(|seen| seen == *track));
        }
    }

    /// The slot of an m-line.
    pub fn slot(&self, mid: &str) -> Option<&SlotRecord> {
        self.slots.iter().find(|slot| slot.mid == mid)
    }

    fn told(&mut self, t: Time, slots: &[Slot]) {
        for (number, slot) in slots.iter().enumerate() {
            match self.slots.get_mut(number) {
                Some(record) => record.track.set(t, slot.track),
                None => self.slots.push(SlotRecord {
                    mid: slot.mid.0.clone(),
                    kind: slot.kind,
                    answered: None,
                    track: History::new(t, slot.track),
                    reason: History::new(t, (None, Reason::Free)),
                    forwarding: History::new(t, false),
                }),
            }
        }
    }
}

impl Ledger {
    /// Everybody who ever entered.
    pub fn members(&self) -> &BTreeMap<ParticipantId, Member> {
        &self.members
    }

    /// A participant, past or present.
    pub fn member(&self, id: ParticipantId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// The participants that a page has been so far.
    pub fn stays(&self, connection: ConnectionId) -> impl Iterator<Item = &Member> {
        let stays = self.stays.get(&connection).into_iter().flatten();
        stays.filter_map(|id| self.members.get(id))
    }

    /// How many commands and notices it has seen.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Those who are in a room now.
    pub fn present(&self) -> impl Iterator<Item = (ParticipantId, &Member)> {
        let all = self.members.iter();
        all.filter(|(_, member)| member.is_in())
            .map(|(id, member)| (*id, member))
    }

    /// The lobby lets this connection enter as this participant.
    pub(crate) fn admitted(&mut self, participant: ParticipantId, connection: ConnectionId) {
        self.connections.insert(participant, connection);
    }

    /// The core is about to handle this.
    pub(crate) fn command(&mut self, t: Time, command: &Command) {
        self.changes += 1;
        match command {
            Command::Enter {
                room, participant, ..
            } => {
                let connection = self.connections.get(participant).copied();
                let connection = connection.unwrap_or(ConnectionId(0));
                self.stays.entry(connection).or_default().push(*participant);
                let member = Member {
                    room: *room,
                    connection,
                    entered: t,
                    left: None,
                    gone: None,
                    connected: None,
                    on: Source::ALL.map(|source| {
                        let at_first = [Source::Microphone, Source::Camera].contains(&source);
                        History::new(t, at_first)
                    }),
                    looked: None,
                    shown: BTreeMap::new(),
                    slots: Vec::new(),
                    open_offer: None,
                };
                self.members.entry(*participant).or_insert(member);
            }
            Command::Answer {
                participant,
                negotiation,
                ..
            } => {
                if let Some(member) = self.members.get_mut(participant)
                    && member
                        .open_offer
                        .take_if(|open| open == negotiation)
                        .is_some()
                {
                    for slot in &mut member.slots {
                        slot.answered.get_or_insert(t);
                    }
                }
            }
            Command::Mute {
                participant,
                kind,
                muted,
            } => {
                if let Some(member) = self.members.get_mut(participant) {
                    let source = match kind {
                        MediaKind::Audio => Source::Microphone,
                        MediaKind::Video => Source::Camera,
                    };
                    member.on[source as usize].set(t, !muted);
                }
            }
            Command::Share {
                participant,
                screen,
                audio,
            } => {
                if let Some(member) = self.members.get_mut(participant) {
                    member.on[Source::Screen as usize].set(t, *screen);
                    member.on[Source::ScreenAudio as usize].set(t, *audio);
                }
            }
            Command::View { participant, tiles } => {
                if let Some(member) = self.members.get_mut(participant) {
                    member.look(t, tiles);
                }
            }
            Command::Leave { participant } => self.left(t, *participant),
            Command::Candidate { .. }
            | Command::Signaling { .. }
            | Command::Report { .. }
            | Command::Restart { .. } => {}
        }
    }

    /// The core has just said this.
    pub(crate) fn notice(&mut self, t: Time, notice: &Notice) {
        self.changes += 1;
        match notice {
            Notice::Offer {
                participant,
                negotiation,
                slots,
                ..
            } => {
                if let Some(member) = self.members.get_mut(participant) {
                    member.told(t, slots);
                    member.open_offer = Some(*negotiation);
                }
            }
            Notice::Slots { participant, slots } => {
                if let Some(member) = self.members.get_mut(participant) {
                    member.told(t, slots);
                }
            }
            Notice::Reasons {
                participant,
                reasons,
                ..
            } => {
                if let Some(member) = self.members.get_mut(participant) {
                    member.explained(t, reasons);
                }
            }
            Notice::Connected { participant } => {
                if let Some(member) = self.members.get_mut(participant) {
                    member.connected.get_or_insert(t);
                }
            }
            Notice::Gone {
                participant,
                reason,
            } => {
                self.left(t, *participant);
                if let Some(member) = self.members.get_mut(participant) {
                    member.gone = Some(*reason);
                }
            }
            Notice::Candidate { .. }
            | Notice::Layers { .. }
            | Notice::Freeze { .. }
            | Notice::Speaker { .. }
            | Notice::Refused { .. } => {}
        }
    }

    fn left(&mut self, t: Time, participant: ParticipantId) {
        if let Some(member) = self.members.get_mut(&participant) {
            member.left.get_or_insert(t);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_knows_what_was_at_some_moment() {
        let at = Time::from_millis;
        let mut history = History::new(at(0), 'a');
        history.set(at(10), 'b');
        history.set(at(20), 'c');
        assert!(history.was(&'a', at(0), at(5)));
        assert!(history.was(&'a', at(10), at(15)), "until the very moment");
        assert!(!history.was(&'a', at(11), at(30)));
        assert!(history.was(&'b', at(15), at(16)));
        assert!(!history.was(&'c', at(0), at(19)));
        assert!(history.was(&'c', at(0), at(20)));
    }
}
