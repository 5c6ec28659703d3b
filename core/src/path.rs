//! Between which sockets.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What carries datagrams (the transport of a candidate, RFC 8839, 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Transport {
    /// Each is one of UDP's.
    Udp,
    /// Each is a frame of a TCP connection (RFC 6544, RFC 4571).
    Tcp,
}

/// A 5-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Path {
    /// UDP or TCP.
    pub transport: Transport,
    /// Our socket: a [`LocalAddress::socket`](crate::LocalAddress) of the configuration. Of a TCP
    /// connection, the one that accepted it.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

impl Path {
    /// A path of UDP.
    pub fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Udp,
            local,
            remote,
        }
    }

    /// A TCP connection that was accepted by `local`.
    pub fn tcp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Tcp,
            local,
            remote,
        }
    }
}
