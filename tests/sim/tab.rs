//! One page load and its two ways to the server: a WebSocket and the network of its media.

use std::net::SocketAddr;
use std::time::Duration;

use tsuji_core::Time;
use tsuji_signaling::ConnectionId;

use crate::browser::Browser;
use crate::network::{Conditions, Link};
use crate::page::Page;

/// What a page sends on its WebSocket.
#[derive(Debug)]
pub(crate) enum Up {
    Text(String),
    Binary,
    Oversized,
    Pong,
    Closed,
}

/// What it receives there.
#[derive(Debug)]
pub(crate) enum Down {
    Text(String),
    Ping,
    Close,
}

/// One page load.
#[derive(Debug)]
pub struct Tab {
    /// Its name: that of its first WebSocket.
    pub id: ConnectionId,
    /// Its present WebSocket, and since when; `None` while it has lost it.
    pub socket: Option<(ConnectionId, Time)>,
    /// What the page knows.
    pub page: Page,
    /// Where the server sees its media come from.
    pub outer: SocketAddr,
    /// Where the server saw it before.
    pub earlier: Vec<SocketAddr>,
    /// To the server.
    pub up: Link,
    /// From the server.
    pub down: Link,
    /// It broke a rule that may cost it its place.
    pub rude: bool,
    crashed: bool,
    /// The network changed what was said before keys were agreed on, see [`Tab::well_since`].
    spoilt: bool,
    /// When something last happened that media has to recover from.
    disturbed: Time,
    /// When the newest frame of each direction arrives: a WebSocket keeps the order.
    frames: (Time, Time),
}

impl Tab {
    pub(crate) fn new(
        id: ConnectionId,
        page: Page,
        conditions: Conditions,
        seed: u64,
        outer: SocketAddr,
        now: Time,
    ) -> Self {
        Self {
            id,
            socket: Some((id, now)),
            page,
            outer,
            earlier: Vec::new(),
            up: Link::new(conditions.clone(), seed, 2 * id.0),
            down: Link::new(conditions, seed, 2 * id.0 + 1),
            rude: false,
            crashed: false,
            spoilt: false,
            disturbed: now,
            frames: (now, now),
        }
    }

    /// Whether there is somebody at this end.
    pub fn is_open(&self) -> bool {
        !self.crashed
    }

    /// Whether the network changed what was said before keys were agreed on. Nothing protects that:
    /// a handshake can then fail (RFC 6347, 4.1.2.7), and nothing is promised to who it happened to.
    pub fn is_spoilt(&self) -> bool {
        self.spoilt
    }

    /// The network changes a packet now. `connected`: what the server says.
    pub(crate) fn damage(&mut self, connected: bool) {
        let browser = self.page.browser.as_ref();
        let both = connected && browser.is_some_and(|browser| browser.connected);
        self.spoilt |= !both;
    }

    /// Since when nothing has stood in the way of its media; `None` while something does.
    pub fn well_since(&self, now: Time) -> Option<Time> {
        let fine = |link: &Link| link.conditions().is_fit() && link.cut_until() <= now;
        let browser = self.page.browser.as_ref();
        let closed = browser.is_some_and(|browser| browser.closed);
        let well = self.is_open()
            && !closed
            && !self.spoilt
            && !self.rude
            && fine(&self.up)
            && fine(&self.down);
        let cut = self.up.cut_until().max(self.down.cut_until());
        well.then(|| self.disturbed.max(cut))
    }

    /// The links do this from now on.
    pub fn change(&mut self, now: Time, up: Conditions, down: Conditions) {
        self.up.change(up);
        self.down.change(down);
        self.disturbed = now;
    }

    /// Nothing passes for a while: to the server, from the server.
    pub fn partition(&mut self, now: Time, up: Duration, down: Duration) {
        self.up.cut(now + up);
        self.down.cut(now + down);
        self.disturbed = now;
    }

    pub(crate) fn rebind(&mut self, now: Time, outer: SocketAddr) {
        let before = std::mem::replace(&mut self.outer, outer);
        self.earlier.push(before);
        self.disturbed = now;
    }

    pub(crate) fn crash(&mut self) {
        self.crashed = true;
        self.page.browser = None;
    }

    /// It has another WebSocket, or none.
    pub(crate) fn set_socket(&mut self, now: Time, socket: Option<ConnectionId>) {
        self.socket = socket.map(|id| (id, now));
        self.frames = (now, now);
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        let browser = self.page.browser.as_ref();
        let browser = browser.filter(|browser| self.is_open() && browser.failure.is_none());
        browser.map(Browser::deadline)
    }

    /// When a frame sent now arrives. TCP repeats what a partition swallows.
    pub(crate) fn frame_up(&mut self, now: Time, delay: Duration) -> Time {
        let at = now.max(self.up.cut_until()) + delay;
        self.frames.0 = self.frames.0.max(at);
        self.frames.0
    }

    pub(crate) fn frame_down(&mut self, now: Time, delay: Duration) -> Time {
        let at = now.max(self.down.cut_until()) + delay;
        self.frames.1 = self.frames.1.max(at);
        self.frames.1
    }
}
