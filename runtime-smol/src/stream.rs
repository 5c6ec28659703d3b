//! A TCP connection that carries media: moves bytes between the stream and [`Media`], or a [`Relay`].

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream as _;
use smol::Timer;
use smol::future::yield_now;
use smol::io::{AsyncRead, AsyncWrite};
use tsuji_core::Time;
use tsuji_host::Limits;
use tsuji_host::front::{Media, Order, Relay};

use crate::guest::{Guest, Standing};

/// Bytes read at a time: ten of the longest frames.
const READ_BYTES: usize = 16 * 1024;
/// How often it is looked whether the connection is still of use.
const LOOK: Duration = Duration::from_secs(1);

/// What to do after something came, or was sent.
enum Next {
    GoOn,
    End,
}

/// What moves bytes in both directions on its own terms.
pub(crate) trait Carrier {
    /// Works on the next thing that has come whole; false when there is none.
    fn hear(&mut self, guest: &Guest) -> bool;
    /// Does what is ordered; false when that is to end.
    fn obey(&mut self, t: Time, order: Order) -> bool;
    fn receive(&mut self, bytes: &[u8]);
    fn is_broken(&self) -> bool;
    fn has_room(&self, limits: &Limits) -> bool;
    fn to_send(&self) -> &[u8];
    fn sent(&mut self, t: Time, length: usize);
    fn deadline(&self, limits: &Limits) -> Time;
}

macro_rules! carrier {
    ($type:ty { $($own:item)* }) => {
        impl Carrier for $type {
            $($own)*

            fn receive(&mut self, bytes: &[u8]) {
                <$type>::receive(self, bytes);
            }

            fn is_broken(&self) -> bool {
                <$type>::is_broken(self)
            }

            fn has_room(&self, limits: &Limits) -> bool {
                <$type>::has_room(self, limits)
            }

            fn to_send(&self) -> &[u8] {
                <$type>::to_send(self)
            }

            fn sent(&mut self, t: Time, length: usize) {
                <$type>::sent(self, t, length);
            }

            fn deadline(&self, limits: &Limits) -> Time {
                <$type>::deadline(self, limits)
            }
        }
    };
}

carrier!(Media {
    fn hear(&mut self, guest: &Guest) -> bool {
        let Ok(Some(frame)) = self.next_frame(guest.now()) else {
            return false;
        };
        guest.hear_frame(frame);
        true
    }

    fn obey(&mut self, t: Time, order: Order) -> bool {
        match order {
            Order::Frame(frame) => self.push(t, &frame),
            Order::Close { .. } => return false,
            Order::Relayed { .. } | Order::Text(_) | Order::Ping => {}
        }
        true
    }
});

carrier!(Relay {
    fn hear(&mut self, guest: &Guest) -> bool {
        let Ok(Some(came)) = self.next(guest.now(), guest.limits()) else {
            return false;
        };
        guest.hear_relayed(came);
        true
    }

    fn obey(&mut self, t: Time, order: Order) -> bool {
        match order {
            Order::Relayed { local, payload } => self.push(t, local, &payload),
            Order::Close { .. } => return false,
            Order::Frame(_) | Order::Text(_) | Order::Ping => {}
        }
        true
    }
});

/// Serves it until it ends.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    guest: &Guest,
    stream: &mut S,
    mut carrier: impl Carrier,
) {
    let mut buffer = vec![0; READ_BYTES];
    let mut look = Timer::interval(LOOK);
    loop {
        while carrier.hear(guest) {}
        if carrier.is_broken() || carrier.deadline(guest.limits()) <= guest.now() {
            return;
        }
        let next = poll_fn(
            |cx| match exchange(guest, stream, &mut carrier, &mut buffer, cx) {
                Poll::Pending => Pin::new(&mut look).poll_next(cx).map(|_| Next::GoOn),
                ready => ready,
            },
        );
        match next.await {
            Next::GoOn => yield_now().await,
            Next::End => return,
        }
    }
}

/// Sends what is ordered as far as the stream takes it, and reads what has come.
fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    guest: &Guest,
    stream: &mut S,
    carrier: &mut impl Carrier,
    buffer: &mut [u8],
    cx: &mut Context<'_>,
) -> Poll<Next> {
    let mut stream = Pin::new(stream);
    loop {
        while carrier.has_room(guest.limits())
            && let Some(order) = guest.next_order()
        {
            if !carrier.obey(guest.now(), order) {
                return Poll::Ready(Next::End);
            }
        }
        if carrier.to_send().is_empty() {
            break;
        }
        match stream.as_mut().poll_write(cx, carrier.to_send()) {
            Poll::Ready(Ok(length @ 1..)) => carrier.sent(guest.now(), length),
            Poll::Ready(_) => return Poll::Ready(Next::End),
            Poll::Pending => {
                carrier.sent(guest.now(), 0);
                break;
            }
        }
    }
    if let Poll::Ready(Err(_)) = stream.as_mut().poll_flush(cx) {
        return Poll::Ready(Next::End);
    }
    match guest.standing(cx) {
        Standing::Dropped => return Poll::Ready(Next::End),
        // It came just now, from another thread.
        Standing::Ordered { .. } if carrier.has_room(guest.limits()) => cx.waker().wake_by_ref(),
        _ => {}
    }
    match stream.poll_read(cx, buffer) {
        Poll::Ready(Ok(length @ 1..)) => {
            carrier.receive(&buffer[..length]);
            Poll::Ready(Next::GoOn)
        }
        Poll::Ready(_) => Poll::Ready(Next::End),
        Poll::Pending => Poll::Pending,
    }
}
