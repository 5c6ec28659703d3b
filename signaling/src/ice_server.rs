//! STUN and TURN servers that participants are told of (`RTCIceServer`, WebRTC 1.0, 4.2.4).
//!
//! ```text
//!  IceServers ──► told with the first offer ──► the browser ──► the STUN or TURN server
//!   TurnSecret ─► password of a user name ────────────────────► the same, computed there
//! ```
//! A TURN server and this one share a secret instead of a list of users: a user name begins with
//! the time until which it is good, and its password is computed from it ("A REST API For Access To
//! TURN Services", draft-uberti-behave-turn-rest-00; coturn's `use-auth-secret`).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use http::uri::Authority;
use tsuji_core::{ParticipantId, Time, WallTime};

use crate::message::RtcIceServer;

/// The port of HTTPS (RFC 9110, 4.2.2), where a `Host` names none.
const HTTPS: u16 = 443;

/// A STUN or TURN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServer {
    /// Its URI (RFC 7064, RFC 7065).
    pub url: String,
    /// What it asks for.
    pub access: Access,
}

/// What a server asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Free,
    /// The same of everybody.
    Fixed {
        /// User name.
        username: String,
        /// Password.
        credential: String,
    },
    /// A password for a while, of each for itself.
    Limited(TurnSecret),
}

/// A secret from which passwords are computed.
#[derive(Clone)]
pub struct TurnSecret(Arc<hmac::Key>);

impl TurnSecret {
    /// From the bytes that the TURN server has too.
    pub fn new(secret: &[u8]) -> Self {
        // What the draft and coturn ask for. What is known of SHA-1 does not touch HMAC.
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
        Self(Arc::new(key))
    }

    /// The password of a user name, whether it is still good or not.
    pub fn password(&self, username: &str) -> String {
        BASE64.encode(hmac::sign(&self.0, username.as_bytes()).as_ref())
    }
}

/// Until when a user name is good, in seconds since 1970; `None` if it is none of ours.
pub fn good_until(username: &str) -> Option<u64> {
    let (until, _) = username.split_once(':')?;
    until.parse().ok()
}

impl PartialEq for TurnSecret {
    fn eq(&self, other: &Self) -> bool {
        self.password("") == other.password("")
    }
}

impl Eq for TurnSecret {}

impl fmt::Debug for TurnSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnSecret(…)")
    }
}

/// All servers that participants are told of.
#[derive(Clone, Debug)]
pub struct IceServers {
    /// Others.
    pub servers: Vec<IceServer>,
    /// The secret of the relay behind the TLS of this server itself, if there is one.
    pub relay: Option<TurnSecret>,
    /// The wall-clock time of `t = 0`.
    pub epoch: WallTime,
}

impl IceServers {
    /// What somebody is told at `t`. `host`: by which name it reached this server with TLS.
    pub(crate) fn told(
        &self,
        t: Time,
        lifetime: std::time::Duration,
        participant: ParticipantId,
        host: Option<&Authority>,
    ) -> Vec<RtcIceServer> {
        let now = self.epoch.as_unix_micros().saturating_add(t.as_micros()) / 1_000_000;
        let until = now.saturating_add(lifetime.as_secs());
        let limited = |url: String, secret: &TurnSecret| {
            let username = format!("{until}:{participant}");
            RtcIceServer {
                credential: Some(secret.password(&username)),
                urls: url,
                username: Some(username),
            }
        };
        let relay = host.zip(self.relay.as_ref()).map(|(host, secret)| {
            let (host, port) = (host.host(), host.port_u16().unwrap_or(HTTPS));
            limited(format!("turns:{host}:{port}?transport=tcp"), secret)
        });
        let others = self.servers.iter().map(|server| match &server.access {
            Access::Free => RtcIceServer {
                urls: server.url.clone(),
                username: None,
                credential: None,
            },
            Access::Fixed {
                username,
                credential,
            } => RtcIceServer {
                urls: server.url.clone(),
                username: Some(username.clone()),
                credential: Some(credential.clone()),
            },
            Access::Limited(secret) => limited(server.url.clone(), secret),
        });
        relay.into_iter().chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// `turnutils_oauth`'s sibling: `echo -n 1700000000:p7 | openssl dgst -sha1 -hmac swordfish
    /// -binary | base64`.
    #[test]
    fn a_password_is_what_coturn_computes() {
        let secret = TurnSecret::new(b"swordfish");
        assert_eq!(secret.password("1700000000:p7"), COTURN);
        assert_eq!(good_until("1700000000:p7"), Some(1_700_000_000));
        for other in ["", "1700000000", "x:p7", ":p7", "-5:p7"] {
            assert_eq!(good_until(other), None, "{other}");
        }
        assert_eq!(format!("{secret:?}"), "TurnSecret(…)");
    }

    const COTURN: &str = "820i6KlN10+DUkg2IWDfecpCcY4=";

    #[test]
    fn a_server_is_told_with_what_it_asks_for_and_the_relay_by_the_name_that_was_used() {
        let secret = TurnSecret::new(b"swordfish");
        let server = |url: &str, access| IceServer {
            url: url.to_owned(),
            access,
        };
        let fixed = Access::Fixed {
            username: "mika".into(),
            credential: "pw".into(),
        };
        let servers = IceServers {
            servers: vec![
                server("stun:stun.example", Access::Free),
                server("turn:turn.example", fixed),
                server("turn:coturn.example", Access::Limited(secret.clone())),
            ],
            relay: Some(secret),
            epoch: WallTime::from_unix_micros(1_699_996_400_000_000),
        };
        let told = |host: Option<&str>| {
            let host = host.map(|host| host.parse::<Authority>().unwrap());
            let hour = Duration::from_secs(3_600);
            let told = servers.told(Time::ZERO, hour, ParticipantId(7), host.as_ref());
            serde_json::to_string(&told).unwrap()
        };
        let others = format!(
            r#"{{"urls":"stun:stun.example"}},{{"urls":"turn:turn.example","username":"mika","credential":"pw"}},{{"urls":"turn:coturn.example","username":"1700000000:p7","credential":"{COTURN}"}}"#
        );
        assert_eq!(told(None), format!("[{others}]"));
        for (host, url) in [
            ("meet.example", "turns:meet.example:443?transport=tcp"),
            (
                "[2001:db8::1]:8443",
                "turns:[2001:db8::1]:8443?transport=tcp",
            ),
        ] {
            let relay =
                format!(r#"{{"urls":"{url}","username":"1700000000:p7","credential":"{COTURN}"}}"#);
            assert_eq!(told(Some(host)), format!("[{relay},{others}]"));
        }
    }
}
