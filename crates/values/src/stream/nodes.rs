//! The nodes of a log in the order of their ids, in chunks. They come at the end, go anywhere, and are found by their ids.
//!
//! A clone shares the chunks. Who changes a node of a chunk that others hold copies the row of its nodes, which are shared then, and that node.

use super::StreamId;
use super::node::Node;
use collections::Held;
use std::collections::VecDeque;

/// How many nodes a chunk has at most. Fewer in tests, whose streams are short.
const CHUNK_NODES_MAX: usize = if cfg!(test) { 4 } else { 64 };

/// Nodes by the ids that their first entries had.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    /// None is empty.
    chunks: VecDeque<Chunk>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Chunk {
    /// The id of the first node.
    first: StreamId,
    nodes: Held<VecDeque<(StreamId, Node)>>,
}

/// Where a node stands. Any change of the row of nodes makes it stale.
#[derive(Clone, Copy)]
pub(super) struct Place {
    chunk: usize,
    index: usize,
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The memory of the row of nodes, without what they own.
    pub(super) fn heap_bytes(&self) -> usize {
        // All but the last were filled.
        let last = self.chunks.back().map_or(0, |chunk| chunk.nodes.capacity());
        let places = self.chunks.len().saturating_sub(1) * CHUNK_NODES_MAX + last;
        places * size_of::<(StreamId, Node)>() + self.chunks.capacity() * size_of::<Chunk>()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (StreamId, &Node)> + Clone {
        self.chunks.iter().flat_map(|chunk| chunk.nodes.iter().map(|(id, node)| (*id, node)))
    }

    /// The place of the first node.
    pub(super) fn first(&self) -> Option<Place> {
        (self.len > 0).then_some(Place { chunk: 0, index: 0 })
    }

    /// The place of the last node.
    pub(super) fn last(&self) -> Option<Place> {
        let chunk = self.chunks.len().checked_sub(1)?;
        Some(Place { chunk, index: self.chunks[chunk].nodes.len() - 1 })
    }

    /// The place of the last node whose id is not above this one: of the node in which an entry of this id stands.
    pub(super) fn holder(&self, id: StreamId) -> Option<Place> {
        let chunk = self.chunks.partition_point(|chunk| chunk.first <= id).checked_sub(1)?;
        let nodes = &self.chunks[chunk].nodes;
        let index = nodes.partition_point(|(own, _)| *own <= id).checked_sub(1)?;
        Some(Place { chunk, index })
    }

    pub(super) fn following(&self, Place { chunk, index }: Place) -> Option<Place> {
        if index + 1 < self.chunks[chunk].nodes.len() {
            return Some(Place { chunk, index: index + 1 });
        }
        (chunk + 1 < self.chunks.len()).then_some(Place { chunk: chunk + 1, index: 0 })
    }

    pub(super) fn preceding(&self, Place { chunk, index }: Place) -> Option<Place> {
        if let Some(index) = index.checked_sub(1) {
            return Some(Place { chunk, index });
        }
        let chunk = chunk.checked_sub(1)?;
        Some(Place { chunk, index: self.chunks[chunk].nodes.len() - 1 })
    }

    pub(super) fn at(&self, place: Place) -> (StreamId, &Node) {
        let (id, node) = &self.chunks[place.chunk].nodes[place.index];
        (*id, node)
    }

    /// A node to be changed, with its id.
    pub(super) fn at_mut(&mut self, place: Place) -> (StreamId, &mut Node) {
        let (id, node) = &mut self.chunks[place.chunk].nodes.make_mut()[place.index];
        (*id, node)
    }

    /// Puts a node behind the last, whose id is below that of this one.
    pub(super) fn push(&mut self, id: StreamId, node: Node) {
        match self.chunks.back_mut().filter(|chunk| chunk.nodes.len() < CHUNK_NODES_MAX) {
            Some(chunk) => chunk.nodes.make_mut().push_back((id, node)),
            None => {
                let nodes = VecDeque::from([(id, node)]).into();
                self.chunks.push_back(Chunk { first: id, nodes });
            }
        }
        self.len += 1;
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Node> {
        let chunk = &mut self.chunks[place.chunk];
        let (_, node) = chunk.nodes.make_mut().remove(place.index)?;
        self.len -= 1;
        match chunk.nodes.front() {
            Some((first, _)) => chunk.first = *first,
            None => drop(self.chunks.remove(place.chunk)),
        }
        Some(node)
    }
}
