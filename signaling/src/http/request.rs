//! The head of a request, checked once; what comes out is well-formed.

use ::http::request::Parts;
use ::http::uri::{Authority, Uri};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};

use super::response::Response;
use crate::Limits;

/// A request that we could answer.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    /// The `Host`, or that of an absolute target; only HTTP/1.0 may have none.
    pub(super) host: Option<Authority>,
    pub(super) http11: bool,
    /// Whether the client lets the connection stay open.
    pub(super) keep_alive: bool,
    /// Whether a body follows, which we would have to read to find the next request.
    pub(super) has_body: bool,
}

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) text: &'static str,
    /// Whether what follows on the connection can no longer be trusted.
    pub(super) closes: bool,
    /// Header fields that tell what to do instead.
    pub(super) hints: &'static [(HeaderName, &'static str)],
}

impl Refusal {
    /// One that ends the connection.
    pub(super) const fn closing(status: StatusCode, text: &'static str) -> Self {
        Self {
            status,
            text,
            closes: true,
            hints: &[],
        }
    }

    /// One after which the next request is answered.
    pub(super) const fn staying(status: StatusCode, text: &'static str) -> Self {
        Self {
            status,
            text,
            closes: false,
            hints: &[],
        }
    }

    pub(super) const fn hints(self, hints: &'static [(HeaderName, &'static str)]) -> Self {
        Self { hints, ..self }
    }

    pub(super) fn to_response(&self) -> Response {
        let mut response = Response::text(self.status, self.text);
        for (name, value) in self.hints {
            response = response.with(name, *value);
        }
        response
    }
}

impl Request {
    /// Reads one head from the start of `buffer` and tells how long it is; `None` when it is not
    /// all there.
    pub(super) fn parse(buffer: &[u8], limits: &Limits) -> Result<Option<(Self, usize)>, Refusal> {
        let mut fields = vec![httparse::EMPTY_HEADER; limits.http_headers];
        let mut head = httparse::Request::new(&mut fields);
        // No further than a head may go: which refusal it gets must not depend on how much of it
        // came at once.
        let window = &buffer[..buffer.len().min(limits.http_head_bytes)];
        let length = match head.parse(window) {
            Ok(httparse::Status::Complete(length)) => Some(length),
            Ok(httparse::Status::Partial) if buffer.len() <= limits.http_head_bytes => {
                return Ok(None);
            }
            Ok(httparse::Status::Partial) => None,
            Err(httparse::Error::TooManyHeaders) => return Err(TOO_MANY_FIELDS),
            Err(httparse::Error::Version) => return Err(BAD_VERSION),
            Err(_) => return Err(NOT_HTTP),
        };
        let target = head.path.unwrap_or_default();
        if target.len() > limits.http_target_bytes || !window.contains(&b'\n') {
            return Err(TARGET_TOO_LONG);
        }
        let length = length.ok_or(HEAD_TOO_LARGE)?;

        let method = head.method.unwrap_or_default();
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| NOT_HTTP)?;
        let headers = collect(head.headers)?;
        let http11 = head.version == Some(1);
        let uri: Uri = target.parse().map_err(|_| BAD_TARGET)?;
        if !is_percent_encoded(uri.path()) {
            return Err(BAD_TARGET);
        }
        let request = Request {
            host: host(&uri, &headers, http11)?,
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            keep_alive: http11 && !has_token(&headers, header::CONNECTION, "close"),
            has_body: has_body(&headers)?,
            method,
            headers,
            http11,
        };
        Ok(Some((request, length)))
    }

    /// One that another library has read.
    pub(super) fn from_parts(parts: &Parts) -> Result<Self, Refusal> {
        let http11 = parts.version >= Version::HTTP_11;
        if !is_percent_encoded(parts.uri.path()) {
            return Err(BAD_TARGET);
        }
        // HTTP/2 has the host in the target alone (RFC 9113, 8.3.1).
        let named = parts.uri.authority().is_some();
        let host = host(&parts.uri, &parts.headers, http11 && !named)?;
        Ok(Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            host: host.or_else(|| parts.uri.authority().cloned()),
            http11,
            keep_alive: true,
            has_body: has_body(&parts.headers)?,
            headers: parts.headers.clone(),
        })
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// Whether a comma-separated field names `token`, in any case.
    pub(super) fn has_token(&self, name: HeaderName, token: &str) -> bool {
        has_token(&self.headers, name, token)
    }

    /// A field that must come once; `None` when it is missing, doubled or not ASCII.
    pub(super) fn single(&self, name: HeaderName) -> Option<&str> {
        single(&self.headers, name)
    }
}

const NOT_HTTP: Refusal =
    Refusal::closing(StatusCode::BAD_REQUEST, "This is not an HTTP/1.1 request.");
const BAD_VERSION: Refusal = Refusal::closing(
    StatusCode::HTTP_VERSION_NOT_SUPPORTED,
    "This server speaks HTTP/1.1.",
);
const TOO_MANY_FIELDS: Refusal = Refusal::closing(
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "The request has too many header fields.",
);
const HEAD_TOO_LARGE: Refusal = Refusal::closing(
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "The header fields of the request are too large.",
);
const TARGET_TOO_LONG: Refusal =
    Refusal::closing(StatusCode::URI_TOO_LONG, "The address is too long.");
const BAD_TARGET: Refusal = Refusal::closing(
    StatusCode::BAD_REQUEST,
    "The address of the request is malformed.",
);
const BAD_HOST: Refusal = Refusal::closing(
    StatusCode::BAD_REQUEST,
    "A request has one Host field with the name of the server.",
);
const BAD_FRAMING: Refusal = Refusal::closing(
    StatusCode::BAD_REQUEST,
    "The length of the request's body is not clear.",
);

fn collect(fields: &[httparse::Header<'_>]) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| NOT_HTTP)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| NOT_HTTP)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// RFC 9112, 3.2: HTTP/1.1 requires one `Host`; the authority of an absolute target wins.
fn host(uri: &Uri, headers: &HeaderMap, http11: bool) -> Result<Option<Authority>, Refusal> {
    if !headers.contains_key(header::HOST) {
        return if http11 { Err(BAD_HOST) } else { Ok(None) };
    }
    let host = single(headers, header::HOST).ok_or(BAD_HOST)?;
    let host: Authority = host.parse().map_err(|_| BAD_HOST)?;
    if host.as_str().contains('@') {
        return Err(BAD_HOST);
    }
    Ok(Some(uri.authority().cloned().unwrap_or(host)))
}

/// RFC 9112, 6.3: what says two lengths is refused, because others on the way may have believed
/// the other one.
fn has_body(headers: &HeaderMap) -> Result<bool, Refusal> {
    let lengths = headers.get_all(header::CONTENT_LENGTH);
    let mut length = None;
    for value in lengths {
        let value = value.to_str().map_err(|_| BAD_FRAMING)?;
        if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BAD_FRAMING);
        }
        if length.is_some_and(|length| length != value) {
            return Err(BAD_FRAMING);
        }
        length = Some(value);
    }
    let chunked = headers.contains_key(header::TRANSFER_ENCODING);
    match length {
        Some(_) if chunked => Err(BAD_FRAMING),
        Some(length) => Ok(length.bytes().any(|b| b != b'0')),
        None => Ok(chunked),
    }
}

fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    match values.next() {
        None => value.to_str().ok(),
        Some(_) => None,
    }
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let mut tokens = values.flat_map(|value| value.split(','));
    tokens.any(|t| t.trim().eq_ignore_ascii_case(token))
}

/// RFC 3986, 2.1: every `%` is followed by two hexadecimal digits.
fn is_percent_encoded(path: &str) -> bool {
    let mut pieces = path.split('%');
    pieces.next();
    pieces.all(|piece| {
        let digits = piece.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}
