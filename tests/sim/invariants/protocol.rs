//! What pages are told makes sense to them.

use std::collections::BTreeSet;
use std::time::Duration;

use tsuji_core::Time;

use super::{Finding, Invariant, View};
use crate::ledger::Member;
use crate::tab::Tab;

/// How long it may take until everybody has heard who came and who left.
const NEWS: Duration = Duration::from_secs(3);

/// A page that believes what it is told is never surprised.
#[derive(Debug)]
pub(super) struct PageAgrees;

impl Invariant for PageAgrees {
    fn name(&self) -> &'static str {
        "page_agrees"
    }

    fn promise(&self) -> &'static str {
        "a page knows who is there within 3 s, and hears of people in order: a call before a slot, an exit once, offers one by one; and its connection never breaks by what the server sends"
    }

    fn glance(&mut self, view: &View<'_>) -> Finding {
        for tab in view.tabs.values() {
            stale_roster(view, tab)?;
            if let Some(what) = tab.page.contradictions.first() {
                return Err(format!("page {}: {what}", tab.id.0));
            }
            let browser = tab.page.browser.as_ref();
            let failure = browser.and_then(|browser| browser.failure.as_ref());
            if let Some(failure) = failure.filter(|_| !tab.is_spoilt()) {
                return Err(format!("page {}: {failure}", tab.id.0));
            }
            if browser.is_some_and(|browser| browser.foreign > 0) {
                return Err(format!("page {} gets media that nobody made", tab.id.0));
            }
        }
        Ok(())
    }
}

/// Whether a page that has had the time believes what is not so.
fn stale_roster(view: &View<'_>, tab: &Tab) -> Finding {
    let Some(me) = tab.page.me else {
        return Ok(());
    };
    let Some(member) = view.ledger.member(me).filter(|member| member.is_in()) else {
        return Ok(());
    };
    let is_old = |t: Time| view.now.since(t) > NEWS;
    let Some((_, linked)) = tab.socket else {
        return Ok(());
    };
    if !is_old(linked) || !tab.well_since(view.now).is_some_and(is_old) {
        return Ok(());
    }
    let mut there = BTreeSet::new();
    for (id, other) in view.ledger.members() {
        let Member { entered, left, .. } = *other;
        if other.room != member.room {
            continue;
        }
        if !is_old(left.unwrap_or(entered)) {
            return Ok(());
        }
        if *id != me && left.is_none() {
            there.insert(*id);
        }
    }
    // The lobby tells people of somebody before the core has heard of them.
    if tab.page.others.values().any(|other| !is_old(other.told)) {
        return Ok(());
    }
    let believes: BTreeSet<_> = tab.page.others.keys().copied().collect();
    if believes == there {
        return Ok(());
    }
    Err(format!(
        "{me} believes in {believes:?}, there are {there:?}"
    ))
}
