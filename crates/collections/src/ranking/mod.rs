//! Members ranked by score: what a large sorted set is.
//!
//! ```text
//!   hash of a member ──► LeafIndex: the leaf's number ──┐
//!                                                       ▼
//!   score, rank ──► Tree: inner nodes that count ──► leaf: up to 64 members in their order ──► next leaf
//!                      ▲______________ parents _________|
//! ```
//!
//! # Design
//!
//! - A member's bytes stand once, in its leaf. The index knows in which leaf, for eight bytes a member; a byte of the hash beside each member
//!   finds it there. So a member costs about its length and 26 bytes, where a skip list with a hash table costs its length and 60.
//! - What an inner node knows of a child is the number of members below it and the score of the first; among equal scores the first
//!   member itself is looked at in its leaf. Nothing in the tree has to be copied from members.
//! - Leaves know their parents: the rank of a member is the sum of the counts before it on the way up, without comparing anything.
//! - A split moves half a leaf and relocates 32 entries of the index, one for each member that was added since; a split at the end moves nothing, so
//!   that members which come in their order fill the leaves.
//! - Rejected: a hash table of members beside a tree of members (every member twice), pointers to members (an allocation for each).
//!
//! # Invariants
//!
//! 1. Members are in the order of their scores, and of their bytes where those are equal; no score is NaN.
//! 2. Every member has one entry in the index, under its hash, with the number of its leaf.
//! 3. Counts, first scores and first leaves of inner nodes are those of what is below; only a root leaf is empty.

mod arena;
mod frozen;
mod index;
mod inner;
mod leaf;
mod range;
#[cfg(test)]
mod tests;
mod tree;

pub use frozen::FrozenRanking;
pub use range::RankRange;

use crate::member_hash::member_hash;
use index::LeafIndex;
use leaf::{INLINE_BYTES_MAX, MEMBERS_MAX, NONE, Stored};
use std::cmp::Ordering;
use std::ops::Range;
use tree::{Spot, Tree};

/// Members, each with a score, in the order of the scores; see the [module](self).
#[derive(Debug)]
pub struct Ranking {
    seed: (u64, u64),
    tree: Tree,
    index: LeafIndex,
    len: usize,
}

/// What a leaf keeps of a member's hash.
fn tag(hash: u32) -> u8 {
    hash as u8
}

impl Ranking {
    /// No members; `seed` is the secret of the hash function.
    #[must_use]
    pub fn new(seed: (u64, u64)) -> Ranking {
        Ranking { seed, tree: Tree::new(), index: LeafIndex::new(), len: 0 }
    }

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

    /// The bytes of memory that it owns beyond itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.tree.heap_bytes() + self.index.heap_bytes()
    }

    /// About how many allocations it owns.
    #[must_use]
    pub fn allocations(&self) -> usize {
        self.tree.allocations() + self.index.runs()
    }

    /// The score of a member.
    #[must_use]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(self.hash(member), member).map(|(_, score)| score)
    }

    /// How many members stand before a member, and its score.
    #[must_use]
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let (spot, score) = self.find(self.hash(member), member)?;
        Some((self.tree.rank(spot), score))
    }

    /// How many members come first whose scores are `before`, which holds for all up to some score and for none from there on.
    #[must_use]
    pub fn rank_by_score(&self, before: impl Fn(f64) -> bool) -> usize {
        self.tree.rank(self.tree.locate(|element| before(element.score)))
    }

    /// The same by the members' bytes, for members that are in the order of these: that have one score.
    #[must_use]
    pub fn rank_by_member(&self, before: impl Fn(&[u8]) -> bool) -> usize {
        self.tree.rank(self.tree.locate(|element| before(element.member())))
    }

    /// The members of these ranks.
    ///
    /// # Panics
    ///
    /// Where the range ends beyond the last.
    #[must_use]
    pub fn range(&self, ranks: Range<usize>) -> RankRange<'_> {
        assert!(ranks.end <= self.len, "ranks end with the members");
        RankRange::new(&self.tree, ranks)
    }

    /// Gives a member a score; the one that it had. An equal one stays, so that a zero keeps its sign.
    pub fn insert(&mut self, score: f64, member: &[u8]) -> Option<f64> {
        debug_assert!(!score.is_nan(), "what is no number has no rank");
        let hash = self.hash(member);
        let Some((spot, old)) = self.find(hash, member) else {
            self.add(hash, score, member);
            return None;
        };
        if old == score {
            return Some(old);
        }
        if self.stays(spot, score) {
            self.tree.set_score(spot, score);
        } else {
            self.take(hash, spot);
            self.add(hash, score, member);
        }
        Some(old)
    }

    /// Removes a member; the score that it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = self.hash(member);
        let (spot, score) = self.find(hash, member)?;
        self.take(hash, spot);
        Some(score)
    }

    /// Removes the members of these ranks.
    ///
    /// # Panics
    ///
    /// Where the range ends beyond the last.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        assert!(ranks.end <= self.len, "ranks end with the members");
        for _ in ranks.clone() {
            let spot = self.tree.at_rank(ranks.start);
            let hash = self.hash(self.tree.member(spot));
            self.take(hash, spot);
        }
    }

    /// Visits members in an order that does not change with their number or their scores, at least `count` of them where so many follow.
    /// Returns the cursor to go on from, 0 at the end. Members that are there from the first call to the last are visited.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        let Ok(from) = u32::try_from(cursor) else { return 0 };
        let mut last = None;
        let next = self.index.scan(from, count, |hash, leaf| {
            // Members of one hash in one leaf have an entry each; all of them are visited at the first.
            if last.replace((hash, leaf)) == Some((hash, leaf)) {
                return;
            }
            for spot in self.tagged(leaf, hash) {
                let member = self.tree.member(spot);
                if self.hash(member) == hash {
                    visit(member, self.tree.score(spot));
                }
            }
        });
        next.map_or(0, u64::from)
    }

    /// Asks the processor to bring in what the look-up of a member reads at its `step`-th access to memory that is not the ranking's head, from 0 on; `hash` is
    /// the member's [`member_hash`]. Reads what the steps before have brought in. Whether another step follows.
    #[inline]
    pub fn prefetch(&self, hash: u64, step: usize) -> bool {
        let hash = hash as u32;
        match step {
            0 => self.index.prefetch_run(hash),
            1 => self.index.prefetch_entries(hash),
            _ => return self.prefetch_in_leaf(hash, step),
        }
        true
    }

    /// The steps that lead to the leaf in which the member probably is, and there.
    fn prefetch_in_leaf(&self, hash: u32, step: usize) -> bool {
        let Some(number) = self.index.candidates(hash).next() else { return false };
        if step == 2 {
            self.tree.leaves.prefetch(number);
            return true;
        }
        let leaf = self.tree.leaves.at(number);
        if step == 3 {
            leaf.prefetch_tags();
            return true;
        }
        let Some(at) = Places(leaf.tagged(tag(hash))).next() else { return false };
        if step == 4 {
            leaf.prefetch_score(at);
            return true;
        }
        leaf.prefetch_member(at);
        false
    }

    #[inline]
    fn hash(&self, member: &[u8]) -> u32 {
        member_hash(self.seed, member) as u32
    }

    /// Where a member is, and its score.
    #[inline]
    fn find(&self, hash: u32, member: &[u8]) -> Option<(Spot, f64)> {
        self.index.candidates(hash).find_map(|number| {
            let leaf = self.tree.leaves.at(number);
            let mut places = Places(leaf.tagged(tag(hash)));
            let at = places.find(|&at| self.tree.member_of(leaf, at) == member)?;
            Some((Spot { leaf: number, at }, leaf.scores()[at]))
        })
    }

    /// The members of a leaf that may have this hash.
    fn tagged(&self, leaf: u32, hash: u32) -> impl Iterator<Item = Spot> {
        Places(self.tree.leaves.at(leaf).tagged(tag(hash))).map(move |at| Spot { leaf, at })
    }

    /// Whether a member may keep its place with another score.
    fn stays(&self, spot: Spot, score: f64) -> bool {
        let scores = self.tree.leaves.at(spot.leaf).scores();
        let is_last = spot.at + 1 == scores.len();
        let ends = self.tree.leaves.at(spot.leaf).next == NONE;
        spot.at > 0
            && scores[spot.at - 1] < score
            && if is_last { ends } else { score < scores[spot.at + 1] }
    }

    /// Adds a member that is not there.
    fn add(&mut self, hash: u32, score: f64, member: &[u8]) {
        let order = |own: f64| own.partial_cmp(&score).unwrap_or(Ordering::Equal);
        let mut spot = self.tree.locate(|element| {
            order(element.score).then_with(|| element.member().cmp(member)) == Ordering::Less
        });
        if self.tree.leaves.at(spot.leaf).is_full() {
            spot = self.split(spot);
        }
        if member.len() > INLINE_BYTES_MAX {
            let number = self.tree.add_long(member);
            self.tree.insert(spot, score, tag(hash), Stored::Long(number));
        } else {
            self.tree.insert(spot, score, tag(hash), Stored::Inline(member));
        }
        self.index.insert(hash, spot.leaf);
        self.len += 1;
    }

    /// Makes room at a place; where that is now.
    fn split(&mut self, spot: Spot) -> Spot {
        let is_end = spot.at == MEMBERS_MAX && self.tree.leaves.at(spot.leaf).next == NONE;
        let middle = if is_end { MEMBERS_MAX } else { MEMBERS_MAX / 2 };
        let new = self.tree.split(spot.leaf, middle);
        self.relocate(new, spot.leaf, new);
        if spot.at > middle || is_end { Spot { leaf: new, at: spot.at - middle } } else { spot }
    }

    /// Tells the index that what the leaf `held` holds was in `from` and is in `to`.
    fn relocate(&mut self, held: u32, from: u32, to: u32) {
        for at in 0..self.tree.leaves.at(held).len() {
            let hash = self.hash(self.tree.member(Spot { leaf: held, at }));
            self.index.relocate(hash, from, to);
        }
    }

    /// Removes the member at a place.
    fn take(&mut self, hash: u32, spot: Spot) {
        let is_last_of_leaf = self.tree.leaves.at(spot.leaf).len() == 1;
        self.index.remove(hash, spot.leaf);
        self.tree.remove(spot);
        self.len -= 1;
        if is_last_of_leaf {
            return;
        }
        if let Some((lower, upper)) = self.tree.mergeable(spot.leaf) {
            self.relocate(upper, upper, lower);
            self.tree.merge(lower, upper);
        }
    }
}

// The nodes of the tree are shared, the index is not.
impl Clone for Ranking {
    fn clone(&self) -> Ranking {
        let Ranking { seed, len, .. } = *self;
        let mut copy = Ranking { seed, len, tree: self.tree.clone(), index: self.index.clone() };
        copy.index.recount();
        copy
    }
}

impl PartialEq for Ranking {
    fn eq(&self, other: &Ranking) -> bool {
        self.len == other.len && self.range(0..self.len).eq(other.range(0..other.len))
    }
}

/// The places whose bits are set.
struct Places(u64);

impl Iterator for Places {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let at = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(at)
    }
}
