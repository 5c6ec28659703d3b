//! A relay in memory, and a client of it that is made of the same crates.

use std::net::SocketAddr;
use std::time::Duration;

use stun_types::attribute::{ErrorCode, Nonce, Realm, Username};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, LongTermCredentials, Message, MessageWriteVec, Method,
};
use stun_types::prelude::*;
use tsuji_core::{LocalAddress, Time, Transport, WallTime};
use tsuji_signaling::ConnectionId;
use tsuji_signaling::ice_server::TurnSecret;
use turn_types::attribute::{
    ChannelNumber, Data, Lifetime, RequestedTransport, XorPeerAddress, XorRelayedAddress,
};
use turn_types::channel::ChannelData;
use turn_types::message::{
    ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, DATA as DATA_METHOD, REFRESH, SEND,
};

use super::*;

const T: Time = Time::ZERO;
/// The time of `t = 0`, in seconds since 1970.
const EPOCH: u64 = 1_700_000_000;
const CHANNEL_NUMBER: u16 = 0x4001;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What participants are told of our one socket, what that is, and somebody else.
fn public() -> SocketAddr {
    at("203.0.113.5:10000")
}

fn socket() -> SocketAddr {
    at("10.0.0.2:10000")
}

fn stranger() -> SocketAddr {
    at("198.51.100.9:53")
}

fn secret() -> TurnSecret {
    TurnSecret::new(b"of this process")
}

/// A relay with its client.
struct World {
    relay: Relay,
    limits: Limits,
    user: String,
    password: String,
    nonce: String,
}

impl World {
    fn new() -> Self {
        let limits = Limits::default();
        let ground = Ground {
            secret: secret(),
            epoch: WallTime::from_unix_micros(EPOCH * 1_000_000),
            peers: Peers::of(&[LocalAddress {
                transport: Transport::Udp,
                socket: socket(),
                advertised: public(),
            }]),
        };
        let grant = ground.grant(ConnectionId(3), at("192.0.2.1:5000"), at("192.0.0.8:7"));
        let user = format!("{}:p7", EPOCH + 60);
        Self {
            relay: Relay::new(T, &limits, grant, &[]),
            limits,
            password: secret().password(&user),
            user,
            nonce: String::new(),
        }
    }

    /// With an allocation.
    fn allocated() -> Self {
        let mut world = Self::new();
        world.learn_nonce();
        assert_eq!(world.ask(T, ALLOCATE, &[&udp()]), Ok(()));
        world
    }

    fn learn_nonce(&mut self) {
        let request = Message::builder_request(ALLOCATE, MessageWriteVec::new()).finish();
        let answer = self.exchange(T, &request).unwrap();
        let answer = Message::from_bytes(&answer).unwrap();
        assert_eq!(code(&answer), Some(401));
        self.nonce = answer.attribute::<Nonce>().unwrap().nonce().to_owned();
    }

    fn request(&self, method: Method, attributes: &[&dyn AttributeWrite]) -> Vec<u8> {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        for attribute in attributes {
            request.add_attribute(*attribute).unwrap();
        }
        self.sign(request)
    }

    fn sign(&self, mut request: MessageWriteVec) -> Vec<u8> {
        let nonce = Nonce::new(&self.nonce).unwrap();
        request
            .add_attribute(&Username::new(&self.user).unwrap())
            .unwrap();
        request
            .add_attribute(&Realm::new("tsuji").unwrap())
            .unwrap();
        request.add_attribute(&nonce).unwrap();
        let key = LongTermCredentials::new(self.user.clone(), self.password.clone())
            .to_key("tsuji".to_owned())
            .make_key(IntegrityAlgorithm::Sha1);
        request
            .add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1)
            .unwrap();
        request.finish()
    }

    /// Sends, and gives what is answered.
    fn exchange(&mut self, t: Time, bytes: &[u8]) -> Result<Vec<u8>, RelayError> {
        self.relay.receive(bytes);
        while self.relay.next(t, &self.limits)?.is_some() {}
        let answer = self.relay.to_send().to_vec();
        self.relay.sent(t, answer.len());
        Ok(answer)
    }

    /// Asks with a password; the code of the error.
    fn ask(
        &mut self,
        t: Time,
        method: Method,
        attributes: &[&dyn AttributeWrite],
    ) -> Result<(), u16> {
        let request = self.request(method, attributes);
        let answer = self.exchange(t, &request).unwrap();
        let answer = Message::from_bytes(&answer).unwrap();
        code(&answer).map_or(Ok(()), Err)
    }

    fn permit(&mut self, t: Time, peer: SocketAddr) -> Result<(), u16> {
        let (id, mut request) = begun(CREATE_PERMISSION);
        request
            .add_attribute(&XorPeerAddress::new(peer, id))
            .unwrap();
        let request = self.sign(request);
        let answer = self.exchange(t, &request).unwrap();
        code(&Message::from_bytes(&answer).unwrap()).map_or(Ok(()), Err)
    }

    fn bind(&mut self, t: Time, number: u16, peer: SocketAddr) -> Result<(), u16> {
        let (id, mut request) = begun(CHANNEL_BIND);
        request.add_attribute(&ChannelNumber::new(number)).unwrap();
        request
            .add_attribute(&XorPeerAddress::new(peer, id))
            .unwrap();
        let request = self.sign(request);
        let answer = self.exchange(t, &request).unwrap();
        code(&Message::from_bytes(&answer).unwrap()).map_or(Ok(()), Err)
    }

    /// What comes of bytes.
    fn came(&mut self, t: Time, bytes: &[u8]) -> Came {
        self.relay.receive(bytes);
        self.relay.next(t, &self.limits).unwrap().unwrap()
    }
}

fn begun(method: Method) -> (stun_types::message::TransactionId, MessageWriteVec) {
    let request = Message::builder_request(method, MessageWriteVec::new());
    (MessageWriteExt::transaction_id(&request), request)
}

fn code(answer: &Message<'_>) -> Option<u16> {
    let error = answer.attribute::<ErrorCode>().ok()?;
    Some(error.code())
}

fn udp() -> RequestedTransport {
    RequestedTransport::new(RequestedTransport::UDP)
}

fn sends(peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut message = Message::builder_indication(SEND, MessageWriteVec::new());
    let id = MessageWriteExt::transaction_id(&message);
    message
        .add_attribute(&XorPeerAddress::new(peer, id))
        .unwrap();
    message.add_attribute(&Data::new(payload)).unwrap();
    message.finish()
}

fn datagram(payload: &[u8]) -> Came {
    Came::Datagram {
        local: socket(),
        payload: payload.to_vec(),
    }
}

#[test]
fn media_goes_through_an_allocation_both_ways_and_by_a_channel() {
    let mut world = World::new();
    world.learn_nonce();
    let request = world.request(ALLOCATE, &[&udp()]);
    let answer = world.exchange(T, &request).unwrap();
    let answer = Message::from_bytes(&answer).unwrap();
    let relayed = answer.attribute::<XorRelayedAddress>().unwrap();
    assert_eq!(relayed.addr(answer.transaction_id()), at("192.0.0.8:7"));
    assert_eq!(answer.attribute::<Lifetime>().unwrap().seconds(), 600);

    assert_eq!(world.came(T, &sends(public(), b"early")), Came::Nothing);
    world.relay.push(T, socket(), b"nobody asked");
    assert!(world.relay.to_send().is_empty());

    assert_eq!(world.permit(T, public()), Ok(()));
    assert_eq!(
        world.came(T, &sends(public(), b"check")),
        datagram(b"check")
    );
    world.relay.push(T, socket(), b"answer");
    let data = world.relay.to_send().to_vec();
    world.relay.sent(T, data.len());
    let data = Message::from_bytes(&data).unwrap();
    assert_eq!(data.method(), DATA_METHOD);
    let peer = data.attribute::<XorPeerAddress>().unwrap();
    assert_eq!(peer.addr(data.transaction_id()), public());
    assert_eq!(data.attribute::<Data<'_>>().unwrap().data(), b"answer");

    assert_eq!(world.bind(T, CHANNEL_NUMBER, public()), Ok(()));
    let channel = messages::channel_data(CHANNEL_NUMBER, b"media");
    assert_eq!(channel.len(), 12, "padded to four");
    // In whatever pieces, and several at once.
    let both = [channel.clone(), channel].concat();
    for piece in both.chunks(5) {
        world.relay.receive(piece);
    }
    for _ in 0..2 {
        let came = world.relay.next(T, &world.limits);
        assert_eq!(came, Ok(Some(datagram(b"media"))));
    }
    world.relay.push(T, socket(), b"picture");
    let data = ChannelData::parse(world.relay.to_send()).unwrap();
    assert_eq!((data.id(), data.data()), (CHANNEL_NUMBER, &b"picture"[..]));
}

#[test]
fn a_relay_reaches_nobody_but_our_own_media_sockets() {
    let mut world = World::allocated();
    for peer in [
        stranger(),
        at("127.0.0.1:22"),
        at("10.0.0.2:10000"),
        at("[::1]:10000"),
    ] {
        assert_eq!(world.permit(T, peer), Err(403), "{peer}");
        assert_eq!(world.bind(T, CHANNEL_NUMBER, peer), Err(403), "{peer}");
        assert_eq!(world.came(T, &sends(peer, b"x")), Came::Nothing);
    }
    assert_eq!(world.permit(T, public()), Ok(()));
    // Another port of the same address, which may be somebody's behind the same router.
    let other = at("203.0.113.5:22");
    assert_eq!(world.bind(T, CHANNEL_NUMBER, other), Err(403));
    assert_eq!(world.came(T, &sends(other, b"x")), Came::Nothing);
    let (id, mut both) = begun(CREATE_PERMISSION);
    for peer in [public(), stranger()] {
        both.add_attribute(&XorPeerAddress::new(peer, id)).unwrap();
    }
    let both = world.sign(both);
    let answer = world.exchange(T, &both).unwrap();
    assert_eq!(code(&Message::from_bytes(&answer).unwrap()), Some(403));
}

#[test]
fn without_the_password_of_a_participant_nothing_is_relayed_and_guessing_ends_it() {
    let limits = Limits::default();
    let tries = usize::try_from(limits.relay_refusals).unwrap();
    let expired = format!("{EPOCH}:p7");
    let wrongs: [(&str, String, String); 4] = [
        ("a guess", World::new().user, "guess".to_owned()),
        ("an old one", expired.clone(), secret().password(&expired)),
        (
            "no time in it",
            "mika".to_owned(),
            secret().password("mika"),
        ),
        (
            "another secret",
            World::new().user,
            TurnSecret::new(b"of another process").password(&World::new().user),
        ),
    ];
    for (what, user, password) in wrongs {
        let mut world = World::new();
        world.learn_nonce();
        (world.user, world.password) = (user, password);
        for _ in 1..tries {
            assert_eq!(world.ask(T, ALLOCATE, &[&udp()]), Err(401), "{what}");
        }
        let request = world.request(ALLOCATE, &[&udp()]);
        let end = world.exchange(T, &request);
        assert_eq!(end, Err(RelayError::Stranger), "{what}");
        assert!(world.relay.is_broken());
    }
    let mut stale = World::new();
    stale.nonce = "of another connection".to_owned();
    assert_eq!(stale.ask(T, ALLOCATE, &[&udp()]), Err(438));
    let mut binding = World::new();
    let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
    let answer = binding.exchange(T, &request).unwrap();
    assert_eq!(code(&Message::from_bytes(&answer).unwrap()), Some(401));
}

#[test]
fn an_allocation_belongs_to_its_user_and_is_there_once() {
    let mut world = World::allocated();
    assert_eq!(world.ask(T, ALLOCATE, &[&udp()]), Err(437));
    let own = std::mem::replace(&mut world.user, format!("{}:p8", EPOCH + 60));
    let password = secret().password(&world.user);
    let own_password = std::mem::replace(&mut world.password, password);
    assert_eq!(world.ask(T, REFRESH, &[]), Err(441));
    (world.user, world.password) = (own, own_password);
    // Its password is too old for a new connection by now, and good for this one.
    let later = Time::from_millis(500_000);
    assert_eq!(world.ask(later, REFRESH, &[]), Ok(()));
    assert_eq!(world.ask(later, REFRESH, &[&Lifetime::new(0)]), Ok(()));
    assert_eq!(world.ask(later, REFRESH, &[]), Err(437));
}

#[test]
fn what_is_not_refreshed_ends() {
    let mut world = World::allocated();
    let limits = world.limits.clone();
    assert_eq!(world.permit(T, public()), Ok(()));
    let last = Time::from_millis(299_999);
    assert_eq!(world.came(last, &sends(public(), b"x")), datagram(b"x"));
    let over = T + Duration::from_secs(300);
    assert_eq!(world.came(over, &sends(public(), b"x")), Came::Nothing);
    world.relay.push(over, socket(), b"x");
    assert!(world.relay.to_send().is_empty());
    assert_eq!(world.relay.deadline(&limits), T + LIFETIME);
    let day = Lifetime::new(24 * 3_600);
    assert_eq!(world.ask(over, REFRESH, &[&day]), Ok(()));
    assert_eq!(world.relay.deadline(&limits), over + MAX_LIFETIME);
    let idle = World::new();
    assert_eq!(idle.relay.deadline(&limits), T + limits.media_handshake);
}

#[test]
fn a_client_sends_so_much_and_no_more() {
    let mut world = World::allocated();
    assert_eq!(world.permit(T, public()), Ok(()));
    let packet = sends(public(), &[7; 1_200]);
    let mut passed = 0;
    let rate = world.limits.relay_bytes_per_second;
    for _ in 0..rate / 1_200 + 50 {
        if world.came(T, &packet) != Came::Nothing {
            passed += 1;
        }
    }
    assert_eq!(passed, rate / 1_200);
    let later = Time::from_millis(100);
    let mut passed = 0;
    while world.came(later, &packet) != Came::Nothing {
        passed += 1;
    }
    assert!(passed * 1_200 <= rate / 10 + 1_200, "{passed}");
    assert!(passed > 0);
}

#[test]
fn what_a_relay_does_not_do_has_its_code() {
    let mut world = World::new();
    world.learn_nonce();
    let tcp = RequestedTransport::new(6);
    assert_eq!(world.ask(T, ALLOCATE, &[&tcp]), Err(442));
    assert_eq!(world.ask(T, ALLOCATE, &[]), Err(400));
    let even = turn_types::attribute::EvenPort::new(false);
    assert_eq!(world.ask(T, ALLOCATE, &[&udp(), &even]), Err(420));
    let six = turn_types::attribute::RequestedAddressFamily::new(turn_types::AddressFamily::IPV6);
    assert_eq!(world.ask(T, ALLOCATE, &[&udp(), &six]), Err(440));
    assert_eq!(world.ask(T, CREATE_PERMISSION, &[]), Err(437));
    assert_eq!(world.ask(T, BINDING, &[]), Ok(()));
    assert_eq!(world.ask(T, ALLOCATE, &[&udp()]), Ok(()));
    assert_eq!(world.ask(T, CREATE_PERMISSION, &[]), Err(400));
    assert_eq!(world.ask(T, turn_types::message::CONNECT, &[]), Err(400));
    assert_eq!(world.bind(T, 0x3fff, public()), Err(400));
    assert_eq!(world.bind(T, 0x5000, public()), Err(400));
    assert_eq!(world.bind(T, CHANNEL_NUMBER, public()), Ok(()));
    assert_eq!(world.bind(T, CHANNEL_NUMBER + 1, public()), Err(400));
}

#[test]
fn bytes_that_are_no_message_are_the_end() {
    for (bytes, error) in [
        (&[0x80, 0, 0, 0][..], RelayError::Garbage),
        (&[0xff; 4], RelayError::Garbage),
        (&[0; 40], RelayError::Garbage),
        (&[0x40, 0, 0xff, 0xff], RelayError::TooLong(65_540)),
        (&[0, 3, 8, 0], RelayError::TooLong(2_068)),
    ] {
        let mut world = World::new();
        assert_eq!(world.exchange(T, bytes), Err(error), "{bytes:?}");
        assert!(world.relay.is_broken());
    }
}

#[test]
fn no_packet_of_a_network_has_a_relayed_address() {
    let relayed = at("192.0.0.8:7").ip();
    assert!(is_relayed(relayed));
    assert!(is_relayed("::ffff:192.0.0.8".parse().unwrap()));
    assert!(!is_relayed(public().ip()) && !is_relayed("::1".parse().unwrap()));
}

/// Every single byte of a whole conversation changed: nothing panics, and what is relayed went to our
/// socket.
#[test]
fn whatever_byte_is_wrong_nothing_else_is_reached() {
    let world = World::allocated();
    let (id, mut permission) = begun(CREATE_PERMISSION);
    permission
        .add_attribute(&XorPeerAddress::new(public(), id))
        .unwrap();
    let conversation = [
        world.request(ALLOCATE, &[&udp()]),
        world.sign(permission),
        sends(public(), b"payload"),
        messages::channel_data(CHANNEL_NUMBER, b"payload"),
    ]
    .concat();
    for place in 0..conversation.len() {
        for bits in [0x01, 0x80, 0xff] {
            let mut bytes = conversation.clone();
            bytes[place] ^= bits;
            let mut world = World::allocated();
            world.relay.receive(&bytes);
            while let Ok(Some(came)) = world.relay.next(T, &world.limits) {
                if let Came::Datagram { local, .. } = came {
                    assert_eq!(local, socket());
                }
            }
        }
    }
}
