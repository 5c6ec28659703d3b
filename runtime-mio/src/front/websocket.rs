//! The WebSocket stage of a connection (RFC 6455).

use std::io::ErrorKind;

use tsuji_signaling::Limits as SignalingLimits;
use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use super::connection::{Context, Happened, State};
use super::lingering::Lingering;
use super::wire::Wire;
use crate::limits::Limits;

/// How WebSockets are read and written. Every write goes straight to the wire, whose queue is the
/// only one; the bounds here are a second line.
pub(super) fn config(limits: &Limits, signaling: &SignalingLimits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(limits.websocket_read_bytes)
        .write_buffer_size(0)
        .max_write_buffer_size(limits.send_queue_bytes)
        .max_message_size(Some(signaling.message_bytes))
        .max_frame_size(Some(signaling.message_bytes))
}

/// The handshake is done; `early` bytes came behind it.
pub(super) fn start(wire: Wire, early: Vec<u8>, context: &Context<'_>) -> Box<WebSocket<Wire>> {
    let config = Some(context.config);
    Box::new(WebSocket::from_partially_read(
        wire,
        early,
        Role::Server,
        config,
    ))
}

/// Reads one frame or message.
pub(super) fn receive(
    mut socket: Box<WebSocket<Wire>>,
    context: &Context<'_>,
) -> (State, Happened) {
    let happened = match socket.read() {
        Ok(Message::Text(text)) => Happened::Text(text),
        Ok(Message::Binary(_)) => Happened::Binary,
        Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Happened::Alive,
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Happened::Idle,
        Err(Error::Capacity(_)) => Happened::Oversized,
        Ok(Message::Close(_)) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => {
            // Queues the close frame that answers theirs. It reports that the WebSocket is closed.
            let _ = socket.flush();
            let state = Lingering::start(socket.into_inner(), context);
            return (state, Happened::Ended);
        }
        Err(Error::Utf8(_)) => {
            let state = close(socket, CloseCode::Invalid, "text must be UTF-8", context);
            return (state, Happened::Ended);
        }
        Err(Error::Protocol(error)) if error != ProtocolError::ResetWithoutClosingHandshake => {
            tracing::debug!(%error, "a client broke the WebSocket protocol");
            let state = close(
                socket,
                CloseCode::Protocol,
                "WebSocket protocol error",
                context,
            );
            return (state, Happened::Ended);
        }
        Err(error) => {
            tracing::debug!(%error, "a WebSocket broke");
            return (State::Gone, Happened::Gone);
        }
    };
    (State::WebSocket(socket), happened)
}

/// Says goodbye, behind everything that is queued already.
pub(super) fn close(
    mut socket: Box<WebSocket<Wire>>,
    code: CloseCode,
    reason: &str,
    context: &Context<'_>,
) -> State {
    // It fails if the queue is full, and then the peer is not reading anyway.
    let _ = socket.close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }));
    Lingering::start(socket.into_inner(), context)
}
