//! Reading bytes that anybody may have written.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use serde::de::DeserializeOwned;

use super::format::Damage;

/// The rest of a frame's payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(&'a [u8]);

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

    /// LEB128: seven bits a byte, the lowest first.
    pub(super) fn varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = u64::from(self.u8()?);
            let bits = byte & 0x7f;
            if bits << shift >> shift != bits {
                return Err(Damage::Content);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damage::Content)
    }

    /// A varint that counts or names something in memory.
    pub(super) fn size(&mut self) -> Result<usize, Damage> {
        usize::try_from(self.varint()?).map_err(|_| Damage::Content)
    }

    /// A signed varint, as [`put_signed`] writes it.
    pub(super) fn signed(&mut self) -> Result<i64, Damage> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed()))
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
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

/// As [`Cursor::varint`] reads it.
pub(super) fn put_varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// ZigZag, so that small numbers of either sign are short.
pub(super) fn put_signed(buffer: &mut Vec<u8>, value: i64) {
    put_varint(buffer, ((value << 1) ^ (value >> 63)).cast_unsigned());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_of_any_size_is_read_as_it_was_written_and_an_endless_one_is_refused() {
        for value in (0..64).flat_map(|shift| [(1 << shift) - 1, 1 << shift, u64::MAX >> shift]) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            put_signed(&mut bytes, value.cast_signed());
            put_signed(&mut bytes, value.cast_signed().wrapping_neg());
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(cursor.varint(), Ok(value));
            assert_eq!(cursor.signed(), Ok(value.cast_signed()));
            assert_eq!(cursor.signed(), Ok(value.cast_signed().wrapping_neg()));
            assert!(cursor.is_empty());
        }
        assert!(Cursor::new(&[0x80; 20]).varint().is_err());
        assert!(Cursor::new(&[0xff; 20]).varint().is_err());
        assert!(Cursor::new(&[0x80]).varint().is_err());
    }
}
