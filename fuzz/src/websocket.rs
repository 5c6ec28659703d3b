//! The bytes behind a WebSocket's handshake: frames (RFC 6455) of a client that may break every
//! rule, through tungstenite, set up and understood as by the server, into the lobby.
//!
//! The input: a byte that says how many bytes come at a time, then the bytes. If the first byte is
//! even, the rest is a list of frames, each a byte for its header, a length and a payload, which
//! are masked here; else it is bytes as they come from the wire.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use arbitrary::Unstructured;
use tsuji_core::Time;
use tsuji_host::front::{Heard, heard, websocket_config};
use tsuji_signaling::{ConnectionId, Input, Limits, Lobby, Output};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// Well below the server's, so that inputs can be short.
const MESSAGE_BYTES: usize = 4 * 1024;

/// See the module.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let Some((cut, rest)) = data.split_first() else {
        return;
    };
    let bytes = if cut % 2 == 0 {
        frames(rest)
    } else {
        rest.to_vec()
    };
    let limits = Limits {
        message_bytes: MESSAGE_BYTES,
        ..Limits::default()
    };
    let server = tsuji_host::Limits::default();
    let wire = Wire {
        incoming: bytes.into(),
        piece: usize::from(*cut) + 1,
        allowance: 0,
        queue: 0,
        limit: server.send_queue_bytes,
    };
    let config = websocket_config(&server, &limits);
    let socket = WebSocket::from_raw_socket(wire, Role::Server, Some(config));
    serve(socket, Lobby::new(limits, [3; 32]));
}

/// As the server does it.
fn serve(mut socket: WebSocket<Wire>, mut lobby: Lobby) {
    let connection = ConnectionId(1);
    let peer = [127, 0, 0, 1].into();
    lobby.handle(Time::ZERO, Input::Opened { connection, peer });
    let mut idle = false;
    loop {
        let Some(heard) = heard(socket.read()) else {
            if idle && socket.get_ref().incoming.is_empty() {
                break;
            }
            idle = true;
            socket.get_mut().grant();
            continue;
        };
        let input = match &heard {
            Heard::Text(text) => {
                assert!(text.len() <= MESSAGE_BYTES);
                let text = text.as_str();
                Input::Text { connection, text }
            }
            Heard::Binary => Input::Binary { connection },
            Heard::Alive => Input::Alive { connection },
            Heard::Oversized => {
                lobby.handle(Time::ZERO, Input::Oversized { connection });
                break;
            }
            Heard::Closed | Heard::Broken { .. } | Heard::Lost => break,
        };
        idle = false;
        lobby.handle(Time::ZERO, input);
        if !obey(&mut socket, &mut lobby) {
            break;
        }
    }
    lobby.handle(Time::ZERO, Input::Closed { connection });
    while lobby.poll().is_some() {}
}

/// Whether the connection goes on.
fn obey(socket: &mut WebSocket<Wire>, lobby: &mut Lobby) -> bool {
    while let Some(output) = lobby.poll() {
        let sent = match output {
            Output::Send { text, .. } => socket.write(Message::text(text)),
            Output::Ping { .. } => socket.write(Message::Ping(tungstenite::Bytes::new())),
            Output::Close { .. } => return false,
            Output::Command(_) | Output::Event(_) => Ok(()),
        };
        if sent.is_err() {
            return false;
        }
    }
    true
}

/// Frames of a client, their lengths and masks right.
fn frames(data: &[u8]) -> Vec<u8> {
    let mut input = Unstructured::new(data);
    let mut bytes = Vec::new();
    while input.len() > 2 {
        let head = input.arbitrary::<u8>().unwrap_or_default();
        let length = input.arbitrary::<u16>().unwrap_or_default();
        let length = usize::from(length).min(input.len());
        let payload = input.bytes(length).unwrap_or_default();
        bytes.push(head);
        match u16::try_from(length) {
            Ok(short @ 0..126) => bytes.push(0x80 | short as u8),
            Ok(length) => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => return bytes,
        }
        const MASK: [u8; 4] = [0x5a, 0xa5, 0x0f, 0xf0];
        bytes.extend_from_slice(&MASK);
        let masked = payload.iter().zip(MASK.iter().cycle()).map(|(b, m)| b ^ m);
        bytes.extend(masked);
    }
    bytes
}

/// A TCP connection in memory, as far as the server sees it.
struct Wire {
    incoming: VecDeque<u8>,
    piece: usize,
    allowance: usize,
    /// Bytes written; nobody takes them.
    queue: usize,
    limit: usize,
}

impl Wire {
    fn grant(&mut self) {
        self.allowance = self.piece;
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.allowance).min(self.incoming.len());
        if length == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.allowance -= length;
        self.incoming.read(&mut buffer[..length])
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.queue + bytes.len() > self.limit {
            return Err(io::Error::other("the peer does not read"));
        }
        self.queue += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
