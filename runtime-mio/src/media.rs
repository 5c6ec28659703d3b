//! The media thread: a [`Shard`] and its UDP sockets.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use tsuji_host::media::{DatagramSocket, Shard, ShardError, Turn};
use tsuji_host::udp::UdpSockRef;

/// Why the media thread had to stop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MediaError {
    /// The system's poll failed.
    #[error("waiting for media failed: {0}")]
    Poll(#[source] io::Error),
    /// The shard cannot go on.
    #[error(transparent)]
    Shard(#[from] ShardError),
}

/// A UDP socket with its address.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Socket {
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let socket = UdpSocket::from_std(socket);
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }
}

impl DatagramSocket for Socket {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn reference(&self) -> UdpSockRef<'_> {
        (&self.socket).into()
    }
}

/// Registers the sockets.
pub(crate) fn register(poll: &Poll, shard: &mut Shard<Socket>) -> io::Result<()> {
    for (index, socket) in shard.sockets_mut().enumerate() {
        poll.registry()
            .register(&mut socket.socket, Token(index), Interest::READABLE)?;
    }
    Ok(())
}

/// Runs until the front is gone.
pub(crate) fn run(mut poll: Poll, mut shard: Shard<Socket>) -> Result<(), MediaError> {
    let mut events = Events::with_capacity(64);
    loop {
        match poll.poll(&mut events, shard.timeout()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(MediaError::Poll(error)),
        }
        for event in events.iter() {
            shard.readable(event.token().0);
        }
        if shard.turn()? == Turn::Stop {
            return Ok(());
        }
    }
}
