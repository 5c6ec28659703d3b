//! One UDP socket: bytes in, bytes out.

use std::io;
use std::net::SocketAddr;

use mio::Interest;
use mio::event::Source;
use socket2::{Domain, Protocol, Socket, Type};

use crate::limits::Limits;

/// A bound, non-blocking UDP socket.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    socket: mio::net::UdpSocket,
    address: SocketAddr,
}

impl UdpSocket {
    /// Binds. An IPv6 socket takes IPv6 only, so that an address never comes in two spellings.
    pub(crate) fn bind(address: SocketAddr, limits: &Limits) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        ask_for_buffers(&socket, limits.udp_buffer_bytes);
        let socket = mio::net::UdpSocket::from_std(socket.into());
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// What is bound, with the real port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Receives one datagram. What does not fit into `buffer` is cut off.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            match self.socket.recv_from(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Sends one datagram, whole or not at all.
    pub(crate) fn send(&self, payload: &[u8], remote: SocketAddr) -> io::Result<()> {
        loop {
            match self.socket.send_to(payload, remote) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map(|_| ()),
            }
        }
    }
}

impl Source for UdpSocket {
    fn register(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.socket.register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.socket.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &mio::Registry) -> io::Result<()> {
        self.socket.deregister(registry)
    }
}

/// A system grants less than it is asked for where its administrator says so (on Linux
/// `net.core.rmem_max`): slower under load, but no reason not to start.
fn ask_for_buffers(socket: &Socket, bytes: usize) {
    let asked = socket
        .set_recv_buffer_size(bytes)
        .and_then(|()| socket.set_send_buffer_size(bytes));
    if let Err(error) = asked {
        tracing::warn!(%error, "the system refused to change the UDP buffers");
    }
    let receive = socket.recv_buffer_size().unwrap_or_default();
    let send = socket.send_buffer_size().unwrap_or_default();
    if receive < bytes || send < bytes {
        tracing::info!(
            asked = bytes,
            receive,
            send,
            "UDP buffers are smaller than asked for; on Linux, sysctl net.core.rmem_max and \
             net.core.wmem_max raise the limit, which a server with many participants needs"
        );
    } else {
        tracing::debug!(asked = bytes, receive, send, "UDP buffers");
    }
}
