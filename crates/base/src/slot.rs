//! Hash slots: the unit of locking, routing, migration and counting.

use crate::crc16;
use std::fmt;

/// How many hash slots there are, in every mode of operation.
pub const SLOT_COUNT: usize = 16_384;

/// A hash slot: 0 to 16,383.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The first slot.
    pub const FIRST: Slot = Slot(0);

    /// The slot with this number, or `None` where there is no such slot.
    #[must_use]
    pub const fn new(number: u16) -> Option<Slot> {
        if (number as usize) < SLOT_COUNT { Some(Slot(number)) } else { None }
    }

    /// The slot that a key belongs to: the CRC16 of its hash tag, or of all of it.
    #[inline]
    #[must_use]
    pub fn of_key(key: &[u8]) -> Slot {
        Slot(crc16(hash_tag(key)) & (SLOT_COUNT as u16 - 1))
    }

    /// The slot's number.
    #[inline]
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The slot's number as an index of an array of [`SLOT_COUNT`] elements.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// All slots in ascending order.
    pub fn all() -> impl DoubleEndedIterator<Item = Slot> + ExactSizeIterator {
        (0..SLOT_COUNT as u16).map(Slot)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.0)
    }
}

/// A range of slots, both ends included; shown as `first-last`, or as one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotRange {
    /// The first slot of the range.
    pub first: Slot,
    /// The last slot of the range, not below the first.
    pub last: Slot,
}

impl fmt::Display for SlotRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            self.first.fmt(f)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// The part of a key that decides its slot: what stands between the first `{` and the first `}` after it
/// when that is not empty, else the whole key.
#[inline]
#[must_use]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    if !has_brace(key) {
        return key;
    }
    let Some(open) = key.iter().position(|&byte| byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|&byte| byte == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

/// Whether there may be a `{` in a key: eight bytes at a time, for most keys have none.
#[inline]
fn has_brace(key: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const BRACES: u64 = ONES * b'{' as u64;
    let (chunks, rest) = key.as_chunks::<8>();
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let found = chunks
        .iter()
        .fold(0, |found, chunk| found | zero_bytes(u64::from_le_bytes(*chunk) ^ BRACES));
    found != 0 || rest.contains(&b'{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_the_specification() {
        let vectors: [(&[u8], u16); 8] = [
            (b"", 0),
            (b"foo", 12182),
            (b"bar", 5061),
            (b"{user1000}.following", 3443),
            (b"foo{}{bar}", 8363),
            (b"foo{{bar}}zap", 4015),
            (b"foo{bar}{zap}", 5061),
            (b"{user1000}.followers", 3443),
        ];
        for (key, slot) in vectors {
            assert_eq!(Slot::of_key(key).number(), slot, "{}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn numbers_above_the_last_slot_are_refused() {
        assert_eq!(Slot::new(16383).map(Slot::number), Some(16383));
        assert_eq!(Slot::new(16384), None);
    }
}
