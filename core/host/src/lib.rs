//! What every tsuji server is, whatever runtime it runs on: everything but the moving of bytes.
//!
//! A runtime owns sockets, waits for them, and calls into this crate; which message means what is
//! in `tsuji-signaling`, which packet goes to whom is in `tsuji-core`, and what both need around
//! them on a real machine is here. Nothing in here waits for a socket, and no runtime contains a
//! rule of its own: limits, queues and the ways in which connections end are the same on all.
//!
//! # The flow of data
//!
//! ```text
//!   the runtime's TCP sockets                              the runtime's UDP sockets, for each shard
//!     ▲ │ bytes                                                    ▲ │ datagrams
//!     │ ▼                                                          │ ▼
//!   front::Connection   (TLS,) HTTP, WebSocket, the end         media::Shard ──► record (files)
//!     ▲ │ Heard           (or the same from a WebSocket           ▲ │ ▲ │
//!     │ ▼                  library of the runtime)                │ │ │ ▼
//!   front::Desk         who is connected, what waits for whom     │ │ Sfu
//!     ▲ │                                                         │ │
//!     │ ▼                                                         │ │
//!    Lobby ───────────── queue: messages::ToMedia ────────────────┘ │
//!     ▲                                                             │
//!     └───────────────── queue: messages::FromMedia ◄───────────────┘
//! ```
//!
//! Sides that never wait for each other: the **front** (TCP, the page and the rooms) and the **media**
//! (UDP, the SFU), of which there are as many as `--shards` says. Between the front and each of those is
//! a bounded [`queue`] in each direction; the shards share nothing, and take no lock. Each side may have
//! a thread, or be a task; what it needs is a [`std::task::Waker`] that ends its waiting.
//!
//! A room is on one shard, whole (`front/sides.rs` says on which): so each has its own seed, its own
//! trace, and its own UDP ports, because the system can't know whose a datagram is before it is
//! opened. One port for all was left out: a datagram that came to the wrong thread would have to be
//! handed on, and a client's every datagram comes to the same one (`SO_REUSEPORT` chooses by
//! addresses; what it could look into, a program in the kernel, sees the name of a shard in ICE
//! checks only). A socket for each client, connected to it, would hold, but then nothing comes or goes
//! in batches any more.
//!
//! ## Front
//!
//! [`front::Desk`] and [`front::Connection`] are state machines without IO. The desk lets
//! connections in or turns them away ([`front::Desk::admit`]), hands what they say to the lobby
//! ([`front::Desk::hear`]), and keeps for each what is to be sent to it
//! ([`front::Desk::next_order`]), bounded: who does not read is given up. A connection consumes the
//! bytes of one TCP connection and gives bytes; [`front::Connection::turn`] moves between the two.
//! A runtime whose WebSockets come from a library of its own leaves `Connection` out: it drives
//! `tsuji_signaling::Exchange`, reads WebSockets made with [`front::websocket_config`], and turns
//! what they bring into [`front::Heard`].
//!
//! ## Media
//!
//! [`media::Shard`] is the loop body around an `Sfu`: bounded turns of commands, datagrams and
//! deadlines, and the recording of all of them. It reads and writes through
//! [`media::DatagramSocket`], which a runtime implements for its sockets, and says how long to wait. Beside each of
//! them it has one of its own, for feedback, which nobody waits for (`media/feedback.rs`).
//!
//! ## Around them
//!
//! ```text
//!   cli ── config ──► start::assemble ──► Desk, Shard, bound sockets ──► the runtime
//!    │                                                                        │
//!    ├─ doctor (says what is wrong before anything runs)
//!    └─ replay (makes a recorded meeting happen again)      control, signals ─┘ stop it
//! ```
//!
//! [`cli::main`] is the whole of a server's `main`, so that all of them have the same options, from
//! the same places ([`config`]). A
//! [`control::Handle`] reaches a running server from any thread; [`signals`] turn into calls of it.
//! What is to be asked of the media side becomes a variant of [`messages::ToMedia`]. The decisions
//! of the last minutes are always in memory; `dump` writes them to a file when somebody asks. What is
//! counted on both sides is told by `metrics`, on an address of its own.

mod admin;
mod aside;
pub mod cli;
mod clock;
pub mod config;
pub mod control;
mod doctor;
mod dump;
pub mod front;
mod guards;
mod history;
mod limits;
mod log;
pub mod media;
pub mod messages;
mod metrics;
mod options;
mod ports;
pub mod queue;
mod reach;
mod record;
mod replay;
pub mod signals;
mod sorting;
pub mod start;
pub mod threads;
pub mod tls;
mod trouble;
pub mod udp;

pub use clock::Clock;
pub use guards::{Guards, JoinKeyError};
pub use history::HistoryError;
pub use history::options::HistoryOptions;
pub use history::tell::{ExportOptions, TellError, WhyOptions};
pub use limits::Limits;
pub use log::LogFormat;
pub use options::{Action, CommandLine, Options, OptionsError};
pub use reach::{Advertise, IceServerError, IceServerOption, LearnError, Place};
pub use record::RecordError;
pub use replay::{Moment, ReplayFault, ReplayOptions, Verdict, replay};
pub use trouble::Trouble;
