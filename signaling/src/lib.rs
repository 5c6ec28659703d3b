//! The room protocol (`PROTOCOL.md`), without IO.
//!
//! ```text
//!  runtime ──► http::Exchange ──► bytes to write, or "upgrade to WebSocket"
//!  runtime ──► lobby::Lobby   ──► Send | Ping | Close | Command (to the core)
//!               ▲ Opened, Text, Pong, Closed, Notice (from the core), Timeout
//! ```
