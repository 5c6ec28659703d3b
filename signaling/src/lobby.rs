// SKETCH of the public API (signatures are fixed; the owner of this crate fills it in)
use std::net::IpAddr;
use tsuji_core::{Command, Notice, Time};

/// A WebSocket, named by the runtime; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

pub enum Input<'a> {
    Opened { connection: ConnectionId, peer: IpAddr },
    Text { connection: ConnectionId, text: &'a str },
    Binary { connection: ConnectionId },
    /// A message was longer than `Limits::message_bytes`; the runtime did not read it whole
    Oversized { connection: ConnectionId },
    /// Any frame that is no message (ping, pong): it is alive
    Alive { connection: ConnectionId },
    Closed { connection: ConnectionId },
    Notice(Notice),
    Timeout,
    /// The server is going down: tell everybody, close all
    Shutdown,
}
pub enum Output {
    Send { connection: ConnectionId, text: String },
    Ping { connection: ConnectionId },
    /// Close frame with this code and reason, after everything sent before. The runtime still says Closed when it is.
    Close { connection: ConnectionId, code: u16, reason: &'static str },
    Command(Command),
}
pub struct Lobby {}
// impl Lobby { pub fn new(limits: Limits, seed: [u8; 32]) -> Self; pub fn handle(&mut self, t: Time, input: Input<'_>); pub fn poll(&mut self) -> Option<Output>; pub fn deadline(&self) -> Option<Time>; }
