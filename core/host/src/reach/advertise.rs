//! `--advertise`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// An address under which participants reach the server, given on the command line: `PUBLIC`, or
/// `PUBLIC=LOCAL` for the sockets of one address of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertise {
    /// What participants are told.
    pub public: Place,
    /// What it leads to; `None`: the only socket of its family.
    pub local: Option<Place>,
}

/// An address with or without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub address: IpAddr,
    /// The port; `None` for the same as on the other side.
    pub port: Option<u16>,
}

impl Place {
    /// With its own port, or else this one.
    pub(super) fn or_port(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, self.port.unwrap_or(port))
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, port) = if let Ok(address) = text.parse::<IpAddr>() {
            (address, None)
        } else if let Ok(socket) = text.parse::<SocketAddr>() {
            (socket.ip(), Some(socket.port()))
        } else {
            return Err(
                "expected an IP address with or without a port, such as 203.0.113.5, \
                 203.0.113.5:10000 or [2001:db8::5]:10000, and perhaps = and the address of this \
                 machine that it leads to"
                    .to_owned(),
            );
        };
        if address.is_unspecified() || address.is_multicast() || port == Some(0) {
            return Err("nobody can reach that address".to_owned());
        }
        Ok(Self { address, port })
    }
}

impl FromStr for Advertise {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((public, local)) = text.split_once('=') else {
            let public = text.parse()?;
            return Ok(Self {
                public,
                local: None,
            });
        };
        let (public, local): (Place, Place) = (public.parse()?, local.parse()?);
        if public.address.is_ipv4() != local.address.is_ipv4() {
            return Err("one side is IPv4 and the other IPv6".to_owned());
        }
        if public.port.is_some() != local.port.is_some() {
            return Err("give the port on both sides, or on none when it is the same".to_owned());
        }
        Ok(Self {
            public,
            local: Some(local),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => self.address.fmt(f),
            Some(port) => SocketAddr::new(self.address, port).fmt(f),
        }
    }
}

impl fmt::Display for Advertise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.public.fmt(f)?;
        match self.local {
            None => Ok(()),
            Some(local) => write!(f, "={local}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_meant() {
        for text in [
            "203.0.113.5",
            "203.0.113.5:99",
            "[2001:db8::5]:99",
            "203.0.113.5=10.0.0.2",
            "203.0.113.5:443=10.0.0.2:8443",
            "2001:db8::5=fd00::2",
        ] {
            assert_eq!(text.parse::<Advertise>().unwrap().to_string(), text);
        }
        for text in [
            "0.0.0.0",
            "203.0.113.5:0",
            "224.0.0.1",
            "example.org",
            "",
            "=10.0.0.2",
            "203.0.113.5=",
            "203.0.113.5=0.0.0.0",
            "203.0.113.5=fd00::2",
            "203.0.113.5:443=10.0.0.2",
            "203.0.113.5=10.0.0.2:443",
        ] {
            assert!(text.parse::<Advertise>().is_err(), "{text}");
        }
    }
}
