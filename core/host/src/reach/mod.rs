//! How participants reach the server: which sockets there are, and what is told of them.
//!
//! ```text
//!  --udp, --listen ──┐
//!  --advertise ──────┼─► plan ─► sockets to bind ─► learn (--stun) ─► plan ─► LocalAddress each
//!  interfaces ───────┘
//! ```
//! What is given counts alone; else what was learnt, and the addresses of the interfaces. UDP comes
//! first, and the TCP port with the same addresses behind it, for networks that block UDP.

mod advertise;
mod ice_server;
pub(crate) mod interfaces;
mod learn;
mod plan;

use std::net::{IpAddr, SocketAddr};

pub use advertise::{Advertise, Place};
pub(crate) use ice_server::ice_servers;
pub use ice_server::{IceServerError, IceServerOption};
pub use learn::LearnError;
pub(crate) use learn::learn;
pub(crate) use plan::Asked;
use tsuji_core::{LocalAddress, Transport};

/// A bound UDP socket, and how others see it.
pub(crate) type Bound = (SocketAddr, Option<SocketAddr>);

/// What participants are told of the UDP sockets of a shard.
pub(crate) fn told_of_udp(asked: &Asked<'_>, bound: &[Bound]) -> Vec<LocalAddress> {
    let udp = bound
        .iter()
        .flat_map(|(socket, learnt)| of(Transport::Udp, *socket, asked.of_udp(*socket, *learnt)));
    let mut addresses: Vec<LocalAddress> = Vec::new();
    for address in udp {
        // An address leads to one socket: that of which it was said first.
        let is_new = addresses
            .iter()
            .all(|other| other.advertised != address.advertised);
        if is_new {
            addresses.push(address);
        }
    }
    addresses
}

/// What they are told of the TCP socket, which takes media for all shards. `bound`: the UDP sockets
/// of all.
pub(crate) fn told_of_tcp(
    asked: &Asked<'_>,
    bound: &[Bound],
    door: SocketAddr,
) -> Vec<LocalAddress> {
    let sockets: Vec<_> = bound.iter().map(|(socket, _)| *socket).collect();
    let mut learnt: Vec<IpAddr> = Vec::new();
    for address in bound.iter().filter_map(|(_, learnt)| *learnt) {
        if !learnt.contains(&address.ip()) {
            learnt.push(address.ip());
        }
    }
    let told = asked.of_tcp(door, &sockets, &learnt);
    of(Transport::Tcp, door, told).collect()
}

fn of(
    transport: Transport,
    socket: SocketAddr,
    told: Vec<SocketAddr>,
) -> impl Iterator<Item = LocalAddress> {
    told.into_iter().map(move |advertised| LocalAddress {
        transport,
        socket,
        advertised,
    })
}
