//! The IO-free heart of tsuji: a selective forwarding unit (SFU, RFC 7667, 3.7) for WebRTC.
//!
//! # The promise
//!
//! An [`Sfu`] consumes timestamped datagrams and signaling commands and returns datagrams to send,
//! notices for signaling, and the next deadline. It has no clock, no socket and no randomness but
//! its seed. Whoever drives it moves bytes and time, nothing else. Same configuration, seed, epoch
//! and inputs give the same outputs, to the byte, in any thread and any process on the same target
//! (where [`Sfu::is_hermetic`] says so: on Linux).
//!
//! ```text
//!   Input::Datagram ──┐                ┌──► Output::Transmit
//!   Input::Command  ──┼──► Sfu::handle │
//!   Input::Timeout  ──┤    Sfu::poll ──┼──► Output::Notice
//!   Input::Closed   ──┘                │
//!                          Sfu::deadline ─► when to hand in the next Timeout
//! ```
//!
//! # Batches
//!
//! Media packets wait for the next [`Input::Timeout`], which [`Sfu::deadline`] then asks for without
//! delay. Who hands in all datagrams that have come, one after the other, and then the timeout, gets
//! the packets of a frame for one viewer in one [`Transmit`], where they lie as a system takes them in one
//! call; then those for the next viewer. They are written when [`Sfu::poll`] is asked for them, so that they
//! can leave while they are in the processor's cache. Nothing but time depends on how datagrams are put
//! together.
//!
//! # Paths
//!
//! A datagram travels a [`Path`]: a transport, our socket, the other end. UDP and TCP are the same to
//! everything in here; of TCP each datagram is one frame (RFC 4571), which whoever has the
//! connection takes off and puts on, and when a connection ends the path is [closed](Input::Closed).
//! Which path media takes is decided by the browser (ICE), which is told to prefer UDP.
//!
//! # Inside
//!
//! ```text
//!   sfu          inputs to rooms to outputs; the path of a packet reads top to bottom in sfu/media
//!   demux        whose datagram is it
//!   participant  one person's state
//!   reason       why each picture that somebody is to see comes, or does not
//!   transport    one str0m `Rtc` each, and all media, sent and received; the only place that names str0m.
//!                Every call of it goes through a `tsuji_hermetic::Seam`, where a panic ends and where
//!                what str0m would take from its surroundings comes from the seed
//!   estimate     pure: what the path to somebody carries, by transport-wide feedback
//!   forward      pure: slots, layers, renumbering, keyframe requests
//!   freeze       pure: which pictures froze for whom, and whose fault it was
//!   speaker      who speaks: the dominant one, and the loudest
//!   trace        what went in and came out, so that it can happen again
//! ```
//!
//! # Example
//!
//! ```
//! use tsuji_core::{
//!     Certificate, Command, Config, IceMode, Input, Limits, LocalAddress, Notice, Output,
//!     ParticipantId, RoomId, Sfu, Time, Transport, WallTime,
//! };
//!
//! let udp = "127.0.0.1:10000".parse()?;
//! let config = Config {
//!     addresses: vec![LocalAddress {
//!         transport: Transport::Udp,
//!         socket: udp,
//!         advertised: udp,
//!     }],
//!     certificate: Certificate::generate()?,
//!     limits: Limits::default(),
//!     shard: 0,
//! };
//! let seed = [0; 32]; // from the operating system, in earnest
//! let mut sfu = Sfu::new(config, seed, WallTime::from_unix_micros(1_750_000_000_000_000));
//!
//! let enter = Command::Enter {
//!     room: RoomId(1),
//!     participant: ParticipantId(1),
//!     ice: IceMode::Vanilla,
//! };
//! sfu.handle(Time::ZERO, Input::Command(enter));
//! while let Some(output) = sfu.poll() {
//!     match output {
//!         Output::Notice(Notice::Offer { sdp, .. }) => assert!(sdp.contains("a=ice-lite")),
//!         Output::Notice(_) => {}
//!         Output::Transmit(datagram) => println!("{} bytes", datagram.payload.len()),
//!     }
//! }
//! assert!(sfu.deadline().is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codec;
mod counters;
mod demux;
mod estimate;
mod forward;
pub mod freeze;
mod ids;
mod input;
mod limits;
mod output;
mod participant;
mod path;
mod reason;
mod sfu;
mod sizes;
mod speaker;
mod table;
mod time;
pub mod trace;
mod transport;

pub use codec::{UnknownCodec, VideoCodec};
pub use counters::Counters;
pub use ids::{Layer, MediaKind, Mid, Negotiation, ParticipantId, RoomId, Source, TrackId};
pub use input::{Command, Datagram, IceMode, Input, Tile};
pub use limits::{
    Config, Limits, LocalAddress, MAX_PARTICIPANTS, MAX_PARTICIPANTS_PER_ROOM, MAX_SHARDS,
};
pub use output::{
    CommandError, Freeze, GoneReason, Notice, Output, PublishMids, Slot, SlotReason, Transmit,
};
pub use path::{Path, Transport};
pub use reason::Reason;
pub use sfu::{Sfu, shard_of};
pub use sizes::Sizes;
pub use time::{Time, WallTime};
pub use transport::{Certificate, CertificateError, Media, MediaReceiver};
