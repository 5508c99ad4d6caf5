//! Walking over all entries.

use super::Packed;
use std::iter::FusedIterator;

/// The entries of a [`Packed`], in the order in which any map of the same seed has them, leaf by leaf.
pub struct PackedIter<'a> {
    packed: &'a Packed,
    cursor: u64,
    leaf: usize,
    index: usize,
    remaining: usize,
}

impl<'a> PackedIter<'a> {
    pub(super) fn new(packed: &'a Packed) -> PackedIter<'a> {
        PackedIter { packed, cursor: 0, leaf: 0, index: 0, remaining: packed.len }
    }
}

impl<'a> Iterator for PackedIter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.remaining > 0 {
            if let Some(pair) = self.packed.pair(self.leaf, self.index) {
                self.index += 1;
                self.remaining -= 1;
                return Some(pair);
            }
            self.cursor = self.packed.following(self.cursor, self.leaf);
            self.leaf = self.packed.leaf_of(self.cursor);
            self.index = 0;
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for PackedIter<'_> {}

impl FusedIterator for PackedIter<'_> {}
