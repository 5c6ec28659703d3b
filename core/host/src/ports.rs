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
    let socket = udp(address)?;
    socket.bind(&address.into())?;
    ask_for_buffers(&socket, limits.udp_buffer_bytes);
    Ok(socket.into())
}

pub(crate) fn udp(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A system grants less than it is asked for where its administrator says so (on Linux
/// `net.core.rmem_max`): slower under load, but no reason not to start. Who administers the network
/// (`CAP_NET_ADMIN`) is granted it all the same. Gives the bytes of the smaller of the two buffers.
pub(crate) fn ask_for_buffers(socket: &Socket, bytes: usize) -> usize {
    let asked = socket
        .set_recv_buffer_size(bytes)
        .and_then(|()| socket.set_send_buffer_size(bytes));
    if let Err(error) = asked {
        tracing::warn!(%error, "the system refused to change the UDP buffers");
    }
    insist(socket, bytes);
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
    receive.min(send)
}

/// Asks for more than everybody may have; refused to those without the privilege.
#[cfg(target_os = "linux")]
fn insist(socket: &Socket, bytes: usize) {
    use rustix::net::sockopt;
    let insisted = sockopt::set_socket_recv_buffer_size_force(socket, bytes)
        .and_then(|()| sockopt::set_socket_send_buffer_size_force(socket, bytes));
    if let Err(error) = insisted {
        tracing::trace!(%error, "no privilege for larger UDP buffers");
    }
}

#[cfg(not(target_os = "linux"))]
fn insist(_: &Socket, _: usize) {}
