//! A participant on real sockets: the virtual browser of the simulation, with a WebSocket for what
//! it says and a UDP socket for what it sends. It counts every packet, so that a test can tell
//! whether one was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use tsuji_core::Time;
use tsuji_signaling::message::{ExitReason, Ice, Id, ServerMessage};

use super::client::Client;
use super::journal::{Journal, Line};
use super::socket::Socket;
use crate::{Camera, Microphone};

const WAKER: Token = Token(0);
const SOCKET: Token = Token(1);
const MEDIA: Token = Token(2);
/// What a test waits for comes within this, or never. 15 s: a test machine may be busy.
const PATIENCE: Duration = Duration::from_secs(15);
/// A UDP datagram is never longer.
const DATAGRAM: usize = 65_536;

/// A participant. It leaves when it is dropped.
#[derive(Debug)]
pub struct Peer {
    room: String,
    shared: Arc<Shared>,
    wishes: mpsc::Sender<Wish>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

/// What a participant has seen and done so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Its own id, once it is in the room.
    pub me: Option<Id>,
    /// Media can flow.
    pub connected: bool,
    /// Where its datagrams went last.
    pub media: Option<SocketAddr>,
    /// Offers answered.
    pub offers: u32,
    /// Packets of its own microphone.
    pub sent_audio: u32,
    /// Packets of its own camera.
    pub sent_video: u32,
    /// It was told to send nothing more.
    pub quiet: bool,
    /// Packets that arrived from others' microphones.
    pub audio: BTreeMap<Id, Arrivals>,
    /// Packets that arrived from others' cameras.
    pub video: BTreeMap<Id, Arrivals>,
    /// Who left.
    pub exits: Vec<(Id, ExitReason)>,
    /// Errors that it was told.
    pub errors: Vec<String>,
    /// It is over: why.
    pub end: Option<String>,
}

/// The numbered packets of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// The number of the first that arrived.
    pub first: u32,
    /// The highest number that arrived.
    pub last: u32,
    /// What has not arrived between the two.
    pub missing: BTreeSet<u32>,
    /// How many arrived twice.
    pub repeated: u32,
}

#[derive(Debug, Default)]
struct Shared {
    tally: Mutex<Tally>,
    journal: Mutex<Journal>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// Send no more media.
    Quiet,
    Leave,
}

impl Peer {
    /// Enters a room, or a new one, and sends sound and pictures as soon as it is connected.
    pub fn call(server: SocketAddr, room: Option<&str>, name: &str, ice: Ice) -> Self {
        let mut socket = Socket::open(server);
        let room = socket.join(room);
        let shared = Arc::new(Shared::default());
        let poll = Poll::new().expect("the system polls");
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).expect("the system wakes"));
        let (wishes, wished) = mpsc::channel();
        let life = Life::new(socket, name, poll, ice, wished, Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || life.live())
            .expect("the system has threads");
        Self {
            room,
            shared,
            wishes,
            waker,
            thread: Some(thread),
        }
    }

    /// The room that it is in.
    pub fn room(&self) -> &str {
        &self.room
    }

    /// What it has seen and done so far.
    pub fn tally(&self) -> Tally {
        self.shared.lock().clone()
    }

    /// When its packets were sent and others' arrived.
    pub(super) fn journal(&self) -> Journal {
        self.shared.journal().clone()
    }

    /// Waits until its tally shows what the test needs.
    pub fn wait_until(&self, what: &str, shows: impl Fn(&Tally) -> bool) -> Tally {
        let tally = self.shared.lock();
        let waits = |tally: &mut Tally| tally.end.is_none() && !shows(tally);
        let waited = self
            .shared
            .changed
            .wait_timeout_while(tally, PATIENCE, waits);
        let (tally, _) = waited.unwrap_or_else(|poisoned| poisoned.into_inner());
        assert!(shows(&tally), "not seen: {what}; instead: {tally:#?}");
        tally.clone()
    }

    /// Sends no more media; the tally tells how many packets there were.
    pub fn quiet(&self) -> Tally {
        self.wish(Wish::Quiet);
        self.wait_until("it is quiet", |tally| tally.quiet)
    }

    fn wish(&self, wish: Wish) {
        // Where its thread has ended, the tally tells why.
        let _ = self.wishes.send(wish);
        let _ = self.waker.wake();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.wish(Wish::Leave);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "a peer panicked");
        }
    }
}

impl Arrivals {
    fn note(&mut self, number: u32) {
        if self.last == 0 {
            *self = Self {
                first: number,
                last: number,
                ..Self::default()
            };
        } else if number > self.last {
            self.missing.extend(self.last + 1..number);
            self.last = number;
        } else if !self.missing.remove(&number) {
            self.repeated += 1;
        }
    }

    /// Whether everything from the first to `last` has arrived once.
    pub fn is_whole_to(&self, last: u32) -> bool {
        self.last == last && self.missing.is_empty() && self.repeated == 0
    }
}

impl Shared {
    fn journal(&self) -> std::sync::MutexGuard<'_, Journal> {
        self.journal
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A peer's own thread.
struct Life {
    poll: Poll,
    started: Instant,
    client: Client,
    /// Keeps the stream registered.
    _registered: mio::net::TcpStream,
    media: UdpSocket,
    quiet: bool,
    wishes: mpsc::Receiver<Wish>,
    shared: Arc<Shared>,
}

impl Life {
    fn new(
        socket: Socket,
        name: &str,
        poll: Poll,
        ice: Ice,
        wishes: mpsc::Receiver<Wish>,
        shared: Arc<Shared>,
    ) -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut media = UdpSocket::bind(loopback).expect("the system has ports");
        let address = media.local_addr().expect("a bound socket");
        let started = Instant::now();
        let client = Client::call(socket, name, false, ice, started, address);
        let mut registered = mio::net::TcpStream::from_std(client.stream());
        let registry = poll.registry();
        let both = Interest::READABLE | Interest::WRITABLE;
        let registering = registry
            .register(&mut registered, SOCKET, both)
            .and_then(|()| registry.register(&mut media, MEDIA, Interest::READABLE));
        registering.expect("the system polls");
        Self {
            poll,
            started,
            client,
            _registered: registered,
            media,
            quiet: false,
            wishes,
            shared,
        }
    }

    fn live(mut self) {
        let end = self.run();
        let mut tally = self.shared.lock();
        tally.end = Some(end);
        drop(tally);
        self.shared.changed.notify_all();
    }

    /// The result tells why it ended.
    fn run(&mut self) -> String {
        let mut events = Events::with_capacity(16);
        loop {
            if let Err(end) = self.turn() {
                return end;
            }
            let wait = self.client.browser.deadline().since(self.now());
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return error.to_string(),
                _ => {}
            }
        }
    }

    fn turn(&mut self) -> Result<(), String> {
        while let Ok(wish) = self.wishes.try_recv() {
            match wish {
                Wish::Quiet => self.quiet = true,
                Wish::Leave => {
                    self.client.leave()?;
                    return Err("left".to_owned());
                }
            }
        }
        self.listen()?;
        self.receive()?;
        self.client.timeout(self.now());
        self.publish();
        self.transmit()?;
        self.note();
        Ok(())
    }

    /// Reads what the server says.
    fn listen(&mut self) -> Result<(), String> {
        let (now, shared) = (self.now(), &self.shared);
        let me = self.client.me();
        let heard = self.client.listen(now, |message| match message {
            ServerMessage::Exit {
                participant,
                reason,
            } => {
                shared.lock().exits.push((participant, reason));
                match me == Some(participant) {
                    true => Err(format!("the server let it go: {reason:?}")),
                    false => Ok(()),
                }
            }
            ServerMessage::Error { code, message } => {
                let told = format!("{code:?}: {message}");
                shared.lock().errors.push(told);
                Ok(())
            }
            _ => Ok(()),
        });
        self.shared.lock().me = self.client.me();
        heard
    }

    /// Reads what the server sends.
    fn receive(&mut self) -> Result<(), String> {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            match self.media.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    self.client.receive(self.now(), from, &buffer[..length]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Turns microphone and camera on once they are of use, so that nothing is made for nobody.
    fn publish(&mut self) {
        let now = self.now();
        if self.quiet {
            self.count();
            self.client.browser.microphone = None;
            self.client.browser.camera = None;
            self.shared.lock().quiet = true;
            return;
        }
        let browser = &mut self.client.browser;
        if browser.connected && browser.camera.is_none() {
            browser.microphone = Some(Microphone::new(now));
            browser.camera = Some(Camera::new(now, 0));
        }
    }

    fn transmit(&mut self) -> Result<(), String> {
        let browser = &self.client.browser;
        if let (Some(microphone), Some(camera)) = (&browser.microphone, &browser.camera) {
            let mut journal = self.shared.journal();
            journal.note_sent(Line::Audio, microphone.packets());
            journal.note_sent(Line::Video, camera.packets());
        }
        let mut media = None;
        for (to, datagram) in self.client.transmits() {
            media = Some(to);
            match self.media.send_to(&datagram, to) {
                Ok(_) => {}
                // The server is gone, or its port: what it says on the WebSocket tells.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        if media.is_some() {
            self.shared.lock().media = media;
        }
        Ok(())
    }

    fn count(&self) {
        let browser = &self.client.browser;
        if let (Some(microphone), Some(camera)) = (&browser.microphone, &browser.camera) {
            let mut tally = self.shared.lock();
            tally.sent_audio = microphone.packets();
            tally.sent_video = camera.packets();
        }
    }

    fn note(&mut self) {
        self.count();
        let mut tally = self.shared.lock();
        tally.connected = self.client.browser.connected;
        tally.offers = self.client.browser.offers;
        for packet in std::mem::take(&mut self.client.browser.received) {
            let Some(source) = self.client.source_of(&packet) else {
                continue;
            };
            let line = if packet.audio {
                Line::Audio
            } else {
                Line::Video
            };
            let mut journal = self.shared.journal();
            journal.note_arrived(source, line, packet.count);
            drop(journal);
            let arrivals = if packet.audio {
                &mut tally.audio
            } else {
                &mut tally.video
            };
            arrivals.entry(source).or_default().note(packet.count);
        }
        drop(tally);
        self.shared.changed.notify_all();
    }

    fn now(&self) -> Time {
        let micros = self.started.elapsed().as_micros();
        Time::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}
