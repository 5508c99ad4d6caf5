//! The table of known nodes: indexed for the machine's own use, ordered by id for everyone else.
//!
//! *Invariants*: 1. `by_id` and the entries name the same nodes. 2. Entry 0 is this node, always.
//! 3. An index stays valid until its node is removed; the machine forgets it everywhere at that moment.

use crate::limits::NODES_MAX;
use crate::node::Node;
use base::{NodeId, Rng};
use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

/// The place of a node in the table. Also what the slot table and the routing view hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct NodeIndex(pub(crate) u16);

/// This node's own place.
pub(crate) const MYSELF: NodeIndex = NodeIndex(0);

/// All nodes that this node knows, itself included.
#[derive(Clone, Debug)]
pub(crate) struct NodeTable {
    entries: Vec<Option<Node>>,
    vacant: Vec<NodeIndex>,
    by_id: BTreeMap<NodeId, NodeIndex>,
}

impl NodeTable {
    pub(crate) fn new(myself: Node) -> NodeTable {
        let by_id = BTreeMap::from([(myself.id, MYSELF)]);
        NodeTable { entries: vec![Some(myself)], vacant: Vec::new(), by_id }
    }

    /// Adds a node whose id is new; `None` when the table is full.
    pub(crate) fn add(&mut self, node: Node) -> Option<NodeIndex> {
        if self.by_id.len() >= NODES_MAX || self.by_id.contains_key(&node.id) {
            return None;
        }
        let id = node.id;
        let index = match self.vacant.pop() {
            Some(index) => {
                self.entries[usize::from(index.0)] = Some(node);
                index
            }
            None => {
                self.entries.push(Some(node));
                NodeIndex((self.entries.len() - 1) as u16)
            }
        };
        self.by_id.insert(id, index);
        Some(index)
    }

    /// Takes a node out.
    pub(crate) fn remove(&mut self, index: NodeIndex) -> Node {
        debug_assert_ne!(index, MYSELF, "this node is always in its own table");
        let node = self.entries[usize::from(index.0)].take().expect("a bound index names a node");
        self.by_id.remove(&node.id);
        self.vacant.push(index);
        node
    }

    /// Gives a node its real id.
    pub(crate) fn rename(&mut self, index: NodeIndex, id: NodeId) {
        let old = self[index].id;
        self.by_id.remove(&old);
        self.by_id.insert(id, index);
        self[index].id = id;
    }

    pub(crate) fn find(&self, id: &NodeId) -> Option<NodeIndex> {
        self.by_id.get(id).copied()
    }

    /// How many nodes are known, handshakes and this node included.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The node at `index`, if that place is taken.
    pub(crate) fn at(&self, index: NodeIndex) -> Option<&Node> {
        self.entries.get(usize::from(index.0))?.as_ref()
    }

    /// One past the greatest index in use.
    pub(crate) fn index_end(&self) -> u16 {
        self.entries.len() as u16
    }

    /// All nodes in the order of the table.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeIndex, &Node)> {
        self.entries
            .iter()
            .enumerate()
            .filter_map(|(index, node)| Some((NodeIndex(index as u16), node.as_ref()?)))
    }

    /// All nodes, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (NodeIndex, &mut Node)> {
        self.entries
            .iter_mut()
            .enumerate()
            .filter_map(|(index, node)| Some((NodeIndex(index as u16), node.as_mut()?)))
    }

    /// All nodes in the order of their ids.
    pub(crate) fn by_id(&self) -> impl Iterator<Item = (NodeIndex, &Node)> {
        self.by_id.values().map(|&index| (index, &self[index]))
    }

    /// A random place; it may be vacant, or this node's own.
    pub(crate) fn sample(&self, rng: &mut Rng) -> NodeIndex {
        NodeIndex(rng.below(self.entries.len() as u64) as u16)
    }
}

impl Index<NodeIndex> for NodeTable {
    type Output = Node;
    fn index(&self, index: NodeIndex) -> &Node {
        self.entries[usize::from(index.0)].as_ref().expect("a bound index names a node")
    }
}

impl IndexMut<NodeIndex> for NodeTable {
    fn index_mut(&mut self, index: NodeIndex) -> &mut Node {
        self.entries[usize::from(index.0)].as_mut().expect("a bound index names a node")
    }
}
