//! What all connections have in common: time, certificate and addresses.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::Candidate;
use str0m::error::IceError;
use str0m::net::{Protocol, TcpType};

use tsuji_hermetic::Clock;

use super::Certificate;
use crate::codec::VideoCodec;
use crate::limits::{Limits, LocalAddress};
use crate::path::{Path, Transport};
use crate::time::{Time, WallTime};

/// What all connections of an [`Sfu`](crate::Sfu) share.
#[derive(Debug)]
pub(crate) struct Environment {
    /// str0m wants `Instant`s. This one stands for `t = 0`.
    base: Instant,
    hermetic: bool,
    pub(super) epoch: WallTime,
    pub(super) certificate: Certificate,
    pub(super) addresses: Vec<LocalAddress>,
    pub(super) estimate_bandwidth: bool,
    pub(super) video_codec: VideoCodec,
}

impl Environment {
    pub(crate) fn new(
        certificate: Certificate,
        addresses: Vec<LocalAddress>,
        epoch: WallTime,
        limits: &Limits,
    ) -> Self {
        let clock = Clock::prepare();
        Self {
            base: clock.instant(Duration::from_micros(epoch.as_unix_micros())),
            hermetic: clock.is_hermetic(),
            epoch,
            certificate,
            addresses,
            estimate_bandwidth: limits.estimate_bandwidth,
            video_codec: limits.video_codec,
        }
    }

    /// Whether outputs depend on inputs alone.
    pub(crate) fn is_hermetic(&self) -> bool {
        self.hermetic
    }

    pub(super) fn instant(&self, t: Time) -> Instant {
        self.base + Duration::from_micros(t.as_micros())
    }

    /// Rounded up: a timer that fires early would fire again at once.
    pub(super) fn time(&self, instant: Instant) -> Time {
        let nanos = instant.saturating_duration_since(self.base).as_nanos();
        Time::from_micros(u64::try_from(nanos.div_ceil(1_000)).unwrap_or(u64::MAX))
    }

    /// str0m knows our end of a path by the address that its candidate says. A socket that takes
    /// both has candidates of IPv4 and of IPv6.
    pub(super) fn advertised(&self, path: &Path) -> Option<SocketAddr> {
        let found = self.addresses.iter().find(|address| {
            (address.transport, address.socket) == (path.transport, path.local)
                && address.advertised.is_ipv4() == path.remote.is_ipv4()
        })?;
        Some(found.advertised)
    }

    pub(super) fn path(&self, transmit: &str0m::net::Transmit) -> Option<Path> {
        let transport = match transmit.proto {
            Protocol::Udp => Transport::Udp,
            Protocol::Tcp => Transport::Tcp,
            Protocol::SslTcp | Protocol::Tls => return None,
        };
        let found = self.addresses.iter().find(|address| {
            (address.transport, address.advertised) == (transport, transmit.source)
        })?;
        Some(Path {
            transport,
            local: found.socket,
            remote: transmit.destination,
        })
    }
}

/// TCP has a lower type preference than UDP, so that it is what is left when UDP does not work.
pub(super) fn candidate(address: &LocalAddress) -> Result<Candidate, IceError> {
    let candidate = Candidate::builder();
    match address.transport {
        Transport::Udp => candidate.udp().host(address.advertised).build(),
        Transport::Tcp => {
            let candidate = candidate.tcp().host(address.advertised);
            candidate.tcptype(TcpType::Passive).build()
        }
    }
}
