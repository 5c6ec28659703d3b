// SKETCH of the public API
use tsuji_core::Time;
/// One HTTP/1.1 connection from the server's side, without IO.
pub struct Exchange {}
pub enum Step {
    /// Read more.
    Read,
    /// Write these bytes, then go on reading, or close if `close`.
    Respond { bytes: Vec<u8>, close: bool },
    /// Write `response` (101), then the rest of the connection is a WebSocket; `early` bytes already belong to it.
    Upgrade { response: Vec<u8>, early: Vec<u8> },
}
// impl Exchange { pub fn new(limits: &Limits, opened: Time) -> Self; pub fn receive(&mut self, t: Time, bytes: &[u8]) -> Step; pub fn deadline(&self) -> Time; pub fn handle_timeout(&mut self, t: Time) -> Step }
