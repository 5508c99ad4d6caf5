//! Members one after the other, from both ends.

use super::leaf::NONE;
use super::tree::{Spot, Tree};
use std::ops::Range;

/// Members of a range of ranks, with their scores.
#[derive(Clone)]
pub struct RankRange<'a> {
    tree: &'a Tree,
    /// The next one from the front, and the one behind the next from the back.
    front: Spot,
    back: Spot,
    rest: usize,
}

impl<'a> RankRange<'a> {
    pub(super) fn new(tree: &'a Tree, ranks: Range<usize>) -> RankRange<'a> {
        let front = tree.at_rank(ranks.start);
        // Only one end of most ranges is asked for; finding a place costs little, though.
        let back = tree.at_rank(ranks.end);
        RankRange { tree, front, back, rest: ranks.len() }
    }

    fn item(&self, spot: Spot) -> (&'a [u8], f64) {
        (self.tree.member(spot), self.tree.score(spot))
    }
}

impl<'a> Iterator for RankRange<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        self.rest = self.rest.checked_sub(1)?;
        let leaf = self.tree.leaves.at(self.front.leaf);
        if self.front.at == leaf.len() && leaf.next != NONE {
            self.front = Spot { leaf: leaf.next, at: 0 };
        }
        let item = self.item(self.front);
        self.front.at += 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest, Some(self.rest))
    }
}

impl DoubleEndedIterator for RankRange<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.checked_sub(1)?;
        if self.back.at == 0 {
            let leaf = self.tree.leaves.at(self.back.leaf).previous;
            self.back = Spot { leaf, at: self.tree.leaves.at(leaf).len() };
        }
        self.back.at -= 1;
        Some(self.item(self.back))
    }
}

impl ExactSizeIterator for RankRange<'_> {}
