//! The least that it can cost: one thread that encrypts the same packets for the same number of
//! receivers, at the same pace, and hands each frame of each receiver to the system in one piece.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use tsuji_host::udp::{Batching, Outbox};

use crate::options::{FRAMES_PER_SECOND, Frame};
use crate::usage::of_this_thread;

/// The RTP header with the extensions that a viewer gets, and the tag of AES-GCM (RFC 7714).
const HEADER: usize = 34;
const TAG: usize = 16;

/// What the floor did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    /// Packets sent.
    pub(crate) packets: u64,
    /// Packets for which the system had no room.
    pub(crate) dropped: u64,
    /// Processor time of the thread.
    pub(crate) processor: Duration,
}

/// Whom a publisher's frames go to.
pub(crate) type Viewers = Range<usize>;

/// A thread that sends for a while.
pub(crate) struct Floor {
    thread: JoinHandle<io::Result<Work>>,
    ended: mpsc::Receiver<()>,
}

impl Floor {
    /// Begins. Each of `publishers` sends its frames to some of the receivers.
    pub(crate) fn begin(
        receivers: Vec<SocketAddr>,
        publishers: Vec<Viewers>,
        frame: Frame,
        duration: Duration,
    ) -> io::Result<Self> {
        let (ends, ended) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("floor".to_owned())
            .spawn(move || {
                let work = run(&receivers, &publishers, frame, duration);
                // The other end waits for the thread anyway.
                let _ = ends.send(());
                work
            })?;
        Ok(Self { thread, ended })
    }

    /// Whether it has nothing more to do.
    pub(crate) fn has_ended(&self) -> bool {
        !matches!(self.ended.try_recv(), Err(mpsc::TryRecvError::Empty))
    }

    /// What it did.
    pub(crate) fn work(self) -> io::Result<Work> {
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the floor panicked")))
    }
}

/// Somebody who gets frames.
struct Receiver {
    address: SocketAddr,
    key: LessSafeKey,
    number: u64,
}

impl Receiver {
    fn new(index: usize, address: SocketAddr) -> io::Result<Self> {
        let mut key = [0x5a; 16];
        key[..8].copy_from_slice(&index.to_be_bytes());
        let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| failed())?;
        Ok(Self {
            address,
            key: LessSafeKey::new(key),
            number: 0,
        })
    }
}

fn run(
    receivers: &[SocketAddr],
    publishers: &[Viewers],
    frame: Frame,
    duration: Duration,
) -> io::Result<Work> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let batching = Batching::of((&socket).into())?;
    let receivers = receivers.iter().enumerate();
    let receivers = receivers.map(|(index, address)| Receiver::new(index, *address));
    let mut receivers = receivers.collect::<io::Result<Vec<_>>>()?;
    let payload = vec![0x77; usize::from(frame.payload)];
    let mut packet = Vec::with_capacity(HEADER + payload.len() + TAG);
    let mut outbox = Outbox::default();
    let mut work = Work::default();
    let interval = Duration::from_secs(1) / FRAMES_PER_SECOND;
    let between = interval / u32::try_from(publishers.len().max(1)).unwrap_or(u32::MAX);
    let (started, before) = (Instant::now(), of_this_thread());
    let mut due = Duration::ZERO;
    for publisher in publishers.iter().cycle() {
        if due >= duration {
            break;
        }
        if let Some(wait) = due.checked_sub(started.elapsed()) {
            thread::sleep(wait);
        }
        due += between;
        let viewers = receivers.get_mut(publisher.clone()).unwrap_or_default();
        for receiver in viewers {
            for _ in 0..frame.packets {
                encrypt(receiver, &payload, &mut packet)?;
                outbox.push(receiver.address, &packet);
            }
        }
        let mut failure = None;
        let sent = outbox.send(
            &batching,
            || (&socket).into(),
            |unsent| match unsent.error.kind() {
                ErrorKind::WouldBlock => work.dropped += unsent.count as u64,
                _ => failure = Some(unsent.error),
            },
        );
        work.packets += sent as u64;
        if let Some(error) = failure {
            return Err(error);
        }
    }
    work.processor = of_this_thread() - before;
    Ok(work)
}

fn encrypt(receiver: &mut Receiver, payload: &[u8], packet: &mut Vec<u8>) -> io::Result<()> {
    receiver.number += 1;
    let mut nonce = [0; NONCE_LEN];
    nonce[4..].copy_from_slice(&receiver.number.to_be_bytes());
    packet.clear();
    packet.resize(HEADER, 0x90);
    packet[2..4].copy_from_slice(&nonce[10..]);
    packet.extend_from_slice(payload);
    let (header, body) = packet.split_at_mut(HEADER);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let sealed = receiver
        .key
        .seal_in_place_separate_tag(nonce, Aad::from(&*header), body);
    let tag = sealed.map_err(|_| failed())?;
    packet.extend_from_slice(tag.as_ref());
    Ok(())
}

fn failed() -> io::Error {
    io::Error::other("AES-128-GCM failed")
}
