//! Redundant sound (RFC 2198): each packet repeats the one before it, so that a lost one is heard all the
//! same.

use std::sync::Arc;

use str0m::rtp::RedDecoder;

use super::SendLine;
use crate::codec::Codec;

/// What a viewer is sent of a packet of redundant sound, and as what: all of it where it has agreed to
/// that and it is not to be `plain`, or else only what is new in it. `None` when it can't be read.
pub(super) fn sound(to: &SendLine, payload: &Arc<[u8]>, plain: bool) -> Option<(Codec, Arc<[u8]>)> {
    let blocks = RedDecoder::decode(payload).ok()?;
    // Blocks name the payload types of whoever made them; the viewer looks for its own.
    let opus = to.payload_type(Codec::Opus)?;
    let is_known = blocks.iter().all(|block| block.pt == *opus);
    if is_known && !plain && to.payload_type(Codec::Red).is_some() {
        return Some((Codec::Red, payload.clone()));
    }
    let newest = blocks.iter().find(|block| block.is_primary)?;
    Some((Codec::Opus, newest.payload.into()))
}

#[cfg(test)]
mod tests {
    use str0m::media::{Mid, Pt};
    use str0m::rtp::{RedEncoder, RedundantBlock};

    use super::*;
    use crate::transport::Line;

    fn line(opus: Option<u8>, red: Option<u8>) -> SendLine {
        let mut payload_types = [None; Codec::ALL.len()];
        payload_types[Codec::Opus.number()] = opus.map(Pt::from);
        payload_types[Codec::Red.number()] = red.map(Pt::from);
        SendLine {
            line: Line(Mid::from("1")),
            payload_types,
        }
    }

    fn packet() -> Arc<[u8]> {
        let before = RedundantBlock {
            pt: 111,
            timestamp_offset: 960,
            payload: vec![1, 2, 3],
        };
        RedEncoder::encode(111, &[4, 5], &[before]).into()
    }

    #[test]
    fn who_can_not_take_it_twice_gets_what_is_new() {
        let (packet, new) = (packet(), Arc::from([4, 5]));
        let both = line(Some(111), Some(63));
        assert_eq!(
            sound(&both, &packet, false),
            Some((Codec::Red, packet.clone()))
        );
        let plain = Some((Codec::Opus, new));
        assert_eq!(sound(&both, &packet, true), plain);
        assert_eq!(sound(&line(Some(111), None), &packet, false), plain);
        assert_eq!(
            sound(&line(Some(96), Some(63)), &packet, false),
            plain,
            "other payload types"
        );
        assert_eq!(sound(&line(None, None), &packet, false), None);
        for length in 0..8 {
            assert_eq!(sound(&both, &packet[..length].into(), false), None);
        }
    }
}
