//! Messages of a relay, read and written (RFC 8489, RFC 8656).

use std::net::SocketAddr;

use stun_types::attribute::{AttributeType, ErrorCode, Nonce, Realm, UnknownAttributes};
use stun_types::message::{
    IntegrityAlgorithm, IntegrityKey, Message, MessageClass, MessageWriteVec, StunWriteError,
};
use stun_types::prelude::*;
use turn_types::attribute::{Data, XorPeerAddress};
use turn_types::channel::ChannelData;
use turn_types::message::{DATA, SEND};

use super::access::Access;
use super::allocation::Answer;

pub(super) fn is_request(message: &Message<'_>) -> bool {
    message.has_class(MessageClass::Request)
}

/// To whom a Send indication sends what (RFC 8656, 11.1).
pub(super) fn sent(message: &Message<'_>) -> Option<(SocketAddr, Vec<u8>)> {
    if !message.has_class(MessageClass::Indication) || message.method() != SEND {
        return None;
    }
    let peer = message.attribute::<XorPeerAddress>().ok()?;
    let data = message.attribute::<Data<'_>>().ok()?;
    Some((peer.addr(message.transaction_id()), data.data().to_vec()))
}

/// A Data indication (RFC 8656, 11.3).
pub(super) fn data(peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut message = Message::builder_indication(DATA, MessageWriteVec::new());
    let id = MessageWriteExt::transaction_id(&message);
    let peer = XorPeerAddress::new(peer, id);
    let written = message
        .add_attribute(&peer)
        .and_then(|()| message.add_attribute(&Data::new(payload)));
    whole(message, written)
}

/// Channel data, padded as over TCP (RFC 8656, 12.5).
pub(super) fn channel_data(channel: u16, payload: &[u8]) -> Vec<u8> {
    let length = super::CHANNEL_HEADER + payload.len();
    let mut bytes = vec![0; length];
    ChannelData::new(channel, payload).write_into_unchecked(&mut bytes);
    bytes.resize(length.next_multiple_of(4), 0);
    bytes
}

/// Why a request is refused, unsigned; with realm and nonce where that helps.
pub(super) fn denied(message: &Message<'_>, code: u16, challenge: Option<&Access>) -> Vec<u8> {
    let mut answer = Message::builder_error(message, MessageWriteVec::new());
    let written = add_error(&mut answer, code).and_then(|()| {
        let Some(access) = challenge else {
            return Ok(());
        };
        let (realm, nonce) = access.challenge();
        answer.add_attribute(&Realm::new(realm)?)?;
        answer.add_attribute(&Nonce::new(nonce)?)
    });
    whole(answer, written)
}

/// An answer to somebody who has the right password.
pub(super) fn signed(message: &Message<'_>, answer: Answer, key: &IntegrityKey) -> Vec<u8> {
    let vec = MessageWriteVec::new();
    let (mut out, written) = match answer {
        Answer::Success(attributes) => {
            let mut out = Message::builder_success(message, vec);
            let written = attributes
                .iter()
                .try_for_each(|attribute| out.add_attribute(attribute.as_ref()));
            (out, written)
        }
        Answer::Error(code) => {
            let mut out = Message::builder_error(message, vec);
            let written = add_error(&mut out, code);
            (out, written)
        }
        Answer::Unknown(types) => {
            let mut out = Message::builder_error(message, vec);
            let written = add_error(&mut out, ErrorCode::UNKNOWN_ATTRIBUTE)
                .and_then(|()| out.add_attribute(&UnknownAttributes::new(&types)));
            (out, written)
        }
    };
    let written =
        written.and_then(|()| out.add_message_integrity_with_key(key, IntegrityAlgorithm::Sha1));
    whole(out, written)
}

/// Attributes that must be understood (RFC 8489, 14) and are not among `known`.
pub(super) fn unknown(message: &Message<'_>, known: &[AttributeType]) -> Vec<AttributeType> {
    let types = message.iter_attributes().map(|(_, raw)| raw.get_type());
    types
        .filter(|kind| kind.comprehension_required() && !known.contains(kind))
        .collect()
}

fn add_error(out: &mut MessageWriteVec, code: u16) -> Result<(), StunWriteError> {
    out.add_attribute(&ErrorCode::builder(code).build()?)
}

/// The message, or nothing where it could not be written: then the client asks again.
fn whole(message: MessageWriteVec, written: Result<(), StunWriteError>) -> Vec<u8> {
    match written {
        Ok(()) => message.finish(),
        Err(error) => {
            tracing::debug!(%error, "a message of a relay could not be written");
            Vec::new()
        }
    }
}
