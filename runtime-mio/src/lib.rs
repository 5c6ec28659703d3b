//! tsuji on mio: one process that serves the page, the rooms and the media.
//!
//! Two threads, each with its own [`mio::Poll`], and a queue in each direction:
//!
//! ```text
//!             front thread                          media thread
//!  TCP ◄──► HTTP, WebSocket ◄──► Lobby  ─commands─►  Sfu ◄──► UDP
//!                                       ◄─notices──
//! ```
//!
//! Moves bytes and time, nothing else: which message means what is in `tsuji-signaling`, which
//! packet goes to whom is in `tsuji-core`. Both do no IO and read no clock; both do it here.
//!
//! ```no_run
//! use clap::Parser;
//! use tsuji_mio::{Options, Server};
//!
//! let options = Options::parse_from(["tsuji", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"]);
//! let server = Server::start(&options, None)?;
//! println!("open {}", server.url());
//! server.stopper().stop();
//! server.wait()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod front;
mod limits;
mod options;
mod queue;
mod record;
mod replay;
mod server;
mod shard;
pub mod signals;
mod stop;
mod threads;
mod trouble;
mod udp;

pub use options::{Action, Advertise, CommandLine, Options, OptionsError};
pub use record::RecordError;
pub use replay::{Moment, ReplayFault, ReplayOptions, Verdict, replay};
pub use server::{Server, StartError};
pub use stop::Stopper;
pub use threads::Fault;
