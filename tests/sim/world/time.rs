//! From one moment to the next.

use std::time::Duration;

use tsuji_core::{Input, Time};
use tsuji_signaling::lobby;

use super::World;
use super::agenda::Event;
use crate::invariants::Invariants;
use crate::tab::Tab;

impl World {
    /// Lets time pass.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = end;
    }

    /// For so long, the receive buffer is full for a part of the time, in percent: what comes then is lost.
    pub fn overflow(&mut self, duration: Duration, percent: u64) {
        self.full = (self.now + duration, percent);
    }

    /// The system tells how many datagrams found no room since it last did.
    pub fn tell_overflow(&mut self) {
        let datagrams = std::mem::take(&mut self.overflowed);
        if datagrams > 0 {
            self.give_core(0, Input::Overflow { datagrams });
        }
    }

    /// The cores get no time for so long: what comes for them waits.
    pub fn stall(&mut self, duration: Duration) {
        self.stalled_until = self.stalled_until.max(self.now + duration);
    }

    /// Lets time pass until `done`, at most `limit`. Says whether it was done.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            let Some(at) = self.next_event().filter(|at| *at <= end) else {
                return false;
            };
            self.now = self.now.max(at);
            self.step();
        }
        true
    }

    fn next_event(&self) -> Option<Time> {
        let tabs = self.tabs.values().filter_map(Tab::deadline).min();
        let cores = self.cores.iter().filter_map(|core| core.sfu.deadline());
        let cores = cores.map(|at| at.max(self.stalled_until));
        [self.agenda.next(), tabs, cores.min(), self.lobby.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn step(&mut self) {
        let now = self.now;
        self.take_all_outputs();
        self.let_happen();
        for tab in self.tabs.values_mut() {
            if tab.deadline().is_some_and(|at| at <= now)
                && let Some(browser) = &mut tab.page.browser
            {
                browser.timeout(now);
            }
        }
        for core in 0..self.cores.len() {
            if self.cores[core].is_due(now) && now >= self.stalled_until {
                self.give_core(core, Input::Timeout);
            }
        }
        if self.lobby.deadline().is_some_and(|at| at <= now) {
            self.tell_lobby(lobby::Input::Timeout);
        }
        self.settle();
    }

    /// Lets everything happen that happens now.
    pub(super) fn settle(&mut self) {
        self.take_all_outputs();
        self.let_happen();
        self.check(Invariants::step);
    }

    fn let_happen(&mut self) {
        while let Some(event) = self.agenda.pop(self.now) {
            let is_cores = matches!(event, Event::ToServer { .. } | Event::Command(_));
            if is_cores && self.now < self.stalled_until {
                self.agenda.push(self.stalled_until, event);
                continue;
            }
            // Of each tenth of a second, the buffer is full for a part.
            let part = self.now.as_micros() / 1_000 % 100;
            if matches!(event, Event::ToServer { .. })
                && self.now < self.full.0
                && part < self.full.1
            {
                self.overflowed += 1;
                continue;
            }
            match event {
                Event::ToServer { from, to, payload } => self.core_receives(from, to, &payload),
                Event::ToBrowser {
                    from,
                    to,
                    sent,
                    packet,
                } => self.browser_receives(from, to, sent, &packet),
                Event::Up(id, up) => self.lobby_receives(id, up),
                Event::Down(id, down) => self.page_receives(id, down),
                Event::Command(command) => self.tell_core(command),
                Event::Notice(notice) => self.tell_lobby(lobby::Input::Notice(notice)),
            }
        }
    }
}
