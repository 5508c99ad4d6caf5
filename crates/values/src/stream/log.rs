//! The entries of a stream: appending and deleting them, and what is remembered of those that are gone.

use super::StreamId;
use super::node::Node;
use super::nodes::{Nodes, Place};
use crate::StreamRules;
use collections::Listpack;

/// The largest node, and the most that the fields of an entry may take, in bytes.
const NODE_BYTES_MAX: usize = 1 << 30;

/// Which id an entry gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewId {
    /// The time, or where that is not above the last id, the one behind that; the time in milliseconds.
    Auto(u64),
    /// These milliseconds, and the number behind that of the last entry with them.
    AutoSequence(u64),
    /// This one.
    Exactly(StreamId),
}

/// Why an entry cannot be appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendError {
    /// The last id is the largest that there is.
    Exhausted,
    /// Its id is not above the last one.
    NotAbove,
    /// Its fields are too large.
    TooLarge,
}

/// The entries, and the counters about them.
#[derive(Clone, Debug, Default)]
pub struct Log {
    nodes: Nodes,
    /// What the nodes own.
    node_bytes: usize,
    length: u64,
    first_id: StreamId,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

impl PartialEq for Log {
    fn eq(&self, other: &Self) -> bool {
        let counters = |log: &Log| {
            (log.length, log.first_id, log.last_id, log.max_deleted_id, log.entries_added)
        };
        let all = |log: &'_ Log| (StreamId::MIN, log.last_id);
        let ((first, last), (other_first, other_last)) = (all(self), all(other));
        counters(self) == counters(other)
            && self.range(first, last).eq(other.range(other_first, other_last))
    }
}

impl Log {
    pub(super) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The id of the first entry; the smallest id where there is none.
    #[must_use]
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The highest id that an entry has had.
    #[must_use]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The highest id of those that were deleted (trimming does not count).
    #[must_use]
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// How many entries have ever been appended.
    #[must_use]
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// How many nodes there are.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes as they stand in a file: their ids and listpacks.
    pub fn node_listpacks(&self) -> impl Iterator<Item = (StreamId, Listpack)> {
        self.nodes.iter().map(|(id, node)| (id, node.listpack()))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.node_bytes + self.nodes.heap_bytes()
    }

    /// Appends an entry, and tells its id.
    ///
    /// # Errors
    ///
    /// Where it cannot be appended; then nothing was.
    pub fn append<'f>(
        &mut self,
        new_id: NewId,
        fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
        rules: StreamRules,
    ) -> Result<StreamId, AppendError> {
        if self.last_id == StreamId::MAX {
            return Err(AppendError::Exhausted);
        }
        let id = self.resolve(new_id)?;
        let field_bytes = fields.clone().map(|(name, value)| name.len() + value.len()).sum();
        if field_bytes > NODE_BYTES_MAX {
            return Err(AppendError::TooLarge);
        }
        self.push(id, field_bytes, fields, rules);
        self.length += 1;
        self.entries_added += 1;
        self.last_id = id;
        if self.length == 1 {
            self.first_id = id;
        }
        Ok(id)
    }

    fn resolve(&self, new_id: NewId) -> Result<StreamId, AppendError> {
        let last = self.last_id;
        let id = match new_id {
            NewId::Auto(now) if now > last.ms => StreamId::new(now, 0),
            NewId::Auto(_) => last.next().ok_or(AppendError::Exhausted)?,
            NewId::AutoSequence(ms) if ms == last.ms => {
                StreamId::new(ms, last.seq.checked_add(1).ok_or(AppendError::NotAbove)?)
            }
            NewId::AutoSequence(ms) => StreamId::new(ms, 0),
            NewId::Exactly(id) => id,
        };
        if id > last { Ok(id) } else { Err(AppendError::NotAbove) }
    }

    /// Puts an entry into the last node, or into a new one where that is full.
    fn push<'f>(
        &mut self,
        id: StreamId,
        field_bytes: usize,
        fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
        rules: StreamRules,
    ) {
        if let Some(last) = self.nodes.last() {
            let (base, node) = self.nodes.at_mut(last);
            let before = node.heap_bytes();
            if is_full(node, field_bytes, rules) {
                node.shrink();
                self.node_bytes -= before - node.heap_bytes();
            } else {
                node.push(id.offset_from(base), fields);
                self.node_bytes += node.heap_bytes() - before;
                return;
            }
        }
        let mut node = Node::new(fields.clone().map(|(name, _)| name));
        node.push((0, 0), fields);
        self.node_bytes += node.heap_bytes();
        self.nodes.push(id, node);
    }

    /// Puts a node behind the last; its entries are as if they had been appended, but for the counters.
    pub(super) fn add_node(&mut self, id: StreamId, mut node: Node) {
        node.shrink();
        self.node_bytes += node.heap_bytes();
        self.length += node.live();
        self.nodes.push(id, node);
    }

    /// Deletes an entry and remembers that; false where there is none of that id.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let is_deleted = self.remove(id);
        if is_deleted {
            self.max_deleted_id = self.max_deleted_id.max(id);
        }
        is_deleted
    }

    /// Removes an entry as trimming does.
    pub(super) fn remove(&mut self, id: StreamId) -> bool {
        let Some(place) = self.nodes.holder(id) else { return false };
        let (base, node) = self.nodes.at(place);
        let offset = id.offset_from(base);
        let master = node.master();
        let mut head = node.first(&master);
        while let Some(at) = head.filter(|head| head.offset != offset) {
            head = node.following(&master, &at);
        }
        let Some(head) = head.filter(|head| !head.is_deleted()) else { return false };
        if node.live() == 1 {
            self.remove_node(place);
        } else {
            let (_, node) = self.nodes.at_mut(place);
            let before = node.heap_bytes();
            node.mark_deleted(&head);
            node.count_deleted(1);
            let after = node.heap_bytes();
            self.node_bytes = self.node_bytes + after - before;
            self.length -= 1;
        }
        if id == self.first_id {
            self.find_first_id();
        }
        true
    }

    /// Removes a node with its entries.
    pub(super) fn remove_node(&mut self, place: Place) {
        if let Some(node) = self.nodes.remove(place) {
            self.node_bytes -= node.heap_bytes();
            self.length -= node.live();
        }
    }

    /// Marks entries of the first node as deleted, as many as `mark` tells that it has.
    pub(super) fn mark_in_first_node(&mut self, mark: impl FnOnce(StreamId, &mut Node) -> u64) {
        let Some(first) = self.nodes.first() else { return };
        let (base, node) = self.nodes.at_mut(first);
        let before = node.heap_bytes();
        let marked = mark(base, node);
        node.count_deleted(marked);
        self.node_bytes = self.node_bytes + node.heap_bytes() - before;
        self.length -= marked;
    }

    /// Looks again which entry is the first.
    pub(super) fn find_first_id(&mut self) {
        self.first_id = self.first().map_or(StreamId::MIN, |entry| entry.id);
    }

    /// Sets the last id, and the other counters where given (XSETID).
    pub fn set_counters(
        &mut self,
        last_id: StreamId,
        entries_added: Option<u64>,
        max_deleted_id: Option<StreamId>,
    ) {
        self.last_id = last_id;
        self.entries_added = entries_added.unwrap_or(self.entries_added);
        self.max_deleted_id = max_deleted_id.unwrap_or(self.max_deleted_id);
    }
}

/// Whether an entry of so many bytes goes into another node.
fn is_full(node: &Node, field_bytes: usize, rules: StreamRules) -> bool {
    let bytes_max = match rules.node_bytes {
        0 => NODE_BYTES_MAX,
        bytes => bytes.min(NODE_BYTES_MAX),
    };
    node.listpack_bytes() + field_bytes >= bytes_max
        || rules.node_entries > 0 && node.live() + node.deleted() >= rules.node_entries as u64
}
