//! Join tokens: an application that embeds meetings says who may enter which room, signed.
//!
//! JSON Web Tokens (RFC 7519) with one algorithm, which the key decides and no token's header
//! (RFC 8725, 3.1). What time it is comes from outside.

use std::fmt;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use tsuji_core::WallTime;

use crate::name::Name;
use crate::room_code::RoomCode;

/// The shortest secret, in bytes: as long as the hash (RFC 7518, 3.2).
const SECRET_BYTES: usize = 32;

/// Bytes of a token. 4 KiB: ours are below 400.
const TOKEN_BYTES: usize = 4 * 1024;

/// How far two clocks may be apart. 30 s: more than any that is set over the network.
const LEEWAY: Duration = Duration::from_secs(30);

/// What tokens are checked with.
#[derive(Clone)]
pub struct JoinKey {
    algorithm: Algorithm,
    key: DecodingKey,
}

/// A key that tokens cannot be checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJoinKey {
    /// Whoever guesses the secret may enter everywhere.
    #[error("the secret has {0} bytes; HS256 needs at least {SECRET_BYTES}")]
    ShortSecret(usize),
}

/// What a token says (RFC 7519, 4). Fields that are not known are ignored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The one room that the bearer may look at and enter.
    pub room: String,
    /// The bearer's name in it; without, the bearer says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the bearer opens the room where it is not open.
    #[serde(default, rename = "may-create")]
    pub may_create: bool,
    /// In seconds since 1970: from then on it is worth nothing.
    pub exp: u64,
    /// In seconds since 1970: before that it is worth nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
}

/// What its bearer may do.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) room: RoomCode,
    pub(crate) name: Option<Name>,
    pub(crate) may_create: bool,
}

/// Why a token is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Not signed with the key.
    #[error("It was not signed with the key of this server")]
    Signature,
    /// Not a token, or one without what is needed.
    #[error("It is no JSON Web Token with the claims room and exp")]
    Malformed,
    /// Too old.
    #[error("It has expired")]
    Expired,
    /// Too young.
    #[error("It is not valid yet")]
    Early,
    /// Its room cannot be one.
    #[error("Its room is not the name of a room")]
    Room,
    /// Its name cannot be shown.
    #[error("Its name cannot be shown")]
    Name,
    /// It is for another room than was asked for.
    #[error("It is for another room")]
    OtherRoom,
}

impl JoinKey {
    /// HMAC-SHA-256 with a secret that the application shares (RFC 7518, 3.2: at least 32 bytes).
    pub fn hs256(secret: &[u8]) -> Result<Self, BadJoinKey> {
        if secret.len() < SECRET_BYTES {
            return Err(BadJoinKey::ShortSecret(secret.len()));
        }
        Ok(Self::new(
            Algorithm::HS256,
            DecodingKey::from_secret(secret),
        ))
    }

    /// Ed25519, by the public key of the application (RFC 8037, RFC 8032).
    pub fn ed25519(public: &[u8; 32]) -> Self {
        Self::new(Algorithm::EdDSA, DecodingKey::from_ed_der(public))
    }

    fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        // The crate does not choose by itself where an application has its features for another
        // one; which one checks makes no difference, so one that was chosen already stays.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        Self { algorithm, key }
    }

    /// What a token grants at `now`. `name_chars`: the most characters of a name.
    pub(crate) fn check(
        &self,
        token: &str,
        now: WallTime,
        name_chars: usize,
    ) -> Result<Grant, BadToken> {
        if token.len() > TOKEN_BYTES {
            return Err(BadToken::Malformed);
        }
        let claims: Claims = jsonwebtoken::decode(token, &self.key, &self.signature_only())
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature
                | ErrorKind::InvalidAlgorithm
                | ErrorKind::InvalidAlgorithmName => BadToken::Signature,
                _ => BadToken::Malformed,
            })?
            .claims;

        let now = Duration::from_micros(now.as_unix_micros());
        let at = Duration::from_secs;
        if now >= at(claims.exp).saturating_add(LEEWAY) {
            return Err(BadToken::Expired);
        }
        if claims.nbf.is_some_and(|nbf| now + LEEWAY < at(nbf)) {
            return Err(BadToken::Early);
        }
        let name = claims.name.map(|name| Name::parse(&name, name_chars));
        Ok(Grant {
            room: claims.room.parse().map_err(|_| BadToken::Room)?,
            name: name.transpose().map_err(|_| BadToken::Name)?,
            may_create: claims.may_create,
        })
    }

    /// The crate would compare times with the clock of the system.
    fn signature_only(&self) -> Validation {
        let mut validation = Validation::new(self.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        // Whom else it is meant for is the business of whoever signed it.
        validation.validate_aud = false;
        validation
    }
}

impl fmt::Debug for JoinKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JoinKey").field(&self.algorithm).finish()
    }
}
