//! Whether the ports are free, and whether the addresses that are told to people lead here.
#![expect(
    clippy::disallowed_types,
    reason = "it sends one datagram to itself, with no runtime there"
)]

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::Finding;
use crate::limits::Limits;
use crate::options::Options;
use crate::ports;
use crate::start::{Sockets, StartError, why};

/// How long a datagram to ourselves may take. 1 s: through a router that turns it round, a few
/// milliseconds.
const ROUND: Duration = Duration::from_secs(1);

const PORTS: &str = "ports";
const REACH: &str = "reachable";

pub(super) fn tcp(options: &Options) -> Vec<Finding> {
    let address = options.listen;
    vec![match ports::listen(address, &Limits::default()) {
        Ok(_) if address.ip().is_loopback() => Finding::warning(
            PORTS,
            format!(
                "{address} (TCP) is free, but reachable from this machine only. With a web server \
                 in front that is right; otherwise use --listen 0.0.0.0:{}",
                address.port()
            ),
        ),
        Ok(_) => Finding::fine(PORTS, format!("{address} (TCP) is free")),
        Err(error) => taken(address, "TCP", &error),
    }]
}

pub(super) fn udp(options: &Options) -> Vec<Finding> {
    let sockets = Sockets::bind(options, None, &Limits::default());
    let shards = match sockets {
        Ok(shards) => shards,
        Err(StartError::Udp { address, source }) => return vec![taken(address, "UDP", &source)],
        Err(error) => return vec![Finding::failure(PORTS, error.to_string())],
    };
    let mut findings = Vec::new();
    for Sockets {
        udp,
        bound,
        addresses,
        ..
    } in &shards
    {
        for (socket, own) in udp.iter().zip(bound.iter().copied()) {
            findings.push(Finding::fine(PORTS, format!("{own} (UDP) is free")));
            let told = addresses.iter().filter(|address| address.socket == own);
            findings.extend(told.map(|address| check_told(socket, own, address.advertised)));
        }
    }
    findings
}

/// An address that people are told for a socket.
fn check_told(socket: &UdpSocket, own: SocketAddr, advertised: SocketAddr) -> Finding {
    match leads_here(socket, advertised) {
        _ if advertised.ip().is_loopback() => Finding::warning(
            REACH,
            format!(
                "people are told {advertised}, which is their own machine: nobody elsewhere will \
                 see or hear anything. Use --udp 0.0.0.0:{} and, behind a router, --advertise \
                 with its address",
                own.port()
            ),
        ),
        Ok(true) => Finding::fine(REACH, format!("{advertised} (UDP) leads here")),
        Ok(false) => Finding::warning(
            REACH,
            format!(
                "a datagram to {advertised} (UDP) did not come back. Either the router does not \
                 turn round what comes from inside, which is common and harmless, or it does not \
                 pass UDP port {} on to this machine, or the address is another one",
                advertised.port()
            ),
        ),
        Err(error) => Finding::failure(
            REACH,
            format!("this machine cannot send to {advertised} (UDP): {error}"),
        ),
    }
}

fn taken(address: SocketAddr, protocol: &str, error: &io::Error) -> Finding {
    Finding::failure(
        PORTS,
        format!("{address} ({protocol}) cannot be used: {}", why(error)),
    )
}

/// Sends a datagram to `advertised` and sees whether it arrives at `socket`.
fn leads_here(socket: &UdpSocket, advertised: SocketAddr) -> io::Result<bool> {
    let mut token = [0; 16];
    getrandom::fill(&mut token).map_err(io::Error::other)?;
    // From the socket itself, as the media will be.
    let sent = socket.send_to(&token, advertised);
    sent?;
    socket.set_nonblocking(false)?;
    let end = Instant::now() + ROUND;
    let mut buffer = [0; 2_048];
    while let Some(left) = end.checked_duration_since(Instant::now())
        && !left.is_zero()
    {
        socket.set_read_timeout(Some(left))?;
        match socket.recv_from(&mut buffer) {
            Ok((length, _)) if buffer[..length] == token => return Ok(true),
            // Somebody else's, or nothing yet.
            Ok(_) => {}
            Err(error) if is_late(&error) => return Ok(false),
            // An ICMP message: nobody is there.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
