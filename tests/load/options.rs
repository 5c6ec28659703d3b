//! What the command line says.

use std::net::SocketAddr;

use clap::Parser;

/// Frames a second that a publisher sends, as `Picture::Even` has them.
pub(crate) const FRAMES_PER_SECOND: u32 = 30;
/// Bytes of a payload at most, and what is around it on its way: the RTP header with its extensions,
/// and the authentication tag.
const PAYLOAD: u32 = 1_200;
pub(crate) const OVERHEAD: u32 = 50;

/// Loads a server as people do, over real sockets, and measures what it costs: packets, loss,
/// latency, processor time and memory.
///
/// People of str0m join rooms by the room protocol, publish and watch. The same packets are then
/// sent by a bare loop that only encrypts and sends: the floor, in the same run on the same machine.
///
/// Without --server it starts a server of this workspace; what stands behind `--` are options for it.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    /// Rooms
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub(crate) rooms: u32,

    /// People in each room who send video; they see each other, too
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=24))]
    pub(crate) publishers: u32,

    /// People in each room who only watch
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub(crate) subscribers: u32,

    /// People in rooms of ten beside those who neither send nor get anything
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=5_000))]
    pub(crate) idle: u32,

    /// Kilobits a second that each publisher sends, with all headers of RTP, at 30 frames a second
    #[arg(long, default_value_t = 1_500, value_parser = clap::value_parser!(u32).range(50..=20_000))]
    pub(crate) kbps: u32,

    /// Publishers send sound, too
    #[arg(long)]
    pub(crate) audio: bool,

    /// How long each round measures the server, and then the floor
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(crate) seconds: u32,

    /// How often, to take medians of
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rounds: u32,

    /// The server to load, which must speak plain HTTP there, and let in as many as asked for
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) server: Option<SocketAddr>,

    /// Its process, if it runs on this machine, to measure its time and memory
    #[arg(long, requires = "server")]
    pub(crate) pid: Option<u32>,

    /// Load the server on smol
    #[arg(long, conflicts_with = "server")]
    pub(crate) smol: bool,

    /// Receive as a network card with GRO does: the system then leaves pieces of a frame together,
    /// which makes sending cheaper for the server and for the floor
    #[arg(long)]
    pub(crate) gro: bool,

    /// Leave the floor out
    #[arg(long)]
    pub(crate) no_floor: bool,

    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,

    /// Options of the server that is started
    #[arg(last = true)]
    pub(crate) server_options: Vec<String>,
}

/// A frame of video.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Packets of it.
    pub(crate) packets: u8,
    /// Bytes of each payload.
    pub(crate) payload: u16,
}

impl Options {
    pub(crate) fn frame(&self) -> Frame {
        let bytes = self.kbps * 1_000 / 8 / FRAMES_PER_SECOND;
        let packets = bytes.div_ceil(PAYLOAD + OVERHEAD).max(1);
        let payload = (bytes / packets).saturating_sub(OVERHEAD).max(50);
        Frame {
            packets: u8::try_from(packets).unwrap_or(u8::MAX),
            payload: u16::try_from(payload).unwrap_or(u16::MAX),
        }
    }

    pub(crate) fn people_per_room(&self) -> u32 {
        self.publishers + self.subscribers
    }

    pub(crate) fn people(&self) -> u32 {
        self.rooms * self.people_per_room() + self.idle
    }

    /// Streams of video that the server sends.
    pub(crate) fn streams(&self) -> u32 {
        self.rooms * self.publishers * self.people_per_room().saturating_sub(1)
    }
}
