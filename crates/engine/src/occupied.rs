//! Which slots hold keys, a bit for each, so that walks pass over empty slots without taking their locks.
//!
//! # Invariants
//!
//! 1. A bit changes only while its slot is locked. When the lock is released, the bit says whether the slot's table holds keys.
//!
//! A walk reads the bits without locks. It may come to a slot that has been emptied since, and finds nothing there; it passes over no
//! slot that held keys before the walk came to it and goes on holding some.

use base::{SLOT_COUNT, Slot};
use std::sync::atomic::{AtomicU64, Ordering};

const WORD_BITS: usize = u64::BITS as usize;

/// The words of one database.
const WORDS: usize = SLOT_COUNT / WORD_BITS;

/// A bit for each slot of each database.
pub(crate) struct OccupiedSlots(Box<[[AtomicU64; WORDS]]>);

impl OccupiedSlots {
    /// The memory of one database's bits.
    pub(crate) const BYTES_PER_DATABASE: usize = WORDS * size_of::<AtomicU64>();

    pub(crate) fn new(databases: usize) -> OccupiedSlots {
        let none = || std::array::from_fn(|_| AtomicU64::new(0));
        OccupiedSlots((0..databases).map(|_| none()).collect())
    }

    /// Says whether a slot, which the caller has locked, holds keys.
    #[cold]
    pub(crate) fn set(&self, database: usize, slot: Slot, is_occupied: bool) {
        let word = &self.0[database][slot.index() / WORD_BITS];
        let bit = 1 << (slot.index() % WORD_BITS);
        if is_occupied {
            word.fetch_or(bit, Ordering::Release);
        } else {
            word.fetch_and(!bit, Ordering::Release);
        }
    }

    /// No slot of a database holds keys. The caller has locked them all.
    pub(crate) fn clear(&self, database: usize) {
        self.0[database].iter().for_each(|word| word.store(0, Ordering::Release));
    }

    /// Exchanges the bits of two databases. The caller has locked all slots.
    pub(crate) fn swap(&self, a: usize, b: usize) {
        for (in_a, in_b) in self.0[a].iter().zip(&self.0[b]) {
            let from_a = in_a.swap(in_b.load(Ordering::Acquire), Ordering::AcqRel);
            in_b.store(from_a, Ordering::Release);
        }
    }

    /// Whether a slot holds keys.
    pub(crate) fn contains(&self, database: usize, slot: Slot) -> bool {
        let word = self.0[database][slot.index() / WORD_BITS].load(Ordering::Acquire);
        word & (1 << (slot.index() % WORD_BITS)) != 0
    }

    /// The first slot from number `from` on that holds keys.
    pub(crate) fn next(&self, database: usize, from: usize) -> Option<Slot> {
        let mut index = from / WORD_BITS;
        // What stands below `from` in its word does not count.
        let mut mask = u64::MAX << (from % WORD_BITS);
        while index < WORDS {
            let word = self.0[database][index].load(Ordering::Acquire) & mask;
            if word != 0 {
                return Slot::new((index * WORD_BITS) as u16 + word.trailing_zeros() as u16);
            }
            mask = u64::MAX;
            index += 1;
        }
        None
    }

    /// The slots from number `from` on that hold keys, in ascending order.
    pub(crate) fn iter(&self, database: usize, from: usize) -> impl Iterator<Item = Slot> + '_ {
        let mut next = from;
        std::iter::from_fn(move || {
            let slot = self.next(database, next)?;
            next = slot.index() + 1;
            Some(slot)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_bits_are_found_in_ascending_order() {
        let occupied = OccupiedSlots::new(2);
        let numbers = [0u16, 1, 63, 64, 127, 8000, 16383];
        for number in numbers {
            occupied.set(1, Slot::new(number).expect("it is a slot"), true);
        }
        let found = |from| occupied.iter(1, from).map(Slot::number).collect::<Vec<_>>();
        assert_eq!(found(0), numbers);
        assert_eq!(found(2), numbers[2..]);
        assert_eq!(found(64), numbers[3..]);
        assert_eq!(found(16383), [16383]);
        assert_eq!(found(SLOT_COUNT), []);
        assert_eq!(occupied.next(0, 0), None);
        let slot = Slot::new(64).expect("it is a slot");
        occupied.set(1, slot, false);
        assert!(!occupied.contains(1, slot));
        assert_eq!(found(63), [63, 127, 8000, 16383]);
    }
}
