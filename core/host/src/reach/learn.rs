//! How others see our sockets: asks a STUN server (RFC 8489).
#![expect(
    clippy::disallowed_types,
    reason = "asked once, before anything runs, from the very sockets that it is about"
)]

use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use stun_types::attribute::XorMappedAddress;
use stun_types::message::{BINDING, Message, MessageClass, MessageWriteVec, TransactionId};
use stun_types::prelude::*;

/// How often a question is sent. 6: with the pause below, 3 s in all.
const TRIES: u32 = 6;
/// How long is waited for answers before the question is sent again (RFC 8489, 6.2.1).
const PAUSE: Duration = Duration::from_millis(500);
/// Datagrams looked at in one pause, whoever they are from. 64: people may knock already.
const LOOKS: u32 = 64;
/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 1_500;

/// Why nothing was learnt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// Its name leads nowhere.
    #[error("the STUN server {server} is not found: {source}")]
    Name {
        /// As it was given.
        server: String,
        /// Why.
        source: io::Error,
    },
    /// No socket got an answer.
    #[error(
        "the STUN server {server} gave no answer to {sockets} within 3 s. Is its port right, and \
         does a firewall let UDP out? --advertise tells the address without it"
    )]
    NoAnswer {
        /// As it was given.
        server: String,
        /// Who asked.
        sockets: String,
    },
}

/// How the server sees each socket, in their order; `None` where it said nothing. The sockets do
/// not block, before and after.
pub(crate) fn learn(
    server: &str,
    sockets: &[UdpSocket],
) -> Result<Vec<Option<SocketAddr>>, LearnError> {
    let found = server.to_socket_addrs();
    let places: Vec<SocketAddr> = found
        .map_err(|source| LearnError::Name {
            server: server.to_owned(),
            source,
        })?
        .collect();
    let mut questions: Vec<_> = sockets
        .iter()
        .map(|socket| Question::new(socket, &places))
        .collect();
    for _ in 0..TRIES {
        let open = questions
            .iter()
            .filter(|question| question.is_open())
            .count();
        let Some(share) = u32::try_from(open).ok().filter(|open| *open > 0) else {
            break;
        };
        for question in questions.iter_mut().filter(|question| question.is_open()) {
            // Where nothing can be sent now, there is another try.
            let _ = question.ask();
        }
        for question in questions.iter_mut().filter(|question| question.is_open()) {
            // What can't be received may still be.
            let _ = question.listen(PAUSE / share);
        }
    }
    let learnt: Vec<_> = questions.iter().map(|question| question.learnt).collect();
    if learnt.iter().all(Option::is_none) {
        let names = sockets.iter().filter_map(|socket| socket.local_addr().ok());
        let names: Vec<_> = names.map(|address| address.to_string()).collect();
        return Err(LearnError::NoAnswer {
            server: server.to_owned(),
            sockets: names.join(", "),
        });
    }
    Ok(learnt)
}

struct Question<'a> {
    socket: &'a UdpSocket,
    /// Whom it asks; `None` when the server has no address that this socket can reach.
    place: Option<SocketAddr>,
    id: TransactionId,
    bytes: Vec<u8>,
    learnt: Option<SocketAddr>,
}

impl<'a> Question<'a> {
    fn new(socket: &'a UdpSocket, places: &[SocketAddr]) -> Self {
        let own = socket.local_addr().ok();
        let place = places.iter().find(|place| {
            own.is_some_and(|own| {
                own.is_ipv4() == place.is_ipv4()
                    && (!own.ip().is_loopback() || place.ip().is_loopback())
            })
        });
        let message = Message::builder_request(BINDING, MessageWriteVec::new());
        let id = message.transaction_id();
        Self {
            socket,
            place: place.copied(),
            id,
            bytes: message.finish(),
            learnt: None,
        }
    }

    fn is_open(&self) -> bool {
        self.place.is_some() && self.learnt.is_none()
    }

    fn ask(&self) -> io::Result<()> {
        match self.place {
            Some(place) => self.socket.send_to(&self.bytes, place).map(drop),
            None => Ok(()),
        }
    }

    fn listen(&mut self, time: Duration) -> io::Result<()> {
        self.socket.set_nonblocking(false)?;
        let heard = self.listen_blocking(time);
        self.socket.set_read_timeout(None)?;
        self.socket.set_nonblocking(true)?;
        heard
    }

    fn listen_blocking(&mut self, time: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(time))?;
        let mut buffer = [0; ANSWER_BYTES];
        for _ in 0..LOOKS {
            let (length, from) = self.socket.recv_from(&mut buffer)?;
            if Some(from) == self.place
                && let Some(learnt) = answer(&buffer[..length], self.id)
            {
                self.learnt = Some(learnt);
                break;
            }
        }
        Ok(())
    }
}

/// What an answer to the question with this id says.
fn answer(datagram: &[u8], id: TransactionId) -> Option<SocketAddr> {
    let message = Message::from_bytes(datagram).ok()?;
    let is_ours = message.transaction_id() == id
        && message.method() == BINDING
        && message.class() == MessageClass::Success;
    let address = message.attribute::<XorMappedAddress>().ok()?;
    is_ours.then(|| address.addr(id))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn socket() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }

    /// Answers one question as a server behind a router would see it, behind a lie of somebody
    /// else and an answer to another question.
    #[test]
    fn a_socket_learns_how_the_server_sees_it_and_believes_nobody_else() {
        let (server, liar, own) = (socket(), socket(), socket());
        own.set_nonblocking(true).unwrap();
        let seen: SocketAddr = "203.0.113.9:777".parse().unwrap();
        let answer = |id: TransactionId, address: SocketAddr, question: &Message<'_>| {
            let mut answer = Message::builder_success(question, MessageWriteVec::new());
            answer
                .add_attribute(&XorMappedAddress::new(address, id))
                .unwrap();
            answer.finish()
        };
        let place = server.local_addr().unwrap().to_string();
        let answering = thread::spawn(move || {
            let mut buffer = [0; 1_500];
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            let question = Message::from_bytes(&buffer[..length]).unwrap();
            let id = question.transaction_id();
            let wrong: SocketAddr = "198.51.100.1:1".parse().unwrap();
            let lie = answer(id, wrong, &question);
            liar.send_to(&lie, from).unwrap();
            let other = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
            let other = Message::from_bytes(&other).unwrap();
            let late = answer(other.transaction_id(), wrong, &other);
            server.send_to(&late, from).unwrap();
            server.send_to(b"noise", from).unwrap();
            let truth = answer(id, seen, &question);
            server.send_to(&truth, from).unwrap();
        });
        let learnt = learn(&place, &[own.try_clone().unwrap()]).unwrap();
        answering.join().unwrap();
        assert_eq!(learnt, [Some(seen)]);
        let mut buffer = [0; 10];
        let empty = own.recv_from(&mut buffer).unwrap_err();
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock, "it does not block");
    }

    #[test]
    fn silence_is_a_sentence() {
        let (server, own) = (socket(), socket());
        let place = server.local_addr().unwrap().to_string();
        let error = learn(&place, &[own]).unwrap_err().to_string();
        assert!(
            error.contains(&place) && error.contains("no answer"),
            "{error}"
        );
        let error = learn("no such host:1", &[]).unwrap_err().to_string();
        assert!(error.contains("is not found"), "{error}");
    }
}
