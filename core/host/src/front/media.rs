//! A TCP connection that carries media (ICE-TCP, RFC 6544): frames with their length before them
//! (RFC 4571).

use tsuji_core::Time;

use super::wire::Wire;
use crate::limits::Limits;

/// Bytes of a frame at most, without its length: what the core takes of a datagram.
pub(super) const FRAME_BYTES: usize = 1_500;
/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 2;

/// Frames that can't be told apart any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame without anything in it.
    #[error("a frame is empty")]
    Empty,
    /// A frame longer than any datagram of WebRTC.
    #[error("a frame has {0} bytes, more than {FRAME_BYTES}")]
    TooLong(usize),
}

/// A TCP connection that carries media, without its socket.
///
/// It waits for the media side to answer: until then its peer is a stranger, and has
/// `Limits::media_handshake` to show that it is not.
#[derive(Debug)]
pub struct Media {
    wire: Wire,
    standing: Standing,
    handshake_over: Time,
    broken: bool,
}

#[derive(Clone, Copy, Debug)]
enum Standing {
    Stranger,
    /// Somebody's; and when something came last.
    Known {
        heard: Time,
    },
}

impl Media {
    /// A connection that began with `first`.
    pub fn new(t: Time, limits: &Limits, first: &[u8]) -> Self {
        let mut wire = Wire::new(limits);
        wire.receive(first);
        Self::on(t, limits, wire)
    }

    pub(super) fn on(t: Time, limits: &Limits, wire: Wire) -> Self {
        Self {
            wire,
            standing: Standing::Stranger,
            handshake_over: t + limits.media_handshake,
            broken: false,
        }
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(super) fn wire_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Whether it can take bytes now: there may be no whole frame yet.
    pub(super) fn is_hungry(&self) -> bool {
        self.wire.is_hungry_for(LENGTH_BYTES + FRAME_BYTES)
    }

    /// Bytes came.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.wire.receive(bytes);
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// When nothing can be read any more.
    pub fn next_frame(&mut self, t: Time) -> Result<Option<Vec<u8>>, FrameError> {
        let Some(length) = self.wire.peek(LENGTH_BYTES) else {
            return Ok(None);
        };
        let length = length
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        let fault = match length {
            0 => Some(FrameError::Empty),
            length if length > FRAME_BYTES => Some(FrameError::TooLong(length)),
            _ => None,
        };
        if let Some(fault) = fault {
            self.broken = true;
            return Err(fault);
        }
        let Some(mut frame) = self.wire.peek(LENGTH_BYTES + length) else {
            return Ok(None);
        };
        self.wire.consume(frame.len());
        frame.drain(..LENGTH_BYTES);
        if let Standing::Known { heard } = &mut self.standing {
            *heard = t;
        }
        Ok(Some(frame))
    }

    /// Whether nothing can be read any more.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether it can take a frame to send. If not, frames are to wait where their number is
    /// bounded.
    pub fn has_room(&self, limits: &Limits) -> bool {
        self.wire.waiting() < limits.media_write_bytes
    }

    /// Sends a frame, which shows that the peer is no stranger.
    pub fn push(&mut self, t: Time, frame: &[u8]) {
        let Ok(length) = u16::try_from(frame.len()) else {
            return;
        };
        self.wire.push_response(&length.to_be_bytes());
        self.wire.push_response(frame);
        if let Standing::Stranger = self.standing {
            self.standing = Standing::Known { heard: t };
        }
    }

    /// What is to be sent now; empty when nothing waits.
    pub fn to_send(&self) -> &[u8] {
        self.wire.to_send()
    }

    /// The socket has taken the first `length` bytes of that; 0 when it takes none now.
    pub fn sent(&mut self, t: Time, length: usize) {
        self.wire.sent(t, length);
    }

    /// When the connection is to be given up.
    pub fn deadline(&self, limits: &Limits) -> Time {
        let silent = match self.standing {
            Standing::Stranger => self.handshake_over,
            Standing::Known { heard } => heard + limits.media_idle,
        };
        let blocked = self.wire.blocked_since();
        blocked.map_or(silent, |since| silent.min(since + limits.send_stall))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_whole_in_whatever_pieces() {
        let limits = Limits::default();
        let bytes = [&[0, 3][..], b"one", &[0, 4], b"four", &[0, 1], b"x"].concat();
        for size in 1..bytes.len() {
            let mut media = Media::new(Time::ZERO, &limits, &[]);
            let mut frames = Vec::new();
            for piece in bytes.chunks(size) {
                media.receive(piece);
                while let Some(frame) = media.next_frame(Time::ZERO).unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(frames, [&b"one"[..], b"four", b"x"]);
        }
    }

    #[test]
    fn a_frame_that_is_no_datagram_is_the_end() {
        let limits = Limits::default();
        let mut empty = Media::new(Time::ZERO, &limits, &[0, 0, 0, 1, 9]);
        assert_eq!(empty.next_frame(Time::ZERO), Err(FrameError::Empty));
        let mut long = Media::new(Time::ZERO, &limits, &[5, 221]);
        assert_eq!(long.next_frame(Time::ZERO), Err(FrameError::TooLong(1_501)));
        let mut longest = Media::new(Time::ZERO, &limits, &[5, 220]);
        longest.receive(&[7; 1_500]);
        assert_eq!(longest.next_frame(Time::ZERO), Ok(Some(vec![7; 1_500])));
    }

    #[test]
    fn a_stranger_has_little_time_and_somebody_as_long_as_something_comes() {
        let limits = Limits::default();
        let mut media = Media::new(Time::ZERO, &limits, &[0, 1, 9, 0, 1, 9]);
        let (strange, idle) = (Time::ZERO + limits.media_handshake, limits.media_idle);
        media.next_frame(Time::from_millis(900)).unwrap();
        assert_eq!(media.deadline(&limits), strange);
        let t = Time::from_millis(1_000);
        media.push(t, b"yes");
        assert_eq!(media.to_send(), b"\0\x03yes");
        media.sent(t, 5);
        assert_eq!(media.deadline(&limits), t + idle);
        let t = Time::from_millis(2_000);
        media.next_frame(t).unwrap();
        assert_eq!(media.deadline(&limits), t + idle);
        media.push(t, b"no");
        media.sent(t, 0);
        assert_eq!(media.deadline(&limits), t + limits.send_stall);
    }
}
