//! The WebSocket stage of a connection (RFC 6455).

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_tungstenite::WebSocketStream;
use futures_util::{Sink, SinkExt, Stream};
use smol::future::yield_now;
use smol::io::{AsyncRead, AsyncWrite};
use tsuji_host::front::{Heard, Order, heard};
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

use crate::guest::{Guest, Standing};

/// What a WebSocket has to do.
enum Task {
    Hear(Heard),
    Close(CloseFrame),
    Drop,
}

/// Moves messages between a WebSocket and the desk, until the last one: how to close, or to close
/// without a word.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    guest: &Guest,
    socket: &mut WebSocketStream<S>,
) -> Option<CloseFrame> {
    let mut heard = 0;
    loop {
        match poll_fn(|cx| next(guest, socket, cx)).await {
            Task::Hear(what) => {
                guest.hear(what);
                heard += 1;
                if heard % guest.front().limits.messages_per_turn == 0 {
                    // Others have something to say too.
                    yield_now().await;
                }
            }
            Task::Close(frame) => return Some(frame),
            Task::Drop => return None,
        }
    }
}

/// Says goodbye, behind everything that is queued already. If the peer has closed, the first of
/// these fails, and the second sends the close frame that answers.
pub(crate) async fn close<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    frame: CloseFrame,
) {
    let _ = socket.send(Message::Close(Some(frame))).await;
    let _ = SinkExt::close(socket).await;
}

/// Sends what is ordered as far as the stream takes it, and reads what has come.
fn next<S: AsyncRead + AsyncWrite + Unpin>(
    guest: &Guest,
    socket: &mut WebSocketStream<S>,
    cx: &mut Context<'_>,
) -> Poll<Task> {
    let mut socket = Pin::new(socket);
    let is_ready = loop {
        match Sink::poll_ready(socket.as_mut(), cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return broken(&error),
            Poll::Pending => break false,
        }
        let message = match guest.next_order() {
            Some(Order::Text(text)) => Message::text(text),
            Some(Order::Ping) => Message::Ping(tungstenite::Bytes::new()),
            Some(Order::Close { code, reason }) => {
                return Poll::Ready(Task::Close(CloseFrame {
                    code: code.into(),
                    reason: reason.into(),
                }));
            }
            // Media has connections of its own.
            Some(Order::Frame(_) | Order::Relayed { .. }) => continue,
            None => break true,
        };
        if let Err(error) = Sink::start_send(socket.as_mut(), message) {
            return broken(&error);
        }
    };
    if let Poll::Ready(Err(error)) = Sink::poll_flush(socket.as_mut(), cx) {
        return broken(&error);
    }
    match guest.standing(cx) {
        Standing::Dropped => return Poll::Ready(Task::Drop),
        Standing::Ordered { .. } if is_ready => {
            // It came just now, from another thread.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Standing::Silent | Standing::Ordered { heard: false } => return Poll::Pending,
        Standing::Heard | Standing::Ordered { heard: true } => {}
    }
    match Stream::poll_next(socket, cx) {
        Poll::Ready(Some(read)) => match heard(read) {
            Some(what) => Poll::Ready(Task::Hear(what)),
            None => Poll::Pending,
        },
        Poll::Ready(None) => Poll::Ready(Task::Hear(Heard::Closed)),
        Poll::Pending => Poll::Pending,
    }
}

fn broken(error: &tungstenite::Error) -> Poll<Task> {
    tracing::debug!(%error, "giving up a WebSocket");
    Poll::Ready(Task::Drop)
}
