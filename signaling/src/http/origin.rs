//! Whose pages may open a WebSocket.

use std::fmt;
use std::str::FromStr;

use ::http::header;
use ::http::uri::{Authority, Scheme, Uri};

use super::request::Request;

/// Where a page comes from (RFC 6454, 4): scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// A text that is no origin of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a scheme and a host, such as https://example.org or http://localhost:3000")]
pub struct BadOrigin;

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let uri: Uri = text.parse().map_err(|_| BadOrigin)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(BadOrigin);
        };
        if uri.path_and_query().is_some_and(|path| path != "/") || authority.as_str().contains('@')
        {
            return Err(BadOrigin);
        }
        Ok(Self {
            scheme: scheme.clone(),
            host: authority.host().to_ascii_lowercase(),
            port: port(authority, scheme).ok_or(BadOrigin)?,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

impl Origin {
    /// Whether it is that of the server itself, under the name by which it was asked.
    fn is(&self, host: &Authority) -> bool {
        self.host.eq_ignore_ascii_case(host.host()) && Some(self.port) == port(host, &self.scheme)
    }
}

/// A browser says whose page connects; were that not checked, any page could use its visitor's
/// access to this server (RFC 6455, 10.2). Other programs say nothing.
pub(super) fn may_connect(request: &Request, others: &[Origin]) -> bool {
    if !request.headers.contains_key(header::ORIGIN) {
        return true;
    }
    let origin = request.single(header::ORIGIN);
    let origin = origin.and_then(|origin| origin.parse::<Origin>().ok());
    origin.is_some_and(|origin| {
        let own = request.host.as_ref().is_some_and(|host| origin.is(host));
        own || others.contains(&origin)
    })
}

fn port(authority: &Authority, scheme: &Scheme) -> Option<u16> {
    let default = match scheme {
        scheme if *scheme == Scheme::HTTP => 80,
        scheme if *scheme == Scheme::HTTPS => 443,
        _ => return None,
    };
    Some(authority.port_u16().unwrap_or(default))
}
