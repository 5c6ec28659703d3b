//! The room protocol of tsuji and the serving of its page, without IO.
//!
//! A runtime moves bytes and time; every rule of who may say what, and what is answered, is here.
//! The same limits, seed and inputs give the same outputs: no clock, no socket, no randomness of
//! its own, no map whose order differs from run to run.
//!
//! ```text
//!  bytes of one TCP connection
//!    │
//!    ▼
//!  http::Exchange ──► Respond ──► bytes to write (the client's files, or a refusal)
//!    │
//!    └──► Upgrade: from here on it is a WebSocket, and the runtime frames it (RFC 6455)
//!           │
//!           ▼
//!         Opened, Text, Binary, Oversized, Alive, Closed        Timeout, Shutdown
//!           │                                                       │
//!           ▼                                                       ▼
//!         lobby::Lobby ◄────────────────────────────────────────────┘
//!           │    message     reads and writes the JSON of PROTOCOL.md
//!           │    session     where each connection stands, and what it may do there
//!           │    room_code   names of rooms;  name  names of people
//!           │    password, token  who may look at a room;  resume  who may come back to a stay
//!           │    error       what was wrong, with a code and a sentence
//!           │    ice_server  which STUN and TURN servers participants are told of
//!           │    limits      the bound of everything that a stranger can fill
//!           │
//!           ├──► Send, Ping, Close ──► the WebSockets
//!           ├──► Command ──► tsuji_core::Sfu::handle
//!           └◄── Notice  ◄── tsuji_core::Sfu::poll
//! ```
//!
//! The lobby names rooms and participants for the core, and never gives out a name twice. It and
//! the core may run in different threads: a command and a notice that cross are both harmless.
//!
//! ```
//! use tsuji_core::Time;
//! use tsuji_signaling::{ConnectionId, Input, Limits, Lobby, Output};
//!
//! let seed = [0; 32]; // from the operating system, in earnest
//! let mut lobby = Lobby::new(Limits::default(), seed);
//! let connection = ConnectionId(1);
//! let peer = [127, 0, 0, 1].into();
//! lobby.handle(Time::ZERO, Input::Opened { connection, peer });
//! let text = r#"{"type":"join"}"#;
//! lobby.handle(Time::from_millis(40), Input::Text { connection, text });
//! while let Some(output) = lobby.poll() {
//!     match output {
//!         Output::Send { text, .. } => assert!(text.starts_with(r#"{"type":"join","room":"#)),
//!         other => println!("{other:?}"),
//!     }
//! }
//! assert_eq!(lobby.deadline(), Some(Time::from_millis(5_000))); // the first ping
//! ```

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod error;
pub mod http;
pub mod ice_server;
pub mod limits;
pub mod lobby;
pub mod message;
pub mod name;
mod password;
mod resume;
pub mod room_code;
mod session;
pub mod token;

pub use http::{Exchange, Origin, Step};
pub use limits::Limits;
pub use lobby::{ConnectionId, Event, Happening, Input, Lobby, Output, Sizes};
