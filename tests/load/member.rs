//! One person of the crowd.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Instant, SystemTime};

use mio::net::{TcpStream, UdpSocket};
use mio::{Interest, Registry, Token};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use tsuji_core::Time;
use tsuji_host::udp::{Batching, Inbox, Outbox};
use tsuji_signaling::message::{ClientMessage, Ice, Id, ServerMessage, Source, Tile};
use tsuji_tests::support::{Client, Socket};
use tsuji_tests::{Camera, Microphone, Picture};

use crate::window::Window;

/// What a person is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Sends.
    Publisher,
    /// Only watches, or not even that.
    Subscriber,
}

/// A person: a client of the protocol with its sockets.
#[derive(Debug)]
pub(crate) struct Member {
    client: Client,
    /// Keeps the stream registered.
    _registered: TcpStream,
    media: UdpSocket,
    batching: Batching,
    outbox: Outbox,
    pub(crate) role: Role,
    /// Which room, from 0.
    pub(crate) room: usize,
    /// When it began to join.
    joined: Time,
    /// When the first packet of media came.
    pub(crate) first: Option<Time>,
    /// Packets of its camera and its microphone that were counted.
    counted: u64,
    /// How many get what it sends.
    viewers: u64,
}

/// Whom a new member joins, and how.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) server: SocketAddr,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Which room, from 0, and its code unless it is the first there.
    pub(crate) room: (usize, Option<String>),
    pub(crate) viewers: u64,
    /// Receive with GRO.
    pub(crate) gro: bool,
}

impl Member {
    /// Enters a room; gives its code, too. `now` is the time since `base`.
    pub(crate) fn enter(
        entry: Entry,
        base: Instant,
        now: Time,
        registry: &Registry,
        tokens: [Token; 2],
    ) -> io::Result<(Self, String)> {
        let mut socket = Socket::open(entry.server);
        let (room, code) = entry.room;
        let code = socket.join(code.as_deref());
        let mut media = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let batching = batching(&media, entry.gro)?;
        let address = media.local_addr()?;
        let muted = entry.role == Role::Subscriber;
        let mut client = Client::call(socket, &entry.name, muted, Ice::Vanilla, base, address);
        client.browser.receive_lightly();
        let mut registered = TcpStream::from_std(client.stream());
        registry.register(&mut registered, tokens[0], Interest::READABLE)?;
        registry.register(&mut media, tokens[1], Interest::READABLE)?;
        let member = Self {
            client,
            _registered: registered,
            media,
            batching,
            outbox: Outbox::default(),
            role: entry.role,
            room,
            joined: now,
            first: None,
            counted: 0,
            viewers: entry.viewers,
        };
        Ok((member, code))
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.client.browser.connected
    }

    /// Whether it can send for the first time.
    pub(crate) fn may_begin(&self) -> bool {
        let browser = &self.client.browser;
        self.role == Role::Publisher && browser.connected && browser.camera.is_none()
    }

    pub(crate) fn id(&self) -> Option<Id> {
        self.client.me()
    }

    /// From joining to the first packet of media, microseconds.
    pub(crate) fn waited(&self) -> Option<u32> {
        let waited = self.first?.since(self.joined).as_micros();
        Some(u32::try_from(waited).unwrap_or(u32::MAX))
    }

    /// Its page shows these people.
    pub(crate) fn show(&mut self, people: &[Id]) -> Result<(), String> {
        let others = people.iter().filter(|id| Some(**id) != self.client.me());
        let tile = |id: &Id| Tile {
            participant: *id,
            source: Source::Camera,
            width: 1_280,
            height: 720,
            pinned: false,
        };
        let tiles = others.map(tile).collect();
        self.client.say(&ClientMessage::View { tiles })
    }

    /// Sends from `start` on.
    pub(crate) fn publish(&mut self, start: Time, picture: Picture, audio: bool) {
        let browser = &mut self.client.browser;
        let camera = browser
            .camera
            .get_or_insert_with(|| Camera::new(start, 0).with_picture(picture));
        camera.paused = false;
        camera.wait_until(start);
        if audio {
            let microphone = browser
                .microphone
                .get_or_insert_with(|| Microphone::new(start));
            microphone.level = Some(-30);
            microphone.paused = false;
            microphone.wait_until(start);
        }
    }

    /// Sends nothing for now.
    pub(crate) fn pause(&mut self) {
        let browser = &mut self.client.browser;
        if let Some(camera) = &mut browser.camera {
            camera.paused = true;
        }
        if let Some(microphone) = &mut browser.microphone {
            microphone.paused = true;
        }
    }

    /// Hears what the server says.
    pub(crate) fn listen(&mut self, now: Time) -> Result<(), String> {
        self.client.listen(now, |message| match message {
            ServerMessage::Error { code, message } => Err(format!("{code:?}: {message}")),
            ServerMessage::Drain { .. } => Err("the server is about to end".to_owned()),
            _ => Ok(()),
        })?;
        if self.role == Role::Subscriber {
            self.client.browser.only_watch();
        }
        Ok(())
    }

    /// Takes all datagrams that wait.
    pub(crate) fn receive(
        &mut self,
        inbox: &mut Inbox,
        now: impl Fn() -> Time,
    ) -> Result<(), String> {
        loop {
            let more = match inbox.receive(&self.batching, (&self.media).into()) {
                Ok(more) => more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.to_string()),
            };
            let clock = SystemTime::now();
            while let Some(datagram) = inbox.take() {
                let waited = datagram.waited(clock);
                let before = self.client.browser.received.len();
                self.client
                    .receive(now(), datagram.remote, datagram.payload);
                // That it waited for this thread says nothing of the server.
                for packet in &mut self.client.browser.received[before..] {
                    packet.at = packet.at - waited;
                }
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Does what is due, sends what there is to send, and counts. Gives when something is due next.
    pub(crate) fn turn(&mut self, now: Time, window: &mut Window) -> Result<Time, String> {
        let browser = &self.client.browser;
        let cameras = browser.camera.as_ref().and_then(Camera::deadline);
        let microphones = browser.microphone.as_ref().and_then(Microphone::deadline);
        let due = [cameras, microphones].into_iter().flatten().min();
        self.client.timeout(now);
        let browser = &mut self.client.browser;
        let made = browser.camera.as_ref().map_or(0, Camera::packets)
            + browser.microphone.as_ref().map_or(0, Microphone::packets);
        let new = u64::from(made) - self.counted;
        self.counted = u64::from(made);
        window.made(now, due.unwrap_or(now), new * self.viewers);
        for packet in browser.received.drain(..) {
            self.first.get_or_insert(packet.at);
            window.arrived(&packet);
        }
        self.transmit()?;
        Ok(self.client.browser.deadline())
    }

    fn transmit(&mut self) -> Result<(), String> {
        for (to, datagram) in self.client.transmits() {
            self.outbox.push(to, &datagram);
        }
        let mut failed = None;
        let socket = || (&self.media).into();
        self.outbox
            .send(&self.batching, socket, |unsent| failed = Some(unsent.error));
        match failed {
            // As on a link that is full: it shows as loss.
            Some(error) if error.kind() != ErrorKind::WouldBlock => Err(error.to_string()),
            _ => Ok(()),
        }
    }

    /// Leaves the room.
    pub(crate) fn leave(&mut self) {
        // It may be over by now; nobody waits for it.
        let _ = self.client.leave();
    }
}

/// GRO is asked for with the rest; so who is to have none asks for it on another socket, and for what else is wanted on
/// this one: when the system had a datagram.
pub(crate) fn batching(socket: &UdpSocket, gro: bool) -> io::Result<Batching> {
    if gro {
        return Batching::of(socket.into());
    }
    setsockopt(socket, ReceiveTimestampns, &true)?;
    let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    Batching::of((&other).into())
}
