//! Addresses under other names.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use siphasher::sip::SipHasher13;

/// Where pseudonyms are: 2001:db8::/64, of the prefix for documentation (RFC 3849).
const PREFIX: u64 = 0x2001_0db8_0000_0000;

/// Gives every address another name, always the same one.
///
/// Two addresses with one IP address have pseudonyms with one IP address, and different ports have
/// different ones, so that a change of port (a NAT) still looks different from a change of network.
#[derive(Clone, Debug)]
pub(crate) struct Pseudonyms {
    /// Of SipHash. Whoever has it can find addresses by trying all.
    key: (u64, u64),
}

impl Pseudonyms {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self { key }
    }

    pub(crate) fn of(&self, address: SocketAddr) -> SocketAddr {
        let host = self.hash(0, address.ip());
        // For one host this is one-to-one.
        let mask = self.hash(1, address.ip()) as u16;
        let ip = Ipv6Addr::from(u128::from(PREFIX) << 64 | u128::from(host));
        SocketAddr::new(ip.into(), address.port() ^ mask)
    }

    fn hash(&self, purpose: u8, ip: IpAddr) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        hasher.write_u8(purpose);
        match ip.to_canonical() {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_keeps_one_name_and_its_ports_keep_apart() {
        let names = Pseudonyms::new((1, 2));
        let of = |text: &str| names.of(text.parse().unwrap());
        let (a, b) = (of("192.0.2.7:4000"), of("192.0.2.7:4001"));
        assert_eq!(a, of("192.0.2.7:4000"));
        assert_eq!(a.ip(), b.ip());
        assert_ne!(a.port(), b.port());
        assert_ne!(a.ip(), of("192.0.2.8:4000").ip());
        assert!(a.to_string().starts_with("[2001:db8:"), "{a}");
        let others = Pseudonyms::new((1, 3));
        assert_ne!(a.ip(), others.of("192.0.2.7:4000".parse().unwrap()).ip());
    }
}
