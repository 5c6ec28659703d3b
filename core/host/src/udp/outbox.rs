//! What goes.

use std::io;
use std::net::SocketAddr;

use quinn_udp::{Transmit, UdpSockRef};

use super::Batching;

/// What one call may hold: the largest UDP datagram, and the segments that Linux takes.
const RUN_BYTES: usize = 65_507;
const RUN_SEGMENTS: usize = 64;

/// Single datagrams of one socket on their way out, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    /// One after the other.
    bytes: Vec<u8>,
    runs: Vec<Run>,
}

/// Datagrams in a row to one remote. All have one size; the last may be smaller, and is the last for
/// that.
#[derive(Clone, Copy, Debug)]
struct Run {
    remote: SocketAddr,
    /// Of each, and of all together.
    segment: usize,
    length: usize,
    /// How many there are.
    count: usize,
}

/// Datagrams that the system did not take.
#[derive(Debug)]
pub struct Unsent {
    /// To where.
    pub remote: SocketAddr,
    /// How many.
    pub count: usize,
    /// Bytes of each.
    pub segment: usize,
    /// Why: [`io::ErrorKind::WouldBlock`] when it had no room.
    pub error: io::Error,
}

impl Run {
    fn of(remote: SocketAddr, length: usize) -> Self {
        Self {
            remote,
            segment: length,
            length,
            count: 1,
        }
    }

    fn takes(&self, remote: SocketAddr, length: usize) -> bool {
        let whole = self.length == self.segment * self.count;
        self.remote == remote
            && whole
            && 0 < length
            && length <= self.segment
            && self.count < RUN_SEGMENTS
            && self.length + length <= RUN_BYTES
    }

    /// Takes one more, if it can.
    fn take(&mut self, remote: SocketAddr, length: usize) -> bool {
        let takes = self.takes(remote, length);
        if takes {
            self.length += length;
            self.count += 1;
        }
        takes
    }
}

impl Outbox {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// One more.
    pub fn push(&mut self, remote: SocketAddr, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        let last = self.runs.last_mut();
        if !last.is_some_and(|run| run.take(remote, payload.len())) {
            self.runs.push(Run::of(remote, payload.len()));
        }
    }

    /// Sends all that waits; gives how many datagrams the system took. What it does not take is told
    /// and gone, as in a router whose link is full.
    pub fn send<'s>(
        &mut self,
        batching: &Batching,
        socket: impl Fn() -> UdpSockRef<'s>,
        mut unsent: impl FnMut(Unsent),
    ) -> usize {
        let mut sent = 0;
        let mut rest = self.bytes.as_slice();
        for run in self.runs.drain(..) {
            let Some((contents, others)) = rest.split_at_checked(run.length) else {
                break;
            };
            rest = others;
            sent += run.send(contents, batching, &socket, &mut unsent);
        }
        self.bytes.clear();
        sent
    }
}

/// Sends datagrams to one remote that lie one behind the other, from where they lie; `lengths` are theirs. Gives
/// how many the system took, as [`Outbox::send`] does.
pub fn send_together<'s>(
    remote: SocketAddr,
    contents: &[u8],
    lengths: impl Iterator<Item = usize>,
    batching: &Batching,
    socket: impl Fn() -> UdpSockRef<'s>,
    mut unsent: impl FnMut(Unsent),
) -> usize {
    let mut sent = 0;
    let mut rest = contents;
    let mut send = |run: Run| {
        let (contents, others) = rest.split_at(run.length.min(rest.len()));
        rest = others;
        sent += run.send(contents, batching, &socket, &mut unsent);
    };
    let mut open: Option<Run> = None;
    for length in lengths {
        if !open.as_mut().is_some_and(|run| run.take(remote, length))
            && let Some(full) = open.replace(Run::of(remote, length))
        {
            send(full);
        }
    }
    open.map(send);
    sent
}

impl Run {
    fn send<'s>(
        self,
        contents: &[u8],
        batching: &Batching,
        socket: &impl Fn() -> UdpSockRef<'s>,
        unsent: &mut impl FnMut(Unsent),
    ) -> usize {
        let mut sent = 0;
        let mut rest = contents;
        while !rest.is_empty() || self.length == 0 {
            // Fewer from now on where a network card turns out to be without GSO.
            let at_once = batching
                .segments()
                .max(1)
                .saturating_mul(self.segment.max(1));
            let (piece, others) = rest.split_at(at_once.min(rest.len()));
            let count = piece.len().div_ceil(self.segment.max(1)).max(1);
            let transmit = Transmit {
                destination: self.remote,
                ecn: None,
                contents: piece,
                segment_size: (count > 1).then_some(self.segment),
                src_ip: None,
            };
            let could = batching.segments();
            match batching.0.try_send(socket(), &transmit) {
                Ok(()) => sent += count,
                Err(_) if batching.segments() < could => continue,
                Err(error) => unsent(Unsent {
                    remote: self.remote,
                    count,
                    segment: self.segment,
                    error,
                }),
            }
            rest = others;
            if rest.is_empty() {
                break;
            }
        }
        sent
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "real sockets are what is tested")]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::udp::Inbox;

    fn socket() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }

    /// What a socket got, once `bytes` bytes have come.
    fn received(socket: &UdpSocket, bytes: usize) -> Vec<Vec<u8>> {
        let batching = Batching::of(socket.into()).unwrap();
        let mut inbox = Inbox::default();
        let mut all: Vec<Vec<u8>> = Vec::new();
        while all.iter().map(Vec::len).sum::<usize>() < bytes {
            // Over loopback a datagram is there before its sending returns.
            inbox.receive(&batching, socket.into()).unwrap();
            while let Some(datagram) = inbox.take() {
                all.push(datagram.payload.to_vec());
            }
            assert!(inbox.is_empty());
        }
        all
    }

    #[test]
    fn datagrams_arrive_as_they_were_pushed_whatever_their_sizes_and_remotes() {
        let (from, one, other) = (socket(), socket(), socket());
        let [to_one, to_other] = [&one, &other].map(|socket| socket.local_addr().unwrap());
        let sizes = [
            (to_one, 1_200),
            (to_one, 1_200),
            (to_one, 300),
            (to_one, 300),
            (to_other, 300),
            (to_one, 1_200),
            (to_other, 1),
            (to_other, 2),
        ];
        let numbered = |(number, (to, size)): (u8, (SocketAddr, usize))| (to, vec![number; size]);
        let datagrams: Vec<_> = (0..).zip(sizes).map(numbered).collect();
        let batching = Batching::of((&from).into()).unwrap();
        let mut outbox = Outbox::default();
        // Received by now, so that GRO is on at the other end.
        let [one_is_on, other_is_on] = [&one, &other].map(|s| Batching::of(s.into()).is_ok());
        assert!(one_is_on && other_is_on);
        for (to, payload) in &datagrams {
            outbox.push(*to, payload);
        }
        let sent = outbox.send(&batching, || (&from).into(), |unsent| panic!("{unsent:?}"));
        assert_eq!(sent, datagrams.len());
        assert!(outbox.is_empty());
        for (socket, to) in [(&one, to_one), (&other, to_other)] {
            let wanted = datagrams.iter().filter(|(remote, _)| *remote == to);
            let wanted: Vec<_> = wanted.map(|(_, payload)| payload.clone()).collect();
            let bytes = wanted.iter().map(Vec::len).sum();
            assert_eq!(received(socket, bytes), wanted);
        }
    }

    #[test]
    fn what_lies_together_arrives_as_it_was_cut() {
        let (from, to) = (socket(), socket());
        let remote = to.local_addr().unwrap();
        let [batching, is_on] = [&from, &to].map(|socket| Batching::of(socket.into()).unwrap());
        assert!(is_on.segments() > 0);
        let sizes = [1_200, 1_200, 300, 1_200, 1_201, 1_201, 7];
        let datagrams: Vec<Vec<u8>> = (0..).zip(sizes).map(|(n, size)| vec![n; size]).collect();
        let all = datagrams.concat();
        let lengths = sizes.into_iter();
        let refused = |unsent| panic!("{unsent:?}");
        let sent = send_together(remote, &all, lengths, &batching, || (&from).into(), refused);
        assert_eq!(sent, sizes.len());
        assert_eq!(received(&to, all.len()), datagrams);
    }

    #[test]
    fn what_cannot_be_sent_is_told_and_does_not_keep_back_the_rest() {
        let (from, to) = (socket(), socket());
        let remote = to.local_addr().unwrap();
        let batching = Batching::of((&from).into()).unwrap();
        let mut outbox = Outbox::default();
        outbox.push("[::1]:9".parse().unwrap(), b"no IPv6 on this socket");
        outbox.push(remote, b"good");
        let mut unsent = Vec::new();
        let sent = outbox.send(&batching, || (&from).into(), |failed| unsent.push(failed));
        assert_eq!((sent, unsent.len(), unsent[0].count), (1, 1, 1));
        assert_eq!(received(&to, 4), [b"good".to_vec()]);
    }

    #[test]
    fn more_than_one_call_can_hold_takes_several() {
        let (from, to) = (socket(), socket());
        let remote = to.local_addr().unwrap();
        let batching = Batching::of((&from).into()).unwrap();
        let mut outbox = Outbox::default();
        for _ in 0..100 {
            outbox.push(remote, &[7; 100]);
        }
        assert_eq!(outbox.runs.len(), 2);
        let sent = outbox.send(&batching, || (&from).into(), |unsent| panic!("{unsent:?}"));
        assert_eq!(sent, 100);
        assert_eq!(received(&to, 10_000), vec![vec![7; 100]; 100]);
    }
}
