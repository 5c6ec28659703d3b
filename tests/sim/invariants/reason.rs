//! What a page is told of a slot is why it gets what it gets.

use std::collections::BTreeMap;
use std::time::Duration;

use tsuji_core::{Source, Time};
use tsuji_signaling::ConnectionId;
use tsuji_signaling::message::{Reason, SlotReason};

use super::picture::ready_since;
use super::{Finding, Invariant, View};
use crate::browser::Received;
use crate::tab::Tab;

/// How long the news of a change may be under way.
const NEWS: Duration = Duration::from_secs(3);

/// How long nothing may come where it is said to be forwarded: as long as a screen may stand still,
/// and the news that it has stopped.
const NOTHING: Duration = Duration::from_secs(4);

/// The reason of a slot never contradicts its traffic.
#[derive(Debug, Default)]
pub(super) struct ReasonFitsTraffic {
    /// When the last picture came, by page and m-line.
    arrived: BTreeMap<(ConnectionId, String), Time>,
}

impl ReasonFitsTraffic {
    /// What a page believes of a slot is so, and what is said to be forwarded comes.
    fn slot(&self, view: &View<'_>, tab: &Tab, told: &SlotReason, since: Time) -> Finding {
        let member = tab
            .page
            .me
            .and_then(|me| Some((me, view.ledger.member(me)?)));
        let Some((me, member)) = member else {
            return Ok(());
        };
        let Some(slot) = member.slot(&told.mid) else {
            return Err(format!("{me} is told a reason of {}, no slot", told.mid));
        };
        let (track, reason) = slot.reason.now();
        let is_same = told.participant.map(|id| id.0) == track.map(|track| track.participant)
            && told.source.map(Source::from) == track.map(|track| track.source)
            && told.reason == (*reason).into();
        // Who has left is nobody's reason any more, whatever the core said before it knew.
        let gone = track.is_some_and(|track| {
            let publisher = view.ledger.member(track.participant);
            publisher.is_none_or(|publisher| !publisher.is_in())
        });
        if !is_same && !gone && is_old(view.now, slot.reason.since().max(since)) {
            return Err(format!(
                "{me} was told {told:?}; it is {:?}",
                slot.reason.now()
            ));
        }
        let ready = ready_since(view, me, member);
        if told.reason != Reason::Forwarding || ready.is_none() {
            return Ok(());
        }
        let arrived = self.arrived.get(&(tab.id, told.mid.clone()));
        let moments = [ready, Some(since), arrived.copied()];
        let since = moments.into_iter().flatten().fold(Time::ZERO, Time::max);
        if view.now.since(since) <= NOTHING {
            return Ok(());
        }
        Err(format!(
            "{me} was told {told:?}, and gets nothing since {since}"
        ))
    }
}

impl Invariant for ReasonFitsTraffic {
    fn name(&self) -> &'static str {
        "reason_fits_traffic"
    }

    fn promise(&self) -> &'static str {
        "what a page is told of a slot, whose it is, whether that is muted and why it comes, is from 3 s after a change on what comes in it; what is said to be forwarded is never missing for 4 s, and nothing else is sent"
    }

    fn packet(&mut self, view: &View<'_>, to: ConnectionId, packet: &Received) -> Finding {
        if !packet.audio {
            self.arrived.insert((to, packet.mid.clone()), packet.at);
            let me = view
                .tab(to)
                .and_then(|tab| view.ledger.member(tab.page.me?));
            let slot = me.and_then(|me| me.slot(&packet.mid));
            if let Some(slot) = slot
                && !slot.forwarding.was(&true, packet.made, packet.sent)
            {
                let (page, track, reason) = (to.0, packet.track(), slot.reason.now());
                let (since, made, sent) = (slot.reason.since(), packet.made, packet.sent);
                return Err(format!(
                    "page {page} gets {track:?}, made at {made} and sent at {sent} although {reason:?} since {since}"
                ));
            }
        }
        let Some(tab) = told_everything(view, to) else {
            return Ok(());
        };
        let Some(browser) = &tab.page.browser else {
            return Ok(());
        };
        let me = tab.page.me.and_then(|me| view.ledger.member(me));
        let record = me.and_then(|me| me.slot(&packet.mid));
        let is_it = |slot: &&tsuji_core::Slot| slot.mid.0 == packet.mid;
        let track = packet.track();
        if let Some(told) = browser.slots.iter().find(is_it)
            && record.is_some_and(|record| {
                is_old(view.now, record.track.since()) && packet.made > record.track.since()
            })
            && told.track != Some(track)
        {
            let (page, carries) = (to.0, told.track);
            return Err(format!(
                "page {page} gets a packet of {track:?}, told that its slot carries {carries:?}"
            ));
        }
        let source = track.source;
        if let Some(member) = view.ledger.member(packet.source)
            && let Some(other) = tab.page.others.get(&packet.source)
            && is_old(view.now, member.on(source).since().max(other.told))
            // Padding repeats what was lost, however old.
            && packet.made > member.on(source).since()
            && !other.is_on(source)
        {
            let (page, id) = (to.0, packet.source);
            return Err(format!(
                "page {page} gets {source} of {id}, told that it is muted"
            ));
        }
        Ok(())
    }

    fn glance(&mut self, view: &View<'_>) -> Finding {
        for tab in view.tabs.values() {
            let Some(tab) = told_everything(view, tab.id) else {
                continue;
            };
            for (since, told) in tab.page.reasons.values() {
                self.slot(view, tab, told, *since)?;
            }
            for (id, other) in &tab.page.others {
                let Some(member) = view.ledger.member(*id) else {
                    continue;
                };
                for source in Source::ALL {
                    let on = member.on(source);
                    let changed = on.since().max(other.told);
                    if is_old(view.now, changed) && *on.now() != other.is_on(source) {
                        let (page, told) = (tab.id.0, word(other.is_on(source)));
                        let is = word(*on.now());
                        return Err(format!(
                            "page {page} was told that {source} of {id} is {told}; it is {is}"
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "muted" }
}

fn is_old(now: Time, t: Time) -> bool {
    now.since(t) > NEWS
}

/// The page behind a connection, unless news may be stuck on their way to it.
fn told_everything<'a>(view: &View<'a>, id: ConnectionId) -> Option<&'a Tab> {
    let tab = view.tab(id)?;
    let member = view.ledger.member(tab.page.me?)?;
    let well = tab.well_since(view.now)?;
    let (_, linked) = tab.socket?;
    let since = well.max(member.entered).max(linked);
    (member.is_in() && is_old(view.now, since)).then_some(tab)
}
