//! A WebSocket to the server that can say anything, also what no browser would.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::{ClientMessage, ServerMessage};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message of the protocol.
    Message(Box<ServerMessage>),
    /// The end: the code of the close frame, if there was one.
    Closed(Option<u16>),
}

/// A client's end of `/ws`.
pub struct Socket {
    socket: WebSocket<TcpStream>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}

impl Socket {
    /// Connects, with the subprotocol that a page names.
    pub fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("the server accepts");
        stream.set_nodelay(true).expect("a fresh socket");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a fresh socket");
        let mut request = format!("ws://{server}/ws")
            .into_client_request()
            .expect("a good address");
        let subprotocol = "tsuji.1".parse().expect("a good header");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", subprotocol);
        // The tests say what is too large, not this library.
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let handshake = tungstenite::client::client_with_config(request, stream, Some(config));
        let (socket, _) = handshake.unwrap_or_else(|error| panic!("no WebSocket: {error}"));
        Self { socket }
    }

    /// Says something of the protocol.
    pub fn say(&mut self, message: &ClientMessage) {
        let text = serde_json::to_string(message).expect("messages are JSON");
        self.send(Message::text(text));
    }

    /// Sends a message or a frame, masked as a client must. It may be lost if the server has
    /// closed the connection; what is heard next tells.
    pub fn send(&mut self, message: Message) {
        match self.socket.send(message) {
            Ok(()) | Err(Error::Io(_) | Error::AlreadyClosed | Error::ConnectionClosed) => {}
            Err(Error::Protocol(_)) => {}
            Err(error) => panic!("the test cannot send this: {error}"),
        }
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        // As above: what is heard next tells.
        let _ = self.socket.get_mut().write_all(bytes);
    }

    /// What comes next.
    pub fn hear(&mut self) -> Heard {
        let end = Instant::now() + PATIENCE;
        loop {
            // Pings come even when nothing is said.
            assert!(
                Instant::now() < end,
                "the server said nothing for {PATIENCE:?}"
            );
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let message = serde_json::from_str(&text);
                    let message = message.unwrap_or_else(|error| {
                        panic!("not a message of the protocol: {error}: {text}")
                    });
                    return Heard::Message(Box::new(message));
                }
                Ok(Message::Close(frame)) => {
                    return Heard::Closed(frame.map(|frame| frame.code.into()));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if is_timeout(error.kind()) => {
                    panic!("the server said nothing for {PATIENCE:?}")
                }
                Err(_) => return Heard::Closed(None),
            }
        }
    }

    /// The next message that `wanted` picks; what comes before it is skipped.
    pub fn hear_until<T>(&mut self, wanted: impl Fn(ServerMessage) -> Option<T>) -> T {
        loop {
            match self.hear() {
                Heard::Message(message) => {
                    if let Some(found) = wanted(*message) {
                        return found;
                    }
                }
                Heard::Closed(code) => panic!("closed with {code:?}"),
            }
        }
    }

    /// The code of the next error.
    pub fn hear_error(&mut self) -> ErrorCode {
        self.hear_until(|message| match message {
            ServerMessage::Error { code, message } => {
                assert!(is_sentence(&message), "{code:?}: {message:?}");
                Some(code)
            }
            _ => None,
        })
    }

    /// The close code, once everything that was said before it is skipped.
    pub fn hear_end(&mut self) -> Option<u16> {
        loop {
            if let Heard::Closed(code) = self.hear() {
                return code;
            }
        }
    }

    /// Looks at a room, or creates one.
    pub fn join(&mut self, room: Option<&str>) -> String {
        self.say(&room.map_or_else(ClientMessage::create, ClientMessage::look));
        self.hear_until(|message| match message {
            ServerMessage::Join { room, .. } => Some(room.to_string()),
            ServerMessage::Error { message, .. } => panic!("{message}"),
            _ => None,
        })
    }

    /// The stream below, for a client that reads in its own way.
    pub(crate) fn into_inner(self) -> WebSocket<TcpStream> {
        self.socket
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_sentence(text: &str) -> bool {
    text.starts_with(|first: char| first.is_uppercase())
        && text.ends_with('.')
        && text.len() < 1_000
}
