//! A relay for media (TURN, RFC 8656) on a TCP connection that is behind TLS: for networks that let
//! nothing but real TLS through.
//!
//! ```text
//!  browser ══ TLS ══► messages, channel data ─► Relay ─► ToMedia::Relayed ─► Sfu, as if a datagram had
//!                                                │ ▲                         come from the relayed address
//!                     (access: user, password)   │ └── Order::Relayed ◄─ what goes to that address
//!                                                ▼
//!                                           answers
//! ```
//! It reaches nobody but our own media sockets, under the addresses that participants are told: every
//! other peer is refused (403). So it opens no sockets, and is of no use against others. The relayed
//! address is a number within this process, [`RELAYED`] with a port: no packet ever has it, and those
//! that claim to are dropped.
//!
//! Messages and attributes are read and written by `stun-types` and `turn-types`. `turn-server-proto`,
//! which is made of the same, was left out: it cannot be told to refuse a peer or an allocation,
//! bounds neither users, channels nor allocations that wait, and unwraps what it has signed.

mod access;
mod allocation;
mod messages;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use stun_types::message::Message;
use tsuji_core::Time;
use turn_types::channel::ChannelData;

use super::wire::Wire;
use crate::limits::Limits;
use access::{Access, Denied};
pub use access::{Grant, Ground, Peers};
use allocation::Allocation;

/// What relayed addresses are made of: the IPv4 dummy address, which never is anybody's and is not
/// forwarded (RFC 7600, 6).
pub(crate) const RELAYED: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);

/// Whether it is a relayed address, which no packet on a network has.
pub(crate) fn is_relayed(address: IpAddr) -> bool {
    address.to_canonical() == IpAddr::V4(RELAYED)
}

/// Bytes of a header of channel data (RFC 8656, 12.4), and how many tell how long what comes is.
const CHANNEL_HEADER: usize = 4;
/// Bytes of a STUN header (RFC 8489, 5).
const STUN_HEADER: usize = 20;
/// Bytes of a message at most. 2,048: a datagram of media with what a Send indication has around it.
const MESSAGE_BYTES: usize = 2_048;

/// Bytes that can't be told apart any more, or somebody who does not belong here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// Neither a STUN message nor channel data.
    #[error("what came is neither a STUN message nor channel data")]
    Garbage,
    /// A message longer than any of a browser.
    #[error("a message has {0} bytes, more than {MESSAGE_BYTES}")]
    TooLong(usize),
    /// Requests without the right password.
    #[error("too many requests without the right password")]
    Stranger,
}

/// What came from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// Something that was answered, or thrown away.
    Nothing,
    /// It has shown that it is no stranger.
    Allocated,
    /// A datagram for one of our media sockets.
    Datagram {
        /// Which.
        local: SocketAddr,
        /// What is in it.
        payload: Vec<u8>,
    },
}

/// A relay on one TCP connection, without its socket.
#[derive(Debug)]
pub struct Relay {
    wire: Wire,
    grant: Grant,
    access: Access,
    allocation: Option<Allocation>,
    began: Time,
    /// Requests that were refused for their password.
    refused: u32,
    pace: Pace,
    broken: bool,
}

/// How much a client may send: a bucket that fills at a rate.
#[derive(Debug)]
struct Pace {
    bytes: u64,
    filled: Time,
}

impl Pace {
    /// Whether so many bytes may pass now. The bucket holds what comes in one second.
    fn spend(&mut self, t: Time, bytes: usize, per_second: u64) -> bool {
        let gone = u64::try_from(t.since(self.filled).as_millis()).unwrap_or(u64::MAX);
        let gained = gone.saturating_mul(per_second) / 1_000;
        if gained > 0 {
            self.bytes = self.bytes.saturating_add(gained).min(per_second);
            self.filled = t;
        }
        let bytes = bytes as u64;
        let enough = self.bytes >= bytes;
        if enough {
            self.bytes -= bytes;
        }
        enough
    }
}

impl Relay {
    /// A connection that began with `first`.
    pub fn new(t: Time, limits: &Limits, grant: Grant, first: &[u8]) -> Self {
        let mut wire = Wire::new(limits);
        wire.receive(first);
        Self::on(t, limits, grant, wire)
    }

    pub(super) fn on(t: Time, limits: &Limits, grant: Grant, wire: Wire) -> Self {
        Self {
            access: Access::new(&grant),
            wire,
            grant,
            allocation: None,
            began: t,
            refused: 0,
            pace: Pace {
                bytes: limits.relay_bytes_per_second,
                filled: t,
            },
            broken: false,
        }
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(super) fn wire_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Whether it can take bytes now: there may be no whole message yet.
    pub(super) fn is_hungry(&self) -> bool {
        self.wire.is_hungry_for(MESSAGE_BYTES)
    }

    /// Bytes came.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.wire.receive(bytes);
    }

    /// Works on the next whole message; `None` when there is none.
    ///
    /// # Errors
    /// When the connection is to end.
    pub fn next(&mut self, t: Time, limits: &Limits) -> Result<Option<Came>, RelayError> {
        let came = match self.take_message() {
            Ok(None) => Ok(None),
            Ok(Some(message)) if message[0] >> 6 == 0 => self.hear(t, limits, &message).map(Some),
            Ok(Some(message)) => Ok(Some(self.channel_data(t, limits, &message))),
            Err(error) => Err(error),
        };
        self.broken = came.is_err();
        came
    }

    /// The next whole message: its first two bits tell what it is (RFC 8656, 12).
    fn take_message(&mut self) -> Result<Option<Vec<u8>>, RelayError> {
        let Some(head) = self.wire.peek(CHANNEL_HEADER) else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (length, padded) = match head[0] >> 6 {
            0 => (STUN_HEADER + length, STUN_HEADER + length),
            // Over TCP channel data is padded (RFC 8656, 12.5).
            1 => (
                CHANNEL_HEADER + length,
                CHANNEL_HEADER + length.next_multiple_of(4),
            ),
            _ => return Err(RelayError::Garbage),
        };
        if padded > MESSAGE_BYTES {
            return Err(RelayError::TooLong(padded));
        }
        let Some(mut message) = self.wire.peek(padded) else {
            return Ok(None);
        };
        self.wire.consume(padded);
        message.truncate(length);
        Ok(Some(message))
    }

    fn hear(&mut self, t: Time, limits: &Limits, bytes: &[u8]) -> Result<Came, RelayError> {
        let message = Message::from_bytes(bytes).map_err(|_| RelayError::Garbage)?;
        if let Some(allocation) = &self.allocation
            && let Some(sent) = messages::sent(&message)
        {
            let (peer, payload) = sent;
            let may = allocation.permits(t, peer.ip());
            return Ok(match self.grant.peers.socket(peer) {
                Some(local) if may => self.datagram(t, limits, peer, local, payload),
                _ => Came::Nothing,
            });
        }
        if !messages::is_request(&message) {
            return Ok(Came::Nothing);
        }
        let was_allocated = self.allocation.is_some();
        let answer = match self.access.check(t, &message) {
            Err(denied) => {
                self.refused += 1;
                if self.refused > limits.relay_refusals {
                    return Err(RelayError::Stranger);
                }
                let challenge = matches!(denied, Denied::Challenge(_));
                messages::denied(&message, denied.code(), challenge.then_some(&self.access))
            }
            Ok(key) => {
                let answer = allocation::answer(t, &message, &self.grant, &mut self.allocation);
                messages::signed(&message, answer, &key)
            }
        };
        self.wire.push_response(&answer);
        let is_new = !was_allocated && self.allocation.is_some();
        Ok(if is_new {
            Came::Allocated
        } else {
            Came::Nothing
        })
    }

    fn channel_data(&mut self, t: Time, limits: &Limits, bytes: &[u8]) -> Came {
        let peer = ChannelData::parse(bytes).ok().and_then(|data| {
            let allocation = self.allocation.as_ref()?;
            let peer = allocation.channel(t, data.id())?;
            let may = allocation.permits(t, peer.ip());
            let local = self.grant.peers.socket(peer).filter(|_| may)?;
            Some((peer, local, data.data().to_vec()))
        });
        match peer {
            Some((peer, local, payload)) => self.datagram(t, limits, peer, local, payload),
            None => Came::Nothing,
        }
    }

    fn datagram(
        &mut self,
        t: Time,
        limits: &Limits,
        peer: SocketAddr,
        local: SocketAddr,
        payload: Vec<u8>,
    ) -> Came {
        let fits = payload.len() <= super::media::FRAME_BYTES;
        if !fits
            || !self
                .pace
                .spend(t, payload.len(), limits.relay_bytes_per_second)
        {
            return Came::Nothing;
        }
        if let Some(allocation) = &mut self.allocation {
            allocation.spoke_to(local, peer);
        }
        Came::Datagram { local, payload }
    }

    /// Sends what one of our media sockets has for the client, if that may hear it.
    pub fn push(&mut self, t: Time, local: SocketAddr, payload: &[u8]) {
        let Some(allocation) = &self.allocation else {
            return;
        };
        // It comes from where the client sent to, whichever of the socket's addresses that was.
        let Some(peer) = allocation.spoken_to(local) else {
            return;
        };
        if !allocation.permits(t, peer.ip()) {
            return;
        }
        let bytes = match allocation.channel_of(t, peer) {
            Some(channel) => messages::channel_data(channel, payload),
            None => messages::data(peer, payload),
        };
        self.wire.push_response(&bytes);
    }

    /// Whether nothing can be read any more.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether it can take something to send. If not, it is to wait where its amount is bounded.
    pub fn has_room(&self, limits: &Limits) -> bool {
        self.wire.waiting() < limits.media_write_bytes
    }

    /// What is to be sent now; empty when nothing waits.
    pub fn to_send(&self) -> &[u8] {
        self.wire.to_send()
    }

    /// The socket has taken the first `length` bytes of that; 0 when it takes none now.
    pub fn sent(&mut self, t: Time, length: usize) {
        self.wire.sent(t, length);
    }

    /// When the connection is to be given up.
    pub fn deadline(&self, limits: &Limits) -> Time {
        let over = match &self.allocation {
            None => self.began + limits.media_handshake,
            Some(allocation) => allocation.ends(),
        };
        let blocked = self.wire.blocked_since();
        blocked.map_or(over, |since| over.min(since + limits.send_stall))
    }
}

/// How long an allocation lives that is not refreshed (RFC 8656, 3.2), and the longest that one may
/// ask for (7.2).
const LIFETIME: Duration = Duration::from_secs(600);
const MAX_LIFETIME: Duration = Duration::from_secs(3_600);
/// How long a permission lives (RFC 8656, 9), and a channel (12).
const PERMISSION: Duration = Duration::from_secs(300);
const CHANNEL: Duration = Duration::from_secs(600);
