//! The real parts: the server as a process, clients on real sockets, people in real browsers.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "real sockets, on real time"
)]

pub mod attacks;
mod browsers;
mod chromium;
mod client;
mod coturn;
mod firefox;
mod guest;
mod journal;
mod meeting;
mod network;
mod peer;
mod portrait;
mod program;
mod python;
mod server;
mod shaping;
mod socket;
mod wire;

pub use browsers::{Brand, Part};
pub use chromium::ELSEWHERE;
pub use client::Client;
pub use coturn::Coturn;
pub use guest::{Guest, Seen, Way};
pub use journal::Experience;
pub use meeting::Meeting;
pub use network::{HOME, INSIDE, Namespace, Network, OFFICE, SERVER};
pub use peer::{Arrivals, Peer, Tally};
pub use portrait::Portrait;
pub use program::{EMBEDDED, MIO, Program, SMOL};
pub use python::python;
pub use server::Server;
pub use shaping::Direction;
pub use socket::{Heard, Socket};
pub use wire::Wire;
