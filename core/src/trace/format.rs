//! The prelude and the frames.

use serde::{Deserialize, Serialize};

use crate::limits::{
    Config, Limits, LocalAddress, MAX_PARTICIPANTS, MAX_PARTICIPANTS_PER_ROOM, MAX_SHARDS,
};
use crate::time::WallTime;
use crate::transport::Certificate;

/// The first bytes of a trace. The first one is not ASCII and the last are both kinds of line end,
/// so that a file that was mistaken for text is recognised as broken.
const MAGIC: [u8; 8] = *b"\x93tsuji\r\n";

/// The version of the format.
const VERSION: u16 = 19;

/// Length, the length's checksum and the frame's, before each frame's type.
const FRAME_HEAD: usize = 12;

/// Bytes of one frame at most. 4 MiB: a timeout at which each of 10,000 participants is sent
/// something is below 1 MiB, and one at which each is sent a dozen datagrams is below this.
pub const FRAME_BYTES: usize = 4 * 1024 * 1024;

/// The latest wall-clock time that is believed. The year 2200: later than that it is not a time,
/// and computing with it could overflow.
const LATEST_EPOCH: WallTime = WallTime::from_unix_micros(7_258_118_400_000_000);

/// What a trace is a trace of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Which build wrote it. The first field of every version of the format, so that any build
    /// can tell which one can read a trace.
    pub build: String,
    /// What is in it.
    pub kind: Kind,
    /// Which media thread of the server.
    pub shard: u32,
    /// The how manieth file of this trace, from 0. Only the first begins where the [`Sfu`] did.
    ///
    /// [`Sfu`]: crate::Sfu
    pub segment: u32,
    /// What [`Sfu::is_hermetic`](crate::Sfu::is_hermetic) said. Where it is false, nobody can
    /// expect a replay to give the same bytes.
    pub hermetic: bool,
    /// The wall-clock time of `t = 0`.
    pub epoch: WallTime,
    /// The addresses of the [`Config`].
    pub addresses: Vec<LocalAddress>,
    /// The limits of the [`Config`].
    pub limits: Limits,
    /// Present in a full trace only.
    pub secrets: Option<Secrets>,
}

/// The two kinds of trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Whole datagrams and keys: replays every byte. Whoever has it can decrypt the media.
    Full,
    /// Headers, feedback and commands: replays every forwarding decision. No media, no keys.
    Decisions,
}

/// What must not be known to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// The seed of the [`Sfu`](crate::Sfu).
    pub seed: [u8; 32],
    /// The certificate of the [`Config`], with its private key.
    #[serde(with = "certificate_parts")]
    pub certificate: Certificate,
}

/// Why a header can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// It does not begin as a trace does.
    #[error("this is not a trace")]
    NotATrace,
    /// It was written by a build with another format.
    #[error("{}", other_version(*.version, .build.as_deref()))]
    OtherVersion {
        /// The version of its format.
        version: u16,
        /// The build that wrote it, as far as that can be read.
        build: Option<String>,
    },
    /// Its first frame is cut off or damaged.
    #[error("the header of the trace is cut off or damaged")]
    Damaged,
    /// It asks for more than any server is started with.
    #[error("the header of the trace is not one of a server: {0}")]
    Implausible(&'static str),
}

fn other_version(version: u16, build: Option<&str>) -> String {
    let build = build.unwrap_or("another build");
    format!(
        "the trace has format version {version}, written by tsuji {build}; this build reads \
         version {VERSION}. Replay it with the build that wrote it"
    )
}

impl Header {
    /// What the [`Sfu`](crate::Sfu) was made with; `None` where the trace has no secrets.
    pub fn config(&self) -> Option<Config> {
        let secrets = self.secrets.as_ref()?;
        Some(Config {
            addresses: self.addresses.clone(),
            certificate: secrets.certificate.clone(),
            limits: self.limits.clone(),
            shard: u8::try_from(self.shard).ok()?,
        })
    }

    /// Whether `next` continues the same trace in the next file.
    pub fn is_continued_by(&self, next: &Header) -> bool {
        let expected = Header {
            segment: self.segment.saturating_add(1),
            ..self.clone()
        };
        *next == expected
    }

    /// The prelude of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [MAGIC.as_slice(), &VERSION.to_le_bytes()].concat();
        let start = open_frame(&mut bytes, FrameType::HEADER);
        super::cursor::put_value(&mut bytes, self);
        close_frame(&mut bytes, start);
        seal(&mut bytes[start..]);
        bytes
    }

    /// Reads the prelude of a file. Gives also how many bytes it takes. `bytes` must hold
    /// [`FRAME_BYTES`] or the whole file.
    ///
    /// # Errors
    /// When it is not the prelude of a trace that this build can replay.
    pub fn parse(bytes: &[u8]) -> Result<(Header, usize), HeaderError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(HeaderError::NotATrace)?;
        let (version, rest) = rest.split_first_chunk().ok_or(HeaderError::Damaged)?;
        let version = u16::from_le_bytes(*version);
        let found = frame(rest).ok().flatten();
        let found = found.filter(|(frame, _)| frame.frame_type == FrameType::HEADER);
        if version != VERSION {
            let build = found.and_then(|(frame, _)| build_of(frame.payload));
            return Err(HeaderError::OtherVersion { version, build });
        }
        let (frame, taken) = found.ok_or(HeaderError::Damaged)?;
        let mut payload = super::cursor::Cursor::new(frame.payload);
        let header: Header = payload.value().map_err(|_| HeaderError::Damaged)?;
        header.check()?;
        Ok((header, bytes.len() - rest.len() + taken))
    }

    /// Whoever wrote a trace decides how much memory its replay may take, so it may not ask for
    /// more than a server can be told to take.
    fn check(&self) -> Result<(), HeaderError> {
        let (limits, most) = (&self.limits, Limits::default());
        let pairs = [
            (limits.participants, MAX_PARTICIPANTS as usize),
            (
                limits.participants_per_room,
                MAX_PARTICIPANTS_PER_ROOM as usize,
            ),
            (limits.sdp_bytes, most.sdp_bytes),
            (limits.sdp_lines, most.sdp_lines),
            (limits.sdp_media, most.sdp_media),
            (limits.candidates, most.candidates),
            (limits.candidate_bytes, most.candidate_bytes),
            (limits.datagram_bytes, most.datagram_bytes),
            (limits.addresses, most.addresses),
            (limits.video_slots, most.video_slots),
            (limits.audio_slots, most.audio_slots),
            (limits.voices, most.voices),
            (limits.tiles, most.tiles),
        ];
        if pairs.iter().any(|(limit, most)| limit > most) {
            return Err(HeaderError::Implausible("its limits are too high"));
        }
        if limits.slot_step == 0 || limits.slot_step > most.video_slots {
            return Err(HeaderError::Implausible("its slots are not possible"));
        }
        if self.shard >= MAX_SHARDS.into() {
            return Err(HeaderError::Implausible("no server has so many shards"));
        }
        if self.epoch > LATEST_EPOCH {
            return Err(HeaderError::Implausible("its time is not possible"));
        }
        if self.kind == Kind::Full && self.secrets.is_none() {
            return Err(HeaderError::Implausible("a full trace has a seed"));
        }
        Ok(())
    }
}

/// The build in a header of any version: a length of four bytes, and the first field.
fn build_of(payload: &[u8]) -> Option<String> {
    let (build, _) = postcard::take_from_bytes::<String>(payload.get(4..)?).ok()?;
    let readable = build.len() <= 100 && !build.chars().any(char::is_control);
    readable.then_some(build)
}

/// The type of a frame. Types up to 15 belong to full traces and to all, the others to decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameType(pub u8);

impl FrameType {
    pub(super) const HEADER: Self = Self(0);
    /// The absolute time and the number of the input that follows; begins each block.
    pub(super) const MARK: Self = Self(1);
    /// One input and all its outputs.
    pub(super) const INPUT: Self = Self(2);
    /// The trace ends here because recording ended, and not by accident.
    pub(super) const END: Self = Self(3);
    /// The state before the entry that follows, or a part of it.
    pub(super) const SNAPSHOT: Self = Self(16);
    /// Inputs, and what connections gave.
    pub(super) const DECISIONS: Self = Self(17);
}

/// A frame whose checksums are right.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What it is.
    pub frame_type: FrameType,
    /// What it says.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// Whether it holds an input of a full trace.
    pub fn is_input(&self) -> bool {
        self.frame_type == FrameType::INPUT
    }
}

/// Why bytes are not what a recorder writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// A frame is longer than any can be, or its length is not what was written.
    #[error("a frame has a wrong length")]
    Length,
    /// A frame's checksum is wrong.
    #[error("a frame has a wrong checksum")]
    Checksum,
    /// What a frame says makes no sense.
    #[error("a frame cannot be read")]
    Content,
}

/// The first frame of `bytes` and how many bytes it takes; `None` when more bytes are needed to
/// tell.
///
/// # Errors
/// When it can never become a frame.
pub fn frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Damage> {
    let Some((head, rest)) = bytes.split_first_chunk::<FRAME_HEAD>() else {
        return Ok(None);
    };
    let (length, [length_sum, sum]) = parts(head);
    // Without a checksum of its own, a damaged length would look like a file that was cut off.
    if crc32fast::hash(&length.to_le_bytes()) != length_sum {
        return Err(Damage::Length);
    }
    let length = usize::try_from(length).map_err(|_| Damage::Length)?;
    if length == 0 || length > FRAME_BYTES - FRAME_HEAD {
        return Err(Damage::Length);
    }
    let Some(body) = rest.get(..length) else {
        return Ok(None);
    };
    if crc32fast::hash(body) != sum {
        return Err(Damage::Checksum);
    }
    let (frame_type, payload) = body.split_first().ok_or(Damage::Length)?;
    let frame = Frame {
        frame_type: FrameType(*frame_type),
        payload,
    };
    Ok(Some((frame, FRAME_HEAD + length)))
}

/// The length in a frame's head, and the checksums of the length and of what follows the head.
fn parts(head: &[u8; FRAME_HEAD]) -> (u32, [u32; 2]) {
    let [a, b, c, d, e, f, g, h, sum @ ..] = *head;
    let length_sum = u32::from_le_bytes([e, f, g, h]);
    let length = u32::from_le_bytes([a, b, c, d]);
    (length, [length_sum, u32::from_le_bytes(sum)])
}

/// How many bytes the first frame of `bytes` takes, as far as its head tells; at most
/// [`FRAME_BYTES`]. `None` when the head is not there yet.
pub fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*bytes.first_chunk()?);
    let length = usize::try_from(length).unwrap_or(FRAME_BYTES);
    Some(length.saturating_add(FRAME_HEAD).min(FRAME_BYTES))
}

/// Begins a frame at the end of `buffer`; gives where.
pub(super) fn open_frame(buffer: &mut Vec<u8>, frame_type: FrameType) -> usize {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; FRAME_HEAD]);
    buffer.push(frame_type.0);
    start
}

/// Ends the frame that began at `start`: its length is known, its checksums are left to [`seal`].
pub(super) fn close_frame(buffer: &mut [u8], start: usize) {
    let length = buffer.len().saturating_sub(start + FRAME_HEAD);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    if let Some(place) = buffer.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

/// Fills in the checksums of frames that a [`Recorder`](super::Recorder) made. Not done by the
/// recorder itself, so that the thread that records need not do it.
pub fn seal(mut frames: &mut [u8]) {
    while let Some((head, rest)) = frames.split_first_chunk_mut::<FRAME_HEAD>() {
        let (length, _) = parts(head);
        let length_sum = crc32fast::hash(&length.to_le_bytes());
        let length_bytes = usize::try_from(length).unwrap_or(usize::MAX);
        let Some((body, next)) = rest.split_at_mut_checked(length_bytes) else {
            return;
        };
        let sums = [length_sum, crc32fast::hash(body)].map(u32::to_le_bytes);
        let [_, place @ ..] = head.as_chunks_mut().0 else {
            return;
        };
        place.copy_from_slice(&sums);
        frames = next;
    }
}

/// A certificate is no serde type itself, so that its key is written nowhere by accident.
mod certificate_parts {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::transport::Certificate;

    pub(super) fn serialize<S: Serializer>(
        certificate: &Certificate,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        (certificate.der(), certificate.private_key()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Certificate, D::Error> {
        let (der, key) = <(Vec<u8>, Vec<u8>)>::deserialize(deserializer)?;
        Ok(Certificate::from_der(der, key))
    }
}
