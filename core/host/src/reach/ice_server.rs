//! `--ice-server`: STUN and TURN servers of others.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use tsuji_signaling::ice_server::{Access, IceServer, TurnSecret};

/// A STUN or TURN server, given on the command line: `URL`, `URL user=NAME credential=PASSWORD`, or
/// `URL secret-file=FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServerOption {
    url: String,
    access: Given,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Nothing,
    Fixed { user: String, credential: String },
    SecretFile(PathBuf),
}

/// Participants cannot be told of a TURN server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IceServerError {
    /// The file with its secret cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("{} is empty: it should have the secret of the TURN server", .0.display())]
    Empty(PathBuf),
}

/// What participants are told, with secrets read from their files.
pub(crate) fn ice_servers(options: &[IceServerOption]) -> Result<Vec<IceServer>, IceServerError> {
    let server = |option: &IceServerOption| {
        Ok(IceServer {
            url: option.url.clone(),
            access: match &option.access {
                Given::Nothing => Access::Free,
                Given::Fixed { user, credential } => Access::Fixed {
                    username: user.clone(),
                    credential: credential.clone(),
                },
                Given::SecretFile(path) => Access::Limited(read_secret(path)?),
            },
        })
    };
    options.iter().map(server).collect()
}

fn read_secret(path: &PathBuf) -> Result<TurnSecret, IceServerError> {
    let bytes = fs::read(path).map_err(|source| IceServerError::Read {
        path: path.clone(),
        source,
    })?;
    let secret = bytes.trim_ascii();
    if secret.is_empty() {
        return Err(IceServerError::Empty(path.clone()));
    }
    Ok(TurnSecret::new(secret))
}

impl FromStr for IceServerOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let url = words.next().unwrap_or_default();
        let (scheme, rest) = url.split_once(':').unwrap_or_default();
        let is_turn = matches!(scheme, "turn" | "turns");
        if rest.is_empty()
            || rest.starts_with('/')
            || !(is_turn || matches!(scheme, "stun" | "stuns"))
        {
            return Err(
                "expected the URL of a STUN or TURN server, such as stun:stun.example:3478, \
                 turn:turn.example:3478 or turns:turn.example:443?transport=tcp"
                    .to_owned(),
            );
        }
        let (mut user, mut credential, mut file) = (None, None, None);
        for word in words {
            let place = match word.split_once('=') {
                Some(("user", value)) => user.replace(value),
                Some(("credential", value)) => credential.replace(value),
                Some(("secret-file", value)) => file.replace(value),
                _ => {
                    return Err(format!(
                        "{word:?} is none of user=, credential=, secret-file="
                    ));
                }
            };
            if place.is_some() {
                return Err(format!("{word:?} is said twice"));
            }
        }
        let access = match (user, credential, file) {
            (None, None, None) if !is_turn => Given::Nothing,
            (Some(user), Some(credential), None) if is_turn => Given::Fixed {
                user: user.to_owned(),
                credential: credential.to_owned(),
            },
            (None, None, Some(file)) if is_turn => Given::SecretFile(file.into()),
            _ if is_turn => {
                return Err("a TURN server needs user= and credential=, or secret-file=".to_owned());
            }
            _ => return Err("a STUN server needs no password".to_owned()),
        };
        Ok(Self {
            url: url.to_owned(),
            access,
        })
    }
}

impl fmt::Display for IceServerOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)?;
        match &self.access {
            Given::Nothing => Ok(()),
            Given::Fixed { user, credential } => write!(f, " user={user} credential={credential}"),
            Given::SecretFile(path) => write!(f, " secret-file={}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_meant() {
        for text in [
            "stun:stun.example:3478",
            "stuns:stun.example",
            "turn:turn.example:3478?transport=udp user=mika credential=pass=word",
            "turns:[2001:db8::1]:443?transport=tcp secret-file=/etc/tsuji/turn",
        ] {
            assert_eq!(text.parse::<IceServerOption>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "stun:",
            "stun://stun.example",
            "https://turn.example",
            "stun:stun.example user=mika credential=x",
            "turn:turn.example",
            "turn:turn.example user=mika",
            "turn:turn.example user=a user=b credential=c",
            "turn:turn.example user=a credential=b secret-file=c",
            "turn:turn.example password=x",
        ] {
            assert!(text.parse::<IceServerOption>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_read_from_its_file_without_the_line_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let text = format!("turn:turn.example secret-file={}", path.display());
        let options = [text.parse::<IceServerOption>().unwrap()];
        let error = ice_servers(&options).unwrap_err().to_string();
        assert!(error.contains("cannot read"), "{error}");
        fs::write(&path, " \n").unwrap();
        let error = ice_servers(&options).unwrap_err().to_string();
        assert!(error.contains("is empty"), "{error}");
        fs::write(&path, "swordfish\n").unwrap();
        let access = ice_servers(&options).unwrap().remove(0).access;
        assert_eq!(access, Access::Limited(TurnSecret::new(b"swordfish")));
    }
}
