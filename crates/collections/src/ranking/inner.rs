//! An inner node: up to 32 children, how many members are below each, and where the first of them stands.

use super::leaf::NONE;

/// How many children an inner node has at most.
pub(super) const CHILDREN_MAX: usize = 32;

/// A node of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Node {
    Leaf(u32),
    Inner(u32),
}

impl Node {
    pub(super) fn number(self) -> u32 {
        match self {
            Node::Leaf(number) | Node::Inner(number) => number,
        }
    }
}

/// What an inner node knows of a child.
#[derive(Clone, Copy)]
pub(super) struct Child {
    pub(super) number: u32,
    /// How many members are below it.
    pub(super) count: u64,
    /// The score of the first of them.
    pub(super) least: f64,
    /// The leaf in which that stands.
    pub(super) first: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Inner {
    numbers: [u32; CHILDREN_MAX],
    counts: [u64; CHILDREN_MAX],
    leasts: [f64; CHILDREN_MAX],
    firsts: [u32; CHILDREN_MAX],
    len: u8,
    /// Whether the children are leaves.
    is_above_leaves: bool,
    pub(super) parent: u32,
}

impl Inner {
    pub(super) const fn new(is_above_leaves: bool) -> Inner {
        Inner {
            numbers: [0; CHILDREN_MAX],
            counts: [0; CHILDREN_MAX],
            leasts: [0.0; CHILDREN_MAX],
            firsts: [0; CHILDREN_MAX],
            len: 0,
            is_above_leaves,
            parent: NONE,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == CHILDREN_MAX
    }

    #[inline]
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts[..self.len()]
    }

    #[inline]
    pub(super) fn leasts(&self) -> &[f64] {
        &self.leasts[..self.len()]
    }

    #[inline]
    pub(super) fn first(&self, at: usize) -> u32 {
        self.firsts[at]
    }

    #[inline]
    pub(super) fn node(&self, at: usize) -> Node {
        let number = self.numbers[at];
        if self.is_above_leaves { Node::Leaf(number) } else { Node::Inner(number) }
    }

    /// Where a child stands.
    #[inline]
    pub(super) fn find(&self, number: u32) -> usize {
        let mut numbers = self.numbers[..self.len()].iter();
        numbers.position(|&own| own == number).expect("a child stands in its parent")
    }

    pub(super) fn child(&self, at: usize) -> Child {
        Child {
            number: self.numbers[at],
            count: self.counts[at],
            least: self.leasts[at],
            first: self.firsts[at],
        }
    }

    pub(super) fn set(&mut self, at: usize, child: Child) {
        self.numbers[at] = child.number;
        self.counts[at] = child.count;
        self.leasts[at] = child.least;
        self.firsts[at] = child.first;
    }

    pub(super) fn insert(&mut self, at: usize, child: Child) {
        let len = self.len();
        self.numbers.copy_within(at..len, at + 1);
        self.counts.copy_within(at..len, at + 1);
        self.leasts.copy_within(at..len, at + 1);
        self.firsts.copy_within(at..len, at + 1);
        self.len += 1;
        self.set(at, child);
    }

    pub(super) fn remove(&mut self, at: usize) {
        let len = self.len();
        self.numbers.copy_within(at + 1..len, at);
        self.counts.copy_within(at + 1..len, at);
        self.leasts.copy_within(at + 1..len, at);
        self.firsts.copy_within(at + 1..len, at);
        self.len -= 1;
    }

    /// Takes the children from `at` on into a node of their own.
    pub(super) fn split_off(&mut self, at: usize) -> Inner {
        let mut upper = Inner::new(self.is_above_leaves);
        upper.append(self, at);
        self.len = at as u8;
        upper
    }

    /// Adds the children of `other` from `from` on.
    pub(super) fn append(&mut self, other: &Inner, from: usize) {
        for at in from..other.len() {
            self.insert(self.len(), other.child(at));
        }
    }
}
