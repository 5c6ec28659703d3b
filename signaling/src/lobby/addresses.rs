//! How many connections each address holds.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// Connections by public address.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    connections: BTreeMap<IpAddr, usize>,
}

/// One connection's place among those of its address, to be given back with
/// [`Addresses::release`]. `None`: the address is not counted.
#[derive(Debug)]
pub(super) struct Place(Option<IpAddr>);

impl Addresses {
    /// Takes a place, unless the address holds `limit` already.
    pub(super) fn take(&mut self, peer: IpAddr, limit: usize) -> Option<Place> {
        let Some(address) = counted(peer) else {
            return Some(Place(None));
        };
        let connections = self.connections.entry(address).or_default();
        if *connections >= limit {
            return None;
        }
        *connections += 1;
        Some(Place(Some(address)))
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn release(&mut self, place: Place) {
        let Some(address) = place.0 else { return };
        if let Some(connections) = self.connections.get_mut(&address) {
            *connections -= 1;
            if *connections == 0 {
                self.connections.remove(&address);
            }
        }
    }
}

/// What is counted as one address: an IPv4 address, or the /64 of an IPv6 one, which is what one
/// household gets (RFC 6177). `None` for loopback and private ones: everybody may come from
/// there, through a reverse proxy.
fn counted(peer: IpAddr) -> Option<IpAddr> {
    match peer.to_canonical() {
        IpAddr::V4(ip) if ip.is_loopback() || ip.is_private() || ip.is_link_local() => None,
        IpAddr::V6(ip)
            if ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() =>
        {
            None
        }
        IpAddr::V4(ip) => Some(IpAddr::V4(ip)),
        IpAddr::V6(ip) => {
            let prefix = u128::from(ip) & !u128::from(u64::MAX);
            Some(IpAddr::V6(Ipv6Addr::from(prefix)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_counts_as_one_and_a_proxy_as_none() {
        let counted = |text: &str| counted(text.parse().unwrap()).map(|ip| ip.to_string());
        assert_eq!(counted("203.0.113.5").as_deref(), Some("203.0.113.5"));
        assert_eq!(
            counted("::ffff:203.0.113.5").as_deref(),
            Some("203.0.113.5")
        );
        assert_eq!(
            counted("2001:db8:1:2:3:4:5:6").as_deref(),
            Some("2001:db8:1:2::")
        );
        for local in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "192.168.0.9",
            "fd00::1",
            "::ffff:172.17.0.1",
        ] {
            assert_eq!(counted(local), None, "{local}");
        }
    }

    #[test]
    fn a_place_that_is_given_back_can_be_taken_again() {
        let mut addresses = Addresses::default();
        let peer = "203.0.113.5".parse().unwrap();
        let place = addresses.take(peer, 1).unwrap();
        assert!(addresses.take(peer, 1).is_none());
        addresses.release(place);
        assert!(addresses.connections.is_empty());
        assert!(addresses.take(peer, 1).is_some());
    }
}
