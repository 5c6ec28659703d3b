//! What each address holds, and what it has done lately.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use tsuji_core::Time;

use super::rate::Meter;
use crate::Limits;

/// What is counted for each address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Entering a room.
    Enter,
    /// Creating a room.
    Create,
    /// Asking for a room that does not exist.
    Guess,
    /// Saying a password that is wrong.
    Password,
}

/// Public addresses, while they hold a connection, and for the minute in which what they did
/// still counts.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    known: BTreeMap<IpAddr, Address>,
    /// Those without a connection, by when nothing that they did counts any more.
    fading: BTreeSet<(Time, IpAddr)>,
}

#[derive(Debug, Default)]
struct Address {
    connections: usize,
    meters: [Meter; 4],
}

/// One connection's place among those of its address, to be given back with
/// [`Addresses::release`]. `None`: the address is not counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(Option<IpAddr>);

impl Deed {
    /// How often one address may do it in a minute.
    fn per_minute(self, limits: &Limits) -> u32 {
        match self {
            Deed::Enter => limits.entries_per_minute_per_address,
            Deed::Create => limits.rooms_per_minute_per_address,
            Deed::Guess => limits.guesses_per_minute_per_address,
            Deed::Password => limits.passwords_per_minute_per_address,
        }
    }
}

impl Addresses {
    /// Takes a place, unless the address holds as many as it may.
    pub(super) fn take(&mut self, peer: IpAddr, limits: &Limits) -> Option<Place> {
        let Some(ip) = counted(peer) else {
            return Some(Place(None));
        };
        let address = self.known.entry(ip).or_default();
        if address.connections >= limits.connections_per_address {
            return None;
        }
        if address.connections == 0 {
            self.fading.remove(&(address.settled(), ip));
        }
        address.connections += 1;
        Some(Place(Some(ip)))
    }

    /// Gives a place back.
    pub(super) fn release(&mut self, place: Place, limits: &Limits, now: Time) {
        let Some(ip) = place.0 else { return };
        let Some(address) = self.known.get_mut(&ip) else {
            return;
        };
        address.connections -= 1;
        if address.connections > 0 {
            return;
        }
        self.fading.insert((address.settled(), ip));
        self.fade(now);
        while self.fading.len() > limits.fading_addresses
            && let Some((_, first)) = self.fading.pop_first()
        {
            self.known.remove(&first);
        }
    }

    /// Whether the address of a connection may do something now.
    pub(super) fn may(&self, place: Place, deed: Deed, limits: &Limits, now: Time) -> bool {
        let address = place.0.and_then(|ip| self.known.get(&ip));
        address.is_none_or(|address| {
            address.meters[deed as usize].allows(deed.per_minute(limits), now)
        })
    }

    /// The address of a connection does something, unless it may not; tells whether.
    pub(super) fn does(&mut self, place: Place, deed: Deed, limits: &Limits, now: Time) -> bool {
        let address = place.0.and_then(|ip| self.known.get_mut(&ip));
        address
            .is_none_or(|address| address.meters[deed as usize].spend(deed.per_minute(limits), now))
    }

    /// Forgets those of whom nothing counts any more.
    pub(super) fn fade(&mut self, now: Time) {
        while let Some(&(settled, ip)) = self.fading.first()
            && settled <= now
        {
            self.fading.pop_first();
            self.known.remove(&ip);
        }
    }

    /// When there is somebody to forget.
    pub(super) fn next_fade(&self) -> Option<Time> {
        self.fading.first().map(|&(settled, _)| settled)
    }

    /// Those that hold connections.
    pub(super) fn holding(&self) -> usize {
        self.known.len() - self.fading.len()
    }

    /// Those that hold none.
    pub(super) fn fading(&self) -> usize {
        self.fading.len()
    }
}

impl Address {
    /// From when on nothing that it did counts.
    fn settled(&self) -> Time {
        let settled = self.meters.iter().map(Meter::settled);
        settled.max().unwrap_or(Time::ZERO)
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

    fn limits() -> Limits {
        Limits {
            connections_per_address: 1,
            rooms_per_minute_per_address: 2,
            fading_addresses: 3,
            ..Limits::default()
        }
    }

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
    fn a_place_that_is_given_back_can_be_taken_again_and_leaves_nothing() {
        let (mut addresses, limits) = (Addresses::default(), limits());
        let peer = "203.0.113.5".parse().unwrap();
        let place = addresses.take(peer, &limits).unwrap();
        assert!(addresses.take(peer, &limits).is_none());
        addresses.release(place, &limits, Time::ZERO);
        assert!(addresses.known.is_empty());
        assert!(addresses.take(peer, &limits).is_some());
    }

    #[test]
    fn who_reconnects_is_no_newcomer_and_who_stays_away_is_forgotten() {
        let (mut addresses, limits) = (Addresses::default(), limits());
        let peer = "203.0.113.5".parse().unwrap();
        let now = Time::from_millis(1_000);
        for allowed in [true, true, false] {
            let place = addresses.take(peer, &limits).unwrap();
            assert_eq!(addresses.does(place, Deed::Create, &limits, now), allowed);
            assert!(addresses.may(place, Deed::Enter, &limits, now));
            addresses.release(place, &limits, now);
            assert_eq!((addresses.holding(), addresses.fading()), (0, 1));
        }
        let end = addresses.next_fade().unwrap();
        assert_eq!(end, Time::from_millis(61_000));
        addresses.fade(end);
        assert!(addresses.known.is_empty());
    }

    #[test]
    fn those_who_are_remembered_have_a_limit() {
        let (mut addresses, limits) = (Addresses::default(), limits());
        for (second, last) in (0..10).zip(1..) {
            let now = Time::from_millis(second * 1_000);
            let peer = IpAddr::from([203, 0, 113, last]);
            let place = addresses.take(peer, &limits).unwrap();
            assert!(addresses.does(place, Deed::Create, &limits, now));
            addresses.release(place, &limits, now);
            assert!(addresses.fading() <= 3);
        }
        assert_eq!(addresses.known.len(), 3);
    }
}
