//! What waits to be sent to one connection.

use std::collections::VecDeque;
use std::net::SocketAddr;

/// What a framed message costs beyond its text: the header of a frame (RFC 6455, 5.2) at most.
const FRAME: usize = 10;

/// Something to do with a connection, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send a text message.
    Text(String),
    /// Send a ping.
    Ping,
    /// Send a frame of media (RFC 4571), which is given here without its length.
    Frame(Vec<u8>),
    /// Send what one of our media sockets has for the client of a relay.
    Relayed {
        /// The socket.
        local: SocketAddr,
        /// What is in the datagram.
        payload: Vec<u8>,
    },
    /// The last thing: a WebSocket gets a close frame, unless it has had one, then everything is
    /// sent and the connection ends. One that asks for pages gets the response that is on its
    /// way, and no other.
    Close {
        /// The status code (RFC 6455, 7.4.1).
        code: u16,
        /// For people who read logs.
        reason: &'static str,
    },
}

/// A bounded queue of orders.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    orders: VecDeque<Order>,
    bytes: usize,
}

impl Outbox {
    /// Puts a message behind the others, if there are at most `limit` bytes then.
    #[must_use]
    pub(super) fn push(&mut self, order: Order, limit: usize) -> bool {
        if self.bytes + cost(&order) > limit {
            return false;
        }
        self.push_last(order);
        true
    }

    /// Puts the last order behind the others, which needs no room: nothing follows it.
    pub(super) fn push_last(&mut self, order: Order) {
        self.bytes += cost(&order);
        self.orders.push_back(order);
    }

    pub(super) fn pop(&mut self) -> Option<Order> {
        let order = self.orders.pop_front()?;
        self.bytes -= cost(&order);
        if self.orders.is_empty() {
            // A burst is over: do not keep its memory for the life of the connection.
            self.orders = VecDeque::new();
        }
        Some(order)
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn cost(order: &Order) -> usize {
    match order {
        Order::Text(text) => text.len() + FRAME,
        Order::Frame(frame) => frame.len() + FRAME,
        Order::Relayed { payload, .. } => payload.len() + FRAME,
        Order::Ping | Order::Close { .. } => FRAME,
    }
}
