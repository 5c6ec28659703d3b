//! Who may use a relay: those to whom the room gave a password (long-term credentials, RFC 8489, 9.2).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use stun_types::attribute::{ErrorCode, Nonce, Realm, Username};
use stun_types::message::{IntegrityAlgorithm, IntegrityKey, LongTermCredentials, Message};
use stun_types::prelude::*;
use tsuji_core::{LocalAddress, Time, Transport, WallTime};
use tsuji_signaling::ConnectionId;
use tsuji_signaling::ice_server::{TurnSecret, good_until};

/// What users see of the server.
const REALM: &str = "tsuji";

/// Whom a relay reaches: our media sockets, by the addresses that participants are told.
#[derive(Clone, Debug)]
pub struct Peers(Arc<BTreeMap<SocketAddr, SocketAddr>>);

impl Peers {
    /// Those of UDP: what comes from a relay are datagrams.
    pub fn of<'a>(addresses: impl IntoIterator<Item = &'a LocalAddress>) -> Self {
        let udp = addresses
            .into_iter()
            .filter(|address| address.transport == Transport::Udp);
        Self(Arc::new(
            udp.map(|udp| (udp.advertised, udp.socket)).collect(),
        ))
    }

    /// The socket that is told under this address.
    pub(super) fn socket(&self, advertised: SocketAddr) -> Option<SocketAddr> {
        self.0.get(&advertised).copied()
    }

    /// Whether this is the address of one, whatever the port.
    pub(super) fn has(&self, address: std::net::IpAddr) -> bool {
        self.0.keys().any(|advertised| advertised.ip() == address)
    }
}

/// What all relays have in common.
#[derive(Debug)]
pub struct Ground {
    /// What passwords are made of.
    pub secret: TurnSecret,
    /// The wall-clock time of `t = 0`.
    pub epoch: WallTime,
    /// Whom they reach.
    pub peers: Peers,
}

impl Ground {
    /// What one connection needs. `remote`: the client's address. `relayed`: what its allocation is
    /// called.
    pub fn grant(
        &self,
        connection: ConnectionId,
        remote: SocketAddr,
        relayed: SocketAddr,
    ) -> Grant {
        Grant {
            secret: self.secret.clone(),
            epoch: self.epoch,
            peers: self.peers.clone(),
            // A connection has one of its own, so that what was heard on another is worth nothing.
            nonce: self.secret.password(&format!("nonce {}", connection.0)),
            remote,
            relayed,
        }
    }
}

/// What a relay needs to know.
#[derive(Clone, Debug)]
pub struct Grant {
    secret: TurnSecret,
    epoch: WallTime,
    pub(super) peers: Peers,
    nonce: String,
    /// The client's address.
    pub(super) remote: SocketAddr,
    /// What its allocation is called.
    pub(super) relayed: SocketAddr,
}

/// Who the client is, once that is known.
#[derive(Debug)]
pub(super) struct Access {
    secret: TurnSecret,
    epoch: WallTime,
    nonce: String,
    user: Option<(String, IntegrityKey)>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// The answer says how to ask: with realm and nonce.
    Challenge(u16),
    Flat(u16),
}

impl Denied {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Challenge(code) | Self::Flat(code) => code,
        }
    }
}

impl Access {
    pub(super) fn new(grant: &Grant) -> Self {
        Self {
            secret: grant.secret.clone(),
            epoch: grant.epoch,
            nonce: grant.nonce.clone(),
            user: None,
        }
    }

    /// Realm and nonce, as text that attributes can hold.
    pub(super) fn challenge(&self) -> (&str, &str) {
        (REALM, &self.nonce)
    }

    /// Whether a request has the right password (RFC 8489, 9.2.4); the key of its answer.
    pub(super) fn check(&mut self, t: Time, message: &Message<'_>) -> Result<IntegrityKey, Denied> {
        const UNAUTHORIZED: Denied = Denied::Challenge(ErrorCode::UNAUTHORIZED);
        const MALFORMED: Denied = Denied::Flat(ErrorCode::BAD_REQUEST);
        if !message.has_attribute(stun_types::attribute::MessageIntegrity::TYPE) {
            return Err(UNAUTHORIZED);
        }
        let username = message.attribute::<Username>().map_err(|_| MALFORMED)?;
        let nonce = message.attribute::<Nonce>().map_err(|_| MALFORMED)?;
        message.attribute::<Realm>().map_err(|_| MALFORMED)?;
        if nonce.nonce() != self.nonce {
            return Err(Denied::Challenge(ErrorCode::STALE_NONCE));
        }
        let username = username.username();
        let (key, is_new) = match &self.user {
            Some((user, _)) if user != username => {
                return Err(Denied::Flat(ErrorCode::WRONG_CREDENTIALS));
            }
            Some((_, key)) => (key.clone(), false),
            // Who is in stays: the time counts at the door.
            None if !self.is_good(t, username) => return Err(UNAUTHORIZED),
            None => (self.key_of(username), true),
        };
        message
            .validate_integrity_with_key(&key)
            .map_err(|_| UNAUTHORIZED)?;
        if is_new {
            self.user = Some((username.to_owned(), key.clone()));
        }
        Ok(key)
    }

    fn is_good(&self, t: Time, username: &str) -> bool {
        let now = self.epoch.as_unix_micros().saturating_add(t.as_micros()) / 1_000_000;
        good_until(username).is_some_and(|until| now < until)
    }

    fn key_of(&self, username: &str) -> IntegrityKey {
        let password = self.secret.password(username);
        LongTermCredentials::new(username.to_owned(), password)
            .to_key(REALM.to_owned())
            .make_key(IntegrityAlgorithm::Sha1)
    }
}
