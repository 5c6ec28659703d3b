//! Who has a healthy link gets in and stays.

use std::time::Duration;

use tsuji_core::{GoneReason, Notice};

use super::{Finding, Invariant, View};

/// From entering to a media connection: signaling, ICE and DTLS, with losses repeated.
const CONNECT: Duration = Duration::from_secs(10);
/// After a network came back, a connection that was about to be given up may still be.
const WELL: Duration = Duration::from_secs(30);

/// Connecting works.
#[derive(Debug)]
pub(super) struct ConnectsInTime;

impl Invariant for ConnectsInTime {
    fn name(&self) -> &'static str {
        "connects_in_time"
    }

    fn promise(&self) -> &'static str {
        "who enters on a healthy link is connected within 10 s"
    }

    fn glance(&mut self, view: &View<'_>) -> Finding {
        for (id, member) in view.ledger.present() {
            let tab = view.tab(member.connection);
            let Some(tab) = tab.filter(|tab| tab.page.answers()) else {
                continue;
            };
            let Some((_, linked)) = tab.socket else {
                continue;
            };
            let Some(well) = view.recovered(tab, member) else {
                continue;
            };
            let waited = view.now.since(well.max(member.entered).max(linked));
            if member.connected.is_none() && waited > CONNECT {
                return Err(format!("{id} is not connected after {waited:?}"));
            }
        }
        Ok(())
    }
}

/// Nobody is thrown out for nothing.
#[derive(Debug)]
pub(super) struct WhoIsWellStays;

impl Invariant for WhoIsWellStays {
    fn name(&self) -> &'static str {
        "who_is_well_stays"
    }

    fn promise(&self) -> &'static str {
        "nobody on a healthy link who breaks no rule is let go"
    }

    fn notice(&mut self, view: &View<'_>, notice: &Notice) -> Finding {
        let Notice::Gone {
            participant,
            reason,
        } = notice
        else {
            return Ok(());
        };
        let Some(member) = view.ledger.member(*participant) else {
            return Ok(());
        };
        let tab = view.tab(member.connection);
        let Some(tab) = tab.filter(|tab| tab.page.answers()) else {
            return Ok(());
        };
        // Without a WebSocket offers wait for their answers, and who lost it before the first offer
        // comes anew.
        let linked = tab.socket.map(|(_, since)| since);
        let interrupted =
            linked.is_none_or(|since| view.now.since(since) < WELL && since > member.entered);
        let wants_it = matches!(
            reason,
            GoneReason::NoAnswer | GoneReason::NeverConnected | GoneReason::Unreachable
        );
        if interrupted && wants_it {
            return Ok(());
        }
        let Some(well) = tab.well_since(view.now) else {
            return Ok(());
        };
        let fresh = well <= member.entered;
        let long_well = fresh || view.now.since(well) >= WELL;
        if long_well && *reason != GoneReason::Full {
            return Err(format!("{participant} is gone: {reason:?}"));
        }
        Ok(())
    }
}
