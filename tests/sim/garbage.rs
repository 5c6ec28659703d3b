//! What hostile or broken clients send, from a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The same text with some lines gone, doubled, cut, or changed in a letter.
pub(crate) fn spoil_text(text: &str, seed: u64) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut spoilt = String::with_capacity(text.len());
    let lines = text.lines().count().max(1) as u64;
    let victims: Vec<u64> = (0..=rng.next_u64() % 4)
        .map(|_| rng.next_u64() % lines)
        .collect();
    for (number, line) in text.lines().enumerate() {
        let mut line = line.to_owned();
        if victims.contains(&(number as u64)) {
            match rng.next_u64() % 4 {
                0 => continue,
                1 => line = format!("{line}\r\n{line}"),
                2 => line = line.chars().take(line.len() / 2).collect(),
                _ => {
                    let place = rng.next_u64() as usize % line.len().max(1);
                    let letter = char::from(b' ' + (rng.next_u64() % 95) as u8);
                    let letters = line.chars().enumerate();
                    line = letters
                        .map(|(i, c)| if i == place { letter } else { c })
                        .collect();
                }
            }
        }
        spoilt.push_str(&line);
        spoilt.push_str("\r\n");
    }
    spoilt
}

/// A datagram that begins like one of the protocols of RFC 7983, or like none.
pub(crate) fn datagram(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let length = match rng.next_u64() % 4 {
        0 => rng.next_u64() % 20,
        1 => 20 + rng.next_u64() % 100,
        2 => rng.next_u64() % 1_500,
        _ => 1_400 + rng.next_u64() % 200,
    };
    let mut bytes = vec![0; length as usize];
    rng.fill_bytes(&mut bytes);
    if let Some(first) = bytes.first_mut() {
        // STUN, ZRTP, DTLS, TURN channel, RTP or RTCP, anything.
        *first = match rng.next_u64() % 6 {
            0 => *first % 4,
            1 => 16,
            2 => 20 + *first % 44,
            3 => 64,
            4 => 128 + *first % 64,
            _ => *first,
        };
    }
    if bytes.len() >= 20 && bytes[0] < 4 {
        // A STUN header that can be believed (RFC 8489, 5).
        bytes[0] = 0;
        bytes[1] = 1;
        let length = (bytes.len() - 20) as u16 & !3;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        bytes[4..8].copy_from_slice(&0x2112_a442_u32.to_be_bytes());
    }
    bytes
}

/// An RTP packet of an SSRC that nobody has, for an m-line that somebody has (RFC 9143, 15): the
/// mid travels in the clear, and nothing behind it is authentic.
pub(crate) fn forgery(rng: &mut ChaCha8Rng, mid: &str, audio: bool) -> Vec<u8> {
    // As the server's offers say.
    let (payload_type, mid_extension) = (if audio { 111 } else { 96 }, 4);
    let mut bytes = vec![0x90, payload_type];
    bytes.extend((rng.next_u64() as u16).to_be_bytes());
    bytes.extend(rng.next_u64().to_be_bytes());
    // RFC 8285, 4.2: one byte of header, then the value, filled up to 32 bits.
    let mut extension = vec![mid_extension << 4 | (mid.len() as u8 - 1)];
    extension.extend(mid.bytes());
    extension.resize(extension.len().next_multiple_of(4), 0);
    bytes.extend([0xbe, 0xde, 0, (extension.len() / 4) as u8]);
    bytes.extend(extension);
    let start = bytes.len();
    bytes.resize(start + 100, 0);
    rng.fill_bytes(&mut bytes[start..]);
    bytes
}

/// A text message that the protocol does not know, or not like this.
pub(crate) fn text(rng: &mut ChaCha8Rng) -> String {
    let number = rng.next_u64();
    match number % 10 {
        0 => "{".to_owned(),
        1 => format!("{number:x}"),
        2 => format!(r#"{{"type":"{number}"}}"#),
        3 => r#"{"type":"call","name":"again"}"#.to_owned(),
        4 => r#"{"type":"call"}"#.to_owned(),
        5 => format!(
            r#"{{"type":"answer","negotiation":{},"sdp":"v=0"}}"#,
            number % 9
        ),
        6 => format!(r#"{{"type":"join","room":"{number}"}}"#),
        7 => r#"{"type":"mute","kind":"screen","muted":1}"#.to_owned(),
        8 => "[".repeat((number % 5_000) as usize),
        _ => candidate(rng),
    }
}

/// A candidate message that is none.
pub(crate) fn candidate(rng: &mut ChaCha8Rng) -> String {
    let number = rng.next_u64();
    let candidate = match number % 5 {
        0 => format!("candidate:{number}"),
        1 => "candidate:1 1 udp 2130706431 0f1e2d3c.local 9 typ host".to_owned(),
        2 => format!(
            "candidate:1 1 tcp 1 203.0.113.7 {} typ host tcptype active",
            number % 65_536
        ),
        3 => format!(
            "candidate:1 1 udp 1 203.0.113.{} {} typ relay raddr 0.0.0.0 rport 0",
            number % 256,
            number % 70_000
        ),
        _ => "x".repeat((number % 700) as usize),
    };
    format!(r#"{{"type":"candidate","candidate":{{"candidate":"{candidate}"}}}}"#)
}
