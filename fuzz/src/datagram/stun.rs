//! STUN messages (RFC 8489) with the right words in the wrong places.
//!
//! Bytes of the input: the message type (two), whose fragment (who, how changed), which attributes
//! (two, a bit each), how its integrity is wrong, and whatever the attributes take.

use arbitrary::Unstructured;

use super::{byte, short};
use crate::world::World;

const BINDING_REQUEST: u16 = 0x0001;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Whether it is a binding request that a participant's MESSAGE-INTEGRITY protects (RFC 8489, 14.5).
/// Whoever sends one has proved the address; also by repeating what somebody else sent, which ICE
/// can't tell.
pub(super) fn is_valid(world: &mut World, message: &[u8]) -> bool {
    if !message.starts_with(&BINDING_REQUEST.to_be_bytes()) {
        return false;
    }
    let mut at = 20;
    while let Some(head) = message.get(at..at + 4) {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if head[..2] == [0x00, 0x08] {
            let Some(value) = message.get(at + 4..at + 4 + length) else {
                return false;
            };
            let mut covered = message[..at].to_vec();
            covered[2..4].copy_from_slice(&((at + 4) as u16).to_be_bytes());
            return [1, 2].into_iter().any(|who| {
                let (_, password) = server_credentials(&world.client(who).offer);
                value == hmac(password.as_bytes(), &covered)
            });
        }
        at += 4 + length.next_multiple_of(4);
    }
    false
}

pub(super) fn message(world: &mut World, input: &mut Unstructured<'_>) -> Vec<u8> {
    let kind = match byte(input) {
        0..=199 => BINDING_REQUEST,
        200 => 0x0101,
        201 => 0x0111,
        202 => 0x0011,
        _ => short(input),
    };
    let who = byte(input) % 2 + 1;
    let (own, password) = server_credentials(&world.client(who).offer);
    let (theirs, _) = world.client(who).credentials();
    let change = byte(input);
    let username = username(change, &own, &theirs, input);
    let wanted = short(input);
    let integrity = byte(input);

    let mut out = Message::new(kind, input);
    if wanted & 1 == 0 {
        out.attribute(0x0006, username.as_bytes());
    }
    if wanted & 2 == 0 {
        out.attribute(0x0024, &[0x6e, 0x7f, 0x00, 0xff]);
    }
    if wanted & 4 == 0 {
        out.attribute(0x802a, &[byte(input); 8]);
    }
    if wanted & 8 != 0 {
        out.attribute(0x0025, &[]);
    }
    if wanted & 16 != 0 {
        let length = usize::from(byte(input)).min(input.len());
        let number = short(input);
        let bytes = input.bytes(length.min(input.len())).unwrap_or_default();
        out.attribute(number, bytes);
    }
    if wanted & 32 != 0 {
        out.attribute(0x0020, &[0, 1, 0x3b, 0x8a, 0xea, 0x10, 0x12, byte(input)]);
    }
    match integrity {
        0..=99 => out.integrity(password.as_bytes()),
        100..=149 => out.integrity(b"guessed"),
        150..=169 => out.attribute(0x0008, &[integrity; 20]),
        170..=179 => out.attribute(0x0008, &[integrity; 7]),
        _ => {}
    }
    if wanted & 64 == 0 {
        out.fingerprint(if wanted & 128 == 0 { 0 } else { 1 });
    }
    if wanted & 256 != 0 {
        let at = usize::from(byte(input)) % out.0.len();
        out.0[at] ^= byte(input);
    }
    out.0
}

/// The server's fragment and password, as its offer says them.
fn server_credentials(offer: &str) -> (String, String) {
    let value = |name: &str| {
        let line = offer.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().to_owned()
    };
    (value("a=ice-ufrag:"), value("a=ice-pwd:"))
}

fn username(change: u8, own: &str, theirs: &str, input: &mut Unstructured<'_>) -> String {
    match change {
        0..=127 => format!("{own}:{theirs}"),
        128 => format!("{theirs}:{own}"),
        129 => own.to_owned(),
        130 => format!("{own}:"),
        131 => format!(":{own}"),
        132 => format!("{own}:{}", "x".repeat(600)),
        133 => format!("{}:{theirs}", &own[..own.len() / 2]),
        134 => format!("AAA{}:{theirs}", own.get(3..).unwrap_or_default()),
        _ => {
            let length = usize::from(change - 134).min(input.len());
            let bytes = input.bytes(length).unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned()
        }
    }
}

struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, input: &mut Unstructured<'_>) -> Self {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&COOKIE);
        bytes.extend_from_slice(&[byte(input); 12]);
        Self(bytes)
    }

    fn attribute(&mut self, number: u16, value: &[u8]) {
        self.0.extend_from_slice(&number.to_be_bytes());
        self.0
            .extend_from_slice(&(value.len() as u16).to_be_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.set_length(0);
    }

    /// RFC 8489, 14.5: over everything before, with the length as it will be.
    fn integrity(&mut self, password: &[u8]) {
        self.set_length(24);
        let hmac = hmac(password, &self.0);
        self.attribute(0x0008, &hmac);
    }

    /// RFC 8489, 14.7.
    fn fingerprint(&mut self, wrong: u32) {
        self.set_length(8);
        let sum = crc32(&self.0) ^ 0x5354_554e ^ wrong;
        self.attribute(0x8028, &sum.to_be_bytes());
    }

    fn set_length(&mut self, more: usize) {
        let length = (self.0.len() - 20 + more) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

fn hmac(password: &[u8], covered: &[u8]) -> [u8; 20] {
    let provider = str0m_aws_lc_rs::default_provider().sha1_hmac_provider;
    provider.sha1_hmac(password, &[covered])
}

/// ITU-T V.42.
fn crc32(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    });
    !sum
}
