//! A response and what every response of ours says.

use std::borrow::Cow;

use ::http::{HeaderName, HeaderValue, StatusCode, header};

/// Only our own scripts, styles and pictures; the page talks to this server only, is in nobody's
/// frame, and loads nothing by default (W3C CSP 3). `blob:` and `data:` are what a page makes by
/// itself.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self'; img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Nobody learns the address of a room from a link that is followed in it (`referrer-policy`),
/// and no other page reaches into ours or uses its camera.
const ALWAYS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self)",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// A response, before it is known whether the connection stays open.
#[derive(Debug)]
pub(super) struct Response {
    status: StatusCode,
    fields: Vec<(HeaderName, Cow<'static, str>)>,
    body: Cow<'static, [u8]>,
}

impl Response {
    pub(super) fn new(status: StatusCode, kind: &str, body: Cow<'static, [u8]>) -> Self {
        let empty = Self {
            status,
            fields: Vec::new(),
            body,
        };
        empty.with(&header::CONTENT_TYPE, kind.to_owned())
    }

    /// One sentence.
    pub(super) fn text(status: StatusCode, text: &str) -> Self {
        let body = format!("{text}\n").into_bytes();
        Self::new(status, "text/plain; charset=utf-8", body.into())
    }

    /// 304: what the client has is good (RFC 9110, 15.4.5).
    pub(super) fn not_modified() -> Self {
        Self {
            status: StatusCode::NOT_MODIFIED,
            fields: Vec::new(),
            body: Cow::Borrowed(&[]),
        }
    }

    /// Adds a field. `value` must be ours: it is written as it is.
    pub(super) fn with(mut self, name: &HeaderName, value: impl Into<Cow<'static, str>>) -> Self {
        self.fields.push((name.clone(), value.into()));
        self
    }

    /// The response for whoever writes it to the wire, and says how long it is.
    pub(super) fn into_http(self, head_only: bool) -> ::http::Response<Vec<u8>> {
        let always = ALWAYS.map(|(name, value)| (name, Cow::Borrowed(value)));
        let fields = self.fields.into_iter().chain(always).collect();
        let body = if head_only {
            Vec::new()
        } else {
            self.body.into_owned()
        };
        collect(self.status, fields, body)
    }

    /// The response on the wire. There is no `Date`, because there is no clock (RFC 9110, 6.6.1).
    pub(super) fn into_bytes(self, head_only: bool, close: bool) -> Vec<u8> {
        let mut head = status_line(self.status);
        for (name, value) in &self.fields {
            push_field(&mut head, name, value);
        }
        for (name, value) in &ALWAYS {
            push_field(&mut head, name, value);
        }
        if self.status != StatusCode::NOT_MODIFIED {
            let length = self.body.len().to_string();
            push_field(&mut head, &header::CONTENT_LENGTH, &length);
        }
        if close {
            push_field(&mut head, &header::CONNECTION, "close");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !head_only {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// `101 Switching Protocols`: a head only, with just these fields.
#[derive(Debug)]
pub(super) struct Switch(pub(super) Vec<(HeaderName, Cow<'static, str>)>);

impl Switch {
    /// The response on the wire.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let mut head = status_line(StatusCode::SWITCHING_PROTOCOLS);
        for (name, value) in &self.0 {
            push_field(&mut head, name, value);
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The response for whoever writes it to the wire.
    pub(super) fn into_http(self) -> ::http::Response<Vec<u8>> {
        collect(StatusCode::SWITCHING_PROTOCOLS, self.0, Vec::new())
    }
}

fn collect(
    status: StatusCode,
    fields: Vec<(HeaderName, Cow<'static, str>)>,
    body: Vec<u8>,
) -> ::http::Response<Vec<u8>> {
    let mut response = ::http::Response::new(body);
    *response.status_mut() = status;
    for (name, value) in fields {
        // All of them are ours, and visible ASCII.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn status_line(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    format!("HTTP/1.1 {} {reason}\r\n", status.as_str())
}

fn push_field(head: &mut String, name: &HeaderName, value: &str) {
    head.push_str(name.as_str());
    head.push_str(": ");
    head.push_str(value);
    head.push_str("\r\n");
}
