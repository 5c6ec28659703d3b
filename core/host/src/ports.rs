//! Taking the ports. What comes out is a plain socket of the system, not blocking, that a runtime
//! makes its own.
#![expect(
    clippy::disallowed_types,
    reason = "they are only handed on: no byte is moved here"
)]

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::limits::Limits;

/// Listens for TCP connections.
pub(crate) fn listen(address: SocketAddr, limits: &Limits) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A server that was stopped a moment ago does not keep its successor from starting.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(limits.backlog)?;
    Ok(socket.into())
}

/// Binds a UDP socket. An IPv6 socket takes IPv6 only, so that an address never comes in two
/// spellings.
pub(crate) fn bind_udp(address: SocketAddr, limits: &Limits) -> io::Result<UdpSocket> {
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
    Ok(socket.into())
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
