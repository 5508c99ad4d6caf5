//! Members one after the other, from both ends.

use super::leaf::{Leaf, NONE};
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

    fn item(&self, leaf: &'a Leaf, at: usize) -> (&'a [u8], f64) {
        (self.tree.member_of(leaf, at), leaf.scores()[at])
    }
}

impl<'a> Iterator for RankRange<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        self.rest = self.rest.checked_sub(1)?;
        let mut leaf = self.tree.leaves.at(self.front.leaf);
        if self.front.at == leaf.len() && leaf.next != NONE {
            self.front = Spot { leaf: leaf.next, at: 0 };
            leaf = self.tree.leaves.at(leaf.next);
        }
        self.front.at += 1;
        Some(self.item(leaf, self.front.at - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest, Some(self.rest))
    }
}

impl DoubleEndedIterator for RankRange<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.checked_sub(1)?;
        let mut leaf = self.tree.leaves.at(self.back.leaf);
        if self.back.at == 0 {
            self.back.leaf = leaf.previous;
            leaf = self.tree.leaves.at(leaf.previous);
            self.back.at = leaf.len();
        }
        self.back.at -= 1;
        Some(self.item(leaf, self.back.at))
    }
}

impl ExactSizeIterator for RankRange<'_> {}
