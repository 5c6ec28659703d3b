//! After everyone left, nothing is left.

use super::{Finding, Invariant, View};

/// Everything that people brought goes with them.
#[derive(Debug)]
pub(super) struct NothingIsLeft;

impl Invariant for NothingIsLeft {
    fn name(&self) -> &'static str {
        "nothing_is_left"
    }

    fn promise(&self) -> &'static str {
        "after everyone left, no participant, room, timer, address or connection is left, and nothing is waited for"
    }

    fn end(&mut self, view: &View<'_>, under_way: usize) -> Finding {
        let core = view.sfu.sizes();
        let lobby = view.lobby.sizes();
        let left = [
            ("participants in the core", core.participants),
            ("names in the core", core.names),
            ("rooms in the core", core.rooms),
            ("timers in the core", core.timers),
            ("addresses in the core", core.addresses),
            ("outputs in the core", core.outputs),
            ("connections in the lobby", lobby.connections),
            ("participants in the lobby", lobby.participants),
            ("rooms in the lobby", lobby.rooms),
            ("timers in the lobby", lobby.timers),
            ("addresses in the lobby", lobby.addresses),
            ("outputs in the lobby", lobby.outputs),
            ("events under way", under_way),
        ];
        let left: Vec<String> = left
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        if !left.is_empty() {
            return Err(left.join(", "));
        }
        match (view.sfu.deadline(), view.lobby.deadline()) {
            (None, None) => Ok(()),
            waits => Err(format!("still waited for: {waits:?}")),
        }
    }
}
