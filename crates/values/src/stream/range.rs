//! Going over the entries of a stream between two ids, forward or backward.

use super::StreamId;
use super::log::Log;
use super::node::{Fields, Head, Master, Node};
use super::nodes::{self, Nodes};

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Its fields, in the order in which they were given.
    pub fields: Fields<'a>,
}

impl PartialEq for Entry<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.fields.clone().eq(other.fields.clone())
    }
}

/// Where a range stands: a node, and the entry that is looked at next.
struct Place<'a> {
    id: StreamId,
    node: &'a Node,
    master: Master,
    next: Option<Head>,
    /// Backwards: the last entry, once it was given, and those before it, once more were asked for.
    last: Option<Head>,
    before: Option<Vec<Head>>,
}

impl<'a> Place<'a> {
    fn new((id, node): (StreamId, &'a Node), is_reverse: bool) -> Place<'a> {
        let master = node.master();
        let next = if is_reverse { node.last(&master) } else { node.first(&master) };
        Place { id, node, master, next, last: None, before: None }
    }

    fn take(&mut self, is_reverse: bool) -> Option<Head> {
        let Some(head) = self.next.take() else {
            let (node, master, last) = (self.node, &self.master, self.last.as_ref()?);
            return self.before.get_or_insert_with(|| node.preceding(master, last)).pop();
        };
        if is_reverse {
            self.last = Some(head);
        } else {
            self.next = self.node.following(&self.master, &head);
        }
        Some(head)
    }
}

/// The entries between two ids that are not deleted.
pub struct Range<'a> {
    nodes: &'a Nodes,
    /// The next node.
    next: Option<nodes::Place>,
    place: Option<Place<'a>>,
    first: StreamId,
    last: StreamId,
    is_reverse: bool,
}

impl Log {
    /// The entries from `first` to `last`, both included.
    #[must_use]
    pub fn range(&self, first: StreamId, last: StreamId) -> Range<'_> {
        self.range_towards(first, last, false)
    }

    /// The same, beginning with the last.
    #[must_use]
    pub fn range_reversed(&self, first: StreamId, last: StreamId) -> Range<'_> {
        self.range_towards(first, last, true)
    }

    fn range_towards(&self, first: StreamId, last: StreamId, is_reverse: bool) -> Range<'_> {
        let nodes = self.nodes();
        let next = if is_reverse {
            nodes.holder(last)
        } else {
            // The entry of `first` may stand in a node that begins before it.
            nodes.holder(first).or(nodes.first())
        };
        Range { nodes, next, place: None, first, last, is_reverse }
    }

    /// The first entry.
    #[must_use]
    pub fn first(&self) -> Option<Entry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX).next()
    }

    /// The last entry.
    #[must_use]
    pub fn last(&self) -> Option<Entry<'_>> {
        self.range_reversed(StreamId::MIN, StreamId::MAX).next()
    }

    /// The entry of this id.
    #[must_use]
    pub fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }
}

impl<'a> Range<'a> {
    fn next_node(&mut self) -> Option<Place<'a>> {
        let at = self.next?;
        self.next =
            if self.is_reverse { self.nodes.preceding(at) } else { self.nodes.following(at) };
        Some(Place::new(self.nodes.at(at), self.is_reverse))
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if self.place.is_none() {
                self.place = Some(self.next_node()?);
            }
            let Some(place) = &mut self.place else { return None };
            let Some(head) = place.take(self.is_reverse) else {
                self.place = None;
                continue;
            };
            let id = place.id.at_offset(head.offset);
            let (is_before, is_behind) = (id < self.first, id > self.last);
            if (is_behind && !self.is_reverse) || (is_before && self.is_reverse) {
                return None;
            }
            if !head.is_deleted() && !is_before && !is_behind {
                return Some(Entry { id, fields: place.node.fields(&place.master, &head) });
            }
        }
    }
}
