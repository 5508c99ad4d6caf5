//! The members of a ranking as they were at one moment.

use super::Ranking;
use super::arena::Arena;
use super::leaf::{Leaf, NONE};

/// Members with their scores as they were when they were frozen, whatever becomes of the ranking. Takes a few words for each chunk of leaves, and the leaves that
/// were changed since.
#[derive(Debug)]
pub struct FrozenRanking {
    leaves: Arena<Leaf>,
    long: Arena<[u8]>,
    last: u32,
    len: usize,
}

impl Ranking {
    /// The members as they are now.
    #[must_use]
    pub fn freeze(&self) -> FrozenRanking {
        FrozenRanking {
            leaves: self.tree.leaves.clone(),
            long: self.tree.long.clone(),
            last: self.tree.at_rank(self.len).leaf,
            len: self.len,
        }
    }
}

impl FrozenRanking {
    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The members from the last to the first.
    pub fn iter_back(&self) -> impl Iterator<Item = (&[u8], f64)> {
        let there = |number: u32| (number != NONE).then(|| self.leaves.at(number));
        std::iter::successors(there(self.last), move |leaf| there(leaf.previous)).flat_map(|leaf| {
            let places = (0..leaf.len()).rev();
            places.map(|at| (leaf.member(at, &self.long), leaf.scores()[at]))
        })
    }
}
