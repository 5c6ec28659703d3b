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
        let lobby = view.lobby.sizes();
        let mut left = vec![
            ("connections in the lobby", lobby.connections),
            ("participants in the lobby", lobby.participants),
            ("stays in the lobby", lobby.stays),
            ("rooms in the lobby", lobby.rooms),
            ("timers in the lobby", lobby.timers),
            ("addresses in the lobby", lobby.addresses),
            ("addresses that are remembered", lobby.fading),
            ("outputs in the lobby", lobby.outputs),
            ("events under way", under_way),
        ];
        for core in view.cores {
            let core = core.sfu.sizes();
            left.extend([
                ("participants in a core", core.participants),
                ("names in a core", core.names),
                ("rooms in a core", core.rooms),
                ("timers in a core", core.timers),
                ("addresses in a core", core.addresses),
                ("outputs in a core", core.outputs),
            ]);
        }
        let left: Vec<String> = left
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        if !left.is_empty() {
            return Err(left.join(", "));
        }
        let cores = view.cores.iter().map(|core| core.sfu.deadline());
        match cores.chain([view.lobby.deadline()]).flatten().min() {
            None => Ok(()),
            Some(at) => Err(format!("{at} is still waited for")),
        }
    }
}
