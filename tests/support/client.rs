//! Both ends that a page has, on real sockets: a WebSocket for what it says, and the virtual browser
//! of the simulation for what it sends.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use tsuji_core::Time;
use tsuji_signaling::message::{Candidate, ClientMessage, Ice, Id, ServerMessage, Slot};
use tungstenite::{Error, Message, WebSocket};

use super::socket::Socket;
use crate::{Browser, Received};

/// A client of the room protocol. Who owns it moves its datagrams and its time.
#[derive(Debug)]
pub struct Client {
    socket: WebSocket<TcpStream>,
    /// What sends and receives its media.
    pub browser: Browser,
    ice: Ice,
    me: Option<Id>,
    slots: Vec<Slot>,
}

impl Client {
    /// In the room that `socket` has joined, muted or not, with `media` as the address of its UDP
    /// socket. `base` stands for `t = 0`. Nothing of it blocks from now on.
    pub fn call(
        mut socket: Socket,
        name: &str,
        muted: bool,
        ice: Ice,
        base: Instant,
        media: SocketAddr,
    ) -> Self {
        socket.say(&ClientMessage::Call {
            name: name.to_owned(),
            ice,
            audio: !muted,
            video: !muted,
        });
        let socket = socket.into_inner();
        let unblocked = socket.get_ref().set_nonblocking(true);
        unblocked.expect("an open socket");
        Self {
            socket,
            browser: Browser::new(base, Time::ZERO, media),
            ice,
            me: None,
            slots: Vec::new(),
        }
    }

    /// The same TCP connection, to wait for.
    pub fn stream(&self) -> TcpStream {
        let twin = self.socket.get_ref().try_clone();
        twin.expect("the system has descriptors")
    }

    /// Its own id, once it is in the room.
    pub fn me(&self) -> Option<Id> {
        self.me
    }

    /// Whose packet it is, as its slots were last told.
    pub fn source_of(&self, packet: &Received) -> Option<Id> {
        let slot = self.slots.iter().find(|slot| slot.mid == packet.mid);
        slot.and_then(|slot| slot.participant)
    }

    /// Reads what the server says and answers its offers; `heard` gets to know of everything else.
    ///
    /// # Errors
    /// Why it is over.
    pub fn listen(
        &mut self,
        now: Time,
        mut heard: impl FnMut(ServerMessage) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let message = serde_json::from_str(&text).map_err(|e| e.to_string())?;
                    if let Some(message) = self.hear(now, message)? {
                        heard(message)?;
                    }
                }
                Ok(Message::Close(frame)) => return Err(format!("closed: {frame:?}")),
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.to_string()),
            }
        }
        // Pongs wait for this.
        self.flush()
    }

    fn hear(&mut self, now: Time, message: ServerMessage) -> Result<Option<ServerMessage>, String> {
        match message {
            ServerMessage::Offer {
                negotiation,
                sdp,
                self_id,
                publish,
                slots,
                ..
            } => {
                let sdp = self.browser.answer(now, &sdp, &publish.to_core());
                self.slots = slots;
                self.me = Some(self_id);
                self.say(&ClientMessage::Answer { negotiation, sdp })?;
                if self.ice == Ice::Trickle {
                    self.say(&ClientMessage::Candidate { candidate: None })?;
                }
                Ok(None)
            }
            ServerMessage::Candidate { candidate } => {
                let line = candidate.map(|Candidate { candidate, .. }| candidate);
                if let Some(line) = line.filter(|line| !line.is_empty()) {
                    self.browser.candidate(now, &line);
                }
                Ok(None)
            }
            ServerMessage::Slots { slots } | ServerMessage::Resume { slots, .. } => {
                self.slots = slots;
                Ok(None)
            }
            other => Ok(Some(other)),
        }
    }

    /// Says something.
    ///
    /// # Errors
    /// Why it is over.
    pub fn say(&mut self, message: &ClientMessage) -> Result<(), String> {
        let text = serde_json::to_string(message).map_err(|e| e.to_string())?;
        match self.socket.write(Message::text(text)) {
            Ok(()) => self.flush(),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Leaves the room.
    ///
    /// # Errors
    /// Why it was over before.
    pub fn leave(&mut self) -> Result<(), String> {
        self.say(&ClientMessage::Leave)?;
        let _ = self.socket.close(None);
        Ok(())
    }

    /// Takes a datagram that has just arrived.
    pub fn receive(&mut self, now: Time, from: SocketAddr, payload: &[u8]) {
        self.browser.datagram(now, now, from, payload);
    }

    /// Does what time demands.
    pub fn timeout(&mut self, now: Time) {
        if self.browser.deadline() <= now {
            self.browser.timeout(now);
        }
    }

    /// Datagrams to send, in order.
    pub fn transmits(&mut self) -> impl Iterator<Item = (SocketAddr, Vec<u8>)> {
        self.browser.outbox.drain(..)
    }

    fn flush(&mut self) -> Result<(), String> {
        match self.socket.flush() {
            Ok(()) => Ok(()),
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}
