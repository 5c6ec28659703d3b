//! A TCP connection that carries media: moves bytes between the stream and [`Media`].

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream as _;
use smol::Timer;
use smol::future::yield_now;
use smol::io::{AsyncRead, AsyncWrite};
use tsuji_host::front::{Media, Order};

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

/// Serves it until it ends.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    guest: &Guest,
    stream: &mut S,
    mut media: Media,
) {
    let mut buffer = vec![0; READ_BYTES];
    let mut look = Timer::interval(LOOK);
    loop {
        while let Ok(Some(frame)) = media.next_frame(guest.now()) {
            guest.hear_frame(frame);
        }
        if media.is_broken() || media.deadline(guest.limits()) <= guest.now() {
            return;
        }
        let next = poll_fn(
            |cx| match exchange(guest, stream, &mut media, &mut buffer, cx) {
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
    media: &mut Media,
    buffer: &mut [u8],
    cx: &mut Context<'_>,
) -> Poll<Next> {
    let mut stream = Pin::new(stream);
    loop {
        while media.has_room(guest.limits())
            && let Some(order) = guest.next_order()
        {
            match order {
                Order::Frame(frame) => media.push(guest.now(), &frame),
                Order::Close { .. } => return Poll::Ready(Next::End),
                Order::Text(_) | Order::Ping => {}
            }
        }
        if media.to_send().is_empty() {
            break;
        }
        match stream.as_mut().poll_write(cx, media.to_send()) {
            Poll::Ready(Ok(length @ 1..)) => media.sent(guest.now(), length),
            Poll::Ready(_) => return Poll::Ready(Next::End),
            Poll::Pending => {
                media.sent(guest.now(), 0);
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
        Standing::Ordered { .. } if media.has_room(guest.limits()) => cx.waker().wake_by_ref(),
        _ => {}
    }
    match stream.poll_read(cx, buffer) {
        Poll::Ready(Ok(length @ 1..)) => {
            media.receive(&buffer[..length]);
            Poll::Ready(Next::GoOn)
        }
        Poll::Ready(_) => Poll::Ready(Next::End),
        Poll::Pending => Poll::Pending,
    }
}
