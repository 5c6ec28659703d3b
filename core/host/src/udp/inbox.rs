//! What comes.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use quinn_udp::{BATCH_SIZE, EcnCodepoint, RecvMeta, UdpSockRef};

use super::Batching;

/// Bytes of one buffer: what GRO puts together at most is a UDP datagram of the largest size.
const BUFFER: usize = 65_535;

/// A batch of received datagrams, in buffers that are used again and again: 2 MiB, of which the
/// system gives only what was ever written to.
#[derive(Debug)]
pub struct Inbox {
    buffer: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
    /// How many buffers are filled.
    filled: usize,
    /// What comes next: which buffer, and which byte of it.
    next: (usize, usize),
}

/// A datagram that came.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// From where.
    pub remote: SocketAddr,
    /// Its bytes.
    pub payload: &'a [u8],
    /// What routers said on the way (RFC 3168).
    ecn: Option<EcnCodepoint>,
}

impl Received<'_> {
    /// Whether a router had too much to do on the way.
    pub fn is_congested(&self) -> bool {
        self.ecn == Some(EcnCodepoint::Ce)
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            buffer: vec![0; BATCH_SIZE * BUFFER],
            metas: [RecvMeta::default(); BATCH_SIZE],
            filled: 0,
            next: (0, 0),
        }
    }
}

impl Inbox {
    /// Takes what waits at the socket, up to one batch, in the place of what was there. Says whether
    /// more may be waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing does, and those of the system.
    pub fn receive(&mut self, batching: &Batching, socket: UdpSockRef<'_>) -> io::Result<bool> {
        (self.filled, self.next) = (0, (0, 0));
        let mut chunks = self.buffer.chunks_exact_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        self.filled = batching.0.recv(socket, &mut slices, &mut self.metas)?;
        Ok(self.filled == BATCH_SIZE)
    }

    /// The next datagram of the batch, in the order in which they came.
    pub fn take(&mut self) -> Option<Received<'_>> {
        let (mut index, mut from) = self.next;
        let meta = loop {
            let meta = self.metas[..self.filled].get(index)?;
            if from < meta.len {
                break meta;
            }
            // An empty datagram is passed over, too: nobody misses it.
            (index, from) = (index + 1, 0);
        };
        let to = meta.len.min(from + meta.stride.max(1));
        self.next = (index, to);
        let payload = self.buffer.get(index * BUFFER..)?.get(from..to)?;
        Some(Received {
            remote: meta.addr,
            payload,
            ecn: meta.ecn,
        })
    }

    /// Whether [`take`](Self::take) gives nothing any more.
    pub fn is_empty(&self) -> bool {
        let (index, from) = self.next;
        let rest = self.metas[..self.filled].get(index..).unwrap_or_default();
        let mut lengths = rest.iter().map(|meta| meta.len);
        lengths.next().is_none_or(|length| length <= from) && lengths.all(|length| length == 0)
    }
}
