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

fn udp(address: SocketAddr) -> io::Result<Socket> {
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

/// Binds a second socket beside one of [`bind_udp`], and has the system give it the transport-wide feedback that
/// comes to both (see `media::feedback`). Nobody else shares the port: the first one was alone when it was bound.
///
/// # Errors
/// Those of the system; it then goes on with one.
#[cfg(target_os = "linux")]
pub(crate) fn bind_for_feedback(first: &UdpSocket, limits: &Limits) -> io::Result<Socket> {
    use nix::libc;
    use nix::sys::socket::{setsockopt, sockopt};

    /// RTPFB with FMT 15, padded or not (RFC 4585, section 6.1): `V=2|P|FMT`, then the packet type.
    const RTPFB: u32 = 205;
    const FEEDBACK: u32 = 0x8f;
    const BUT_PADDING: u32 = 0xdf;

    let address = first.local_addr()?;
    socket2::SockRef::from(first).set_reuse_port(true)?;
    let socket = udp(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    let step = |code: u32, k, jf| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf,
        k,
    };
    let load_byte = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    let is_equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    // Gives the number of the socket in the order of binding; 0 also for what is too short.
    let mut program = [
        step(load_byte, 0, 0),
        step(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, BUT_PADDING, 0),
        step(is_equal, FEEDBACK, 3),
        step(load_byte, 1, 0),
        step(is_equal, RTPFB, 1),
        step(libc::BPF_RET | libc::BPF_K, 1, 0),
        step(libc::BPF_RET | libc::BPF_K, 0, 0),
    ];
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    setsockopt(&socket, sockopt::AttachReusePortCbpf, &program)?;
    ask_for_buffers(&socket, limits.udp_buffer_bytes);
    Ok(socket)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn bind_for_feedback(_: &UdpSocket, _: &Limits) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// SRTCP, as far as it is in clear.
    fn report(first: u8, packet_type: u8) -> [u8; 20] {
        let mut report = [0; 20];
        (report[0], report[1]) = (first, packet_type);
        report
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_sorts_feedback_out_and_nobody_else_takes_the_port() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let any: SocketAddr = any.parse().unwrap();
            let limits = Limits::default();
            let first = bind_udp(any, &limits).unwrap();
            let second: UdpSocket = bind_for_feedback(&first, &limits).unwrap().into();
            let address = first.local_addr().unwrap();
            assert_eq!(second.local_addr().unwrap(), address);
            let taken = bind_udp(address, &limits).unwrap_err();
            assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);

            let from = UdpSocket::bind(any).unwrap();
            let feedback = [report(0x8f, 205), report(0xaf, 205)];
            let others = [
                report(0x81, 205),
                report(0x81, 206),
                report(0x81, 201),
                report(0x8f, 96),
                report(0x00, 1),
            ];
            for datagram in feedback.iter().chain(&others) {
                from.send_to(datagram, address).unwrap();
            }
            from.send_to(&[0x8f], address).unwrap();
            let mut came = [0; 64];
            for expected in feedback {
                assert_eq!(second.recv(&mut came).unwrap(), 20);
                assert_eq!(came[..20], expected);
            }
            for expected in others {
                assert_eq!(first.recv(&mut came).unwrap(), 20);
                assert_eq!(came[..20], expected);
            }
            assert_eq!(first.recv(&mut came).unwrap(), 1);
            for socket in [&first, &second] {
                let nothing = socket.recv(&mut came).unwrap_err();
                assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
            }
        }
    }
}
