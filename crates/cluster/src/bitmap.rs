//! Sets of hash slots, in the byte order of the cluster bus.
//!
//! Slot `s` is bit `s % 8` (counted from the least significant) of byte `s / 8`, so a set is sent and
//! compared as it lies in memory.

use base::{SLOT_COUNT, Slot};
use std::fmt;

/// Bytes of a set of slots, on the wire and in memory.
pub const SLOT_BITMAP_BYTES: usize = SLOT_COUNT / 8;

/// An owned set of slots.
#[derive(Clone, PartialEq, Eq)]
pub struct SlotBitmap(Box<[u8; SLOT_BITMAP_BYTES]>);

impl SlotBitmap {
    /// The empty set.
    #[must_use]
    pub fn new() -> SlotBitmap {
        SlotBitmap(Box::new([0; SLOT_BITMAP_BYTES]))
    }

    /// Adds a slot.
    pub fn insert(&mut self, slot: Slot) {
        self.0[slot.index() / 8] |= 1 << (slot.index() % 8);
    }

    /// Takes a slot out.
    pub fn remove(&mut self, slot: Slot) {
        self.0[slot.index() / 8] &= !(1 << (slot.index() % 8));
    }

    /// The set, borrowed.
    #[must_use]
    pub fn bits(&self) -> SlotBits<'_> {
        SlotBits(&self.0)
    }
}

impl Default for SlotBitmap {
    fn default() -> SlotBitmap {
        SlotBitmap::new()
    }
}

impl fmt::Debug for SlotBitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bits().fmt(f)
    }
}

impl FromIterator<Slot> for SlotBitmap {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> SlotBitmap {
        let mut bitmap = SlotBitmap::new();
        slots.into_iter().for_each(|slot| bitmap.insert(slot));
        bitmap
    }
}

/// A borrowed set of slots: ours, or one that lies in a received packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SlotBits<'a>(&'a [u8; SLOT_BITMAP_BYTES]);

impl<'a> SlotBits<'a> {
    /// The empty set.
    pub const EMPTY: SlotBits<'static> = SlotBits(&[0; SLOT_BITMAP_BYTES]);

    /// Reads `bytes` as a set.
    #[must_use]
    pub const fn new(bytes: &'a [u8; SLOT_BITMAP_BYTES]) -> SlotBits<'a> {
        SlotBits(bytes)
    }

    /// The set in wire order.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8; SLOT_BITMAP_BYTES] {
        self.0
    }

    /// Whether the slot is in the set.
    #[must_use]
    pub fn contains(self, slot: Slot) -> bool {
        self.0[slot.index() / 8] >> (slot.index() % 8) & 1 == 1
    }

    /// How many slots are in the set.
    #[must_use]
    pub fn count(self) -> usize {
        self.words().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no slot is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.words().all(|word| word == 0)
    }

    /// Whether some slot is in both sets.
    #[must_use]
    pub fn intersects(self, other: SlotBits<'_>) -> bool {
        self.words().zip(other.words()).any(|(mine, theirs)| mine & theirs != 0)
    }

    /// The slots of the set, ascending.
    pub fn iter(self) -> impl Iterator<Item = Slot> + 'a {
        self.words().enumerate().flat_map(|(index, word)| {
            Ones(word).map(move |bit| {
                Slot::new((index * 64) as u16 + bit).expect("256 words of 64 bits are the slots")
            })
        })
    }

    fn words(self) -> impl Iterator<Item = u64> + 'a {
        let (words, _) = self.0.as_chunks::<8>();
        words.iter().map(|bytes| u64::from_le_bytes(*bytes))
    }
}

impl fmt::Debug for SlotBits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotBits({} slots)", self.count())
    }
}

/// The positions of a word's one bits, ascending.
struct Ones(u64);

impl Iterator for Ones {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as u16;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_lies_in_the_bit_that_the_bus_gives_it() {
        let bitmap: SlotBitmap = [0, 9, 16_383].into_iter().filter_map(Slot::new).collect();
        let bytes = bitmap.bits().as_bytes();
        assert_eq!((bytes[0], bytes[1], bytes[2047]), (1, 2, 0x80));
        let slots: Vec<u16> = bitmap.bits().iter().map(Slot::number).collect();
        assert_eq!(slots, [0, 9, 16_383]);
        assert_eq!(bitmap.bits().count(), 3);
    }

    #[test]
    fn removal_undoes_insertion() {
        let mut bitmap = SlotBitmap::new();
        let slot = Slot::of_key(b"foo");
        bitmap.insert(slot);
        assert!(bitmap.bits().contains(slot) && !bitmap.bits().is_empty());
        bitmap.remove(slot);
        assert!(bitmap.bits().is_empty());
    }
}
