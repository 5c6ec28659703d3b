//! A simulation: virtual browsers, the lobby and the core in one process, on virtual time, without
//! sockets.
//!
//! ```text
//!  Person ─deeds─► Tab: Page ──JSON──────────► Lobby      World moves time from one event to the
//!                   │    ▲                     │   ▲      next: a datagram or a frame that
//!                   ▼    │             Commands▼   │      arrives, a deadline, a media packet
//!                Browser ─datagrams─► Link ─► Sfu ─┘      that is due. After each, Invariants
//!                   ▲                  │    Notices       look at everything that came out.
//!                   └── datagrams ◄─ Link ◄────┘
//! ```
//! [`Scenario`] says who does what over which links, from one `u64`; [`run`] runs it.

mod browser;
mod decoder;
mod digest;
mod ear;
mod engine;
pub mod failure;
mod freezes;
mod garbage;
pub mod invariants;
pub mod ledger;
pub mod links;
mod media;
pub mod network;
mod page;
mod payload;
pub mod rehearsal;
mod reporter;
mod run;
pub mod scenario;
mod screen;
mod shrink;
#[path = "../support/mod.rs"]
pub mod support;
mod tab;
mod tape;
pub mod verdicts;
mod world;

pub use browser::{Browser, Received};
pub use decoder::Decoder;
pub use ear::Ear;
pub use freezes::Freezes;
pub use media::{Camera, Microphone, Picture, Place};
pub use page::{Manner, Page};
pub use reporter::{Device, Reporter};
pub use run::{Report, RunOptions, run, run_twice};
pub use scenario::Scenario;
pub use screen::Screen;
pub use shrink::shrink;
pub use tab::Tab;
pub use world::{Core, SERVER, World, WorldOptions};
