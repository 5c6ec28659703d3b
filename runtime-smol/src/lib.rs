//! tsuji on smol: the same server as on mio, for async applications to embed.
//!
//! ```text
//!  your executor                                front thread         media thread
//!  TCP ◄──► async-tungstenite, one task for ──► Desk (behind a ──┬─► Shard ◄──► UDP
//!           each connection                 ◄── lock) and its ◄──┘
//!                                               timers      queues
//! ```
//!
//! Connections are futures, which run wherever the application runs them. The two threads are ours,
//! because an application may keep its executor busy for longer than a meeting can wait:
//!
//! - The **media thread** waits with `poll`(2) for its sockets and nothing else. The reactor of
//!   smol (`async-io`) is one for the whole process: whichever thread happens to run it reads the
//!   events of everybody, and wakes the media thread when it comes to it. That is one more wake-up
//!   for each batch of packets, and up to 10 ms of waiting when that thread has something else to
//!   do.
//! - The **front thread** does what has its time, and what the media side tells. It never does IO.
//!
//! Moves bytes and time, nothing else: what stands between the sockets here is in `tsuji-host`,
//! which every runtime shares.
//!
//! # A server
//!
//! ```no_run
//! use clap::Parser;
//! use tsuji_smol::{Options, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::parse_from(["tsuji", "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"]);
//! smol::block_on(async {
//!     let server = Server::bind(&options)?;
//!     println!("open {}", server.url());
//!     let handle = server.handle(); // handle.stop() ends it, from anywhere
//!     # handle.stop();
//!     server.run().await?;
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # Meetings inside another server
//!
//! [`Meetings`] has no TCP port of its own. An HTTP service asks it what a request leads to
//! ([`Service::answer`]) and hands it the connections that become WebSockets
//! ([`Service::serve_websocket`]); `examples/embedded.rs` is a whole one.

//! # Who may enter
//!
//! An application that has users says who may enter which room: it signs a token for each (RFC 7519)
//! and opens the page with it. The server needs the key ([`Options::guards`]), and no list of users.
//!
//! ```
//! use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), jsonwebtoken::errors::Error> {
//! let secret = b"at least 32 bytes, the content of the file of --join-key";
//! let claims = json!({
//!     "room": "KUMA-ARE-TSUJ", // eleven letters, from a cryptographic generator of yours
//!     "name": "Ren",           // as others will see it
//!     "exp": 1_767_229_200,    // when the invitation ends, in seconds since 1970
//!     "may-create": true,      // the host; guests wait until the host has opened the room
//! });
//! let token = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret))?;
//! let link = format!("https://meet.example.org/r/KUMA-ARE-TSUJ#token={token}");
//! # assert!(link.contains("#token=eyJ"));
//! # Ok(())
//! # }
//! ```
//!
//! `signaling/PROTOCOL.md` has all claims, and says which key means which algorithm.

mod front;
mod guest;
mod http;
mod media;
mod meetings;
mod patient;
mod prefixed;
mod server;
mod service;
mod stream;
mod websocket;

pub use meetings::Meetings;
pub use server::Server;
pub use service::Service;
pub use tsuji_host::Options;
pub use tsuji_host::control::Handle;
pub use tsuji_host::start::StartError;
pub use tsuji_host::threads::Fault;
pub use tsuji_signaling::http::Answer;
