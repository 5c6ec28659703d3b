//! What a page is told of a slot is why it gets what it gets.

use std::time::Duration;

use tsuji_core::{Source, Time};
use tsuji_signaling::ConnectionId;

use super::{Finding, Invariant, View};
use crate::browser::Received;
use crate::tab::Tab;

/// How long the news of a change may be under way.
const NEWS: Duration = Duration::from_secs(3);

/// The reason of a slot never contradicts its traffic.
#[derive(Debug)]
pub(super) struct ReasonFitsTraffic;

impl Invariant for ReasonFitsTraffic {
    fn name(&self) -> &'static str {
        "reason_fits_traffic"
    }

    fn promise(&self) -> &'static str {
        "what a page is told of a slot, whose it is and whether that is muted, is from 3 s after a change on what comes in it"
    }

    fn packet(&mut self, view: &View<'_>, to: ConnectionId, packet: &Received) -> Finding {
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
            && record.is_some_and(|record| is_old(view.now, record.track.since()))
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
