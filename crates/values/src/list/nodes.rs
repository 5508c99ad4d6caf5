//! A large list: nodes of many elements, in blocks of many nodes.
//!
//! ```text
//! Nodes ── Block (elements: n) ── Node: some KiB
//!      │                      └─ Node ...
//!      └── Block ...
//! ```
//!
//! # Design
//!
//! Redis chains its nodes and walks the chain to an index. Here nodes stand in blocks that know how many elements they hold: a list of ten million small
//! elements has some two hundred blocks, so that an element in its middle is some hundred additions away, and what is put in there moves
//! half a block of nodes at most.
//!
//! A clone shares the blocks. Who changes a node of a block that others hold copies the row of its nodes, which are shared then, and that node.
//!
//! # Invariants
//!
//! 1. No node and no block is empty.
//! 2. `elements` of a block is the sum over its nodes, `len` that over all blocks, `heap_bytes` that of all nodes' memory.

use super::element::Element;
use super::node::Node;
use crate::Rules;
use collections::{Held, Listpack};
use std::collections::VecDeque;

/// How many nodes a block holds before it becomes two.
const BLOCK_NODES_MAX: usize = 128;

/// How large a node may become.
#[derive(Clone, Copy)]
pub(super) struct NodeLimit {
    bytes: usize,
    elements: usize,
    /// A node of one element that is larger takes no other.
    alone: usize,
}

/// The bytes beyond which a node that is limited by its elements takes no more.
const SAFE_BYTES: usize = 8192;

impl NodeLimit {
    /// The limit that `list-max-listpack-size` means: so many elements where positive, 4, 8, 16, 32 or 64 KiB where negative.
    pub(super) fn new(rules: &Rules) -> NodeLimit {
        let (size, alone) = (rules.list_node_size, rules.list_alone_bytes);
        if size >= 0 {
            return NodeLimit { bytes: SAFE_BYTES, elements: size.max(1) as usize, alone };
        }
        let step = size.unsigned_abs().min(5) - 1;
        NodeLimit { bytes: 4096 << step, elements: usize::MAX, alone }
    }

    /// Whether a listpack of this size is beyond it.
    pub(super) fn is_exceeded(self, bytes: usize, elements: usize) -> bool {
        bytes > self.bytes || elements > self.elements
    }

    /// Half of it: what a list that shrinks has to be below to be one listpack again.
    pub(super) fn half(self) -> NodeLimit {
        let bytes = if self.elements == usize::MAX { self.bytes / 2 } else { usize::MAX };
        NodeLimit { bytes, elements: self.elements / 2, alone: self.alone }
    }

    /// Whether this node of one element takes no other.
    fn is_alone(self, node: &Node) -> bool {
        let bytes = node.plain_bytes();
        node.len() == 1 && (bytes > self.alone || self.is_exceeded(bytes, 1))
    }

    /// Whether an element takes a node of its own, whatever room others have.
    fn stands_alone(self, element: &[u8]) -> bool {
        Listpack::EMPTY_BYTES + Listpack::item_bytes(element) > self.alone
    }

    /// Whether a node has room for one element more.
    fn admits(self, node: &Node, element: &[u8]) -> bool {
        !self.is_exceeded(node.plain_bytes() + Listpack::item_bytes(element), node.len() + 1)
            && !self.is_alone(node)
            && !self.stands_alone(element)
    }
}

#[derive(Clone, Default)]
struct Block {
    nodes: Held<VecDeque<Node>>,
    elements: usize,
}

/// A large list.
#[derive(Clone, Default)]
pub(super) struct Nodes {
    blocks: VecDeque<Block>,
    len: usize,
    node_bytes: usize,
}

/// Where an element stands.
#[derive(Clone, Copy)]
struct Place {
    block: usize,
    node: usize,
    /// The number of the element in its node.
    index: usize,
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let per_block = size_of::<Block>() + BLOCK_NODES_MAX / 2 * size_of::<Node>();
        self.node_bytes + self.blocks.capacity() * per_block
    }

    pub(super) fn node_count(&self) -> usize {
        self.blocks.iter().map(|block| block.nodes.len()).sum()
    }

    /// All nodes, in their order.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.blocks.iter().flat_map(|block| &*block.nodes)
    }

    /// The last node is full and grows no more.
    pub(super) fn close_last(&mut self) {
        if let Some(node) =
            self.blocks.back_mut().and_then(|block| block.nodes.make_mut().back_mut())
        {
            let before = node.heap_bytes();
            node.close();
            self.node_bytes = self.node_bytes + node.heap_bytes() - before;
        }
    }

    /// The only node, where there is only one.
    pub(super) fn only_node(&self) -> Option<&Node> {
        match (self.blocks.len(), self.blocks.front()) {
            (1, Some(block)) if block.nodes.len() == 1 => block.nodes.front(),
            _ => None,
        }
    }

    /// Adds a node behind the last.
    pub(super) fn push_node(&mut self, node: Node) {
        let elements = node.len();
        self.len += elements;
        self.node_bytes += node.heap_bytes();
        match self.blocks.back_mut().filter(|block| block.nodes.len() < BLOCK_NODES_MAX) {
            Some(block) => {
                block.nodes.make_mut().push_back(node);
                block.elements += elements;
            }
            None => self.blocks.push_back(Block { nodes: VecDeque::from([node]).into(), elements }),
        }
    }

    pub(super) fn push_back(&mut self, element: &[u8], limit: NodeLimit) {
        if let Some(block) = self.blocks.back_mut()
            && let Some(node) = block.nodes.make_mut().back_mut()
        {
            let before = node.heap_bytes();
            if limit.admits(node, element) {
                node.push_back(element);
                block.elements += 1;
                self.len += 1;
                self.node_bytes = self.node_bytes + node.heap_bytes() - before;
                return;
            }
            // It is full, and grows no more at this end.
            node.close();
            self.node_bytes = self.node_bytes + node.heap_bytes() - before;
        }
        self.push_node(Node::single(element));
    }

    pub(super) fn push_front(&mut self, element: &[u8], limit: NodeLimit) {
        if let Some(block) = self.blocks.front_mut()
            && let Some(node) = block.nodes.make_mut().front_mut()
        {
            let before = node.heap_bytes();
            if limit.admits(node, element) {
                node.push_front(element);
                block.elements += 1;
                self.len += 1;
                self.node_bytes = self.node_bytes + node.heap_bytes() - before;
                return;
            }
            node.close();
            self.node_bytes = self.node_bytes + node.heap_bytes() - before;
        }
        let node = Node::single(element);
        self.len += 1;
        self.node_bytes += node.heap_bytes();
        match self.blocks.front_mut().filter(|block| block.nodes.len() < BLOCK_NODES_MAX) {
            Some(block) => {
                block.nodes.make_mut().push_front(node);
                block.elements += 1;
            }
            None => {
                self.blocks.push_front(Block { nodes: VecDeque::from([node]).into(), elements: 1 });
            }
        }
    }

    /// The element of this number.
    pub(super) fn get(&self, index: usize) -> Option<Element<'_>> {
        let place = self.place(index)?;
        self.blocks[place.block].nodes[place.node].get(place.index)
    }

    /// The elements from one on, forwards.
    pub(super) fn iter_from(&self, index: usize) -> impl Iterator<Item = Element<'_>> {
        self.place(index).into_iter().flat_map(move |place| {
            let first = &self.blocks[place.block].nodes[place.node];
            let rest =
                self.blocks.range(place.block..).enumerate().flat_map(move |(number, block)| {
                    let skip = if number == 0 { place.node + 1 } else { 0 };
                    block.nodes.range(skip..)
                });
            first.iter_from(place.index).chain(rest.flat_map(Node::iter))
        })
    }

    /// The elements from one on, backwards.
    pub(super) fn iter_back_from(&self, index: usize) -> impl Iterator<Item = Element<'_>> {
        self.place(index).into_iter().flat_map(move |place| {
            let first = &self.blocks[place.block].nodes[place.node];
            let behind = first.len() - 1 - place.index;
            let rest = (0..=place.block).rev().flat_map(move |number| {
                let nodes = &self.blocks[number].nodes;
                let end = if number == place.block { place.node } else { nodes.len() };
                nodes.range(..end).rev()
            });
            let own = first.iter().rev().skip(behind);
            own.chain(rest.flat_map(|node| node.iter().rev()))
        })
    }

    /// Puts an element in the place of another.
    pub(super) fn set(&mut self, index: usize, element: &[u8], limit: NodeLimit) {
        let Some(place) = self.place(index) else { return };
        let node = &self.blocks[place.block].nodes[place.node];
        let bytes = node.plain_bytes() + Listpack::item_bytes(element);
        // What was too large to stand with others may become small: then it goes to the node behind it, if that has room.
        let moves = limit.is_alone(node)
            || limit.is_exceeded(bytes, node.len())
            || limit.stands_alone(element);
        if !moves || self.len == 1 {
            self.change_node(place, |node| node.replace(place.index, element));
        } else {
            self.remove(index, 1);
            self.insert(index, element, limit);
        }
    }

    /// Puts an element before the one of this number, or at the end.
    pub(super) fn insert(&mut self, index: usize, element: &[u8], limit: NodeLimit) {
        if index >= self.len {
            return self.push_back(element, limit);
        }
        if index == 0 {
            return self.push_front(element, limit);
        }
        let Some(place) = self.place(index) else { return };
        if limit.admits(&self.blocks[place.block].nodes[place.node], element) {
            self.change_node(place, |node| node.insert(place.index, element));
            return;
        }
        // The node becomes two; the element goes to the end of the first, the start of the second, or between them.
        let block = &mut self.blocks[place.block];
        let Some(mut right) = block.nodes.make_mut().remove(place.node) else { return };
        self.node_bytes -= right.heap_bytes();
        let mut pieces = Vec::with_capacity(3);
        if place.index > 0 {
            let tail = right.split_off(place.index);
            pieces.push(std::mem::replace(&mut right, tail));
        }
        match pieces.last_mut() {
            Some(left) if limit.admits(left, element) => left.push_back(element),
            Some(_) if limit.admits(&right, element) => right.push_front(element),
            Some(_) | None => pieces.push(Node::single(element)),
        }
        pieces.push(right);
        for (offset, mut piece) in pieces.into_iter().enumerate() {
            piece.shrink_to_fit();
            self.node_bytes += piece.heap_bytes();
            block.nodes.make_mut().insert(place.node + offset, piece);
        }
        block.elements += 1;
        self.len += 1;
        self.divide(place.block);
    }

    /// Takes out `count` elements from one on.
    pub(super) fn remove(&mut self, index: usize, count: usize) {
        let mut left = count.min(self.len.saturating_sub(index));
        while left > 0 {
            let Some(place) = self.place(index) else { return };
            let whole_block = place.node == 0 && place.index == 0;
            if whole_block && self.blocks[place.block].elements <= left {
                if let Some(block) = self.blocks.remove(place.block) {
                    left -= block.elements;
                    self.len -= block.elements;
                    self.node_bytes -= block.nodes.iter().map(Node::heap_bytes).sum::<usize>();
                }
                continue;
            }
            let block = &mut self.blocks[place.block];
            let node = &mut block.nodes.make_mut()[place.node];
            let (elements, bytes) = (node.len(), node.heap_bytes());
            let removed = left.min(elements - place.index);
            if removed == elements {
                block.nodes.make_mut().remove(place.node);
                self.node_bytes -= bytes;
            } else {
                node.remove(place.index, removed);
                self.node_bytes = self.node_bytes + node.heap_bytes() - bytes;
            }
            block.elements -= removed;
            self.len -= removed;
            left -= removed;
            if block.nodes.is_empty() {
                self.blocks.remove(place.block);
            }
        }
    }

    /// Where the element of this number stands; counted from the nearer end.
    fn place(&self, index: usize) -> Option<Place> {
        if index >= self.len {
            return None;
        }
        let (block, rest) =
            seek(self.blocks.len(), |at| self.blocks[at].elements, self.len, index)?;
        let nodes = &self.blocks[block].nodes;
        let elements = self.blocks[block].elements;
        let (node, index) = seek(nodes.len(), |at| nodes[at].len(), elements, rest)?;
        Some(Place { block, node, index })
    }

    /// Changes one element of a node, or the number of its elements by at most one.
    fn change_node(&mut self, place: Place, change: impl FnOnce(&mut Node)) {
        let block = &mut self.blocks[place.block];
        let node = &mut block.nodes.make_mut()[place.node];
        let (elements, bytes) = (node.len(), node.heap_bytes());
        change(node);
        block.elements = block.elements + node.len() - elements;
        self.len = self.len + node.len() - elements;
        self.node_bytes = self.node_bytes + node.heap_bytes() - bytes;
    }

    /// Makes two blocks of one that has become too large.
    fn divide(&mut self, block: usize) {
        let old = &mut self.blocks[block];
        if old.nodes.len() <= BLOCK_NODES_MAX {
            return;
        }
        let half = old.nodes.len() / 2;
        let nodes = old.nodes.make_mut().split_off(half);
        let elements = nodes.iter().map(Node::len).sum();
        old.elements -= elements;
        self.blocks.insert(block + 1, Block { nodes: nodes.into(), elements });
    }
}

/// In a row of `parts` parts with `total` elements, which part holds element `index`, and its number there.
fn seek(
    parts: usize,
    elements: impl Fn(usize) -> usize,
    total: usize,
    index: usize,
) -> Option<(usize, usize)> {
    if index < total / 2 {
        let mut rest = index;
        for part in 0..parts {
            let own = elements(part);
            if rest < own {
                return Some((part, rest));
            }
            rest -= own;
        }
        return None;
    }
    let mut behind = total - 1 - index;
    for part in (0..parts).rev() {
        let own = elements(part);
        if behind < own {
            return Some((part, own - 1 - behind));
        }
        behind -= own;
    }
    None
}

#[cfg(test)]
impl Nodes {
    /// Checks the invariants.
    pub(super) fn check(&self) {
        for node in self.nodes() {
            assert!(node.len() > 0, "no node is empty");
            assert_eq!(node.plain_bytes(), node.to_listpack().bytes().len());
        }
        for block in &self.blocks {
            assert_eq!(block.elements, block.nodes.iter().map(Node::len).sum());
        }
        assert_eq!(self.len, self.nodes().map(Node::len).sum());
        assert_eq!(self.node_bytes, self.nodes().map(Node::heap_bytes).sum());
    }
}
