//! Which path leads where.

use std::borrow::Cow;
use std::fmt::Write;

use ::http::{HeaderName, Method, StatusCode, header};
use tsuji_web::Assets;

use super::origin::Origin;
use super::request::{Refusal, Request};
use super::response::Response;
use super::upgrade;
use super::{Outcome, Peer, debug};

const NOT_FOUND: &str = include_str!("not_found.html");

const ONLY_READ: Refusal = Refusal::staying(
    StatusCode::METHOD_NOT_ALLOWED,
    "This address can only be read.",
)
.hints(GET_AND_HEAD);
const GET_AND_HEAD: &[(HeaderName, &str)] = &[(header::ALLOW, "GET, HEAD")];
const UNKNOWN_METHOD: Refusal = Refusal::closing(
    StatusCode::NOT_IMPLEMENTED,
    "This server does not know the method of the request.",
);
const NO_CODINGS: Refusal = Refusal::closing(
    StatusCode::NOT_IMPLEMENTED,
    "This server reads no transfer coding.",
);
const NO_BODIES: Refusal = Refusal::closing(
    StatusCode::PAYLOAD_TOO_LARGE,
    "This server reads no request bodies.",
);

pub(super) fn answer(
    request: &Request,
    peer: Peer,
    origins: &[Origin],
) -> Result<Outcome, Refusal> {
    if !is_standard(&request.method) {
        return Err(UNKNOWN_METHOD);
    }
    if request.path == "/ws" {
        check_body(request)?;
        return upgrade::answer(request, origins).map(Outcome::Upgrade);
    }
    if request.path == "/debug/trace" {
        check_body(request)?;
        return debug::write_trace(request, peer).map(Outcome::WriteTrace);
    }
    let file = find(&request.path);
    if file.is_some() && request.method != Method::GET && request.method != Method::HEAD {
        return Err(ONLY_READ);
    }
    check_body(request)?;
    Ok(Outcome::Respond(match file {
        Some(file) => serve(request, file),
        None => {
            let page = Cow::Borrowed(NOT_FOUND.as_bytes());
            let page = Response::new(StatusCode::NOT_FOUND, "text/html; charset=utf-8", page);
            page.with(&header::CACHE_CONTROL, "no-cache")
        }
    }))
}

fn check_body(request: &Request) -> Result<(), Refusal> {
    if !request.has_body {
        Ok(())
    } else if request.headers.contains_key(header::TRANSFER_ENCODING) {
        Err(NO_CODINGS)
    } else {
        Err(NO_BODIES)
    }
}

/// RFC 9110, 9.1 and RFC 5789.
fn is_standard(method: &Method) -> bool {
    const STANDARD: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ];
    STANDARD.contains(method)
}

/// A file of the client. The paths of pages lead to one page, which looks at its own address;
/// a room's page and those beside the rooms have their own file where the client has one.
fn find(path: &str) -> Option<rust_embed::EmbeddedFile> {
    let page = |name: &str| Assets::get(name).or_else(|| Assets::get("index.html"));
    match path {
        "/" => page("index.html"),
        "/thanks" => page("thanks.html"),
        "/check" => page("check.html"),
        _ if path.starts_with("/r/") => page("room.html"),
        _ => Assets::get(path.strip_prefix('/')?),
    }
}

/// The names of files stay the same from version to version, so a browser asks each time, and
/// mostly hears 304.
fn serve(request: &Request, file: rust_embed::EmbeddedFile) -> Response {
    let tag = entity_tag(&file.metadata.sha256_hash());
    let response = if has_current(request, &tag) {
        Response::not_modified()
    } else {
        let kind = with_charset(file.metadata.mimetype());
        Response::new(StatusCode::OK, &kind, file.data)
    };
    response
        .with(&header::ETAG, tag)
        .with(&header::CACHE_CONTROL, "no-cache")
}

/// Half of the SHA-256 of the content (RFC 9110, 8.8.3): two contents never share it.
fn entity_tag(hash: &[u8; 32]) -> String {
    let mut tag = String::from("\"");
    for byte in &hash[..16] {
        // Writing to a String does not fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// RFC 9110, 13.1.2: `If-None-Match`, compared weakly.
fn has_current(request: &Request, tag: &str) -> bool {
    let values = request.headers.get_all(header::IF_NONE_MATCH).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == tag)
}

/// All text of the client is UTF-8.
fn with_charset(kind: &str) -> String {
    let is_text = kind.starts_with("text/")
        || kind.ends_with("json")
        || kind.ends_with("+xml")
        || kind.ends_with("/javascript");
    if is_text && !kind.contains("charset") {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_owned()
    }
}
