//! What a newcomer on the TCP port wants, by its first bytes.
//!
//! One port serves all, because many networks let nothing but TCP to port 443 through:
//!
//! ```text
//!  16 03 …                          TLS (RFC 8446, 5.1), and in it one of the others
//!  00 01|03 · length · 2112a442     a request of a relay (TURN, RFC 8656)
//!  length · 00 01 · .. · 2112a442   media: a frame (RFC 4571) with a STUN binding request
//!  anything else                    HTTP, which begins with the letters of a method
//! ```
//! A frame's length is below 1,501, so its first byte is 5 at most: no letter, and not TLS. It is 20
//! at least, so it does not begin as a request.

/// What a TCP connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// A TLS handshake.
    Tls,
    /// HTTP; or something that HTTP refuses.
    Http,
    /// Media (ICE-TCP, RFC 6544).
    Media,
    /// Somebody who asks for a relay (TURN, RFC 8656).
    Turn,
}

/// Content type `handshake` and the major version of all TLS records.
const TLS: [u8; 2] = [22, 3];
/// A STUN binding request (RFC 8489, 5): its type, its magic cookie, and the bytes of its header.
const REQUEST: [u8; 2] = [0, 1];
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// An Allocate request (RFC 8656, 18), with which clients of relays begin, or a binding request.
const ALLOCATE: [u8; 2] = [0, 3];
const HEADER_BYTES: usize = 20;
/// Bytes of a frame's length (RFC 4571, 2).
const LENGTH_BYTES: usize = 2;

impl Opening {
    /// With so many bytes it can always be told.
    pub(super) const BYTES: usize = LENGTH_BYTES + 4 + COOKIE.len();

    /// What a connection that begins with `bytes` is; `None` when more are needed to tell.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let begins = |place: usize, expected: &[u8]| {
            let present = bytes.get(place..).unwrap_or_default();
            let length = present.len().min(expected.len());
            present[..length] == expected[..length]
        };
        if bytes.is_empty() {
            return None;
        }
        if begins(0, &TLS) {
            return (bytes.len() >= TLS.len()).then_some(Self::Tls);
        }
        let cookie = 4;
        let asks = begins(0, &ALLOCATE) || begins(0, &REQUEST);
        if asks && begins(cookie, &COOKIE) {
            return (bytes.len() >= cookie + COOKIE.len()).then_some(Self::Turn);
        }
        let is_frame = match bytes {
            [high] => usize::from(*high) <= super::media::FRAME_BYTES >> 8,
            [high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                (HEADER_BYTES..=super::media::FRAME_BYTES).contains(&length)
            }
            [] => false,
        };
        let cookie = LENGTH_BYTES + 4;
        if is_frame && begins(LENGTH_BYTES, &REQUEST) && begins(cookie, &COOKIE) {
            return (bytes.len() >= cookie + COOKIE.len()).then_some(Self::Media);
        }
        Some(Self::Http)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_known_by_its_first_bytes_however_they_come() {
        let request = [
            &[0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..],
            &[7; 12],
            &[0, 20],
        ]
        .concat();
        let allocate = [&[0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        let cases: [(&[u8], Opening); 13] = [
            (b"GET / HTTP/1.1\r\n", Opening::Http),
            (b"\r\nGET /", Opening::Http),
            (&[22, 3, 1, 2, 0], Opening::Tls),
            (&[22, 4], Opening::Http),
            (&request, Opening::Media),
            (&allocate, Opening::Turn),
            (&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42], Opening::Turn),
            (&[0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x43], Opening::Http),
            (&[0, 4, 0, 8, 0x21, 0x12, 0xa4, 0x42], Opening::Http),
            (&[0, 19], Opening::Http),
            (&[5, 0xff], Opening::Http),
            (&[0, 20, 1, 1], Opening::Http),
            (&[0, 20, 0, 1, 0, 0, 0x21, 0x13], Opening::Http),
        ];
        for (bytes, expected) in cases {
            let known = (1..=bytes.len()).find_map(|length| Opening::of(&bytes[..length]));
            assert_eq!(known, Some(expected), "{bytes:?}");
            assert_eq!(Opening::of(bytes), Some(expected), "{bytes:?}");
        }
        assert_eq!(Opening::of(&[]), None);
    }
}
