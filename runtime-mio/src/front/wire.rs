//! A TCP socket that never blocks and that nobody can make us hold memory for.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use tsuji_core::Time;

use crate::limits::Limits;

/// A TCP socket with a bounded queue of what it has to send.
///
/// - Writing puts bytes into the queue, and fails when that is full. [`transmit`](Self::transmit)
///   moves them to the socket.
/// - Reading takes no more than was granted for this turn, and nothing while much waits to be
///   sent; it is `WouldBlock` then, as when nothing has come.
#[derive(Debug)]
pub(super) struct Wire {
    socket: TcpStream,
    queue: VecDeque<u8>,
    queue_limit: usize,
    queue_pause: usize,
    allowance: usize,
    /// False once the socket said `WouldBlock`, until an event says the opposite.
    readable: bool,
    writable: bool,
    blocked_since: Option<Time>,
}

impl Wire {
    pub(super) fn new(socket: TcpStream, limits: &Limits) -> Self {
        Self {
            socket,
            queue: VecDeque::new(),
            queue_limit: limits.send_queue_bytes,
            queue_pause: limits.send_queue_pause_bytes,
            allowance: 0,
            readable: true,
            writable: true,
            blocked_since: None,
        }
    }

    pub(super) fn socket_mut(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// An event came.
    pub(super) fn wake(&mut self, readable: bool, writable: bool) {
        self.readable |= readable;
        self.writable |= writable;
    }

    /// Grants `bytes` to be read from now on.
    pub(super) fn grant(&mut self, bytes: usize) {
        self.allowance = bytes;
    }

    /// Whether the socket may have something to read.
    pub(super) fn is_readable(&self) -> bool {
        self.readable
    }

    /// Whether so much waits to be sent that nothing is read.
    pub(super) fn is_paused(&self) -> bool {
        self.queue.len() > self.queue_pause
    }

    /// Whether nothing waits to be sent.
    pub(super) fn is_flushed(&self) -> bool {
        self.queue.is_empty()
    }

    /// Since when the peer has taken none of what waits for it.
    pub(super) fn blocked_since(&self) -> Option<Time> {
        self.blocked_since
    }

    /// Puts `bytes` into the queue whatever its length: for responses, which come one at a time
    /// and whose length we choose.
    pub(super) fn push_response(&mut self, bytes: &[u8]) {
        self.queue.extend(bytes);
    }

    /// Sends what the socket takes.
    pub(super) fn transmit(&mut self, t: Time) -> io::Result<()> {
        let mut progress = false;
        while self.writable && !self.queue.is_empty() {
            let (first, _) = self.queue.as_slices();
            match self.socket.write(first) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => {
                    self.queue.drain(..length);
                    progress = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.queue.is_empty() {
            // A burst is over: do not keep its memory for the life of the connection.
            self.queue.shrink_to(self.queue_pause / 16);
            self.blocked_since = None;
        } else if progress || self.blocked_since.is_none() {
            self.blocked_since = Some(t);
        }
        Ok(())
    }

    /// Says that nothing more will be sent (FIN).
    pub(super) fn finish(&self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.allowance);
        if !self.readable || length == 0 || self.is_paused() {
            return Err(ErrorKind::WouldBlock.into());
        }
        loop {
            match self.socket.read(&mut buffer[..length]) {
                Ok(length) => {
                    self.allowance -= length;
                    return Ok(length);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    if error.kind() == ErrorKind::WouldBlock {
                        self.readable = false;
                    }
                    return Err(error);
                }
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.queue.len() + bytes.len() > self.queue_limit {
            return Err(io::Error::other(
                "the peer does not read what is sent to it",
            ));
        }
        self.queue.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net;
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn pair(limits: &Limits) -> (Wire, net::TcpStream) {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        (Wire::new(TcpStream::from_std(socket), limits), peer)
    }

    #[test]
    fn what_waits_for_a_peer_that_never_reads_is_bounded_and_noticed() {
        let limits = Limits::default();
        let (mut wire, _peer) = pair(&limits);
        let message = [b'x'; 1024];
        let mut written = 0;
        let error = loop {
            match wire.write(&message) {
                Ok(length) => written += length,
                Err(error) => break error,
            }
            wire.transmit(Time::from_millis(7)).unwrap();
            // Far above what any system buffers for one connection.
            assert!(written < 256 * 1024 * 1024);
        };
        assert_eq!(error.kind(), ErrorKind::Other);
        assert_eq!(wire.queue.len(), limits.send_queue_bytes);
        assert!(wire.is_paused());
        assert_eq!(wire.blocked_since(), Some(Time::from_millis(7)));
    }

    #[test]
    fn a_peer_that_reads_again_gets_everything_and_leaves_no_memory_behind() {
        let limits = Limits::default();
        let (mut wire, mut peer) = pair(&limits);
        let mut written = 0;
        while !wire.is_paused() {
            written += wire.write(&[b'x'; 1024]).unwrap();
            wire.transmit(Time::ZERO).unwrap();
        }
        let reader = std::thread::spawn(move || {
            let mut bytes = vec![0; written];
            peer.read_exact(&mut bytes).map(|()| bytes.len())
        });
        while !wire.is_flushed() && !reader.is_finished() {
            wire.wake(true, true);
            wire.transmit(Time::from_millis(1)).unwrap();
        }
        assert_eq!(reader.join().unwrap().unwrap(), written);
        assert_eq!(wire.blocked_since(), None);
        assert!(wire.queue.capacity() <= limits.send_queue_pause_bytes);
    }

    #[test]
    fn a_turn_reads_no_more_than_it_was_granted() {
        let (mut wire, mut peer) = pair(&Limits::default());
        peer.write_all(&[b'x'; 100]).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        let mut buffer = [0; 64];
        let blocked = |result: io::Result<usize>| {
            result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        };
        assert!(blocked(wire.read(&mut buffer)));
        wire.grant(40);
        assert_eq!(wire.read(&mut buffer).unwrap(), 40);
        assert!(blocked(wire.read(&mut buffer)));
        assert!(wire.is_readable(), "there is more, for the next turn");
        wire.grant(100);
        assert_eq!(wire.read(&mut buffer).unwrap(), 60);
        assert_eq!(wire.read(&mut buffer).unwrap(), 0);
    }
}
