//! A second socket for what is not urgent, beside one of a port, and the programs by which the system tells which
//! datagrams are for it (see `media::feedback`), and which of those nobody reads.
#![expect(
    clippy::disallowed_types,
    reason = "they are only handed on: no byte is moved here"
)]

use std::io;
use std::net::UdpSocket;

use socket2::Socket;

use crate::limits::Limits;

/// Binds a second socket beside one of [`bind_udp`](crate::ports::bind_udp), and has the system give it what viewers
/// tell of what came. Nobody else shares the port: the first one was alone when it was bound.
///
/// # Errors
/// Those of the system; it then goes on with one.
#[cfg(target_os = "linux")]
pub(crate) fn bind_for_feedback(first: &UdpSocket, limits: &Limits) -> io::Result<Socket> {
    use nix::libc;
    use nix::sys::socket::{setsockopt, sockopt};

    let address = first.local_addr()?;
    socket2::SockRef::from(first).set_reuse_port(true)?;
    let socket = crate::ports::udp(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    // Before anything comes there.
    socket.attach_filter(&read())?;
    let mut program = sorting();
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    setsockopt(&socket, sockopt::AttachReusePortCbpf, &program)?;
    crate::ports::ask_for_buffers(&socket, limits.udp_buffer_bytes);
    Ok(socket)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn bind_for_feedback(_: &UdpSocket, _: &Limits) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The packet type of transport-wide feedback (RFC 4585, 6.1).
#[cfg(target_os = "linux")]
const RTPFB: u32 = 205;

/// Of what comes to the second socket, passes on transport-wide feedback alone. Nobody reads what reports say, or asks,
/// that tells more of what came; and there are many of them: libwebrtc makes one a second for each stream.
#[cfg(target_os = "linux")]
fn read() -> [socket2::SockFilter; 4] {
    use nix::libc;

    /// A filter sees UDP's header, too.
    const PACKET_TYPE: u32 = 8 + 1;
    let step = |code: u32, k, jf| socket2::SockFilter::new(code as u16, 0, jf, k);
    let give = libc::BPF_RET | libc::BPF_K;
    [
        step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, PACKET_TYPE, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, RTPFB, 1),
        step(give, u32::MAX, 0),
        step(give, 0, 0),
    ]
}

/// Gives the number of the socket in the order of binding: 1 for
///
/// - transport-wide feedback (RTPFB with FMT 15, padded or not; RFC 4585, 6.1),
/// - a receiver report with nothing behind it, such as a NACK, but what SRTCP adds: the datagram is as long as the
///   report says (RFC 3550, 6.4.2), with index and tag (RFC 3711, 3.4; RFC 7714, 9.2),
/// - extended reports (RFC 3611), which compound packets of others do not begin with,
///
/// and 0 for all else, and for what is too short.
#[cfg(target_os = "linux")]
fn sorting() -> [nix::libc::sock_filter; 23] {
    use nix::libc;

    const RECEIVER_REPORT: u32 = 201;
    const EXTENDED_REPORT: u32 = 207;
    /// `V=2|P|FMT`.
    const FEEDBACK: u32 = 0x8f;
    const BUT_PADDING: u32 = 0xdf;
    /// `V=2`.
    const VERSION: u32 = 0x80;
    const VERSION_ONLY: u32 = 0xc0;
    /// Bytes behind a report: the index, and the tag of AES-GCM, or that of HMAC-SHA1-80.
    const GCM: u32 = 4 + 16;
    const SHA1: u32 = 4 + 10;

    let step = |code: u32, k, (jt, jf)| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let next = (0, 0);
    let byte = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    let half_word = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
    let and = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
    let is = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let give = libc::BPF_RET | libc::BPF_K;
    // Jumps say how many steps are passed over: where it is so, and where not.
    [
        step(byte, 1, next),
        step(is, RTPFB, (2, 0)),
        step(is, EXTENDED_REPORT, (4, 0)),
        step(is, RECEIVER_REPORT, (6, 18)),
        step(byte, 0, next),
        step(and, BUT_PADDING, next),
        step(is, FEEDBACK, (14, 15)),
        step(byte, 0, next),
        step(and, VERSION_ONLY, next),
        step(is, VERSION, (11, 12)),
        step(byte, 0, next),
        step(and, VERSION_ONLY, next),
        step(is, VERSION, (0, 9)),
        // Words behind the first, which the length counts.
        step(half_word, 2, next),
        step(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_K, 1, next),
        step(libc::BPF_ALU | libc::BPF_LSH | libc::BPF_K, 2, next),
        step(libc::BPF_MISC | libc::BPF_TAX, 0, next),
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0, next),
        step(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_X, 0, next),
        step(is, GCM, (1, 0)),
        step(is, SHA1, (0, 1)),
        step(give, 1, next),
        step(give, 0, next),
    ]
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::ports::bind_udp;

    /// SRTCP, as far as it is in clear, whose first packet has so many bytes and is followed by others.
    fn report(first: u8, packet_type: u8, bytes: usize, behind: usize) -> Vec<u8> {
        let mut report = vec![0; bytes + behind];
        (report[0], report[1]) = (first, packet_type);
        report[3] = (bytes / 4 - 1) as u8;
        report
    }

    #[test]
    fn the_system_sorts_out_what_is_not_urgent_or_unread_and_nobody_else_takes_the_port() {
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
            let waits = [report(0x8f, 205, 24, 20), report(0xaf, 205, 24, 20)];
            let unread = [
                report(0x81, 201, 32, 20),
                report(0x81, 201, 32, 14),
                report(0x80, 201, 8, 20),
                report(0x80, 207, 20, 52),
            ];
            let urgent = [
                report(0x81, 205, 16, 20),
                report(0x81, 206, 12, 20),
                // A NACK behind it.
                report(0x81, 201, 32, 16 + 20),
                report(0x01, 201, 32, 20),
                report(0x80, 200, 28, 20),
                report(0x00, 207, 20, 52),
                report(0x8f, 96, 24, 20),
                report(0x00, 1, 20, 0),
                vec![0x8f],
                vec![0x81, 201, 0],
            ];
            for datagram in waits.iter().chain(&unread).chain(&urgent) {
                from.send_to(datagram, address).unwrap();
            }
            let mut came = [0; 128];
            for (socket, all) in [(&second, &waits[..]), (&first, &urgent)] {
                for expected in all {
                    let length = socket.recv(&mut came).unwrap();
                    assert_eq!(came[..length], expected[..]);
                }
                let nothing = socket.recv(&mut came).unwrap_err();
                assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
            }
        }
    }
}
