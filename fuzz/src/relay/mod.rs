//! What a client of the relay sends (TURN, RFC 8656), with the right password and without.
//!
//! The first byte says how the rest is cut on its way; what follows is a story in steps
//! ([`client`]): requests, indications, channel data, bytes that mean nothing, time that passes, and
//! datagrams of our media sockets for the client.
//!
//! What must hold: datagrams reach our own media sockets and nobody else, and none before somebody with
//! the right password asked for an allocation; each message is answered by one message that is well-formed
//! and bounded, or by none; the client hears those media sockets only to which it spoke.

mod client;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use stun_types::message::Message;
use tsuji_core::{LocalAddress, Time, Transport, WallTime};
use tsuji_host::Limits;
use tsuji_host::front::{Came, Ground, Peers, Relay};
use tsuji_signaling::ConnectionId;
use tsuji_signaling::ice_server::TurnSecret;
use turn_types::attribute::{Data, XorPeerAddress};
use turn_types::channel::ChannelData;
use turn_types::message::DATA;

use crate::pieces::pieces;
use client::{Client, Step};

/// The time of `t = 0`, in seconds since 1970.
const EPOCH: u64 = 1_700_000_000;
/// Bytes of an answer at most: one that lists each unknown attribute of the longest request.
const LONGEST_ANSWER: usize = 2_048;

/// What participants are told of our media sockets, and what those are.
const SOCKETS: [(&str, &str); 3] = [
    ("203.0.113.5:10000", "10.0.0.2:10000"),
    ("203.0.113.5:10001", "10.0.0.2:10001"),
    ("[2001:db8::5]:10000", "[2001:db8::5]:10000"),
];

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// The input: how to cut, and a story.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let Some((&cut, story)) = data.split_first() else {
        return;
    };
    let mut world = World::new();
    for step in client::story(story) {
        if !world.take(cut, step) {
            break;
        }
    }
}

/// A relay, its client, and what is to be expected.
struct World {
    relay: Relay,
    limits: Limits,
    client: Client,
    t: Time,
    allocated: bool,
    /// The media sockets to which the client spoke.
    spoke: BTreeSet<SocketAddr>,
}

impl World {
    fn new() -> Self {
        let limits = Limits::default();
        let secret = TurnSecret::new(b"of this process");
        let addresses = SOCKETS.map(|(advertised, socket)| LocalAddress {
            transport: Transport::Udp,
            socket: at(socket),
            advertised: at(advertised),
        });
        let ground = Ground {
            secret: secret.clone(),
            epoch: WallTime::from_unix_micros(EPOCH * 1_000_000),
            peers: Peers::of(&addresses),
        };
        let grant = ground.grant(ConnectionId(3), at("192.0.2.1:5000"), at("192.0.0.8:7"));
        Self {
            relay: Relay::new(Time::ZERO, &limits, grant, &[]),
            limits,
            client: Client::new(&secret, EPOCH),
            t: Time::ZERO,
            allocated: false,
            spoke: BTreeSet::new(),
        }
    }

    /// Whether the connection goes on.
    fn take(&mut self, cut: u8, step: Step) -> bool {
        match step {
            Step::Wait(seconds) => {
                self.t = self.t + Duration::from_secs(seconds.into());
                true
            }
            Step::Push(number, payload) => {
                let local = at(SOCKETS[number % SOCKETS.len()].1);
                self.relay.push(self.t, local, &payload);
                self.check_push(local, &payload);
                true
            }
            Step::Say(what) => {
                let bytes = self.client.write(&what);
                pieces(cut, &bytes).iter().all(|piece| self.receive(piece))
            }
        }
    }

    fn receive(&mut self, piece: &[u8]) -> bool {
        self.relay.receive(piece);
        loop {
            let came = self.relay.next(self.t, &self.limits);
            let answer = self.sent();
            match came {
                Ok(Some(came)) => self.check(came, &answer),
                Ok(None) => {
                    assert!(answer.is_empty(), "an answer to nothing: {answer:?}");
                    return true;
                }
                Err(error) => {
                    assert!(self.relay.is_broken(), "{error}");
                    return false;
                }
            }
        }
    }

    /// Takes what is to be sent.
    fn sent(&mut self) -> Vec<u8> {
        let bytes = self.relay.to_send().to_vec();
        self.relay.sent(self.t, bytes.len());
        assert!(self.relay.to_send().is_empty());
        bytes
    }

    fn check(&mut self, came: Came, answer: &[u8]) {
        assert!(answer.len() <= LONGEST_ANSWER, "{}", answer.len());
        if !answer.is_empty() {
            let message = Message::from_bytes(answer).expect("a well-formed answer");
            assert!(message.is_response(), "{message:?}");
            self.client.hear(&message);
        }
        match came {
            Came::Nothing => {}
            Came::Allocated => {
                assert!(self.client.asked_rightly(), "an allocation for a stranger");
                self.allocated = true;
            }
            Came::Datagram { local, payload } => {
                assert!(self.allocated, "a datagram without an allocation");
                assert!(answer.is_empty(), "an answer to a datagram");
                assert!(payload.len() <= 1_500, "{}", payload.len());
                let own = SOCKETS.iter().any(|(_, socket)| at(socket) == local);
                assert!(own, "a datagram for {local}");
                self.spoke.insert(local);
            }
        }
    }

    /// What the client hears of a datagram.
    fn check_push(&mut self, local: SocketAddr, payload: &[u8]) {
        let heard = self.sent();
        if heard.is_empty() {
            return;
        }
        assert!(
            self.spoke.contains(&local),
            "the client never spoke to {local}"
        );
        if heard[0] >> 6 == 1 {
            let data = ChannelData::parse(&heard).expect("channel data");
            assert!((0x4000..0x5000).contains(&data.id()), "{}", data.id());
            assert_eq!(data.data(), payload);
            return;
        }
        let message = Message::from_bytes(&heard).expect("a well-formed indication");
        assert_eq!(message.method(), DATA);
        let data = message.attribute::<Data<'_>>().expect("data");
        assert_eq!(data.data(), payload);
        let peer = message.attribute::<XorPeerAddress>().expect("a peer");
        let peer = peer.addr(message.transaction_id());
        let ours = SOCKETS.iter().find(|(_, socket)| at(socket) == local);
        assert_eq!(ours.map(|(advertised, _)| at(advertised)), Some(peer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Or else no promise about what is behind the password would mean anything.
    #[test]
    fn a_story_gets_as_far_as_media() {
        let seed = include_bytes!("../../seeds/relay/whole");
        let mut world = World::new();
        let steps: Vec<_> = client::story(&seed[1..]).collect();
        assert!(steps.into_iter().all(|step| world.take(seed[0], step)));
        assert!(world.allocated);
        assert_eq!(world.spoke.len(), 1);
    }
}
