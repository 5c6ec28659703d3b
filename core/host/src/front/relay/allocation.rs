//! What a client of a relay has: an allocation, permissions, channels (RFC 8656, 6 to 12).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use stun_types::attribute::{
    AttributeType, ErrorCode, MessageIntegrity, Nonce, Realm, Username, XorMappedAddress,
};
use stun_types::message::{BINDING, Message};
use stun_types::prelude::*;
use tsuji_core::Time;
use turn_types::AddressFamily;
use turn_types::attribute::{
    ChannelNumber, Lifetime, RequestedAddressFamily, RequestedTransport, XorPeerAddress,
    XorRelayedAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};

use super::access::Grant;
use super::{CHANNEL, LIFETIME, MAX_LIFETIME, PERMISSION, messages};

/// Channel numbers (RFC 8656, 12).
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// What is answered to somebody who has the right password.
pub(super) enum Answer {
    Success(Vec<Box<dyn AttributeWrite>>),
    Error(u16),
    /// Attributes that are not understood.
    Unknown(Vec<AttributeType>),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success(_) => f.write_str("Success"),
            Self::Error(code) => write!(f, "Error({code})"),
            Self::Unknown(types) => write!(f, "Unknown({types:?})"),
        }
    }
}

/// An allocation. How much is in it is bounded by how many addresses we have.
#[derive(Debug)]
pub(super) struct Allocation {
    ends: Time,
    permissions: BTreeMap<IpAddr, Time>,
    channels: BTreeMap<u16, Channel>,
    /// To which of its addresses the client sent last, of each of our sockets.
    spoken_to: BTreeMap<SocketAddr, SocketAddr>,
}

#[derive(Debug)]
struct Channel {
    peer: SocketAddr,
    ends: Time,
}

impl Allocation {
    fn new(ends: Time) -> Self {
        Self {
            ends,
            permissions: BTreeMap::new(),
            channels: BTreeMap::new(),
            spoken_to: BTreeMap::new(),
        }
    }

    pub(super) fn ends(&self) -> Time {
        self.ends
    }

    /// Whether the client lets this address reach it.
    pub(super) fn permits(&self, t: Time, peer: IpAddr) -> bool {
        t < self.ends && self.permissions.get(&peer).is_some_and(|ends| t < *ends)
    }

    /// Where a channel leads.
    pub(super) fn channel(&self, t: Time, number: u16) -> Option<SocketAddr> {
        let channel = self.channels.get(&number)?;
        (t < channel.ends).then_some(channel.peer)
    }

    /// The channel that leads there.
    pub(super) fn channel_of(&self, t: Time, peer: SocketAddr) -> Option<u16> {
        let mut channels = self.channels.iter();
        let leads = |(_, channel): &(&u16, &Channel)| channel.peer == peer && t < channel.ends;
        channels.find(leads).map(|(number, _)| *number)
    }

    pub(super) fn spoke_to(&mut self, local: SocketAddr, peer: SocketAddr) {
        self.spoken_to.insert(local, peer);
    }

    pub(super) fn spoken_to(&self, local: SocketAddr) -> Option<SocketAddr> {
        self.spoken_to.get(&local).copied()
    }

    fn permit(&mut self, t: Time, peer: IpAddr) {
        self.permissions.insert(peer, t + PERMISSION);
    }

    /// Whether the channel is free, or leads there already (RFC 8656, 12.2).
    fn may_bind(&self, t: Time, number: u16, peer: SocketAddr) -> bool {
        self.channel(t, number).is_none_or(|bound| bound == peer)
            && self.channel_of(t, peer).is_none_or(|bound| bound == number)
    }
}

/// Does what a request asks for. It comes from somebody who has the right password.
pub(super) fn answer(
    t: Time,
    message: &Message<'_>,
    grant: &Grant,
    allocation: &mut Option<Allocation>,
) -> Answer {
    let own: &[AttributeType] = match message.method() {
        ALLOCATE => &[RequestedTransport::TYPE, RequestedAddressFamily::TYPE],
        REFRESH => &[RequestedAddressFamily::TYPE],
        CREATE_PERMISSION => &[XorPeerAddress::TYPE],
        CHANNEL_BIND => &[XorPeerAddress::TYPE, ChannelNumber::TYPE],
        _ => &[],
    };
    let known = [
        Username::TYPE,
        Realm::TYPE,
        Nonce::TYPE,
        MessageIntegrity::TYPE,
        Lifetime::TYPE,
    ];
    let unknown = messages::unknown(message, &[own, &known].concat());
    if !unknown.is_empty() {
        return Answer::Unknown(unknown);
    }
    if message.method() == ALLOCATE {
        return allocate(t, message, grant, allocation);
    }
    if message.method() == BINDING {
        let mapped = XorMappedAddress::new(grant.remote, message.transaction_id());
        return Answer::Success(vec![Box::new(mapped)]);
    }
    let Some(held) = allocation else {
        return Answer::Error(ErrorCode::ALLOCATION_MISMATCH);
    };
    match message.method() {
        REFRESH => {
            let lifetime = lifetime(message);
            if lifetime.is_zero() {
                *allocation = None;
            } else {
                held.ends = t + lifetime;
            }
            Answer::Success(vec![Box::new(seconds(lifetime))])
        }
        CREATE_PERMISSION => permit(t, message, grant, held),
        CHANNEL_BIND => bind(t, message, grant, held),
        _ => Answer::Error(ErrorCode::BAD_REQUEST),
    }
}

fn allocate(
    t: Time,
    message: &Message<'_>,
    grant: &Grant,
    allocation: &mut Option<Allocation>,
) -> Answer {
    if allocation.is_some() {
        return Answer::Error(ErrorCode::ALLOCATION_MISMATCH);
    }
    match message.attribute::<RequestedTransport>() {
        Ok(transport) if transport.protocol() == RequestedTransport::UDP => {}
        Ok(_) => return Answer::Error(ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL),
        Err(_) => return Answer::Error(ErrorCode::BAD_REQUEST),
    }
    if message.has_attribute(RequestedAddressFamily::TYPE) {
        let family = message.attribute::<RequestedAddressFamily>();
        if !family.is_ok_and(|family| family.family() == AddressFamily::IPV4) {
            return Answer::Error(ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED);
        }
    }
    let lifetime = lifetime(message).max(LIFETIME);
    *allocation = Some(Allocation::new(t + lifetime));
    let id = message.transaction_id();
    Answer::Success(vec![
        Box::new(XorRelayedAddress::new(grant.relayed, id)),
        Box::new(seconds(lifetime)),
        Box::new(XorMappedAddress::new(grant.remote, id)),
    ])
}

fn permit(t: Time, message: &Message<'_>, grant: &Grant, held: &mut Allocation) -> Answer {
    let id = message.transaction_id();
    let mut peers = Vec::new();
    for (_, raw) in message.iter_attributes() {
        if raw.get_type() != XorPeerAddress::TYPE {
            continue;
        }
        match XorPeerAddress::from_raw(raw) {
            Ok(peer) if grant.peers.has(peer.addr(id).ip()) => peers.push(peer.addr(id).ip()),
            Ok(_) => return Answer::Error(ErrorCode::FORBIDDEN),
            Err(_) => return Answer::Error(ErrorCode::BAD_REQUEST),
        }
    }
    if peers.is_empty() {
        return Answer::Error(ErrorCode::BAD_REQUEST);
    }
    for peer in peers {
        held.permit(t, peer);
    }
    Answer::Success(Vec::new())
}

fn bind(t: Time, message: &Message<'_>, grant: &Grant, held: &mut Allocation) -> Answer {
    let (Ok(number), Ok(peer)) = (
        message.attribute::<ChannelNumber>(),
        message.attribute::<XorPeerAddress>(),
    ) else {
        return Answer::Error(ErrorCode::BAD_REQUEST);
    };
    let (number, peer) = (number.channel(), peer.addr(message.transaction_id()));
    if grant.peers.socket(peer).is_none() {
        return Answer::Error(ErrorCode::FORBIDDEN);
    }
    if !CHANNELS.contains(&number) || !held.may_bind(t, number, peer) {
        return Answer::Error(ErrorCode::BAD_REQUEST);
    }
    // What has ended makes room, so that there are never more than we have addresses.
    held.channels.retain(|_, channel| t < channel.ends);
    let ends = t + CHANNEL;
    held.channels.insert(number, Channel { peer, ends });
    held.permit(t, peer.ip());
    Answer::Success(Vec::new())
}

/// What was asked for, within bounds; 0 is the end (RFC 8656, 8.2).
fn lifetime(message: &Message<'_>) -> Duration {
    let asked = message.attribute::<Lifetime>();
    match asked.map(|lifetime| lifetime.seconds()) {
        Ok(0) => Duration::ZERO,
        Ok(asked) => Duration::from_secs(asked.into()).clamp(LIFETIME, MAX_LIFETIME),
        Err(_) => LIFETIME,
    }
}

fn seconds(lifetime: Duration) -> Lifetime {
    Lifetime::new(u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX))
}
