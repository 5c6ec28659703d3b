//! Who may get what.

use tsuji_core::{Notice, ParticipantId, Slot, Transmit};
use tsuji_signaling::ConnectionId;

use super::{Finding, Invariant, View};
use crate::browser::Received;
use crate::ledger::Member;

/// No packet to somebody not in a room.
#[derive(Debug)]
pub(super) struct OnlyToMembers;

impl Invariant for OnlyToMembers {
    fn name(&self) -> &'static str {
        "only_to_members"
    }

    fn promise(&self) -> &'static str {
        "a core sends a datagram only to an address of somebody who is in a room on it, or was until this input"
    }

    fn transmit(&mut self, view: &View<'_>, core: usize, transmit: &Transmit) -> Finding {
        let to = transmit.path.remote;
        // Goodbyes are sent while somebody is let go.
        let is_here = |member: &&Member| {
            member.left.is_none_or(|left| left == view.now) && view.home(member) == core
        };
        let present = view.by_address.get(&to).and_then(|connection| {
            let mut stays = view.ledger.stays(*connection);
            stays.find(is_here)
        });
        if present.is_some() {
            return Ok(());
        }
        let had_address = |member: &Member| {
            let tab = view.tab(member.connection);
            tab.is_some_and(|tab| tab.earlier.contains(&to))
        };
        let mut members = view.ledger.members().values().filter(is_here);
        if members.any(had_address) {
            return Ok(());
        }
        Err(format!("{} bytes to {to}", transmit.payload.len()))
    }
}

/// A slot shows who it is said to show, and nobody else.
#[derive(Debug)]
pub(super) struct SlotCarriesItsSource;

impl Invariant for SlotCarriesItsSource {
    fn name(&self) -> &'static str {
        "slot_carries_its_source"
    }

    fn promise(&self) -> &'static str {
        "a packet comes from somebody in the same room whose track its slot was said to carry"
    }

    fn packet(&mut self, view: &View<'_>, to: ConnectionId, packet: &Received) -> Finding {
        let Some((viewer, member)) = viewer(view, to) else {
            return Ok(());
        };
        let Some(slot) = member.slot(&packet.mid) else {
            return Err(format!("{viewer} got a packet on {}, no slot", packet.mid));
        };
        let (source, track) = (packet.source, packet.track());
        // The packet reached the core between these, and whatever was decided was decided there.
        if !slot.track.was(&Some(track), packet.made, packet.sent) {
            let carried = slot.track.now();
            return Err(format!(
                "{viewer} got a packet of {track:?}, made at {}, in a slot that carries {carried:?}",
                packet.made
            ));
        }
        let same_room = |source: &Member| source.room == member.room;
        if view.ledger.member(source).is_some_and(same_room) {
            return Ok(());
        }
        Err(format!("{viewer} got a packet of {source} from elsewhere"))
    }
}

/// Muted means silent.
#[derive(Debug)]
pub(super) struct MutedIsSilent;

impl Invariant for MutedIsSilent {
    fn name(&self) -> &'static str {
        "muted_is_silent"
    }

    fn promise(&self) -> &'static str {
        "nothing passes that was made while its source was muted, even when it keeps sending"
    }

    fn packet(&mut self, view: &View<'_>, to: ConnectionId, packet: &Received) -> Finding {
        let source = packet.track().source;
        let Some(member) = view.ledger.member(packet.source) else {
            return Ok(());
        };
        if member.on(source).was(&true, packet.made, packet.sent) {
            return Ok(());
        }
        let (viewer, made) = (to.0, packet.made);
        Err(format!(
            "page {viewer} got {source} of {}, made at {made}, muted since {}",
            packet.source,
            member.on(source).since()
        ))
    }
}

/// What nobody sees costs nothing.
#[derive(Debug)]
pub(super) struct HiddenCostsNothing;

impl Invariant for HiddenCostsNothing {
    fn name(&self) -> &'static str {
        "hidden_costs_nothing"
    }

    fn promise(&self) -> &'static str {
        "no picture is sent that was made while the page of its viewer did not show it"
    }

    fn packet(&mut self, view: &View<'_>, to: ConnectionId, packet: &Received) -> Finding {
        let Some((viewer, member)) = viewer(view, to) else {
            return Ok(());
        };
        let track = packet.track();
        if packet.audio || member.showed(track, packet.made, packet.sent) {
            return Ok(());
        }
        let made = packet.made;
        Err(format!(
            "{viewer} got {track:?}, made at {made}, which its page does not show"
        ))
    }
}

/// Nobody stays in a slot after leaving.
#[derive(Debug, Default)]
pub(super) struct SlotsHoldMembers {
    /// The change of the ledger that was looked at last: between two, nothing can be different.
    looked_at: u64,
}

impl SlotsHoldMembers {
    fn told(view: &View<'_>, viewer: ParticipantId, slots: &[Slot]) -> Finding {
        let Some(member) = view.ledger.member(viewer) else {
            return Ok(());
        };
        let mut carried = Vec::new();
        for slot in slots {
            let Some(track) = slot.track else {
                continue;
            };
            let source = track.participant;
            let is_there = |other: &Member| other.is_in() && other.room == member.room;
            if source == viewer || !view.ledger.member(source).is_some_and(is_there) {
                return Err(format!("{viewer} is told that it gets {track:?}"));
            }
            if carried.contains(&track) || track.source.kind() != slot.kind {
                return Err(format!(
                    "{viewer} is told that it gets {track:?} in {slots:?}"
                ));
            }
            carried.push(track);
        }
        Ok(())
    }
}

impl Invariant for SlotsHoldMembers {
    fn name(&self) -> &'static str {
        "slots_hold_members"
    }

    fn promise(&self) -> &'static str {
        "a slot carries a track of its kind of somebody else who is in the room, once, and is free from the moment of leaving"
    }

    fn notice(&mut self, view: &View<'_>, notice: &Notice) -> Finding {
        match notice {
            Notice::Slots { participant, slots }
            | Notice::Offer {
                participant, slots, ..
            } => Self::told(view, *participant, slots),
            _ => Ok(()),
        }
    }

    fn step(&mut self, view: &View<'_>) -> Finding {
        let change = view.ledger.changes();
        if std::mem::replace(&mut self.looked_at, change) == change {
            return Ok(());
        }
        let has_left = |source: ParticipantId| {
            let member = view.ledger.member(source);
            member.is_some_and(|member| !member.is_in())
        };
        for (viewer, member) in view.ledger.present() {
            let tracks = member.slots.iter().filter_map(|slot| *slot.track.now());
            let mut shown = tracks.map(|track| track.participant);
            if let Some(source) = shown.find(|source| has_left(*source)) {
                return Err(format!("{viewer} was never told that {source} has left"));
            }
        }
        Ok(())
    }
}

/// The participant behind a page, as long as it is in a room.
pub(super) fn viewer<'a>(
    view: &View<'a>,
    connection: ConnectionId,
) -> Option<(ParticipantId, &'a Member)> {
    let me = view.tab(connection)?.page.me?;
    Some((me, view.ledger.member(me)?))
}
