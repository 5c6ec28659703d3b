//! The addresses of this machine.

use std::cmp::Reverse;
use std::net::IpAddr;

use if_addrs::{IfAddr, Interface};

/// Beginnings of the names of interfaces that lead to containers and virtual machines on this
/// machine, and nowhere else.
const INNER: [&str; 9] = [
    "docker", "br-", "veth", "virbr", "vmnet", "lxc", "cni", "flannel", "podman",
];

/// Those under which others may reach this machine, the best first: not loopback, not link-local
/// (which means something on one link only), and those of bridges to containers last.
pub(crate) fn usable() -> Vec<IpAddr> {
    usable_of(if_addrs::get_if_addrs().unwrap_or_default())
}

fn usable_of(interfaces: Vec<Interface>) -> Vec<IpAddr> {
    let mut usable: Vec<_> = interfaces
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| (rank(&interface), interface.ip()))
        .collect();
    // Stable: the system's order within a rank.
    usable.sort_by_key(|(rank, _)| Reverse(*rank));
    let mut addresses = Vec::with_capacity(usable.len());
    for (_, address) in usable {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Leads to containers.
    Inner,
    /// Means something within an organisation (RFC 1918, RFC 4193).
    Private,
    Global,
}

fn rank(interface: &Interface) -> Rank {
    if INNER.iter().any(|inner| interface.name.starts_with(inner)) {
        return Rank::Inner;
    }
    let private = match &interface.addr {
        IfAddr::V4(address) => address.ip.is_private(),
        IfAddr::V6(address) => address.ip.is_unique_local(),
    };
    if private { Rank::Private } else { Rank::Global }
}
