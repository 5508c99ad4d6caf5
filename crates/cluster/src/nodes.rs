//! The table of known nodes: indexed for the machine's own use, ordered by id for everyone else.
//!
//! *Invariants*: 1. The id index and the entries name the same nodes. 2. Entry 0 is this node, always.
//! 3. An index stays valid until its node is removed; the machine forgets it everywhere at that moment.
//!
//! *Design*: a heartbeat in a large cluster names a hundred nodes, and each has to be found. An ordered map
//! costs a dozen cache misses for each, so ids are found by open addressing, and put in order when a report
//! asks for it. The hash is keyed, so that nobody can choose ids that collide.

use crate::limits::NODES_MAX;
use crate::node::Node;
use base::{NODE_ID_BYTES, NodeId, Rng};
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
    ids: IdIndex,
}

/// Stands for an empty place of the id index.
const EMPTY: u16 = u16::MAX;

/// Finds the place of an id: open addressing, at most half full.
#[derive(Clone, Debug)]
struct IdIndex {
    places: Vec<u16>,
    taken: usize,
    key: u64,
}

impl IdIndex {
    fn new(key: u64) -> IdIndex {
        IdIndex { places: vec![EMPTY; 16], taken: 0, key }
    }

    /// The place where the search for an id begins.
    fn start(&self, id: &[u8; NODE_ID_BYTES]) -> usize {
        let (words, _) = id.as_chunks::<8>();
        let hash = words.iter().fold(self.key, |hash, word| {
            (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31)
        });
        hash as usize & (self.places.len() - 1)
    }

    fn find(&self, id: &[u8; NODE_ID_BYTES], entries: &[Option<Node>]) -> Option<NodeIndex> {
        let mut place = self.start(id);
        loop {
            match self.places[place] {
                EMPTY => return None,
                index => {
                    if entries[usize::from(index)]
                        .as_ref()
                        .is_some_and(|node| node.id.as_bytes() == id)
                    {
                        return Some(NodeIndex(index));
                    }
                }
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }

    fn insert(&mut self, id: &NodeId, index: NodeIndex) {
        let mut place = self.start(id.as_bytes());
        while self.places[place] != EMPTY {
            place = (place + 1) & (self.places.len() - 1);
        }
        self.places[place] = index.0;
        self.taken += 1;
    }

    /// Builds the index anew. Nodes go and change their ids seldom.
    fn rebuild(&mut self, entries: &[Option<Node>]) {
        let count = entries.iter().flatten().count();
        self.places = vec![EMPTY; (2 * count + 2).next_power_of_two().max(16)];
        self.taken = 0;
        for (index, node) in entries.iter().enumerate() {
            if let Some(node) = node {
                self.insert(&node.id, NodeIndex(index as u16));
            }
        }
    }
}

impl NodeTable {
    pub(crate) fn new(myself: Node, rng: &mut Rng) -> NodeTable {
        let mut table = NodeTable {
            entries: vec![Some(myself)],
            vacant: Vec::new(),
            ids: IdIndex::new(rng.next_u64()),
        };
        table.ids.rebuild(&table.entries);
        table
    }

    /// Adds a node whose id is new; `None` when the table is full.
    pub(crate) fn add(&mut self, node: Node) -> Option<NodeIndex> {
        if self.len() >= NODES_MAX || self.find(&node.id).is_some() {
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
        if 2 * (self.ids.taken + 1) > self.ids.places.len() {
            self.ids.rebuild(&self.entries);
        } else {
            self.ids.insert(&id, index);
        }
        Some(index)
    }

    /// Takes a node out.
    pub(crate) fn remove(&mut self, index: NodeIndex) -> Node {
        debug_assert_ne!(index, MYSELF, "this node is always in its own table");
        let node = self.entries[usize::from(index.0)].take().expect("a bound index names a node");
        self.vacant.push(index);
        self.ids.rebuild(&self.entries);
        node
    }

    /// Gives a node its real id.
    pub(crate) fn rename(&mut self, index: NodeIndex, id: NodeId) {
        self[index].id = id;
        self.ids.rebuild(&self.entries);
    }

    pub(crate) fn find(&self, id: &NodeId) -> Option<NodeIndex> {
        self.find_bytes(id.as_bytes())
    }

    /// Finds a node by the bytes of its id.
    pub(crate) fn find_bytes(&self, id: &[u8; NODE_ID_BYTES]) -> Option<NodeIndex> {
        self.ids.find(id, &self.entries)
    }

    /// How many nodes are known, handshakes and this node included.
    pub(crate) fn len(&self) -> usize {
        self.ids.taken
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
        let mut nodes: Vec<(NodeIndex, &Node)> = self.iter().collect();
        nodes.sort_unstable_by_key(|(_, node)| node.id);
        nodes.into_iter()
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
