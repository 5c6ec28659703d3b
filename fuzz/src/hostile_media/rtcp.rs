//! Compound RTCP packets (RFC 3550, 6; RFC 3611; RFC 4585; RFC 5104) that are nearly right.
//!
//! Bytes of the input: how many packets; of each its type, the five bits beside the version, who
//! sends, whom it is about, how wrong its length is, and how much follows.

use arbitrary::Unstructured;

use super::{Attacker, byte};

/// SR, RR, SDES, BYE, APP, RTPFB, PSFB, XR.
const TYPES: [u8; 8] = [200, 201, 202, 203, 204, 205, 206, 207];

impl Attacker {
    pub(super) fn rtcp(&mut self, input: &mut Unstructured<'_>) -> Vec<u8> {
        let packets = byte(input) % 6 + 1;
        let mut compound = Vec::new();
        for _ in 0..packets {
            self.packet(input, &mut compound);
        }
        compound
    }

    fn packet(&mut self, input: &mut Unstructured<'_>, out: &mut Vec<u8>) {
        let kind = byte(input);
        let kind = TYPES[usize::from(kind & 7)] ^ if kind >= 0xf0 { kind & 0x0f } else { 0 };
        let bits = byte(input) & 0x3f;
        let sender = self.ssrc(input);
        let about = self.ssrc(input);
        let wrong = byte(input);
        let length = usize::from(byte(input)).min(input.len());
        let mut body = sender.to_be_bytes().to_vec();
        if kind != 202 && kind != 203 {
            body.extend_from_slice(&about.to_be_bytes());
        }
        body.extend_from_slice(input.bytes(length).unwrap_or_default());
        if wrong & 1 == 0 {
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let words = (body.len() / 4) as u16;
        let words = match wrong {
            0..=199 => words,
            200..=229 => words.wrapping_add(u16::from(wrong)).wrapping_sub(215),
            _ => u16::from_be_bytes([wrong, byte(input)]),
        };
        out.extend_from_slice(&[0x80 | bits, kind]);
        out.extend_from_slice(&words.to_be_bytes());
        out.extend(body);
    }
}
