//! The media thread: a [`Shard`] and its UDP sockets.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Wake, Waker};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tsuji_host::media::{DatagramSocket, Shard, ShardError, Turn};
use tsuji_host::udp::UdpSockRef;

/// Why the media thread had to stop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MediaError {
    /// The system's poll failed.
    #[error("waiting for media failed: {0}")]
    Poll(#[source] Errno),
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
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The same socket, to wait for.
    pub(crate) fn watch(&self) -> io::Result<OwnedFd> {
        self.socket.as_fd().try_clone_to_owned()
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

/// Ends the waiting of the media thread: a byte in a pipe, of which one is enough.
#[derive(Debug)]
struct Bell(UnixStream);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Err(error) = (&self.0).write(&[1])
            && error.kind() != ErrorKind::WouldBlock
        {
            // The thread has ended.
            tracing::trace!(%error, "nobody to wake");
        }
    }
}

/// What rings, and what is heard of it.
pub(crate) fn bell() -> io::Result<(Waker, UnixStream)> {
    let (ring, heard) = UnixStream::pair()?;
    ring.set_nonblocking(true)?;
    heard.set_nonblocking(true)?;
    Ok((Arc::new(Bell(ring)).into(), heard))
}

/// Runs until the front is gone. `watched`: the sockets of the shard, in its order.
pub(crate) fn run(
    mut bell: UnixStream,
    watched: &[OwnedFd],
    mut shard: Shard<Socket>,
) -> Result<(), MediaError> {
    let ear = bell.as_fd().try_clone_to_owned();
    let ear =
        ear.map_err(|error| MediaError::Poll(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
    let mut waiting = Vec::with_capacity(watched.len() + 1);
    loop {
        waiting.clear();
        waiting.push(PollFd::new(&ear, PollFlags::IN));
        waiting.extend(watched.iter().enumerate().map(|(index, socket)| {
            let flags = if shard.awaits(index) {
                PollFlags::IN
            } else {
                PollFlags::empty()
            };
            PollFd::new(socket, flags)
        }));
        // A time that is too long for the system is as good as none.
        let timeout = shard
            .timeout()
            .and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut waiting, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(MediaError::Poll(error)),
        }
        let mut ready = waiting.iter().map(|fd| !fd.revents().is_empty());
        if ready.next() == Some(true) {
            // One call empties it, or the next turn goes on.
            let _ = bell.read(&mut [0; 64]);
        }
        for (index, _) in ready.enumerate().filter(|(_, ready)| *ready) {
            shard.readable(index);
        }
        if shard.turn()? == Turn::Stop {
            return Ok(());
        }
    }
}
