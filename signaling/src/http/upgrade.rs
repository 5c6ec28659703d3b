//! The opening handshake of a WebSocket (RFC 6455, 4.2).

use ::http::{HeaderName, Method, StatusCode, header};

use super::origin::{Origin, may_connect};
use super::request::{Refusal, Request};
use super::response::Switch;

/// The name of the room protocol, version 1.
const SUBPROTOCOL: &str = "tsuji.1";

const ONLY_GET: Refusal = Refusal::staying(
    StatusCode::METHOD_NOT_ALLOWED,
    "A WebSocket is opened with GET.",
)
.hints(GET);
const GET: &[(HeaderName, &str)] = &[(header::ALLOW, "GET")];
const NOT_AN_UPGRADE: Refusal = Refusal::staying(
    StatusCode::UPGRADE_REQUIRED,
    "This address speaks WebSocket only.",
)
.hints(UPGRADE);
const OTHER_VERSION: Refusal = Refusal::staying(
    StatusCode::UPGRADE_REQUIRED,
    "This server speaks version 13 of WebSocket (RFC 6455).",
)
.hints(UPGRADE);
const UPGRADE: &[(HeaderName, &str)] = &[
    (header::UPGRADE, "websocket"),
    (header::CONNECTION, "upgrade"),
    (header::SEC_WEBSOCKET_VERSION, "13"),
];
const BAD_KEY: Refusal = Refusal::staying(
    StatusCode::BAD_REQUEST,
    "Sec-WebSocket-Key is one Base64 text of 16 bytes.",
);
const OTHER_PROTOCOL: Refusal = Refusal::staying(
    StatusCode::BAD_REQUEST,
    "The subprotocol of this server is tsuji.1.",
);
const OTHER_ORIGIN: Refusal = Refusal::staying(
    StatusCode::FORBIDDEN,
    "Only pages of this server may connect: the Origin is not the Host. \
     A reverse proxy must pass the Host field on as it came; --origin allows other pages.",
);

/// The 101 response, or why not. `origins`: whose pages may connect beside our own.
pub(super) fn answer(request: &Request, origins: &[Origin]) -> Result<Switch, Refusal> {
    if request.method != Method::GET {
        return Err(ONLY_GET);
    }
    let upgrades = request.has_token(header::UPGRADE, "websocket")
        && request.has_token(header::CONNECTION, "upgrade");
    if !request.http11 || !upgrades {
        return Err(NOT_AN_UPGRADE);
    }
    if request.single(header::SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(OTHER_VERSION);
    }
    let key = request.single(header::SEC_WEBSOCKET_KEY);
    let key = key.filter(|key| is_key(key)).ok_or(BAD_KEY)?;
    if !may_connect(request, origins) {
        return Err(OTHER_ORIGIN);
    }
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let mut fields = vec![
        (header::UPGRADE, "websocket".into()),
        (header::CONNECTION, "upgrade".into()),
        (header::SEC_WEBSOCKET_ACCEPT, accept.into()),
    ];
    if request.headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) {
        if !request.has_token(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
            return Err(OTHER_PROTOCOL);
        }
        fields.push((header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL.into()));
    }
    Ok(Switch(fields))
}

/// 16 bytes in Base64 (RFC 4648, 4): 22 characters and two for padding.
fn is_key(key: &str) -> bool {
    let Some(characters) = key.strip_suffix("==") else {
        return false;
    };
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    characters.len() == 22 && characters.bytes().all(alphabet)
}
