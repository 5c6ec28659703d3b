//! What people do, and what tests do in their place.

use std::net::SocketAddr;

use tsuji_core::{Command, IceMode, MediaKind, ParticipantId, Time};
use tsuji_signaling::message::{ClientMessage, Ice};
use tsuji_signaling::{ConnectionId, lobby};

use super::{Socket, World};
use crate::network::Conditions;
use crate::page::{Manner, Page};
use crate::tab::{Tab, Up};

impl World {
    /// Somebody enters `room` with microphone and camera.
    pub fn enter(&mut self, room: u64, ice: IceMode) -> ParticipantId {
        let ice = match ice {
            IceMode::Trickle => Ice::Trickle,
            IceMode::Vanilla => Ice::Vanilla,
        };
        let manner = Manner {
            ice,
            ..Manner::default()
        };
        let before = self.ledger.members().len();
        self.enter_as(room, manner);
        let all = self.ledger.members();
        assert_eq!(all.len(), before + 1, "the lobby let it enter at once");
        *all.last_key_value().expect("somebody").0
    }

    /// Opens a page that enters `room`.
    pub fn enter_as(&mut self, room: u64, manner: Manner) -> ConnectionId {
        let conditions = self.options.conditions.clone();
        let tab = self.open(manner, conditions);
        self.join(tab, room);
        tab
    }

    /// Somebody opens a page.
    pub fn open(&mut self, manner: Manner, conditions: Conditions) -> ConnectionId {
        self.connections += 1;
        let id = ConnectionId(self.connections);
        let inner = SocketAddr::from(([10, 0, 0, 2], 20_000));
        let outer = self.fresh_address();
        let seed = self.options.seed;
        let page = Page::new(self.base, seed, inner, manner);
        let tab = Tab::new(id, page, conditions, seed, outer, self.now);
        self.by_address.insert(outer, id);
        self.tabs.insert(id, tab);
        self.open_socket(id, id);
        self.settle();
        id
    }

    fn open_socket(&mut self, tab: ConnectionId, connection: ConnectionId) {
        let Some(peer) = self.tabs.get(&tab).map(|tab| tab.outer.ip()) else {
            return;
        };
        self.sockets.insert(connection, Socket { tab, open: true });
        self.tell_lobby(lobby::Input::Opened { connection, peer });
    }

    /// A page loses its WebSocket; media knows nothing of it. `half_open`: neither does the server.
    pub fn cut(&mut self, tab: ConnectionId, half_open: bool) {
        if !half_open {
            self.send_up(tab, Up::Closed);
        }
        let now = self.now;
        if let Some(tab) = self.tabs.get_mut(&tab) {
            tab.set_socket(now, None);
            tab.page.alone();
        }
    }

    /// A page that has lost its WebSocket opens another one, and resumes its stay.
    pub fn reconnect(&mut self, tab: ConnectionId) {
        let now = self.now;
        let lost = |tab: &&mut Tab| tab.is_open() && tab.socket.is_none();
        let Some(page) = self.tabs.get_mut(&tab).filter(lost) else {
            return;
        };
        self.connections += 1;
        let socket = ConnectionId(self.connections);
        page.set_socket(now, Some(socket));
        page.page.resume();
        self.open_socket(tab, socket);
        self.settle();
    }

    /// The page joins and enters `room`, which comes into being when it is first wanted.
    pub fn join(&mut self, tab: ConnectionId, room: u64) {
        let code = self.room_code(room);
        self.page(tab, |page, _| page.enter(&code));
    }

    /// Lets a page do something.
    pub fn page(&mut self, tab: ConnectionId, act: impl FnOnce(&mut Page, Time)) {
        let now = self.now;
        if let Some(tab) = self.tabs.get_mut(&tab)
            && tab.is_open()
        {
            act(&mut tab.page, now);
        }
        self.settle();
    }

    /// Somebody leaves on purpose.
    pub fn leave(&mut self, id: ParticipantId) {
        self.page(self.tab_of(id), |page, _| page.leave());
    }

    /// Somebody mutes or unmutes; the browser stops or starts sending.
    pub fn mute(&mut self, id: ParticipantId, kind: MediaKind, muted: bool) {
        self.page(self.tab_of(id), |page, now| {
            page.mute(now, kind, muted, true);
        });
    }

    /// A page says something.
    pub fn say(&mut self, id: ParticipantId, message: ClientMessage) {
        self.page(self.tab_of(id), |page, _| page.say(message));
    }

    /// A page sends a text.
    pub fn text(&mut self, tab: ConnectionId, text: String) {
        self.send_up(tab, Up::Text(text));
        self.settle();
    }

    /// A page sends a frame that no page should.
    pub fn rude_frame(&mut self, tab: ConnectionId, binary: bool) {
        self.send_up(tab, if binary { Up::Binary } else { Up::Oversized });
        self.settle();
    }

    /// A tab crashes, or its computer is switched off: nothing is sent any more.
    pub fn vanish(&mut self, tab: ConnectionId) {
        if let Some(tab) = self.tabs.get_mut(&tab) {
            tab.crash();
        }
    }

    /// A tab is closed: the browser says goodbye on both ways.
    pub fn close(&mut self, tab: ConnectionId) {
        let now = self.now;
        if let Some(tab) = self.tabs.get_mut(&tab)
            && tab.is_open()
            && let Some(browser) = &mut tab.page.browser
        {
            browser.close(now);
        }
        self.settle();
        self.send_up(tab, Up::Closed);
        self.vanish(tab);
        self.settle();
    }

    /// The network between a page and the server changes the port, or the whole address, under
    /// which the server sees the page.
    pub fn rebind(&mut self, tab: ConnectionId, whole_address: bool) {
        let fresh = self.fresh_address();
        let now = self.now;
        if let Some(tab) = self.tabs.get_mut(&tab) {
            let before = tab.outer;
            let outer = if whole_address {
                fresh
            } else {
                SocketAddr::new(before.ip(), fresh.port())
            };
            tab.rebind(now, outer);
            self.by_address.remove(&before);
            self.by_address.insert(outer, tab.id);
        }
    }

    /// Hands a command to the core that it is for.
    pub fn command(&mut self, command: Command) {
        self.tell_core(command);
        self.settle();
    }

    /// Hands a datagram to each core as if it came from `from`.
    pub fn datagram(&mut self, from: SocketAddr, payload: &[u8]) {
        for core in 0..self.cores.len() {
            self.core_receives(from, self.cores[core].address, payload);
        }
        self.settle();
    }

    fn fresh_address(&mut self) -> SocketAddr {
        self.addresses += 1;
        let [_, a, b, c] = self.addresses.to_be_bytes();
        let port = 20_000 + (self.addresses % 40_000) as u16;
        SocketAddr::from(([100, a, b, c], port))
    }
}
