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
}

/// A datagram that came.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// From where.
    pub remote: SocketAddr,
    /// Its bytes.
    pub payload: &'a [u8],
    /// What routers said on the way (RFC 3168).
    pub ecn: Option<EcnCodepoint>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            buffer: vec![0; BATCH_SIZE * BUFFER],
            metas: [RecvMeta::default(); BATCH_SIZE],
            filled: 0,
        }
    }
}

impl Inbox {
    /// Takes what waits at the socket, up to one batch.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing does, and those of the system.
    pub fn receive(&mut self, batching: &Batching, socket: UdpSockRef<'_>) -> io::Result<()> {
        self.filled = 0;
        let mut chunks = self.buffer.chunks_exact_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        self.filled = batching.0.recv(socket, &mut slices, &mut self.metas)?;
        Ok(())
    }

    /// The datagrams of the batch, in the order in which they came.
    pub fn datagrams(&self) -> impl Iterator<Item = Received<'_>> {
        let filled = self.metas.iter().take(self.filled);
        let buffers = filled.zip(self.buffer.chunks_exact(BUFFER));
        buffers.flat_map(|(meta, buffer)| {
            let bytes = buffer.get(..meta.len).unwrap_or_default();
            // An empty datagram has no pieces, and nobody misses it.
            bytes.chunks(meta.stride.max(1)).map(|payload| Received {
                remote: meta.addr,
                payload,
                ecn: meta.ecn,
            })
        })
    }
}
