//! What a stranger sends to the TCP port: whether it is TLS, HTTP or media, and the frames of media
//! (RFC 4571).
//!
//! The first byte says how the rest is cut. However it is cut, it is taken for the same, and the
//! same frames come out: those that are there when everything has come at once and nobody counts
//! bytes.

use tsuji_core::Time;
use tsuji_host::Limits;
use tsuji_host::front::{FrameError, Media, Opening};

use crate::pieces::pieces;

/// As many bytes as a frame may have.
const LONGEST: usize = 1_500;

/// The input: a byte that says how to cut, then the bytes.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else {
        return;
    };
    let pieces = pieces(*cut, bytes);
    let whole = Opening::of(bytes);
    let mut read = Vec::new();
    let known = pieces.iter().find_map(|piece| {
        read.extend_from_slice(piece);
        Opening::of(&read)
    });
    assert_eq!(known, whole, "{bytes:?}");
    assert!(whole.is_some() || bytes.len() < 10, "nobody waits for ever");
    // Behind TLS anything may follow, so frames are tried on all.
    assert_eq!(received(&pieces), expected(bytes), "{bytes:?}");
}

/// Frames, and how it ended.
type Frames = (Vec<Vec<u8>>, Option<FrameError>);

fn received(pieces: &[&[u8]]) -> Frames {
    let mut media = Media::new(Time::ZERO, &Limits::default(), &[]);
    let mut frames = Vec::new();
    for piece in pieces {
        media.receive(piece);
        loop {
            match media.next_frame(Time::ZERO) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert!(media.is_broken());
                    return (frames, Some(error));
                }
            }
        }
    }
    assert!(!media.is_broken() && media.to_send().is_empty());
    (frames, None)
}

fn expected(bytes: &[u8]) -> Frames {
    let mut rest = bytes;
    let mut frames = Vec::new();
    while let Some((&[high, low], behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(high) * 256 + usize::from(low);
        if length == 0 {
            return (frames, Some(FrameError::Empty));
        }
        if length > LONGEST {
            return (frames, Some(FrameError::TooLong(length)));
        }
        let Some(frame) = behind.get(..length) else {
            break;
        };
        frames.push(frame.to_vec());
        rest = &behind[length..];
    }
    (frames, None)
}
