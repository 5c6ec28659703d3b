//! What comes.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    /// When the system had it, since the Unix epoch.
    had: Option<Duration>,
}

impl Received<'_> {
    /// Whether a router had too much to do on the way.
    pub fn is_congested(&self) -> bool {
        self.ecn == Some(EcnCodepoint::Ce)
    }

    /// How long it had waited at the socket at `now`; zero where the system does not tell.
    pub fn waited(&self, now: SystemTime) -> Duration {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.had
            .map_or(Duration::ZERO, |had| now.saturating_sub(had))
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
            had: meta.timestamp,
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

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::disallowed_types, reason = "real sockets are what is tested")]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_datagram_tells_how_long_it_waited() {
        let [from, to] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let batching = Batching::of((&to).into()).unwrap();
        let before = SystemTime::now();
        from.send_to(&[7], to.local_addr().unwrap()).unwrap();
        let mut inbox = Inbox::default();
        inbox.receive(&batching, (&to).into()).unwrap();
        let datagram = inbox.take().unwrap();
        let since = |time: SystemTime| time.duration_since(before).unwrap();
        let now = SystemTime::now();
        assert!(datagram.waited(now) <= since(now));
        let later = now + Duration::from_secs(5);
        assert!(datagram.waited(later) >= Duration::from_secs(5));
        assert!(datagram.waited(later) <= since(later));
        assert_eq!(
            datagram.waited(before - Duration::from_secs(1)),
            Duration::ZERO
        );
    }
}
