//! Many datagrams with one system call.
//!
//! ```text
//!  the system ─► recvmmsg, GRO ─► Inbox ─► Received …
//!  one by one ─► Outbox ─┬─► runs of equal size to one remote ─► GSO ─► the system
//!  together   ───────────┘
//! ```
//! One system call for each datagram costs more than its encryption. What came is taken in batches,
//! and what goes to one remote in a row goes to the system as one piece, which it, or its network
//! card, cuts up again. Where a system knows neither, the same calls move one datagram each.

mod inbox;
mod outbox;

pub use inbox::{Inbox, Received};
pub use outbox::{Outbox, Unsent, send_together};

use std::io;

pub use quinn_udp::UdpSockRef;
use quinn_udp::UdpSocketState;

/// What the system can do with a UDP socket.
#[derive(Debug)]
pub struct Batching(UdpSocketState);

impl Batching {
    /// Asks for all of it. The socket does not block from now on, and what it sends is never
    /// fragmented: nothing that WebRTC sends is that large.
    ///
    /// # Errors
    /// Those of the system.
    pub fn of(socket: UdpSockRef<'_>) -> io::Result<Self> {
        UdpSocketState::new(socket).map(Self)
    }

    /// How many datagrams the system takes at once; 1 where it has no GSO.
    pub fn segments(&self) -> usize {
        self.0.max_gso_segments()
    }
}
