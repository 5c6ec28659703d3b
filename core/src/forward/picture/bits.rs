//! Numbers that are made of single bits, the highest first.

/// Reads a syntax structure of a video codec.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bytes that were read.
    position: usize,
    /// What is left of the last one, in its low bits, and how many those are.
    byte: u8,
    left: u32,
    /// Zero bytes that were read one after the other; `None` where they mean nothing.
    zeroes: Option<u32>,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            position: 0,
            byte: 0,
            left: 0,
            zeroes: None,
        }
    }

    /// A NAL unit: after two bytes of zero, a byte of 3 means nothing (H.264, 7.3.1).
    pub(super) fn of_nal_unit(bytes: &'a [u8]) -> Self {
        Self {
            zeroes: Some(0),
            ..Self::new(bytes)
        }
    }

    /// Bytes that were read so far.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    fn next_byte(&mut self) -> Option<u8> {
        let mut byte = self.take()?;
        if let Some(zeroes) = self.zeroes {
            let is_escape = zeroes >= 2 && byte == 3;
            if is_escape {
                byte = self.take()?;
            }
            let before = if is_escape { 0 } else { zeroes };
            self.zeroes = Some(if byte == 0 { before + 1 } else { 0 });
        }
        Some(byte)
    }

    fn take(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.position)?;
        self.position += 1;
        Some(byte)
    }

    pub(super) fn bit(&mut self) -> Option<bool> {
        if self.left == 0 {
            self.byte = self.next_byte()?;
            self.left = 8;
        }
        self.left -= 1;
        Some(self.byte >> self.left & 1 != 0)
    }

    /// So many bits as a number; 32 at most.
    pub(super) fn bits(&mut self, count: u32) -> Option<u32> {
        let mut number = 0;
        for _ in 0..count {
            number = number << 1 | u32::from(self.bit()?);
        }
        Some(number)
    }

    /// Passes over so many bits.
    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        for _ in 0..count {
            self.bit()?;
        }
        Some(())
    }

    /// An unsigned Exp-Golomb number (H.264, 9.1; `uvlc` of AV1): `None` above 2^31.
    pub(super) fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeroes = 0;
        while !self.bit()? {
            zeroes += 1;
            if zeroes > 30 {
                return None;
            }
        }
        Some((1 << zeroes) - 1 + self.bits(zeroes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_are_read() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0xff]);
        assert_eq!(bits.exp_golomb(), Some(0));
        assert_eq!(bits.exp_golomb(), Some(1));
        assert_eq!(bits.exp_golomb(), Some(2));
        assert_eq!(bits.exp_golomb(), Some(3));
        assert_eq!(bits.position(), 2);
        assert_eq!(bits.bits(3), Some(0b001));
        assert_eq!(bits.skip(3), Some(()));
        assert_eq!(bits.bits(9), None, "there are fewer");
        assert_eq!(Bits::new(&[0; 8]).exp_golomb(), None);
        assert_eq!(Bits::new(&[]).bit(), None);
    }

    #[test]
    fn what_keeps_start_codes_out_of_a_nal_unit_is_passed_over() {
        let bytes = [0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 9, 3];
        let read = |mut bits: Bits<'_>| {
            let bytes = std::iter::from_fn(|| bits.bits(8));
            bytes.collect::<Vec<_>>()
        };
        assert_eq!(read(Bits::of_nal_unit(&bytes)), [0, 0, 1, 0, 0, 0, 0, 9, 3]);
        assert_eq!(read(Bits::new(&bytes)).len(), bytes.len());
    }
}
