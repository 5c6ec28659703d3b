//! What strangers do to a server, as fast as they can or as slowly. Each attack has its bound and
//! ends by itself.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tsuji_signaling::error::ErrorCode;
use tsuji_signaling::message::{Candidate, ClientMessage, Ice, ServerMessage};

use super::socket::Socket;

/// Sockets that are open at once where each has an address of its own.
const AT_ONCE: usize = 500;

/// Where the server receives media, and a username fragment of its own that is good.
#[derive(Debug)]
pub struct Target {
    /// The address.
    pub media: SocketAddr,
    /// The fragment: of somebody who has just entered.
    pub ufrag: String,
    /// That participant.
    entered: Mutex<Socket>,
}

impl Target {
    /// Enters a room to learn both.
    pub fn find(server: SocketAddr) -> Self {
        let mut socket = Socket::open(server);
        socket.join(None);
        socket.say(&call("Eve"));
        let candidate = socket.hear_until(|message| match message {
            ServerMessage::Candidate { candidate } => candidate,
            _ => None,
        });
        let mut words = candidate.candidate.split_whitespace().skip(4);
        let mut word = || words.next().expect("an address and a port");
        let media = format!("{}:{}", word(), word());
        Self {
            media: media.parse().expect("an address"),
            ufrag: candidate.username_fragment.expect("a fragment"),
            entered: Mutex::new(socket),
        }
    }

    /// Waits until the media side has done something that it was asked for now: by then it has
    /// taken what came before, up to a few dozen datagrams.
    pub fn wait_for_media(&self) {
        let mut socket = self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        socket.say(&ClientMessage::Candidate {
            candidate: Some(Candidate {
                candidate: "none".to_owned(),
                ..Candidate::default()
            }),
        });
        assert_eq!(socket.hear_error(), ErrorCode::BadCandidate);
    }
}

fn call(name: &str) -> ClientMessage {
    ClientMessage::Call {
        name: name.to_owned(),
        ice: Ice::Trickle,
        audio: true,
        video: true,
    }
}

/// Lets this process have as many sockets as the system allows.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("what the administrator allows");
}

/// Opens connections that send the head of a request in part, and no more.
pub fn hold_half_requests(server: SocketAddr, connections: usize) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = TcpStream::connect(server).expect("the server accepts");
        let half = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
        // It may have been closed already, for one of those that came later.
        let _ = stream.write_all(half);
        stream
    };
    (0..connections).map(open).collect()
}

/// Sends one byte more on each connection; gives those that the server still listens to.
pub fn dribble(held: Vec<TcpStream>) -> Vec<TcpStream> {
    let listens = |stream: &mut TcpStream| {
        stream.set_nonblocking(true).expect("an open socket");
        let waits = matches!(
            stream.read(&mut [0; 1_024]),
            Err(error) if error.kind() == ErrorKind::WouldBlock
        );
        waits && stream.write_all(b"a").is_ok()
    };
    let mut held = held;
    held.retain_mut(listens);
    held
}

/// Connects, creates a room, enters it and vanishes, so many times, on several threads; gives how
/// many got an offer.
pub fn flood_of_joins(server: SocketAddr, threads: usize, joins: usize) -> usize {
    let join = move |_| {
        let mut socket = Socket::open(server);
        socket.join(None);
        socket.say(&call("Runner"));
        socket.hear_until(|message| match message {
            ServerMessage::Offer { .. } => Some(true),
            ServerMessage::Error { .. } => Some(false),
            _ => None,
        })
    };
    let runners = (0..threads).map(|_| {
        thread::spawn(move || {
            (0..joins / threads)
                .map(join)
                .filter(|offered| *offered)
                .count()
        })
    });
    let runners: Vec<_> = runners.collect();
    let counts = runners.into_iter().map(|runner| runner.join());
    counts.map(|count| count.expect("a runner")).sum()
}

/// Sends binding requests (RFC 8489) that nobody signed, each from an address of its own, counted
/// from `first`: half of them for a participant who exists. Gives how many were answered.
pub fn spoofed_stun(target: &Target, first: u32, requests: u32) -> usize {
    let mut answered = 0;
    let mut sockets = Vec::new();
    for number in first..first + requests {
        // Every address of 127.0.0.0/8 is this machine's own.
        let [_, a, b, c] = (number + 0x01_00_01).to_be_bytes();
        let socket = UdpSocket::bind((Ipv4Addr::new(127, a, b, c), 0)).expect("an address");
        let ufrag = if number % 2 == 0 {
            &target.ufrag
        } else {
            "nobody"
        };
        let request = binding_request(number, ufrag);
        socket
            .send_to(&request, target.media)
            .expect("loopback takes it");
        sockets.push(socket);
        if sockets.len() >= AT_ONCE {
            answered += count_answers(&mut sockets);
        }
    }
    answered + count_answers(&mut sockets)
}

/// How many of them have received something.
fn count_answers(sockets: &mut Vec<UdpSocket>) -> usize {
    let answered = |socket: UdpSocket| {
        socket.set_nonblocking(true).expect("an open socket");
        socket.recv_from(&mut [0; 2_000]).is_ok()
    };
    sockets.drain(..).map(answered).filter(|yes| *yes).count()
}

/// A binding request with a USERNAME and a MESSAGE-INTEGRITY that is made up.
pub fn binding_request(number: u32, ufrag: &str) -> Vec<u8> {
    let name = format!("{ufrag}:stranger");
    let padding = name.len().next_multiple_of(4) - name.len();
    let length = |length: usize| u16::try_from(length).expect("short").to_be_bytes();
    let attributes = [
        &[0, 6][..],
        &length(name.len()),
        name.as_bytes(),
        &vec![0; padding],
        &[0, 8],
        &length(20),
        &[number as u8; 20],
    ]
    .concat();
    [
        &[0, 1][..],
        &length(attributes.len()),
        &[0x21, 0x12, 0xA4, 0x42],
        &number.to_be_bytes().repeat(3),
        &attributes,
    ]
    .concat()
}

/// Sends so many bytes of garbage at `rate` bytes a second; gives how many datagrams those were,
/// and how long it took.
pub fn garbage(media: SocketAddr, bytes: u64, rate: u64) -> (u64, Duration) {
    const DATAGRAM: usize = 1_200;
    const BURST: u64 = 16;
    let sockets: Vec<_> = (0..8)
        .map(|_| UdpSocket::bind("127.0.0.1:0").expect("the system has ports"))
        .collect();
    // What the first byte says (RFC 7983): STUN, DTLS, RTP and nothing known.
    let kinds = [0_u8, 22, 128, 144, 255, 64, 1, 200];
    let payloads: Vec<_> = kinds
        .iter()
        .map(|kind| {
            let mut payload: Vec<u8> = (0..DATAGRAM as u32)
                .map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8)
                .collect();
            payload[0] = *kind;
            payload
        })
        .collect();
    let begin = Instant::now();
    let (mut sent, mut datagrams) = (0, 0);
    while sent < bytes {
        for number in 0..BURST {
            let which = ((datagrams + number) % 8) as usize;
            // A socket that is full is the system's business.
            let _ = sockets[which].send_to(&payloads[which], media);
        }
        datagrams += BURST;
        sent += BURST * DATAGRAM as u64;
        let due = Duration::from_secs_f64(sent as f64 / rate as f64);
        while begin.elapsed() < due {
            thread::yield_now();
        }
    }
    (datagrams, begin.elapsed())
}
