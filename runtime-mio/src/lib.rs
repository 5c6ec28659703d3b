//! tsuji on mio: one process that serves the page, the rooms and the media.
//!
//! Two threads, each with its own [`mio::Poll`]:
//!
//! ```text
//!             front thread                            media thread
//!  TCP ◄──► sockets ◄──► Connection ◄──► Desk ─queue─► Shard ◄──► UDP
//!                                             ◄─queue──
//! ```
//!
//! Moves bytes and time, nothing else: what stands between the sockets here is in `tsuji-host`,
//! which every runtime shares.
//!
//! ```no_run
//! use clap::Parser;
//! use tsuji_mio::{Options, Server};
//!
//! let options = Options::parse_from(["tsuji", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"]);
//! let server = Server::start(&options)?;
//! println!("open {}", server.url());
//! server.handle().stop();
//! server.wait()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bell;
mod front;
mod listener;
mod media;
mod server;
mod stream;

pub use server::Server;
pub use tsuji_host::Options;
pub use tsuji_host::control::Handle;
pub use tsuji_host::start::StartError;
pub use tsuji_host::threads::Fault;
