//! A UDP socket, and what waits to go out by it.

use std::io;
use std::net::SocketAddr;

use tsuji_core::{Time, Transmit};

use super::DatagramSocket;
use crate::udp::{Batching, Inbox, Outbox, Unsent, send_together};

/// A UDP socket with what its last turn left.
#[derive(Debug)]
pub(super) struct Port<S> {
    pub(super) socket: S,
    pub(super) address: SocketAddr,
    pub(super) batching: Batching,
    /// What came and waits for its turn.
    pub(super) inbox: Inbox,
    /// What waits for the end of this turn, or for more: single datagrams, or those that lie together and need no
    /// copy.
    outbox: Outbox,
    together: Vec<Transmit>,
    together_bytes: usize,
    /// More may be waiting: the runtime said so, and `WouldBlock` has not yet said the opposite.
    pub(super) readable: bool,
    pub(super) paused_until: Option<Time>,
}

impl<S: DatagramSocket> Port<S> {
    pub(super) fn new(socket: S) -> io::Result<Self> {
        Ok(Self {
            address: socket.address(),
            batching: Batching::of(socket.reference())?,
            socket,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            together: Vec::new(),
            together_bytes: 0,
            readable: false,
            paused_until: None,
        })
    }

    pub(super) fn is_ready(&self) -> bool {
        (self.readable || !self.inbox.is_empty()) && self.paused_until.is_none()
    }

    /// Takes what is to go out; it leaves in the order in which it was given, once that are `bytes`. Gives how many
    /// datagrams were sent.
    pub(super) fn take(
        &mut self,
        transmit: Transmit,
        bytes: usize,
        mut unsent: impl FnMut(Unsent),
        mut spent: impl FnMut(Transmit),
    ) -> u64 {
        let is_together = transmit.count() > 1;
        let waits = match is_together {
            true => !self.outbox.is_empty(),
            false => !self.together.is_empty(),
        };
        let mut sent = match waits {
            true => self.send(&mut unsent, &mut spent),
            false => 0,
        };
        let waiting = if is_together {
            self.together_bytes += transmit.payload.len();
            self.together.push(transmit);
            self.together_bytes
        } else {
            self.outbox.push(transmit.path.remote, &transmit.payload);
            self.outbox.bytes()
        };
        if waiting >= bytes {
            sent += self.send(&mut unsent, &mut spent);
        }
        sent
    }

    /// Sends what waits; what lay together is `spent` then. Gives how many datagrams those were.
    pub(super) fn send(
        &mut self,
        mut unsent: impl FnMut(Unsent),
        mut spent: impl FnMut(Transmit),
    ) -> u64 {
        let Self {
            socket, batching, ..
        } = self;
        let mut sent = self
            .outbox
            .send(batching, || socket.reference(), &mut unsent);
        for transmit in self.together.drain(..) {
            sent += send_together(
                transmit.path.remote,
                &transmit.payload,
                transmit.datagrams().map(<[u8]>::len),
                batching,
                || socket.reference(),
                &mut unsent,
            );
            spent(transmit);
        }
        self.together_bytes = 0;
        sent as u64
    }
}
