//! A client of the relay, told what to do by an input.

use std::net::SocketAddr;

use arbitrary::Unstructured;
use stun_types::attribute::{AttributeType, Nonce, RawAttribute, Realm, Username};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, LongTermCredentials, Message, MessageWriteVec, Method,
    TransactionId,
};
use stun_types::prelude::*;
use tsuji_signaling::ice_server::TurnSecret;
use turn_types::AddressFamily;
use turn_types::attribute::{
    ChannelNumber, Data, Lifetime, RequestedAddressFamily, RequestedTransport, XorPeerAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH, SEND};

use super::{SOCKETS, at};

const METHODS: [Method; 6] = [
    ALLOCATE,
    REFRESH,
    CREATE_PERMISSION,
    CHANNEL_BIND,
    BINDING,
    SEND,
];

/// Whom a relay must not reach.
const OTHERS: [&str; 5] = [
    "198.51.100.9:53",
    "127.0.0.1:22",
    "203.0.113.5:22",
    "10.0.0.2:10000",
    "[::1]:10000",
];

/// What happens next.
pub(super) enum Step {
    /// So many seconds pass.
    Wait(u16),
    /// A media socket, by its number, has a datagram for the client.
    Push(usize, Vec<u8>),
    Say(Say),
}

/// What a client says.
pub(super) enum Say {
    Raw(Vec<u8>),
    Request {
        method: Method,
        signing: Signing,
        attributes: Vec<Attribute>,
    },
    Send {
        peer: SocketAddr,
        data: Vec<u8>,
    },
    Channel {
        number: u16,
        data: Vec<u8>,
    },
}

/// With whose name and password a request is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    Right,
    None,
    WrongPassword,
    Expired,
    Somebody,
    OtherNonce,
}

pub(super) enum Attribute {
    Transport(u8),
    Family(AddressFamily),
    Lifetime(u16),
    Peer(SocketAddr),
    Channel(u16),
    Data(Vec<u8>),
    Other(u16, Vec<u8>),
}

/// The steps that are in an input.
pub(super) fn story(data: &[u8]) -> impl Iterator<Item = Step> {
    let mut tape = Unstructured::new(data);
    std::iter::from_fn(move || {
        if tape.is_empty() {
            return None;
        }
        step(&mut tape).ok()
    })
}

fn step(tape: &mut Unstructured<'_>) -> arbitrary::Result<Step> {
    let say = match byte(tape)? % 8 {
        0 => return Ok(Step::Wait(word(tape)?)),
        1 => {
            let number = byte(tape)?;
            return Ok(Step::Push(number.into(), bytes(tape)?));
        }
        2 => Say::Raw(bytes(tape)?),
        3 => Say::Send {
            peer: peer(tape)?,
            data: bytes(tape)?,
        },
        4 => Say::Channel {
            number: channel(tape)?,
            data: bytes(tape)?,
        },
        _ => request(tape)?,
    };
    Ok(Step::Say(say))
}

fn request(tape: &mut Unstructured<'_>) -> arbitrary::Result<Say> {
    let method = METHODS[usize::from(byte(tape)?) % METHODS.len()];
    let signing = match byte(tape)? % 16 {
        0 => Signing::None,
        1 => Signing::WrongPassword,
        2 => Signing::Expired,
        3 => Signing::Somebody,
        4 => Signing::OtherNonce,
        _ => Signing::Right,
    };
    let attributes = (0..byte(tape)? % 8).map(|_| attribute(tape));
    Ok(Say::Request {
        method,
        signing,
        attributes: attributes.collect::<arbitrary::Result<_>>()?,
    })
}

fn attribute(tape: &mut Unstructured<'_>) -> arbitrary::Result<Attribute> {
    Ok(match byte(tape)? % 8 {
        0 => Attribute::Transport(RequestedTransport::UDP),
        1 => Attribute::Transport(byte(tape)?),
        2 if byte(tape)? % 2 == 0 => Attribute::Family(AddressFamily::IPV4),
        2 => Attribute::Family(AddressFamily::IPV6),
        3 => Attribute::Lifetime(word(tape)?),
        4 => Attribute::Peer(peer(tape)?),
        5 => Attribute::Channel(channel(tape)?),
        6 => Attribute::Data(bytes(tape)?),
        _ => Attribute::Other(word(tape)?, bytes(tape)?),
    })
}

fn byte(tape: &mut Unstructured<'_>) -> arbitrary::Result<u8> {
    Ok(tape.bytes(1)?[0])
}

fn word(tape: &mut Unstructured<'_>) -> arbitrary::Result<u16> {
    Ok(u16::from_be_bytes([byte(tape)?, byte(tape)?]))
}

/// A byte says how many; as many as there are.
fn bytes(tape: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let length = usize::from(byte(tape)?).min(tape.len());
    Ok(tape.bytes(length)?.to_vec())
}

fn peer(tape: &mut Unstructured<'_>) -> arbitrary::Result<SocketAddr> {
    let number = usize::from(byte(tape)?) % (SOCKETS.len() + OTHERS.len());
    let ours = SOCKETS.get(number).map(|(advertised, _)| *advertised);
    Ok(at(ours.unwrap_or_else(|| OTHERS[number - SOCKETS.len()])))
}

/// Mostly one that may be bound.
fn channel(tape: &mut Unstructured<'_>) -> arbitrary::Result<u16> {
    match byte(tape)? {
        255 => word(tape),
        number => Ok(0x4000 + u16::from(number)),
    }
}

/// What the client knows.
pub(super) struct Client {
    user: String,
    password: String,
    expired: (String, String),
    nonce: String,
    asked_rightly: bool,
}

impl Client {
    pub(super) fn new(secret: &TurnSecret, epoch: u64) -> Self {
        let user = format!("{}:p7", epoch + 3_600);
        let expired = format!("{epoch}:p7");
        Self {
            password: secret.password(&user),
            user,
            expired: (expired.clone(), secret.password(&expired)),
            nonce: String::new(),
            asked_rightly: false,
        }
    }

    /// Whether it asked for something with its own password and the right nonce.
    pub(super) fn asked_rightly(&self) -> bool {
        self.asked_rightly
    }

    /// An answer came.
    pub(super) fn hear(&mut self, answer: &Message<'_>) {
        if let Ok(nonce) = answer.attribute::<Nonce>() {
            nonce.nonce().clone_into(&mut self.nonce);
        }
    }

    /// The bytes of what it says.
    pub(super) fn write(&mut self, what: &Say) -> Vec<u8> {
        match what {
            Say::Raw(bytes) => bytes.clone(),
            Say::Send { peer, data } => {
                let mut message = Message::builder_indication(SEND, MessageWriteVec::new());
                let id = MessageWriteExt::transaction_id(&message);
                let peer = XorPeerAddress::new(*peer, id);
                message.add_attribute(&peer).expect("there is room");
                let data = Data::new(data);
                message.add_attribute(&data).expect("there is room");
                message.finish()
            }
            Say::Channel { number, data } => {
                let length = u16::try_from(data.len()).expect("a byte told the length");
                let mut bytes = [number.to_be_bytes(), length.to_be_bytes()].concat();
                bytes.extend_from_slice(data);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
                bytes
            }
            Say::Request {
                method,
                signing,
                attributes,
            } => self.request(*method, *signing, attributes),
        }
    }

    fn request(&mut self, method: Method, signing: Signing, attributes: &[Attribute]) -> Vec<u8> {
        let mut message = Message::builder_request(method, MessageWriteVec::new());
        let id = MessageWriteExt::transaction_id(&message);
        for attribute in attributes {
            // What may be there only once is refused a second time.
            let _ = add(&mut message, id, attribute);
        }
        let (user, password) = match signing {
            Signing::None => return message.finish(),
            Signing::WrongPassword => (self.user.as_str(), "a guess"),
            Signing::Expired => (self.expired.0.as_str(), self.expired.1.as_str()),
            Signing::Somebody => ("mika", self.password.as_str()),
            Signing::Right | Signing::OtherNonce => (self.user.as_str(), self.password.as_str()),
        };
        let nonce = match signing {
            Signing::OtherNonce => "of another connection",
            _ => &self.nonce,
        };
        self.asked_rightly |= signing == Signing::Right;
        let signed = Username::new(user)
            .and_then(|user| message.add_attribute(&user))
            .and_then(|()| message.add_attribute(&Realm::new("tsuji")?))
            .and_then(|()| message.add_attribute(&Nonce::new(nonce)?));
        signed.expect("short texts");
        let key = LongTermCredentials::new(user.to_owned(), password.to_owned())
            .to_key("tsuji".to_owned())
            .make_key(IntegrityAlgorithm::Sha1);
        let signed = message.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1);
        signed.expect("there is room");
        message.finish()
    }
}

fn add(
    message: &mut MessageWriteVec,
    id: TransactionId,
    attribute: &Attribute,
) -> Result<(), stun_types::message::StunWriteError> {
    match attribute {
        Attribute::Transport(protocol) => {
            message.add_attribute(&RequestedTransport::new(*protocol))
        }
        Attribute::Family(family) => message.add_attribute(&RequestedAddressFamily::new(*family)),
        Attribute::Lifetime(seconds) => message.add_attribute(&Lifetime::new((*seconds).into())),
        Attribute::Peer(peer) => message.add_attribute(&XorPeerAddress::new(*peer, id)),
        Attribute::Channel(number) => message.add_attribute(&ChannelNumber::new(*number)),
        Attribute::Data(data) => message.add_attribute(&Data::new(data)),
        // Only what signs a message adds these; as bytes they come in `Say::Raw`.
        Attribute::Other(0x0008 | 0x001c | 0x8028, _) => Ok(()),
        Attribute::Other(kind, data) => {
            message.add_attribute(&RawAttribute::new(AttributeType::new(*kind), data))
        }
    }
}
