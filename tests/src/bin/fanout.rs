//! What forwarding costs at least: counts the instructions of what has to be done in user space for each
//! packet of each viewer, and those that the core takes.
//!
//! ```text
//!  packet ─► number, timestamp and picture id of the viewer ─► its queue ─┬─ pacing ─► header with
//!    │                                                                    │  extensions ─► AES-128-GCM
//!    └── payload, shared by all ──────────────────────────────────────────┴─► kept, to be sent again
//! ```
//! Feedback is not in it: to receive it and to estimate by it costs what it costs today.
//!
//! `cargo run --release -p tsuji-tests --bin fanout [-- VIEWERS]`. It needs valgrind, and the program
//! `instructions` beside it. What comes of it is in `docs/capacity.md`.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::VecDeque;
use std::process::Command;
use std::sync::Arc;
use std::{env, fs};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// As in a meeting of `instructions`: 30 frames a second of 5 packets of 1,200 bytes.
const FRAMES: u64 = 30;
const PARTS: u64 = 5;
const PAYLOAD: usize = 1_200;
/// Frames of the two runs, of which the difference counts.
const SHORTER: u64 = 2 * FRAMES;
const LONGER: u64 = 4 * FRAMES;
/// What is counted, and nothing around it.
const COUNTED: &str = "--toggle-collect=fanout::fan_out";

/// RTP with the extensions below (RFC 3550, 5.1; RFC 8285, 4.2).
const HEADER: usize = 12 + 4 + EXTENSIONS;
/// MID (RFC 9143, 15) of two characters, the transport-wide number, and the absolute time of sending,
/// each with a head of one byte; and padding.
const EXTENSIONS: usize = 12;
const TAG: usize = 16;
/// Packets that are kept to be sent again, and records of what was sent. Powers of two.
const KEPT: usize = 1_024;
const SENT: usize = 1_024;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at)?.parse().ok();
    if arguments.first().is_some_and(|first| first == "--frames") {
        run(number(1).unwrap_or(10), number(2).unwrap_or(SHORTER));
        return;
    }
    let viewers: u64 = number(0).unwrap_or(10);
    let [shorter, longer] = [SHORTER, LONGER].map(|frames| count(viewers, frames));
    let each = (longer - shorter) / ((LONGER - SHORTER) * PARTS * viewers);
    println!("{each} instructions for each packet to one of {viewers} viewers, without str0m");
    let own = env::current_exe().expect("it runs");
    let today = Command::new(own.with_file_name("instructions"))
        .arg(viewers.to_string())
        .output()
        .expect("it was built beside this");
    print!("today: {}", String::from_utf8_lossy(&today.stdout));
}

fn count(viewers: u64, frames: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", COUNTED])
        .arg("--callgrind-out-file=/dev/null")
        .arg(env::current_exe().expect("it runs"))
        .args(["--frames", &viewers.to_string(), &frames.to_string()])
        .output()
        .expect("valgrind is there");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let mut lines = told.lines();
    let collected = lines.find_map(|line| line.split_once("Collected : "));
    let collected = collected.and_then(|(_, number)| number.trim().parse().ok());
    collected.unwrap_or_else(|| panic!("no count in: {told}"))
}

fn run(viewers: u64, frames: u64) {
    let mut viewers: Vec<Viewer> = (0..viewers).map(Viewer::new).collect();
    let mut out = Vec::new();
    for frame in 0..frames {
        let packets = (0..PARTS).map(|part| Packet {
            sequence: 1_000 + PARTS * frame + part,
            timestamp: (3_000 * frame) as u32,
            marker: part == PARTS - 1,
            payload: vec![0x5a; PAYLOAD].into(),
        });
        let packets: Vec<Packet> = packets.collect();
        fan_out(&mut viewers, &packets, 1_000_000 * frame / FRAMES, &mut out);
        assert_eq!(out.len(), viewers.len() * packets.len());
        check(&viewers[0], &packets[0], &mut out[0]);
        out.clear();
    }
    // Where the compiler may not leave out the work.
    fs::write("/dev/null", [viewers[0].number as u8]).expect("it takes everything");
}

/// A packet as it came from its publisher.
struct Packet {
    /// Extended.
    sequence: u64,
    timestamp: u32,
    marker: bool,
    payload: Arc<[u8]>,
}

/// One outgoing stream of somebody, and the path to it.
struct Viewer {
    key: LessSafeKey,
    salt: [u8; NONCE_LEN],
    ssrc: u32,
    /// What is added to the publisher's numbers.
    sequence_offset: u64,
    timestamp_offset: u32,
    picture_offset: u16,
    queue: VecDeque<Queued>,
    /// Bits a second at which it is paced, and what of the last ones is not yet over: bytes, at a time.
    pace: u64,
    debt: (u64, u64),
    /// The next transport-wide number.
    number: u64,
    sent: Box<[Sent]>,
    kept: Box<[Option<Queued>]>,
}

/// What leaves when its time has come, and what is kept of it.
#[derive(Clone)]
struct Queued {
    sequence: u64,
    timestamp: u32,
    picture: u16,
    marker: bool,
    payload: Arc<[u8]>,
}

/// When what was sent, for the feedback about it.
#[derive(Clone, Copy, Default)]
struct Sent {
    number: u64,
    at: u64,
    bytes: u16,
}

/// Gives packets to viewers at a time in microseconds, and adds what is to be sent to them, the packets of
/// each in a row.
#[inline(never)]
fn fan_out(viewers: &mut [Viewer], packets: &[Packet], now: u64, out: &mut Vec<Vec<u8>>) {
    for viewer in viewers {
        for packet in packets {
            viewer.take(packet);
        }
        viewer.release(now, out);
    }
}

impl Viewer {
    fn new(index: u64) -> Self {
        let mut key = [0x5a; 16];
        key[..8].copy_from_slice(&index.to_be_bytes());
        let key = UnboundKey::new(&AES_128_GCM, &key).expect("16 bytes");
        Self {
            key: LessSafeKey::new(key),
            salt: [7; NONCE_LEN],
            ssrc: 0x1234_0000 + index as u32,
            sequence_offset: index,
            timestamp_offset: 90 * index as u32,
            picture_offset: index as u16,
            queue: VecDeque::new(),
            pace: 20_000_000,
            debt: (0, 0),
            number: 0,
            sent: vec![Sent::default(); SENT].into(),
            kept: vec![None; KEPT].into(),
        }
    }

    /// A packet becomes one of its stream.
    fn take(&mut self, packet: &Packet) {
        let picture = u16::from_be_bytes([packet.payload[2], packet.payload[3]]);
        self.queue.push_back(Queued {
            sequence: packet.sequence + self.sequence_offset,
            timestamp: packet.timestamp.wrapping_add(self.timestamp_offset),
            picture: picture.wrapping_add(self.picture_offset) | 0x8000,
            marker: packet.marker,
            payload: packet.payload.clone(),
        });
    }

    /// Sends what the pace allows: not more than is over within 40 ms.
    fn release(&mut self, now: u64, out: &mut Vec<Vec<u8>>) {
        let (debt, at) = self.debt;
        let mut debt = debt.saturating_sub(self.pace * (now - at) / 8_000_000);
        while debt * 8_000_000 / self.pace < 40_000
            && let Some(queued) = self.queue.pop_front()
        {
            let packet = self.protect(now, &queued);
            debt += packet.len() as u64;
            self.sent[self.number as usize % SENT] = Sent {
                number: self.number,
                at: now,
                bytes: packet.len() as u16,
            };
            self.number += 1;
            out.push(packet);
            let place = queued.sequence as usize % KEPT;
            self.kept[place] = Some(queued);
        }
        self.debt = (debt, now);
    }

    /// The datagram for it (RFC 3711, RFC 7714).
    fn protect(&self, now: u64, queued: &Queued) -> Vec<u8> {
        let mut packet = Vec::with_capacity(HEADER + queued.payload.len() + TAG);
        packet.extend_from_slice(&[0x90, u8::from(queued.marker) << 7 | 96]);
        packet.extend_from_slice(&(queued.sequence as u16).to_be_bytes());
        packet.extend_from_slice(&queued.timestamp.to_be_bytes());
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        let [a, b] = (self.number as u16).to_be_bytes();
        // Seconds with 18 bits behind the point, of which 6 before it.
        let [_, x, y, z] = (((now << 18) / 1_000_000) as u32).to_be_bytes();
        packet.extend_from_slice(&[0xbe, 0xde, 0, (EXTENSIONS / 4) as u8]);
        packet.extend_from_slice(&[0x41, b'v', b'1', 0x31, a, b, 0x22, x, y, z, 0, 0]);
        packet.extend_from_slice(&queued.payload);
        packet[HEADER + 2..HEADER + 4].copy_from_slice(&queued.picture.to_be_bytes());
        let (header, payload) = packet.split_at_mut(HEADER);
        let nonce = self.nonce(queued.sequence);
        let sealed = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(&*header), payload);
        packet.extend_from_slice(sealed.expect("a packet is not too long").as_ref());
        packet
    }

    /// RFC 7714, 8.1.
    fn nonce(&self, sequence: u64) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[2..6].copy_from_slice(&self.ssrc.to_be_bytes());
        nonce[6..].copy_from_slice(&sequence.to_be_bytes()[2..]);
        nonce.iter_mut().zip(self.salt).for_each(|(a, b)| *a ^= b);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// What was sent can be read.
fn check(viewer: &Viewer, packet: &Packet, sent: &mut [u8]) {
    let nonce = viewer.nonce(packet.sequence + viewer.sequence_offset);
    let (header, payload) = sent.split_at_mut(HEADER);
    let opened = viewer
        .key
        .open_in_place(nonce, Aad::from(&*header), payload);
    let opened = opened.expect("authentic");
    assert_eq!(opened[4..], packet.payload[4..]);
    let kept = viewer.kept.iter().flatten();
    assert!(
        kept.clone()
            .any(|kept| Arc::ptr_eq(&kept.payload, &packet.payload))
    );
    let sent = viewer.sent.iter().filter(|sent| sent.bytes > 0);
    assert_eq!(sent.map(|sent| sent.number).max(), Some(viewer.number - 1));
    assert!(viewer.sent.iter().any(|sent| sent.at == viewer.debt.1));
}
