//! One connection's side of the front.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::Authority;
use smol::Timer;
use smol::future::or;
use tsuji_core::Time;
use tsuji_host::Limits;
use tsuji_host::front::{Came, Grant, Heard, Order};
use tsuji_signaling::{ConnectionId, Exchange};
use tungstenite::protocol::WebSocketConfig;

use crate::front::{Front, State};

/// A connection that was admitted; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Guest {
    front: Arc<Front>,
    id: ConnectionId,
}

/// How a connection stands with the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is to be let go of at once.
    Dropped,
    /// There are orders for it; whether what it says is heard.
    Ordered {
        /// If not, it is to wait in the client's socket.
        heard: bool,
    },
    /// What it says is to wait in the client's socket.
    Silent,
    /// What it says is heard.
    Heard,
}

impl Guest {
    /// Lets a newcomer in, if there is room.
    pub(crate) fn admit(front: &Arc<Front>, peer: IpAddr) -> Option<(Self, Exchange)> {
        let (id, exchange) = front.with(|t, state| state.desk.admit(t, peer))??;
        let front = Arc::clone(front);
        Some((Self { front, id }, exchange))
    }

    pub(crate) fn front(&self) -> &Front {
        &self.front
    }

    pub(crate) fn now(&self) -> Time {
        self.front.clock.now()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.front.limits
    }

    /// It carries media from now on.
    pub(crate) fn media_began(&self, remote: SocketAddr) {
        self.front
            .with(|t, state| state.desk.media_began(t, self.id, remote));
    }

    /// A frame of media came.
    pub(crate) fn hear_frame(&self, frame: Vec<u8>) {
        self.front
            .with(|t, state| state.desk.hear_frame(t, self.id, frame));
    }

    /// It wants to be a relay; what that needs, if it may.
    pub(crate) fn relay_began(&self, remote: SocketAddr) -> Option<Grant> {
        let began = self
            .front
            .with(|t, state| state.desk.relay_began(t, self.id, remote));
        began.flatten()
    }

    /// Something came from the client of a relay.
    pub(crate) fn hear_relayed(&self, came: Came) {
        self.front.with(|t, State { desk, .. }| match came {
            Came::Nothing => {}
            Came::Allocated => desk.relay_allocated(self.id),
            Came::Datagram { local, payload } => desk.hear_relayed(t, self.id, local, payload),
        });
    }

    /// It is a WebSocket from now on; how to read it. `host`: what its client calls the server, if it
    /// came over TLS that ends here.
    pub(crate) fn opened(&self, host: Option<Authority>) -> Option<WebSocketConfig> {
        self.front.with(|t, state| {
            state.desk.opened(t, self.id, host);
            state.desk.websocket_config()
        })
    }

    /// Something came from its WebSocket.
    pub(crate) fn hear(&self, heard: Heard) {
        self.front
            .with(|t, state| state.desk.hear(t, self.id, heard));
    }

    /// Somebody on this machine asks for the decisions of the last minutes.
    pub(crate) fn trace_wanted(&self) {
        self.front.with(|_, state| state.desk.trace_wanted());
    }

    /// It takes leave, although nobody told it to.
    pub(crate) fn leaving(&self) {
        self.front.with(|t, state| state.desk.leaving(t, self.id));
    }

    /// What is to be done with it next.
    pub(crate) fn next_order(&self) -> Option<Order> {
        let order = self.front.with(|_, state| state.desk.next_order(self.id));
        order.flatten()
    }

    /// How it stands; the task is woken when that changes.
    pub(crate) fn standing(&self, cx: &Context<'_>) -> Standing {
        let standing = self.front.with(|_, State { desk, waiting }| {
            let waker = waiting.entry(self.id).or_insert_with(|| cx.waker().clone());
            waker.clone_from(cx.waker());
            if !desk.knows(self.id) {
                Standing::Dropped
            } else {
                match (desk.has_orders(self.id), desk.may_speak(self.id)) {
                    (true, heard) => Standing::Ordered { heard },
                    (false, true) => Standing::Heard,
                    (false, false) => Standing::Silent,
                }
            }
        });
        standing.unwrap_or(Standing::Dropped)
    }

    /// Waits until it stands so that `wanted` is true of it.
    pub(crate) async fn until(&self, wanted: impl Fn(Standing) -> bool) -> Standing {
        poll_fn(|cx| match self.standing(cx) {
            standing if wanted(standing) => Poll::Ready(standing),
            _ => Poll::Pending,
        })
        .await
    }

    /// The result of `future`, if it comes before `deadline`.
    pub(crate) async fn before<T>(
        &self,
        deadline: Time,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let left = self.front.clock.until(Some(deadline)).unwrap_or_default();
        self.within(left, future).await
    }

    /// The result of `future`, if it comes within `time`, and unless the connection is to be let
    /// go of meanwhile.
    pub(crate) async fn within<T>(
        &self,
        time: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let ended = or(
            async {
                Timer::after(time).await;
            },
            async {
                self.until(|standing| standing == Standing::Dropped).await;
            },
        );
        or(async { Some(future.await) }, async {
            ended.await;
            None
        })
        .await
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.front.with(|t, state| {
            state.waiting.remove(&self.id);
            state.desk.gone(t, self.id);
        });
    }
}
