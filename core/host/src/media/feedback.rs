//! What viewers tell of what came, and nothing else, comes to a socket of its own, which wakes nobody.
//!
//! ```text
//!  a UDP port ─► the system looks at 4 bytes ─┬─ feedback ─► this socket: looked at with a turn, or 40 ms later
//!                                             ├─ RR and XR alone: dropped
//!                                             └─ all else ─► the runtime's socket: wakes the thread
//! ```
//! Each viewer tells some 20 times a second what came and when (`draft-holmer-rmcat-transport-wide-cc-extensions-01`),
//! and once a second for each stream how it came (RR, XR), which says nothing more. Those are more wake-ups than all
//! media in a room where few speak, each with cold caches, and nothing in them is urgent: when packets came stands in
//! the feedback. What asks for packets or pictures again (NACK, PLI) is not among them, nor sender reports, whose time of
//! arrival matters. The first bytes of SRTCP are in clear (RFC 3711, section 3.4), so the system can tell them apart.
//!
//! What comes to which socket is nothing but a matter of time: both take everything.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::Socket;
use tsuji_core::Time;

use crate::udp::{Batching, Inbox, Received};

/// Within which turns do not look again. 5 ms.
const GAP: Duration = Duration::from_millis(5);

/// How long feedback waits at most while it comes. 40 ms: as pictures come more often, nobody wakes up for it; and small
/// beside the 50 to 100 ms between two of one viewer.
const HOLD: Duration = Duration::from_millis(40);

/// After the last feedback, until which more is expected. 500 ms. What comes later waits for whatever comes next.
const EXPECTED: Duration = Duration::from_millis(500);

/// The socket for feedback beside one of a runtime, bound to the same address.
#[derive(Debug)]
pub(crate) struct Feedback {
    socket: Socket,
    pub(crate) address: SocketAddr,
    batching: Batching,
    inbox: Inbox,
    looked: Time,
    expected_until: Time,
}

impl Feedback {
    /// # Errors
    /// When the system does not let the socket be set up.
    pub(crate) fn new(socket: Socket, address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            batching: Batching::of((&socket).into())?,
            socket,
            address,
            inbox: Inbox::default(),
            looked: Time::ZERO,
            expected_until: Time::ZERO,
        })
    }

    /// When to look though nothing else happens.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let next = self.looked + HOLD;
        (next < self.expected_until).then_some(next)
    }

    /// Whether a turn at `t` looks.
    pub(crate) fn is_due(&self, t: Time) -> bool {
        self.looked + GAP <= t
    }

    /// Takes a batch of what waits into the inbox. If there may be more, the next turn looks again, at once.
    ///
    /// # Errors
    /// Those of the system, but not that nothing waits.
    pub(crate) fn receive(&mut self, t: Time) -> io::Result<()> {
        self.looked = t;
        match self.inbox.receive(&self.batching, (&self.socket).into()) {
            Ok(more) => {
                self.expected_until = t + EXPECTED;
                if more {
                    self.looked = Time::ZERO;
                }
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next one of the batch.
    pub(crate) fn take(&mut self) -> Option<Received<'_>> {
        self.inbox.take()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "real sockets are what is tested")]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn it_is_looked_at_in_time_while_reports_come_and_with_turns_at_any_time() {
        let at = Time::from_millis;
        let [socket, from] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let address = socket.local_addr().unwrap();
        let mut feedback = Feedback::new(socket.into(), address).unwrap();
        feedback.receive(at(1_000)).unwrap();
        assert!(!feedback.is_due(at(1_004)) && feedback.is_due(at(1_005)));
        assert!(feedback.take().is_none());
        assert_eq!(feedback.deadline(), None, "nothing is expected");

        from.send_to(b"report", address).unwrap();
        feedback.receive(at(2_000)).unwrap();
        assert_eq!(feedback.take().unwrap().payload, b"report");
        assert_eq!(feedback.deadline(), Some(at(2_040)));
        feedback.receive(at(2_450)).unwrap();
        assert_eq!(feedback.deadline(), Some(at(2_490)));
        feedback.receive(at(2_490)).unwrap();
        assert_eq!(feedback.deadline(), None, "it is over");
    }

    #[test]
    fn what_fills_a_batch_is_followed_by_the_next_at_once() {
        let at = Time::from_millis;
        let [socket, from] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let address = socket.local_addr().unwrap();
        let mut feedback = Feedback::new(socket.into(), address).unwrap();
        for _ in 0..quinn_udp::BATCH_SIZE + 1 {
            from.send_to(b"report", address).unwrap();
        }
        feedback.receive(at(1_000)).unwrap();
        assert!(feedback.is_due(at(1_000)) && feedback.deadline() <= Some(at(1_000)));
        while feedback.take().is_some() {}
        feedback.receive(at(1_000)).unwrap();
        assert!(feedback.take().is_some() && feedback.take().is_none());
        assert_eq!(feedback.deadline(), Some(at(1_040)));
    }
}
