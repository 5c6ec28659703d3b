//! What only somebody on the server's own machine may ask for.

use std::borrow::Cow;

use ::http::{HeaderName, Method, StatusCode, header};

use super::Peer;
use super::request::{Refusal, Request};
use super::response::Response;

const NOT_FROM_ELSEWHERE: Refusal = Refusal::staying(
    StatusCode::FORBIDDEN,
    "This can only be asked for on the server's own machine.",
);
const ONLY_POST: Refusal = Refusal::staying(
    StatusCode::METHOD_NOT_ALLOWED,
    "This changes something, so it wants POST.",
)
.hints(POST);
const POST: &[(HeaderName, &str)] = &[(header::ALLOW, "POST")];

/// What a proxy adds when it passes on what somebody else asks, and what a browser adds when a page
/// asks: either way it is not the person at this machine.
const OF_OTHERS: [&str; 6] = [
    "forwarded",
    "via",
    "origin",
    "x-forwarded-for",
    "x-real-ip",
    "sec-fetch-site",
];

/// Has the decisions of the last minutes written to a file.
pub(super) fn write_trace(request: &Request, peer: Peer) -> Result<Response, Refusal> {
    let mut of_others = OF_OTHERS.into_iter();
    if peer != Peer::ThisMachine || of_others.any(|name| request.headers.contains_key(name)) {
        return Err(NOT_FROM_ELSEWHERE);
    }
    if request.method != Method::POST {
        return Err(ONLY_POST);
    }
    let text = "The decisions of the last minutes are being written; the log says where.\n";
    let text = Cow::Borrowed(text.as_bytes());
    let kind = "text/plain; charset=utf-8";
    Ok(Response::new(StatusCode::ACCEPTED, kind, text).with(&header::CACHE_CONTROL, "no-store"))
}
