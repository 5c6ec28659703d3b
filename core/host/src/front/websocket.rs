//! The WebSocket stage of a connection (RFC 6455).

use tsuji_core::Time;
use tsuji_signaling::Limits as SignalingLimits;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::connection::State;
use super::heard::{Heard, heard};
use super::lingering::Lingering;
use super::outbox::Order;
use super::wire::Wire;
use crate::limits::Limits;

/// How WebSockets are read and written, on every runtime. Every write goes straight to what is
/// below, whose queue is the only one; the bounds here are a second line.
pub fn config(limits: &Limits, signaling: &SignalingLimits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(limits.websocket_read_bytes)
        .write_buffer_size(0)
        .max_write_buffer_size(limits.send_queue_bytes)
        .max_message_size(Some(signaling.message_bytes))
        .max_frame_size(Some(signaling.message_bytes))
}

/// A WebSocket on the bytes of a connection.
#[derive(Debug)]
pub(super) struct Socket(WebSocket<Wire>);

impl Socket {
    /// The handshake is done; `early` bytes came behind it.
    pub(super) fn start(wire: Wire, early: Vec<u8>, config: WebSocketConfig) -> Self {
        let config = Some(config);
        Self(WebSocket::from_partially_read(
            wire,
            early,
            Role::Server,
            config,
        ))
    }

    pub(super) fn wire(&self) -> &Wire {
        self.0.get_ref()
    }

    pub(super) fn wire_mut(&mut self) -> &mut Wire {
        self.0.get_mut()
    }

    /// Reads one frame or message.
    pub(super) fn read(&mut self) -> Option<Heard> {
        heard(self.0.read())
    }

    /// Puts a text into the queue. Not through the library's own buffer, which keeps the memory of the
    /// largest description for as long as the connection lives.
    fn say(&mut self, text: String) -> tungstenite::Result<()> {
        if !self.0.can_write() {
            return Err(tungstenite::Error::ConnectionClosed);
        }
        let frame = Frame::message(text, OpCode::Data(Data::Text), true);
        frame.format(self.0.get_mut())
    }

    /// Does what is ordered.
    pub(super) fn obey(mut self: Box<Self>, t: Time, order: Order) -> State {
        let written = match order {
            Order::Text(text) => self.say(text),
            Order::Ping => self.0.write(Message::Ping(tungstenite::Bytes::new())),
            // Media has connections of its own.
            Order::Frame(_) | Order::Relayed { .. } => Ok(()),
            Order::Close { code, reason } => {
                // If the peer has closed, this sends the close frame that answers. It fails if the
                // queue is full, and then the peer is not reading anyway.
                let _ = self.0.close(Some(CloseFrame {
                    code: code.into(),
                    reason: reason.into(),
                }));
                return Lingering::start(t, self.0.into_inner());
            }
        };
        match written {
            Ok(()) => State::WebSocket(self),
            Err(error) => {
                tracing::debug!(%error, "giving up a WebSocket");
                State::Gone
            }
        }
    }
}
