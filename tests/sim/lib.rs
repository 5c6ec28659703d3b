//! A simulation: virtual browsers and one core in one process, on virtual time, without sockets.
//!
//! ```text
//!  Browser ──datagrams──► Network ──► Sfu          World::run_until moves time from one event
//!     ▲                      ▲         │           to the next: a datagram that arrives, a
//!     └──── datagrams ───────┴─────────┘           deadline, a media packet that is due
//! ```
//! Signaling is direct: what a browser says becomes a `Command`, a `Notice` becomes a call.

mod browser;
mod media;
mod world;

pub use browser::{Browser, Received};
pub use media::{Camera, Microphone};
pub use world::{World, WorldOptions};
