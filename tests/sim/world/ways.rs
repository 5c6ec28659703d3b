//! From a page to the server and back: its WebSocket, and the network of its media.

use std::net::SocketAddr;

use tsuji_core::Time;
use tsuji_signaling::ConnectionId;

use super::World;
use super::agenda::{Agenda, Event};
use crate::network::{Arrival, Conditions};
use crate::tab::{Down, Tab, Up};

impl World {
    /// One direction of somebody's link does this from now on: to the server if `up`. What waits in its queue
    /// goes on at the new rate.
    pub fn change_link(&mut self, id: ConnectionId, up: bool, conditions: Conditions) {
        let now = self.now;
        let Some(tab) = self.tabs.get_mut(&id) else {
            return;
        };
        let link = if up { &mut tab.up } else { &mut tab.down };
        let drain = link.drain(now, conditions);
        let outer = tab.outer;
        let passes = |event: &Event| match event {
            Event::ToServer { from, .. } => up && *from == outer,
            Event::ToBrowser { to, .. } => !up && *to == outer,
            _ => false,
        };
        self.agenda.move_to(passes, |at| drain.comes(at));
    }

    pub(super) fn send_to_browser(&mut self, from: SocketAddr, to: SocketAddr, payload: Vec<u8>) {
        let sent = self.now;
        let tab = self.by_address.get(&to).copied();
        let Some(tab) = tab.and_then(|tab| self.tabs.get_mut(&tab)) else {
            self.undelivered += 1;
            self.bytes_to_strangers += payload.len();
            return;
        };
        let agenda = &mut self.agenda;
        let mut damaged = false;
        tab.down.carry(sent, payload, |at, packet| {
            damaged |= packet.damaged;
            let event = Event::ToBrowser {
                from,
                to,
                sent,
                packet,
            };
            agenda.push(at, event);
        });
        if damaged {
            let member = tab.page.me.and_then(|me| self.ledger.member(me));
            tab.damage(member.is_some_and(|member| member.connected.is_some()));
        }
    }

    pub(super) fn browser_receives(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        sent: Time,
        packet: &Arrival,
    ) {
        let now = self.now;
        let id = self.by_address.get(&to).copied();
        let tab = id.and_then(|id| self.tabs.get_mut(&id));
        let Some(tab) = tab.filter(|tab| tab.is_open()) else {
            self.undelivered += 1;
            return;
        };
        let (id, Some(browser)) = (tab.id, &mut tab.page.browser) else {
            self.undelivered += 1;
            return;
        };
        let known = browser.received.len();
        browser.receive(now, sent, from, packet);
        if browser.received.len() > known {
            self.look_at_received(id, known);
        }
        self.take_outputs(id);
    }

    /// Lets the invariants look at what a browser has received behind the first `known` packets.
    fn look_at_received(&mut self, id: ConnectionId, known: usize) {
        let Some(browser) = self.browser_at(id) else {
            return;
        };
        let mut received = std::mem::take(&mut browser.received);
        for packet in &received[known..] {
            if self.options.digest {
                let text = format!("{packet:?}");
                self.digest.add(b'R', self.now, text.as_bytes());
            }
            self.check(|invariants, view| invariants.packet(view, id, packet));
        }
        if !self.options.keep {
            received.clear();
        }
        if let Some(browser) = self.browser_at(id) {
            browser.received = received;
        }
    }

    fn browser_at(&mut self, id: ConnectionId) -> Option<&mut crate::Browser> {
        self.tabs.get_mut(&id)?.page.browser.as_mut()
    }

    pub(super) fn page_receives(&mut self, socket: ConnectionId, down: Down) {
        let now = self.now;
        let Some(id) = self.sockets.get(&socket).map(|socket| socket.tab) else {
            return;
        };
        let has_it =
            |tab: &&mut Tab| tab.is_open() && tab.socket.is_some_and(|(id, _)| id == socket);
        let Some(tab) = self.tabs.get_mut(&id).filter(has_it) else {
            return;
        };
        match down {
            Down::Text(text) => tab.page.hear(now, &text),
            Down::Ping => self.send_up(id, Up::Pong),
            Down::Close => {
                self.send_up(id, Up::Closed);
                self.vanish(id);
            }
        }
        self.take_outputs(id);
    }

    /// Sends what all pages and browsers have to say.
    pub(super) fn take_all_outputs(&mut self) {
        let has_something = |tab: &&Tab| tab.is_open() && tab.page.has_outputs();
        let speaking = self.tabs.values().filter(has_something);
        let speaking: Vec<ConnectionId> = speaking.map(|tab| tab.id).collect();
        for id in speaking {
            self.take_outputs(id);
        }
    }

    fn take_outputs(&mut self, id: ConnectionId) {
        let now = self.now;
        let Some(tab) = self.tabs.get_mut(&id).filter(|tab| tab.is_open()) else {
            return;
        };
        let messages = tab.page.take_outbox();
        let mut damaged = false;
        if let Some(browser) = &mut tab.page.browser {
            let from = tab.outer;
            let agenda: &mut Agenda = &mut self.agenda;
            for (to, payload) in browser.outbox.drain(..) {
                tab.up.carry(now, payload, |at, packet| {
                    damaged |= packet.damaged;
                    let payload = packet.payload;
                    agenda.push(at, Event::ToServer { from, to, payload });
                });
            }
        }
        if damaged {
            let member = tab.page.me.and_then(|me| self.ledger.member(me));
            tab.damage(member.is_some_and(|member| member.connected.is_some()));
        }
        for message in messages {
            let text = serde_json::to_string(&message).expect("a message has a JSON form");
            self.send_up(id, Up::Text(text));
        }
    }

    pub(super) fn send_up(&mut self, id: ConnectionId, up: Up) {
        let delay = self.options.signaling_delay;
        if let Some(tab) = self.tabs.get_mut(&id)
            && tab.is_open()
            && let Some((socket, _)) = tab.socket
        {
            let at = tab.frame_up(self.now, delay);
            self.agenda.push(at, Event::Up(socket, up));
        }
    }

    pub(super) fn send_down(&mut self, socket: ConnectionId, down: Down) {
        let delay = self.options.signaling_delay;
        let tab = self.sockets.get(&socket).map(|socket| socket.tab);
        if let Some(tab) = tab.and_then(|tab| self.tabs.get_mut(&tab)) {
            let at = tab.frame_down(self.now, delay);
            self.agenda.push(at, Event::Down(socket, down));
        }
    }
}
