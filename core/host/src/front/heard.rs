//! What came from a WebSocket (RFC 6455), whichever library read it.

use std::io::ErrorKind;

use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message, Utf8Bytes};

/// What came from a WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary,
    /// Another frame.
    Alive,
    /// A message that is too long. It was not read, and nothing can be read behind it.
    Oversized,
    /// The peer has closed the WebSocket.
    Closed,
    /// The peer broke the protocol and is told how.
    Broken {
        /// The status code (RFC 6455, 7.4.1).
        code: u16,
        /// For people who read logs.
        reason: &'static str,
    },
    /// The connection is gone, without a word.
    Lost,
}

/// What reading a WebSocket brought; `None` when nothing has come yet.
pub fn heard(read: Result<Message, Error>) -> Option<Heard> {
    Some(match read {
        Ok(Message::Text(text)) => Heard::Text(text),
        Ok(Message::Binary(_)) => Heard::Binary,
        Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Heard::Alive,
        Ok(Message::Close(_)) => Heard::Closed,
        Err(Error::ConnectionClosed | Error::AlreadyClosed) => Heard::Closed,
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return None,
        Err(Error::Capacity(_)) => Heard::Oversized,
        Err(Error::Utf8(_)) => Heard::Broken {
            code: CloseCode::Invalid.into(),
            reason: "text must be UTF-8",
        },
        Err(Error::Protocol(error)) if error != ProtocolError::ResetWithoutClosingHandshake => {
            tracing::debug!(%error, "a client broke the WebSocket protocol");
            Heard::Broken {
                code: CloseCode::Protocol.into(),
                reason: "WebSocket protocol error",
            }
        }
        Err(error) => {
            tracing::debug!(%error, "a WebSocket broke");
            Heard::Lost
        }
    })
}
