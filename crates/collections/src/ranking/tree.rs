//! The tree: leaves in their order below inner nodes that count, walked down by order or by rank and up by parents.

use super::arena::Arena;
use super::inner::{CHILDREN_MAX, Child, Inner, Node};
use super::leaf::{Leaf, MEMBERS_MAX, NONE, Stored};
use crate::shared;
use std::sync::Arc;

/// A leaf with fewer members is put together with a neighbour, where both do not fill more than three quarters of one.
const MEMBERS_MIN: usize = MEMBERS_MAX / 4;
const MEMBERS_MERGED_MAX: usize = MEMBERS_MAX * 3 / 4;

/// The same for inner nodes.
const CHILDREN_MIN: usize = CHILDREN_MAX / 4;
const CHILDREN_MERGED_MAX: usize = CHILDREN_MAX * 3 / 4;

/// Where a member stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Spot {
    pub(super) leaf: u32,
    pub(super) at: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) leaves: Arena<Leaf>,
    inners: Arena<Inner>,
    /// Members too long for a leaf.
    pub(super) long: Arena<[u8]>,
    root: Node,
    /// The memory of the leaves.
    leaf_bytes: usize,
    /// The memory of long members.
    long_bytes: usize,
}

/// A member, whose bytes are looked for when they are asked for.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    tree: &'a Tree,
    spot: Spot,
    pub(super) score: f64,
}

impl<'a> Element<'a> {
    #[inline]
    pub(super) fn member(&self) -> &'a [u8] {
        self.tree.member(self.spot)
    }
}

impl Tree {
    pub(super) fn new() -> Tree {
        let mut leaves = Arena::new();
        let root = Node::Leaf(leaves.add(Arc::new(Leaf::new())));
        Tree {
            leaf_bytes: leaves.at(root.number()).heap_bytes(),
            leaves,
            inners: Arena::new(),
            long: Arena::new(),
            root,
            long_bytes: 0,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.leaf_bytes
            + self.long_bytes
            + self.inners.len() * size_of::<Inner>()
            + self.leaves.heap_bytes()
            + self.inners.heap_bytes()
            + self.long.heap_bytes()
    }

    /// About how many allocations there are.
    pub(super) fn allocations(&self) -> usize {
        2 * self.leaves.len() + self.inners.len() + self.long.len()
    }

    #[inline]
    pub(super) fn member(&self, spot: Spot) -> &[u8] {
        self.member_of(self.leaves.at(spot.leaf), spot.at)
    }

    #[inline]
    pub(super) fn member_of<'a>(&'a self, leaf: &'a Leaf, at: usize) -> &'a [u8] {
        leaf.member(at, &self.long)
    }

    #[inline]
    pub(super) fn score(&self, spot: Spot) -> f64 {
        self.leaves.at(spot.leaf).scores()[spot.at]
    }

    fn element(&self, leaf: u32, at: usize, score: f64) -> Element<'_> {
        Element { tree: self, spot: Spot { leaf, at }, score }
    }

    /// The place of the first member that is not `before`; behind the last one of a leaf, where the next leaf begins with it.
    #[inline]
    pub(super) fn locate(&self, before: impl Fn(Element<'_>) -> bool) -> Spot {
        let mut node = self.root;
        loop {
            match node {
                Node::Inner(number) => {
                    let inner = self.inners.at(number);
                    let is_before =
                        |at: usize, score| before(self.element(inner.first(at), 0, score));
                    let at = first_not(inner.leasts(), is_before);
                    node = inner.node(at.saturating_sub(1));
                }
                Node::Leaf(leaf) => {
                    let scores = self.leaves.at(leaf).scores();
                    let at = first_not(scores, |at, score| before(self.element(leaf, at, score)));
                    return Spot { leaf, at };
                }
            }
        }
    }

    /// The place of the member of this rank.
    pub(super) fn at_rank(&self, rank: usize) -> Spot {
        let mut rest = rank as u64;
        let mut node = self.root;
        loop {
            match node {
                Node::Inner(number) => {
                    let inner = self.inners.at(number);
                    let counts = inner.counts();
                    let mut at = 0;
                    while at + 1 < counts.len() && rest >= counts[at] {
                        rest -= counts[at];
                        at += 1;
                    }
                    node = inner.node(at);
                }
                Node::Leaf(leaf) => return Spot { leaf, at: rest as usize },
            }
        }
    }

    /// How many members stand before a place.
    #[inline]
    pub(super) fn rank(&self, spot: Spot) -> usize {
        let mut rank = spot.at as u64;
        let (mut child, mut parent) = (spot.leaf, self.leaves.at(spot.leaf).parent);
        while parent != NONE {
            let inner = self.inners.at(parent);
            rank += inner.counts()[..inner.find(child)].iter().sum::<u64>();
            (child, parent) = (parent, inner.parent);
        }
        rank as usize
    }

    /// Changes a leaf, and counts its memory.
    fn change_leaf<R>(&mut self, number: u32, change: impl FnOnce(&mut Leaf) -> R) -> R {
        let leaf = self.leaves.at_mut(number);
        let before = leaf.heap_bytes();
        let result = change(leaf);
        self.leaf_bytes = self.leaf_bytes - before + leaf.heap_bytes();
        result
    }

    pub(super) fn add_long(&mut self, member: &[u8]) -> u32 {
        self.long_bytes += member.len();
        self.long.add(shared::concat(&[member]))
    }

    /// Puts a member into a leaf that has room.
    pub(super) fn insert(&mut self, spot: Spot, score: f64, tag: u8, stored: Stored<'_>) {
        self.change_leaf(spot.leaf, |leaf| leaf.insert(spot.at, score, tag, stored));
        self.settle(Node::Leaf(spot.leaf), 1);
    }

    /// Gives a member that is not the first of its leaf another score, which leaves it between its neighbours.
    pub(super) fn set_score(&mut self, spot: Spot, score: f64) {
        debug_assert!(spot.at > 0, "what is above knows the score of the first one");
        self.leaves.at_mut(spot.leaf).set_score(spot.at, score);
    }

    /// Takes a member out. Where its leaf has become small, [`Tree::mergeable`] tells.
    pub(super) fn remove(&mut self, spot: Spot) {
        if let Stored::Long(number) = self.leaves.at(spot.leaf).stored(spot.at) {
            self.long_bytes -= self.long.remove(number).len();
        }
        self.change_leaf(spot.leaf, |leaf| leaf.remove(spot.at));
        let leaf = self.leaves.at(spot.leaf);
        if leaf.len() > 0 || leaf.parent == NONE {
            self.settle(Node::Leaf(spot.leaf), -1);
        } else {
            let parent = leaf.parent;
            self.unlink(spot.leaf);
            self.drop_child(parent, spot.leaf, -1);
        }
    }

    /// What a parent knows of a child, apart from the count.
    fn described(&self, child: Node, count: u64) -> Child {
        match child {
            Node::Leaf(number) => {
                let least = self.leaves.at(number).scores().first().copied().unwrap_or(0.0);
                Child { number, count, least, first: number }
            }
            Node::Inner(number) => {
                let inner = self.inners.at(number);
                Child { number, count, least: inner.leasts()[0], first: inner.first(0) }
            }
        }
    }

    fn parent(&self, node: Node) -> u32 {
        match node {
            Node::Leaf(number) => self.leaves.at(number).parent,
            Node::Inner(number) => self.inners.at(number).parent,
        }
    }

    fn set_parent(&mut self, node: Node, parent: u32) {
        match node {
            Node::Leaf(number) => self.leaves.at_mut(number).parent = parent,
            Node::Inner(number) => self.inners.at_mut(number).parent = parent,
        }
    }

    /// Tells all above a node that it has `grown` members more, and which its first one is.
    fn settle(&mut self, mut node: Node, grown: i64) {
        loop {
            let parent = self.parent(node);
            if parent == NONE {
                return;
            }
            let described = self.described(node, 0);
            let inner = self.inners.at_mut(parent);
            let at = inner.find(node.number());
            let count = inner.counts()[at].wrapping_add_signed(grown);
            inner.set(at, Child { count, ..described });
            node = Node::Inner(parent);
        }
    }

    /// Makes room by moving what a leaf holds from `at` on into a new one behind it, whose number is returned.
    pub(super) fn split(&mut self, number: u32, at: usize) -> u32 {
        let mut upper = self.change_leaf(number, |leaf| leaf.split_off(at));
        let lower = self.leaves.at(number);
        let (next, moved) = (lower.next, upper.len() as u64);
        (upper.previous, upper.next) = (number, next);
        self.leaf_bytes += upper.heap_bytes();
        let new = self.leaves.add(Arc::new(upper));
        self.leaves.at_mut(number).next = new;
        if next != NONE {
            self.leaves.at_mut(next).previous = new;
        }
        self.add_sibling(Node::Leaf(number), Node::Leaf(new), moved);
        new
    }

    /// Puts a new node behind a node that gave `moved` members to it. Splits full nodes on the way up.
    fn add_sibling(&mut self, node: Node, new: Node, moved: u64) {
        let mut parent = self.parent(node);
        if parent == NONE {
            parent = self.add_root(node, moved);
        }
        if self.inners.at(parent).is_full() {
            self.split_inner(parent);
            parent = self.parent(node);
        }
        let child = self.described(new, moved);
        let inner = self.inners.at_mut(parent);
        let at = inner.find(node.number());
        let mut lower = inner.child(at);
        lower.count -= moved;
        inner.set(at, lower);
        inner.insert(at + 1, child);
        self.set_parent(new, parent);
    }

    /// Puts a root above the root, which holds what is below it and `moved` members.
    fn add_root(&mut self, node: Node, moved: u64) -> u32 {
        let count = match node {
            Node::Leaf(number) => self.leaves.at(number).len() as u64,
            Node::Inner(number) => self.inners.at(number).counts().iter().sum(),
        };
        let child = self.described(node, count + moved);
        let mut root = Inner::new(matches!(node, Node::Leaf(_)));
        root.insert(0, child);
        let number = self.inners.add(Arc::new(root));
        self.set_parent(node, number);
        self.root = Node::Inner(number);
        number
    }

    fn split_inner(&mut self, number: u32) {
        let upper = self.inners.at_mut(number).split_off(CHILDREN_MAX / 2);
        let moved = upper.counts().iter().sum();
        let new = self.inners.add(Arc::new(upper));
        self.adopt(new, 0);
        self.add_sibling(Node::Inner(number), Node::Inner(new), moved);
    }

    /// Tells the children of an inner node, from `from` on, that it is their parent.
    fn adopt(&mut self, number: u32, from: usize) {
        for at in from..self.inners.at(number).len() {
            let child = self.inners.at(number).node(at);
            self.set_parent(child, number);
        }
    }

    /// The leaf behind or before a small one with which it may be put together; the lower one first.
    pub(super) fn mergeable(&self, number: u32) -> Option<(u32, u32)> {
        let leaf = self.leaves.at(number);
        if leaf.len() >= MEMBERS_MIN || leaf.parent == NONE {
            return None;
        }
        let siblings = self.inners.at(leaf.parent);
        let at = siblings.find(number);
        let pairs = [(at.checked_sub(1), Some(at)), (Some(at), Some(at + 1))];
        let mut pairs = pairs.into_iter().filter_map(|(lower, upper)| lower.zip(upper));
        let (lower, _) = pairs.find(|&(lower, upper)| {
            upper < siblings.len()
                && siblings.counts()[lower] + siblings.counts()[upper] <= MEMBERS_MERGED_MAX as u64
        })?;
        Some((siblings.child(lower).number, siblings.child(lower + 1).number))
    }

    /// Moves what the upper one of two neighbours holds to the lower one.
    pub(super) fn merge(&mut self, lower: u32, upper: u32) {
        let parent = self.leaves.at(upper).parent;
        let moved = self.unlink(upper);
        self.change_leaf(lower, |leaf| leaf.append(&moved, 0));
        let inner = self.inners.at_mut(parent);
        let at = inner.find(lower);
        let child = inner.child(at);
        inner.set(at, Child { count: child.count + moved.len() as u64, ..child });
        self.drop_child(parent, upper, 0);
    }

    /// Takes a leaf out of the chain of leaves.
    fn unlink(&mut self, number: u32) -> Arc<Leaf> {
        let leaf = self.leaves.remove(number);
        self.leaf_bytes -= leaf.heap_bytes();
        if leaf.previous != NONE {
            self.leaves.at_mut(leaf.previous).next = leaf.next;
        }
        if leaf.next != NONE {
            self.leaves.at_mut(leaf.next).previous = leaf.previous;
        }
        leaf
    }

    /// Takes a child out of an inner node, which goes too where it was the last one; all above has `grown` members more.
    fn drop_child(&mut self, mut parent: u32, mut child: u32, grown: i64) {
        loop {
            let inner = self.inners.at_mut(parent);
            let at = inner.find(child);
            inner.remove(at);
            if inner.len() > 0 {
                break;
            }
            child = parent;
            parent = self.inners.remove(child).parent;
        }
        self.settle(Node::Inner(parent), grown);
        self.merge_inner(parent);
        self.lower_root();
    }

    /// Puts an inner node that has become small together with a neighbour below the same parent.
    fn merge_inner(&mut self, number: u32) {
        let inner = self.inners.at(number);
        if inner.len() >= CHILDREN_MIN || inner.parent == NONE {
            return;
        }
        let parent = inner.parent;
        let siblings = self.inners.at(parent);
        let at = siblings.find(number);
        let fits = |lower: usize| {
            let len = |at: usize| self.inners.at(siblings.child(at).number).len();
            lower + 1 < siblings.len() && len(lower) + len(lower + 1) <= CHILDREN_MERGED_MAX
        };
        let Some(at) = at.checked_sub(1).into_iter().chain([at]).find(|&lower| fits(lower)) else {
            return;
        };
        let (lower, upper) = (siblings.child(at), siblings.child(at + 1));
        let moved = self.inners.remove(upper.number);
        let kept = self.inners.at_mut(lower.number);
        let from = kept.len();
        kept.append(&moved, 0);
        self.adopt(lower.number, from);
        let siblings = self.inners.at_mut(parent);
        siblings.set(at, Child { count: lower.count + upper.count, ..lower });
        self.drop_child(parent, upper.number, 0);
    }

    /// A root with one child makes that the root.
    fn lower_root(&mut self) {
        while let Node::Inner(number) = self.root {
            let inner = self.inners.at(number);
            if inner.len() > 1 {
                return;
            }
            let child = inner.node(0);
            self.inners.remove(number);
            self.set_parent(child, NONE);
            self.root = child;
        }
    }

    #[cfg(test)]
    pub(super) fn check(&self) -> u64 {
        let mut leaves = Vec::new();
        let len = self.check_node(self.root, NONE, &mut leaves);
        for pair in leaves.windows(2) {
            assert_eq!(self.leaves.at(pair[0]).next, pair[1]);
            assert_eq!(self.leaves.at(pair[1]).previous, pair[0]);
        }
        assert_eq!(self.leaves.len(), leaves.len());
        let leaf_bytes: usize = self.leaves.iter().map(Leaf::heap_bytes).sum();
        let long_bytes: usize = self.long.iter().map(<[u8]>::len).sum();
        assert_eq!((leaf_bytes, long_bytes), (self.leaf_bytes, self.long_bytes));
        len
    }

    #[cfg(test)]
    fn check_node(&self, node: Node, parent: u32, leaves: &mut Vec<u32>) -> u64 {
        assert_eq!(self.parent(node), parent);
        match node {
            Node::Leaf(number) => {
                leaves.push(number);
                self.leaves.at(number).len() as u64
            }
            Node::Inner(number) => {
                let inner = self.inners.at(number);
                assert!(inner.len() > 0);
                for at in 0..inner.len() {
                    let count = self.check_node(inner.node(at), number, leaves);
                    let (own, child) = (inner.child(at), self.described(inner.node(at), count));
                    assert_eq!((own.count, own.first), (count, child.first));
                    assert_eq!(own.least.to_bits(), child.least.to_bits());
                }
                inner.counts().iter().sum()
            }
        }
    }
}

/// The place of the first score for which `is_before` no longer holds.
#[inline]
fn first_not(scores: &[f64], is_before: impl Fn(usize, f64) -> bool) -> usize {
    let (mut low, mut high) = (0, scores.len());
    while low < high {
        let middle = low.midpoint(high);
        if is_before(middle, scores[middle]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
