//! Nothing grows without bound.

use tsuji_core::{Limits, MediaKind, Sizes};

use super::{Finding, Invariant, View};

/// Every table and queue is within its limit.
#[derive(Debug)]
pub(super) struct WithinLimits {
    limits: Limits,
}

impl WithinLimits {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
        }
    }

    fn core(&self, sizes: &Sizes) -> Finding {
        let limits = &self.limits;
        let people = sizes.participants;
        let most = [
            ("participants", people, limits.participants),
            ("names", sizes.names, people),
            ("rooms", sizes.rooms, people),
            ("timers", sizes.timers, 2 * people),
            ("addresses", sizes.addresses, people * limits.addresses),
            ("outputs not taken", sizes.outputs, 0),
            ("doomed", sizes.doomed, 0),
            // One for each call into a connection inside another.
            ("spare buffers", sizes.spare, 8),
        ];
        within("a core", &most)
    }
}

fn within(who: &str, most: &[(&str, usize, usize)]) -> Finding {
    match most.iter().find(|(_, size, limit)| size > limit) {
        None => Ok(()),
        Some((what, size, limit)) => {
            Err(format!("{who} has {size} {what}, at most {limit} allowed"))
        }
    }
}

impl Invariant for WithinLimits {
    fn name(&self) -> &'static str {
        "within_limits"
    }

    fn promise(&self) -> &'static str {
        "every table and queue of core and lobby is within its limit, and no larger than the people who are there need"
    }

    fn step(&mut self, view: &View<'_>) -> Finding {
        for core in view.cores {
            self.core(&core.sfu.sizes())?;
        }
        let sizes = view.lobby.sizes();
        // Who has lost its WebSocket, or its page, is there for a while, and twice if it has entered
        // again because it did not know how to go on.
        let tabs = view.tabs.values();
        let people = tabs.map(|tab| 1 + tab.page.unclaimed).sum();
        let most = [
            ("connections", sizes.connections, view.open_sockets),
            ("participants", sizes.participants, people),
            ("stays", sizes.stays, sizes.participants),
            (
                "rooms",
                sizes.rooms,
                tsuji_signaling::Limits::default().rooms,
            ),
            (
                "timers",
                sizes.timers,
                3 * sizes.connections + 3 * sizes.participants + sizes.rooms + 1,
            ),
            ("addresses", sizes.addresses, sizes.connections),
            (
                "addresses that are remembered",
                sizes.fading,
                tsuji_signaling::Limits::default().fading_addresses,
            ),
            ("outputs not taken", sizes.outputs, 0),
        ];
        within("the lobby", &most)
    }

    fn glance(&mut self, view: &View<'_>) -> Finding {
        let limits = &self.limits;
        for (id, member) in view.ledger.present() {
            for kind in [MediaKind::Audio, MediaKind::Video] {
                let slots = member.slots.iter().filter(|slot| slot.kind == kind);
                let (slots, limit) = (slots.count(), limits.slots(kind));
                if slots > limit {
                    return Err(format!("{id} has {slots} {kind} slots of {limit}"));
                }
            }
        }
        Ok(())
    }
}
