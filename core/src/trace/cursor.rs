//! Reading bytes that anybody may have written.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use serde::de::DeserializeOwned;

use super::format::Damage;

/// The rest of a frame's payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Damage> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Damage::Content)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Damage::Content)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Damage> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, Damage> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Damage> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Damage> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn address(&mut self) -> Result<SocketAddr, Damage> {
        match self.u8()? {
            4 => {
                let ip = Ipv4Addr::from(self.array::<4>()?);
                Ok(SocketAddrV4::new(ip, self.u16()?).into())
            }
            6 => {
                let ip = Ipv6Addr::from(self.array::<16>()?);
                let port = self.u16()?;
                Ok(SocketAddrV6::new(ip, port, self.u32()?, self.u32()?).into())
            }
            _ => Err(Damage::Content),
        }
    }

    /// A value with its length before it.
    pub(super) fn value<T: DeserializeOwned>(&mut self) -> Result<T, Damage> {
        let length = usize::try_from(self.u32()?).map_err(|_| Damage::Content)?;
        let bytes = self.bytes(length)?;
        let (value, rest) = postcard::take_from_bytes(bytes).map_err(|_| Damage::Content)?;
        if rest.is_empty() {
            Ok(value)
        } else {
            Err(Damage::Content)
        }
    }
}

/// As [`Cursor::address`] reads it.
pub(super) fn put_address(buffer: &mut Vec<u8>, address: SocketAddr) {
    match address {
        SocketAddr::V4(address) => {
            buffer.push(4);
            buffer.extend_from_slice(&address.ip().octets());
            buffer.extend_from_slice(&address.port().to_le_bytes());
        }
        SocketAddr::V6(address) => {
            buffer.push(6);
            buffer.extend_from_slice(&address.ip().octets());
            buffer.extend_from_slice(&address.port().to_le_bytes());
            buffer.extend_from_slice(&address.flowinfo().to_le_bytes());
            buffer.extend_from_slice(&address.scope_id().to_le_bytes());
        }
    }
}

/// As [`Cursor::value`] reads it.
pub(super) fn put_value<T: serde::Serialize>(buffer: &mut Vec<u8>, value: &T) {
    // Only types of unknown length fail, and there are none here. Were there one, its empty place
    // would be found at replay.
    let bytes = postcard::to_allocvec(value).unwrap_or_default();
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&bytes);
}
