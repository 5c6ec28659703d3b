//! Serving connections.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ::http::uri::Authority;
use async_tungstenite::WebSocketStream;
use futures_rustls::TlsAcceptor;
use smol::future::FutureExt;
use smol::io::{AsyncRead, AsyncWrite};
use tsuji_host::front::{Media, Opening, Relay};
use tsuji_signaling::Exchange;
use tsuji_signaling::http::{Answer, answer};
use tungstenite::protocol::Role;

use crate::front::Front;
use crate::guest::Guest;
use crate::http::{self, End};
use crate::patient::{Patient, linger};
use crate::prefixed::Prefixed;
use crate::stream;
use crate::websocket;

/// Whether a connection came over TLS that ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secure {
    Yes,
    No,
}

/// Serves connections; cheap to clone. The futures that it returns can be run anywhere, and end
/// when the server stops.
#[derive(Clone, Debug)]
pub struct Service {
    pub(crate) front: Arc<Front>,
}

impl Service {
    /// What a request leads to, where the application speaks HTTP: the page and its files, or the
    /// opening of a WebSocket. After [`Answer::Upgrade`] is sent, the connection belongs to
    /// [`serve_websocket`](Self::serve_websocket).
    pub fn answer(&self, request: &::http::request::Parts) -> Answer {
        answer(request, &self.front.origins)
    }

    /// Serves a connection that has just become a WebSocket, until it ends. `early`: bytes that came
    /// behind the handshake. `peer`: who is at the other end, for the limits that hold for one
    /// address.
    pub async fn serve_websocket<S>(&self, stream: S, early: Vec<u8>, peer: IpAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.contain(async {
            if let Some((guest, _)) = Guest::admit(&self.front, peer) {
                self.websocket(&guest, stream, early, None).await;
            }
        })
        .await;
    }

    /// Serves a whole TCP connection, until it ends: the page, its files, and WebSockets by
    /// HTTP/1.1, or media.
    pub async fn serve_connection<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.serve(stream, None, peer).await;
    }

    /// The same where TLS is expected; with `None`, not. What begins with media has none.
    pub(crate) async fn serve<S>(&self, stream: S, tls: Option<&TlsAcceptor>, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.contain(async {
            let Some((guest, mut exchange)) = Guest::admit(&self.front, peer.ip()) else {
                return;
            };
            let Some((opening, stream)) = open(&guest, &exchange, stream).await else {
                return;
            };
            match (opening, tls) {
                (Opening::Media, _) => self.media(&guest, stream, peer).await,
                (_, None) => self.http(&guest, stream, exchange, Secure::No).await,
                (Opening::Http | Opening::Turn, Some(_)) => {
                    exchange.lacks_tls();
                    self.http(&guest, stream, exchange, Secure::No).await;
                }
                (Opening::Tls, Some(tls)) => {
                    let accepted = guest.before(exchange.deadline(), tls.accept(stream));
                    let stream = match accepted.await {
                        Some(Ok(stream)) => stream,
                        Some(Err(error)) => return tracing::debug!(%error, "a client broke TLS"),
                        None => return,
                    };
                    match open(&guest, &exchange, stream).await {
                        Some((Opening::Media, stream)) => self.media(&guest, stream, peer).await,
                        Some((Opening::Turn, stream)) => self.relay(&guest, stream, peer).await,
                        Some((_, stream)) => {
                            self.http(&guest, stream, exchange, Secure::Yes).await;
                        }
                        None => {}
                    }
                }
            }
        })
        .await;
    }

    async fn media<S>(&self, guest: &Guest, mut stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        guest.media_began(peer);
        let media = Media::new(guest.now(), guest.limits(), &[]);
        stream::serve(guest, &mut stream, media).await;
    }

    async fn relay<S>(&self, guest: &Guest, mut stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(grant) = guest.relay_began(peer) else {
            return;
        };
        let relay = Relay::new(guest.now(), guest.limits(), grant, &[]);
        stream::serve(guest, &mut stream, relay).await;
    }

    async fn http<S>(&self, guest: &Guest, mut stream: S, exchange: Exchange, secure: Secure)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match http::serve(guest, &mut stream, exchange).await {
            End::Upgrade { early, host } => {
                let host = host.filter(|_| secure == Secure::Yes);
                self.websocket(guest, stream, early, host).await;
            }
            End::Finished => {
                guest.leaving();
                let linger = linger(&mut stream);
                guest.within(self.front.limits.linger, linger).await;
            }
            End::Gone => {}
        }
    }

    async fn websocket<S>(&self, guest: &Guest, stream: S, early: Vec<u8>, host: Option<Authority>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(config) = guest.opened(host) else {
            return;
        };
        let stream = Patient::new(stream, self.front.limits.send_stall);
        let mut socket =
            WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config)).await;
        if let Some(frame) = websocket::serve(guest, &mut socket).await {
            let goodbye = async {
                websocket::close(&mut socket, frame).await;
                linger(&mut socket.into_inner()).await;
            };
            guest.within(self.front.limits.linger, goodbye).await;
        }
    }

    /// A panic costs its connection; if it happened inside the desk, the front thread notices.
    async fn contain(&self, serve: impl Future<Output = ()>) {
        if AssertUnwindSafe(serve).catch_unwind().await.is_err() {
            tracing::error!("a fault in the server ended a connection");
        }
    }
}

/// Reads as much of a connection as is needed to know what it is, and gives it back whole.
async fn open<S>(
    guest: &Guest,
    exchange: &Exchange,
    mut stream: S,
) -> Option<(Opening, Prefixed<S>)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut first = Vec::new();
    let mut buffer = [0; 64];
    loop {
        if let Some(opening) = Opening::of(&first) {
            return Some((opening, Prefixed::new(first, stream)));
        }
        let read = http::read(guest, &mut stream, &mut buffer);
        let length = guest.before(exchange.deadline(), read).await??.ok()?;
        if length == 0 {
            return None;
        }
        first.extend_from_slice(&buffer[..length]);
    }
}
