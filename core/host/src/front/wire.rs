//! The bytes of a connection on their way in and out, bounded in both directions.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use tsuji_core::Time;

use crate::limits::Limits;

/// Bytes that came and bytes that wait to be sent.
///
/// - Writing puts bytes into the queue, and fails when that is full.
/// - Reading takes what came, and nothing while much waits to be sent; it is `WouldBlock` then, as
///   when nothing has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wire {
    incoming: VecDeque<u8>,
    /// Nothing will come behind that.
    ended: bool,
    outgoing: VecDeque<u8>,
    limit: usize,
    pause: usize,
    blocked_since: Option<Time>,
}

impl Wire {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            incoming: VecDeque::new(),
            ended: false,
            outgoing: VecDeque::new(),
            limit: limits.send_queue_bytes,
            pause: limits.send_queue_pause_bytes,
            blocked_since: None,
        }
    }

    /// Bytes came.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.incoming.extend(bytes);
    }

    /// The peer says that nothing more will come.
    pub(super) fn receive_end(&mut self) {
        self.ended = true;
    }

    /// The first of what came and is not read yet; empty when all of it is.
    pub(super) fn unread(&self) -> &[u8] {
        self.incoming.as_slices().0
    }

    /// A copy of the first `length` bytes of what came, once there are so many.
    pub(super) fn peek(&self, length: usize) -> Option<Vec<u8>> {
        let enough = self.incoming.len() >= length;
        enough.then(|| self.incoming.range(..length).copied().collect())
    }

    /// The first `length` bytes of what came are read; or all of them.
    pub(super) fn consume(&mut self, length: usize) {
        self.incoming.drain(..length.min(self.incoming.len()));
        if self.incoming.is_empty() {
            // Most connections say little and seldom.
            self.incoming = VecDeque::new();
        }
    }

    /// Whether nothing will come behind what is there.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether all is read that will ever come.
    pub(super) fn is_at_end(&self) -> bool {
        self.ended && self.incoming.is_empty()
    }

    /// Whether all that came has been read, and more may come.
    pub(super) fn is_hungry(&self) -> bool {
        self.is_hungry_for(1)
    }

    /// Whether fewer than so many bytes came that were not read, and more may come.
    pub(super) fn is_hungry_for(&self, length: usize) -> bool {
        self.incoming.len() < length && !self.ended && !self.is_paused()
    }

    /// Whether so much waits to be sent that nothing is read.
    pub(super) fn is_paused(&self) -> bool {
        self.outgoing.len() > self.pause
    }

    /// Whether nothing waits to be sent.
    pub(super) fn is_flushed(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// How many bytes wait to be sent.
    pub(super) fn waiting(&self) -> usize {
        self.outgoing.len()
    }

    /// Since when the peer has taken none of what waits for it.
    pub(super) fn blocked_since(&self) -> Option<Time> {
        self.blocked_since
    }

    /// Puts `bytes` into the queue whatever its length: for responses, which come one at a time
    /// and whose length we choose.
    pub(super) fn push_response(&mut self, bytes: &[u8]) {
        self.outgoing.extend(bytes);
    }

    /// What is to be sent now; empty when nothing waits.
    pub(super) fn to_send(&self) -> &[u8] {
        self.outgoing.as_slices().0
    }

    /// The socket has taken the first `length` bytes of what waits; perhaps none.
    pub(super) fn sent(&mut self, t: Time, length: usize) {
        self.outgoing.drain(..length.min(self.outgoing.len()));
        if self.outgoing.is_empty() {
            // A burst is over: do not keep its memory for the life of the connection.
            self.outgoing.shrink_to(self.pause / 16);
            self.blocked_since = None;
        } else if length > 0 || self.blocked_since.is_none() {
            self.blocked_since = Some(t);
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_paused() || (self.incoming.is_empty() && !self.ended) {
            return Err(ErrorKind::WouldBlock.into());
        }
        let unread = self.unread();
        let length = buffer.len().min(unread.len());
        buffer[..length].copy_from_slice(&unread[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.outgoing.len() + bytes.len() > self.limit {
            return Err(io::Error::other(
                "the peer does not read what is sent to it",
            ));
        }
        self.outgoing.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_peer_that_never_reads_is_bounded_and_noticed() {
        let limits = Limits::default();
        let mut wire = Wire::new(&limits);
        let error = loop {
            if let Err(error) = wire.write(&[b'x'; 1024]) {
                break error;
            }
            wire.sent(Time::from_millis(7), 0);
        };
        assert_eq!(error.kind(), ErrorKind::Other);
        assert_eq!(wire.outgoing.len(), limits.send_queue_bytes);
        assert!(wire.is_paused());
        assert_eq!(wire.blocked_since(), Some(Time::from_millis(7)));
    }

    #[test]
    fn a_peer_that_reads_again_gets_everything_and_leaves_no_memory_behind() {
        let limits = Limits::default();
        let mut wire = Wire::new(&limits);
        let mut written = 0;
        while !wire.is_paused() {
            written += wire.write(&[b'x'; 1024]).unwrap();
        }
        let mut read = 0;
        while !wire.is_flushed() {
            let length = wire.to_send().len().min(1_000);
            wire.sent(Time::from_millis(1), length);
            read += length;
        }
        assert_eq!(read, written);
        assert_eq!(wire.blocked_since(), None);
        assert!(wire.outgoing.capacity() <= limits.send_queue_pause_bytes);
    }

    #[test]
    fn while_much_waits_to_be_sent_nothing_is_read() {
        let limits = Limits::default();
        let mut wire = Wire::new(&limits);
        wire.receive(b"hello");
        wire.push_response(&vec![0; limits.send_queue_pause_bytes + 1]);
        let mut buffer = [0; 64];
        let error = wire.read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        wire.sent(Time::ZERO, 1);
        assert_eq!(wire.read(&mut buffer).unwrap(), 5);
        assert!(wire.is_hungry());
        wire.receive_end();
        assert_eq!(wire.read(&mut buffer).unwrap(), 0);
    }
}
