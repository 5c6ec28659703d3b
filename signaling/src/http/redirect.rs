//! From HTTP to HTTPS, on the same port.

use ::http::{StatusCode, header};

use super::request::{Refusal, Request};
use super::response::Response;

const NO_HOST: Refusal = Refusal::closing(
    StatusCode::BAD_REQUEST,
    "This port speaks HTTPS, and the request does not say to which host.",
);

/// 308 (RFC 9110, 15.4.9): the same, by HTTPS.
pub(super) fn to_https(request: &Request) -> Result<Response, Refusal> {
    let host = request.host.as_ref().ok_or(NO_HOST)?;
    let path = &request.path;
    // A target may be `*` or an authority alone.
    let path = if path.starts_with('/') { path } else { "/" };
    let query = request.query.as_ref().map(|query| format!("?{query}"));
    let query = query.unwrap_or_default();
    let place = format!("https://{host}{path}{query}");
    // What a URI is made of was checked when it was read: there is no line end in it.
    let response = Response::text(
        StatusCode::PERMANENT_REDIRECT,
        "This port speaks HTTPS; the address is the same with https:// before it.",
    );
    Ok(response.with(&header::LOCATION, place))
}
