//! Options that say who may come in, and how much of everything there may be.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::value_parser;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use tsuji_core::{MAX_PARTICIPANTS, MAX_PARTICIPANTS_PER_ROOM};
use tsuji_signaling::Origin;
use tsuji_signaling::token::{BadJoinKey, JoinKey};

use crate::limits::Limits;

/// TCP connections beside the WebSockets: pages, and those that are just closing.
const OTHER_CONNECTIONS: usize = 4_000;

/// What stands before an Ed25519 public key in its DER form (RFC 8410, 4): the algorithm, and the
/// head of a string of 32 bytes.
const ED25519: [u8; 12] = *b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// Who may come in, and how much of everything there may be.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Guard rails")]
pub struct Guards {
    /// Let pages of this origin open rooms here too, for example https://example.org. May be
    /// repeated. Without it only the pages of this server may
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Vec<Origin>,

    /// Open rooms to bearers of a signed token only. FILE: an Ed25519 public key (PEM), or a secret
    /// for HS256 of at least 32 bytes. PROTOCOL.md says what is in a token
    #[arg(long, value_name = "FILE")]
    pub join_key: Option<PathBuf>,

    /// People in all rooms together
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=i64::from(MAX_PARTICIPANTS)))]
    pub max_people: u32,

    /// People in one room
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(1..=i64::from(MAX_PARTICIPANTS_PER_ROOM)))]
    pub max_people_per_room: u32,

    /// Rooms at once
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = value_parser!(u32).range(1..=100_000))]
    pub max_rooms: u32,

    /// WebSockets at once
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = value_parser!(u32).range(1..=200_000))]
    pub max_connections: u32,

    /// WebSockets at once from one address (for IPv6, from one /64). Loopback and private addresses
    /// are not counted, here and below
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = value_parser!(u32).range(1..=200_000))]
    pub max_connections_per_address: u32,

    /// People who may enter rooms within a minute from one address
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = value_parser!(u32).range(1..=100_000))]
    pub joins_per_minute: u32,

    /// Rooms that may be created within a minute from one address
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = value_parser!(u32).range(1..=100_000))]
    pub rooms_per_minute: u32,

    /// Messages a second from one WebSocket, after a burst of five times as many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u32).range(5..=10_000))]
    pub messages_per_second: u32,

    /// Seconds that somebody whose WebSocket is gone stays in the room, to come back with another one
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = value_parser!(u64).range(0..=600))]
    pub grace: u64,
}

/// The key for tokens is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinKeyError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It holds another kind of key.
    #[error(
        "{} holds a key that is no Ed25519 public key; `openssl pkey -in FILE -pubout` gives the \
         public half of one",
        .0.display()
    )]
    NotEd25519(PathBuf),
    /// It is too short.
    #[error("{}: {source}", .path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// Why.
        source: BadJoinKey,
    },
}

impl Guards {
    /// The bounds of the room protocol.
    pub(crate) fn signaling_limits(&self) -> tsuji_signaling::Limits {
        tsuji_signaling::Limits {
            connections: size(self.max_connections),
            connections_per_address: size(self.max_connections_per_address),
            rooms: size(self.max_rooms),
            participants: size(self.max_people),
            participants_per_room: size(self.max_people_per_room),
            entries_per_minute_per_address: self.joins_per_minute,
            rooms_per_minute_per_address: self.rooms_per_minute,
            messages_per_second: self.messages_per_second,
            message_burst: self.messages_per_second.saturating_mul(5),
            grace: Duration::from_secs(self.grace),
            ..tsuji_signaling::Limits::default()
        }
    }

    /// The bounds of the media.
    pub(crate) fn core_limits(&self) -> tsuji_core::Limits {
        tsuji_core::Limits {
            participants: size(self.max_people),
            participants_per_room: size(self.max_people_per_room),
            ..tsuji_core::Limits::default()
        }
    }

    /// The bounds of the server on its machine.
    pub(crate) fn host_limits(&self) -> Limits {
        Limits {
            connections: size(self.max_connections) + OTHER_CONNECTIONS,
            ..Limits::default()
        }
    }

    /// What tokens are checked with, if they are wanted.
    pub(crate) fn join_key(&self) -> Result<Option<JoinKey>, JoinKeyError> {
        self.join_key.as_deref().map(read_key).transpose()
    }
}

fn read_key(path: &Path) -> Result<JoinKey, JoinKeyError> {
    let path_buf = || path.to_owned();
    let bytes = fs::read(path).map_err(|source| JoinKeyError::Read {
        path: path_buf(),
        source,
    })?;
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        let key = SubjectPublicKeyInfoDer::from_pem_slice(&bytes).ok();
        let key = key.and_then(|key| key.strip_prefix(&ED25519)?.try_into().ok());
        let key: [u8; 32] = key.ok_or_else(|| JoinKeyError::NotEd25519(path_buf()))?;
        return Ok(JoinKey::ed25519(&key));
    }
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let secret = line.strip_suffix(b"\r").unwrap_or(line);
    JoinKey::hs256(secret).map_err(|source| JoinKeyError::Bad {
        path: path_buf(),
        source,
    })
}

/// Every machine that has sockets counts further.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::Options;

    fn guards(arguments: &[&str]) -> Guards {
        let arguments = [&["tsuji"], arguments].concat();
        Options::try_parse_from(arguments).unwrap().guards
    }

    #[test]
    fn what_is_not_said_is_as_the_limits_have_it() {
        let guards = guards(&[]);
        assert_eq!(
            guards.signaling_limits(),
            tsuji_signaling::Limits::default()
        );
        assert_eq!(guards.core_limits(), tsuji_core::Limits::default());
        assert_eq!(
            guards.host_limits().connections,
            Limits::default().connections
        );
        assert!(guards.origin.is_empty() && guards.join_key().unwrap().is_none());
    }

    #[test]
    fn every_option_reaches_its_limit() {
        let guards = guards(&[
            "--max-people=11",
            "--max-people-per-room=12",
            "--max-rooms=13",
            "--max-connections=14",
            "--max-connections-per-address=15",
            "--joins-per-minute=16",
            "--rooms-per-minute=17",
            "--messages-per-second=18",
            "--grace=19",
        ]);
        let rooms = guards.signaling_limits();
        assert_eq!((rooms.participants, rooms.participants_per_room), (11, 12));
        assert_eq!((rooms.rooms, rooms.connections), (13, 14));
        assert_eq!(rooms.connections_per_address, 15);
        assert_eq!(rooms.entries_per_minute_per_address, 16);
        assert_eq!(rooms.rooms_per_minute_per_address, 17);
        assert_eq!((rooms.messages_per_second, rooms.message_burst), (18, 90));
        assert_eq!(rooms.grace, Duration::from_secs(19));
        let media = guards.core_limits();
        assert_eq!((media.participants, media.participants_per_room), (11, 12));
        assert_eq!(guards.host_limits().connections, 4_014);
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for good in [
            "https://example.org",
            "http://localhost:3000",
            "https://[2001:db8::1]:8443/",
        ] {
            assert_eq!(guards(&["--origin", good]).origin.len(), 1, "{good}");
        }
        for bad in [
            "example.org",
            "*",
            "ftp://example.org",
            "https://example.org/page",
            "null",
            "",
        ] {
            let parsed = Options::try_parse_from(["tsuji", "--origin", bad]);
            assert!(parsed.is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_a_secret_or_a_public_key_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let read = |content: &[u8]| {
            fs::write(&path, content).unwrap();
            read_key(&path).map(|key| format!("{key:?}"))
        };
        let secret = read(&[b'x'; 32]).unwrap();
        assert!(secret.contains("HS256"), "{secret}");
        assert!(
            read(b"0123456789012345678901234567890\r\n").is_err(),
            "31 bytes and a line end"
        );

        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let public = read(pair.public_key_pem().as_bytes()).unwrap();
        assert!(public.contains("EdDSA"), "{public}");
        let other = rcgen::KeyPair::generate().unwrap();
        for wrong in [pair.serialize_pem(), other.public_key_pem()] {
            let error = read(wrong.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("no Ed25519 public key"), "{error}");
        }
        let missing = read_key(&directory.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("cannot read"), "{missing}");
    }
}
