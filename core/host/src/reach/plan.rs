//! Which sockets to bind, and what participants are told to reach them. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::advertise::Advertise;
use crate::options::OptionsError;

/// UDP sockets that one `--udp` may become. 8: a machine with so many networks is rare, and each
/// address is a candidate that every browser tries.
const SOCKETS: usize = 8;

/// What the options say, and which addresses this machine has, the best first.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) listen: SocketAddr,
    pub(crate) udp: Vec<SocketAddr>,
    pub(crate) advertise: Vec<Advertise>,
    pub(crate) own: &'a [IpAddr],
}

impl Asked<'_> {
    /// What they say for a shard: it has the ports so many behind those of the first, and so have the
    /// routers in front of it.
    pub(crate) fn of_shard(&self, shard: u8) -> Result<Self, OptionsError> {
        let behind = |port: u16| port.checked_add(shard.into());
        let mut asked = self.clone();
        for udp in &mut asked.udp {
            // 0 is any.
            if udp.port() != 0 {
                udp.set_port(behind(udp.port()).ok_or(OptionsError::Ports(*udp))?);
            }
        }
        for advertise in &mut asked.advertise {
            let given = *advertise;
            let is_of_udp = |port: &u16| self.udp.iter().any(|udp| udp.port() == *port);
            let mut local = advertise.local.as_mut();
            let local = local.as_mut().and_then(|local| local.port.as_mut());
            if local.as_ref().is_some_and(|port| !is_of_udp(port)) {
                continue;
            }
            for port in advertise.public.port.iter_mut().chain(local) {
                *port = behind(*port).ok_or(OptionsError::PublicPorts(given))?;
            }
        }
        Ok(asked)
    }

    /// Finds what contradicts itself, for a server with so many shards.
    pub(crate) fn check(&self, shards: u8) -> Result<(), OptionsError> {
        for (place, udp) in self.udp.iter().enumerate() {
            let near = |other: &&SocketAddr| {
                (other.ip() == udp.ip() || other.ip().is_unspecified() || udp.ip().is_unspecified())
                    && other.is_ipv4() == udp.is_ipv4()
                    && other.port().abs_diff(udp.port()) < shards.into()
            };
            let others = self.udp[place + 1..]
                .iter()
                .filter(|other| other.port() != 0);
            if udp.port() != 0
                && let Some(other) = others.clone().find(near)
            {
                return Err(OptionsError::Overlap {
                    udp: *udp,
                    other: *other,
                    shards,
                });
            }
        }
        for advertise in &self.advertise {
            let is_ipv4 = advertise.public.address.is_ipv4();
            let Some(local) = advertise.local else {
                let mut same = self.udp.iter().filter(|udp| udp.is_ipv4() == is_ipv4);
                match (same.next(), same.next()) {
                    (None, _) => return Err(OptionsError::Family(*advertise)),
                    (Some(_), None) => continue,
                    (Some(_), Some(_)) => return Err(OptionsError::Ambiguous(*advertise)),
                }
            };
            let listens = |socket: &SocketAddr| {
                leads_to(local.address, *socket)
                    && (socket.port() == 0 || local.port.is_none_or(|port| port == socket.port()))
            };
            if !self.udp.iter().chain([&self.listen]).any(listens) {
                return Err(OptionsError::NobodyThere(*advertise));
            }
        }
        Ok(())
    }

    /// The sockets to bind. One that is for all addresses becomes one for each, because a reply must
    /// leave from the address that was asked; unless the address that participants use is given, and
    /// none of ours: then it is the system that knows where such packets come and go.
    pub(crate) fn udp_sockets(&self) -> Vec<SocketAddr> {
        let mut sockets = Vec::new();
        for &udp in &self.udp {
            if !udp.ip().is_unspecified() || self.is_given_for_all(udp) {
                sockets.push(udp);
                continue;
            }
            let mapped = self
                .advertise
                .iter()
                .filter_map(|advertise| advertise.local);
            let mut addresses: Vec<_> = mapped
                .filter(|local| local.port.is_none_or(|port| port == udp.port()))
                .map(|local| local.address)
                .collect();
            if addresses.is_empty() {
                addresses = self.own.to_vec();
            }
            addresses.retain(|address| address.is_ipv4() == udp.is_ipv4());
            addresses.dedup();
            if addresses.is_empty() {
                addresses.push(loopback(udp));
            }
            if addresses.len() > SOCKETS {
                let left_out = addresses.split_off(SOCKETS);
                tracing::warn!(
                    ?left_out,
                    "--udp {udp}: too many addresses, these are not used"
                );
            }
            let bound = addresses.into_iter();
            sockets.extend(bound.map(|address| SocketAddr::new(address, udp.port())));
        }
        sockets
    }

    fn is_given_for_all(&self, udp: SocketAddr) -> bool {
        self.advertise.iter().any(|advertise| {
            advertise.local.is_none() && advertise.public.address.is_ipv4() == udp.is_ipv4()
        })
    }

    /// What participants are told of a bound UDP socket. `learnt`: how others see it.
    pub(crate) fn of_udp(&self, bound: SocketAddr, learnt: Option<SocketAddr>) -> Vec<SocketAddr> {
        let mut told: Vec<_> = self
            .advertise
            .iter()
            .filter(|advertise| {
                advertise.public.address.is_ipv4() == bound.is_ipv4()
                    && advertise.local.is_none_or(|local| {
                        leads_to(local.address, bound)
                            && local.port.is_none_or(|port| port == bound.port())
                    })
            })
            .map(|advertise| advertise.public.or_port(bound.port()))
            .collect();
        if told.is_empty() {
            if let Some(learnt) = learnt {
                // A router may give our packets another port than the one that it passes on to us.
                told.extend([learnt, SocketAddr::new(learnt.ip(), bound.port())]);
            }
            told.push(bound);
        }
        once(told)
    }

    /// What participants are told of the TCP socket, which is bound to `door`. `udp`: the bound UDP
    /// sockets; `learnt`: under which addresses others see this machine.
    pub(crate) fn of_tcp(
        &self,
        door: SocketAddr,
        udp: &[SocketAddr],
        learnt: &[IpAddr],
    ) -> Vec<SocketAddr> {
        let mut told = Vec::new();
        for is_ipv4 in [true, false] {
            let is_for = |address: &IpAddr| address.is_ipv4() == is_ipv4;
            if !takes(door, is_ipv4) {
                continue;
            }
            let given = self.advertise.iter().filter_map(|advertise| {
                let (public, local) = (advertise.public, advertise.local);
                match local {
                    // Its port is that of UDP.
                    None if door.ip().is_loopback() => None,
                    None => Some(SocketAddr::new(public.address, door.port())),
                    Some(local) if !leads_to(local.address, door) => None,
                    Some(local) => match local.port {
                        None => Some(SocketAddr::new(public.address, door.port())),
                        Some(port) => (port == door.port()).then(|| public.or_port(port)),
                    },
                }
            });
            let before = told.len();
            told.extend(given.filter(|address| is_for(&address.ip())));
            if told.len() > before {
                continue;
            }
            let own: Vec<IpAddr> = if door.ip().is_unspecified() {
                learnt.iter().chain(self.own).copied().collect()
            } else if !door.ip().is_loopback() {
                learnt.iter().copied().chain([door.ip()]).collect()
            } else if udp.iter().all(|udp| udp.ip().is_loopback()) {
                vec![door.ip()]
            } else {
                // A proxy on this machine is in front: it passes on HTTP, and no media.
                Vec::new()
            };
            let own = own.into_iter().filter(is_for);
            told.extend(own.take(SOCKETS).map(|ip| SocketAddr::new(ip, door.port())));
        }
        once(told)
    }
}

/// Whether a packet to `address` comes to a socket that is bound there.
fn leads_to(address: IpAddr, bound: SocketAddr) -> bool {
    bound.ip() == address || (bound.ip().is_unspecified() && takes(bound, address.is_ipv4()))
}

/// Whether a TCP socket takes connections of a family. One for all addresses of IPv6 takes both.
fn takes(bound: SocketAddr, is_ipv4: bool) -> bool {
    bound.is_ipv4() == is_ipv4 || (is_ipv4 && bound.ip().is_unspecified())
}

fn loopback(like: SocketAddr) -> IpAddr {
    match like {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

fn once(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut seen = Vec::with_capacity(addresses.len());
    for address in addresses {
        if !seen.contains(&address) {
            seen.push(address);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [&str; 3] = ["192.168.1.5", "2001:db8::5", "172.17.0.1"];

    /// The options, and what came of them: sockets, what is told of each, and of TCP.
    fn plan(
        listen: &str,
        udp: &[&str],
        advertise: &[&str],
        learnt: Option<&str>,
    ) -> Result<(Vec<String>, String), OptionsError> {
        let parse = |text: &&str| text.parse().unwrap();
        let udp: Vec<SocketAddr> = udp.iter().map(parse).collect();
        let advertise: Vec<_> = advertise.iter().map(|text| text.parse().unwrap()).collect();
        let own: Vec<IpAddr> = OWN.iter().map(|text| text.parse().unwrap()).collect();
        let learnt: Option<SocketAddr> = learnt.map(|text| text.parse().unwrap());
        let door = listen.parse().unwrap();
        let asked = Asked {
            listen: door,
            udp,
            advertise,
            own: &own,
        };
        asked.check(2)?;
        let words = |addresses: Vec<SocketAddr>| {
            let words = addresses.iter().map(SocketAddr::to_string);
            words.collect::<Vec<_>>().join(" ")
        };
        let sockets = asked.udp_sockets();
        let of_tcp = asked.of_tcp(door, &sockets, &Vec::from_iter(learnt.map(|a| a.ip())));
        let of_udp = sockets.iter().map(|bound| {
            let learnt = learnt.filter(|learnt| learnt.is_ipv4() == bound.is_ipv4());
            format!("{bound}: {}", words(asked.of_udp(*bound, learnt)))
        });
        Ok((of_udp.collect(), words(of_tcp)))
    }

    #[test]
    fn participants_are_told_what_leads_to_the_sockets() {
        let cases = [
            // On this machine alone.
            (
                ("127.0.0.1:8080", &["127.0.0.1:10000"][..], &[][..], None),
                (&["127.0.0.1:10000: 127.0.0.1:10000"][..], "127.0.0.1:8080"),
            ),
            // All interfaces, and both families on TCP.
            (
                ("[::]:443", &["0.0.0.0:10000", "[::]:10000"], &[], None),
                (
                    &[
                        "192.168.1.5:10000: 192.168.1.5:10000",
                        "172.17.0.1:10000: 172.17.0.1:10000",
                        "[2001:db8::5]:10000: [2001:db8::5]:10000",
                    ],
                    "192.168.1.5:443 172.17.0.1:443 [2001:db8::5]:443",
                ),
            ),
            // Given, and nothing else.
            (
                ("0.0.0.0:443", &["0.0.0.0:10000"], &["203.0.113.5"], None),
                (&["0.0.0.0:10000: 203.0.113.5:10000"], "203.0.113.5:443"),
            ),
            // Given with a port, which is that of UDP.
            (
                ("0.0.0.0:443", &["0.0.0.0:10000"], &["203.0.113.5:9"], None),
                (&["0.0.0.0:10000: 203.0.113.5:9"], "203.0.113.5:443"),
            ),
            // Behind NAT: both the public address and the one inside.
            (
                (
                    "0.0.0.0:443",
                    &["0.0.0.0:10000"],
                    &["203.0.113.5=192.168.1.5", "192.168.1.5=192.168.1.5"],
                    None,
                ),
                (
                    &["192.168.1.5:10000: 203.0.113.5:10000 192.168.1.5:10000"],
                    "203.0.113.5:443 192.168.1.5:443",
                ),
            ),
            // Mapped with their ports.
            (
                (
                    "0.0.0.0:8443",
                    &["192.168.1.5:10000"],
                    &[
                        "203.0.113.5:443=192.168.1.5:8443",
                        "203.0.113.5:7=192.168.1.5:10000",
                    ],
                    None,
                ),
                (&["192.168.1.5:10000: 203.0.113.5:7"], "203.0.113.5:443"),
            ),
            // Learnt, through a router that changes ports.
            (
                (
                    "0.0.0.0:443",
                    &["192.168.1.5:10000"],
                    &[],
                    Some("203.0.113.5:777"),
                ),
                (
                    &["192.168.1.5:10000: 203.0.113.5:777 203.0.113.5:10000 192.168.1.5:10000"],
                    "203.0.113.5:443 192.168.1.5:443 172.17.0.1:443",
                ),
            ),
            // A proxy in front: it passes on no media.
            (
                ("127.0.0.1:8080", &["0.0.0.0:10000"], &["203.0.113.5"], None),
                (&["0.0.0.0:10000: 203.0.113.5:10000"], ""),
            ),
        ];
        for ((listen, udp, advertise, learnt), (of_udp, of_tcp)) in cases {
            let (udp_told, tcp_told) = plan(listen, udp, advertise, learnt).unwrap();
            assert_eq!(
                (&udp_told[..], tcp_told.as_str()),
                (
                    &of_udp
                        .iter()
                        .map(|text| (*text).to_owned())
                        .collect::<Vec<_>>()[..],
                    of_tcp
                )
            );
        }
    }

    #[test]
    fn each_shard_has_ports_of_its_own_and_so_have_routers() {
        let advertise = [
            "203.0.113.5:700=192.168.1.5:10000",
            "203.0.113.6=192.168.1.5",
            "203.0.113.7:443=192.168.1.5:8443",
        ];
        let asked = Asked {
            listen: "192.168.1.5:8443".parse().unwrap(),
            udp: vec!["192.168.1.5:10000".parse().unwrap()],
            advertise: advertise.map(|text| text.parse().unwrap()).to_vec(),
            own: &[],
        };
        let shard = asked.of_shard(3).unwrap();
        let bound = shard.udp_sockets();
        assert_eq!(bound, ["192.168.1.5:10003".parse().unwrap()]);
        let told = ["203.0.113.5:703", "203.0.113.6:10003"].map(|text| text.parse().unwrap());
        assert_eq!(shard.of_udp(bound[0], None), told);
        assert_eq!(shard.advertise[2], asked.advertise[2], "that is of TCP");

        let asked = |udp: &str| Asked {
            udp: vec![udp.parse().unwrap()],
            ..asked.clone()
        };
        assert!(asked("127.0.0.1:65534").of_shard(1).is_ok());
        assert!(asked("127.0.0.1:65534").of_shard(2).is_err());
        assert_eq!(asked("127.0.0.1:0").of_shard(2).unwrap().udp[0].port(), 0);
    }

    #[test]
    fn contradictions_are_refused_with_a_sentence() {
        let refused = |udp: &[&str], advertise: &[&str]| {
            let error = plan("127.0.0.1:8080", udp, advertise, None).unwrap_err();
            error.to_string()
        };
        let text = refused(&["127.0.0.1:1"], &["2001:db8::5"]);
        assert!(
            text.contains("2001:db8::5") && text.contains("IPv6"),
            "{text}"
        );
        let text = refused(&["10.0.0.1:1", "10.0.0.2:1"], &["203.0.113.5"]);
        assert!(text.contains("203.0.113.5=10.0.0.1"), "{text}");
        let text = refused(&["10.0.0.1:7", "10.0.0.1:8"], &[]);
        assert!(text.contains("2 ports each"), "{text}");
        let text = refused(&["10.0.0.1:1"], &["203.0.113.5=10.0.0.9"]);
        assert!(text.contains("10.0.0.9"), "{text}");
    }
}
