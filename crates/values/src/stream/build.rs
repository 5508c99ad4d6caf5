//! A stream from its parts, as they stand in files: its nodes in Redis's layout (see `node`), its counters, its groups.

use super::log::Log;
use super::node::{DELETED, Node, SAME_NAMES, listpack_items};
use super::{Stream, StreamId};
use collections::{Item, ListpackIter, ListpackSlice};
use std::ops::Range;

/// A part of a stream that cannot be: what was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MalformedStream(pub &'static str);

/// The counters of a stream, as its file tells them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counters {
    /// The highest id that an entry has had.
    pub last_id: StreamId,
    /// The highest id of those that were deleted.
    pub max_deleted_id: StreamId,
    /// How many entries have ever been appended; `None` where nobody counted: then those that are there.
    pub entries_added: Option<u64>,
}

/// Puts the entries of a stream together from its nodes.
#[derive(Debug, Default)]
pub struct LogBuilder {
    log: Log,
    /// The id of the entry that came last, deleted or not.
    last_id: StreamId,
    texts: Texts,
}

/// Texts one behind the other, to be read while an entry is appended.
#[derive(Debug, Default)]
struct Texts {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl Texts {
    fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }

    fn push(&mut self, item: Item<'_>) {
        let begin = self.bytes.len();
        item.push_to(&mut self.bytes);
        self.places.push(begin..self.bytes.len());
    }

    fn get(&self, index: usize) -> &[u8] {
        &self.bytes[self.places[index].clone()]
    }
}

/// The items of a node, each of the kind that is expected there.
struct Items<'a>(ListpackIter<'a>);

impl<'a> Items<'a> {
    fn text(&mut self) -> Result<Item<'a>, MalformedStream> {
        self.0.next().ok_or(MalformedStream("a node of a stream ends with a whole entry"))
    }

    fn integer(&mut self) -> Result<i64, MalformedStream> {
        match self.text()? {
            Item::Integer(integer) => Ok(integer),
            Item::Bytes(_) => Err(MalformedStream("a number in a node of a stream")),
        }
    }

    /// A number of fields, one or more. No memory is set apart for what may not come.
    fn count(&mut self) -> Result<usize, MalformedStream> {
        let count = usize::try_from(self.integer()?).ok().filter(|&count| count > 0);
        count.ok_or(MalformedStream("an entry of a stream with fields"))
    }
}

impl LogBuilder {
    /// One without entries.
    #[must_use]
    pub fn new() -> LogBuilder {
        LogBuilder::default()
    }

    /// Adds a node behind the last. One whose entries are all deleted is left out.
    ///
    /// # Errors
    ///
    /// Where it is no node, or its entries do not follow those before.
    pub fn push(&mut self, base: StreamId, pack: &ListpackSlice) -> Result<(), MalformedStream> {
        if base <= self.last_id {
            return Err(MalformedStream("nodes of a stream in the order of their ids"));
        }
        let mut items = Items(pack.iter());
        let (live, deleted) = (items.integer()?, items.integer()?);
        let names = items.count()?;
        self.texts.clear();
        for _ in 0..names {
            self.texts.push(items.text()?);
        }
        if items.integer()? != 0 {
            return Err(MalformedStream("a zero behind the master entry of a stream's node"));
        }
        let mut node = Node::new((0..names).map(|name| self.texts.get(name)));
        while items.0.clone().next().is_some() {
            self.push_entry(&mut node, (base, names), &mut items)?;
        }
        if (node.live() as i64, node.deleted() as i64) != (live, deleted) {
            return Err(MalformedStream("as many entries as the node of a stream counts"));
        }
        if node.live() > 0 {
            self.log.add_node(base, node);
        }
        Ok(())
    }

    /// Adds the next entry to a node, whose names stand before all other texts.
    fn push_entry(
        &mut self,
        node: &mut Node,
        (base, names): (StreamId, usize),
        items: &mut Items<'_>,
    ) -> Result<(), MalformedStream> {
        let flags = items.integer()?;
        let flags = u8::try_from(flags).ok().filter(|flags| flags & !(DELETED | SAME_NAMES) == 0);
        let flags = flags.ok_or(MalformedStream("flags of a stream's entry"))?;
        let offset = (items.integer()?, items.integer()?);
        let id = base.at_offset(offset);
        if id < base || id <= self.last_id {
            return Err(MalformedStream("entries of a stream in the order of their ids"));
        }
        let same_names = flags & SAME_NAMES != 0;
        let count = if same_names { names } else { items.count()? };
        self.texts.places.truncate(names);
        self.texts.bytes.truncate(self.texts.places.last().map_or(0, |place| place.end));
        let texts = if same_names { count } else { count.saturating_mul(2) };
        for _ in 0..texts {
            self.texts.push(items.text()?);
        }
        if items.integer()? != listpack_items(same_names, count) as i64 {
            return Err(MalformedStream("the number of items behind an entry of a stream"));
        }
        let texts = &self.texts;
        node.push(
            offset,
            (0..count).map(|index| match same_names {
                true => (texts.get(index), texts.get(names + index)),
                false => (texts.get(names + 2 * index), texts.get(names + 2 * index + 1)),
            }),
        );
        if flags & DELETED != 0 {
            node.delete_last();
        }
        self.last_id = id;
        Ok(())
    }

    /// A stream of these entries, without groups.
    ///
    /// # Errors
    ///
    /// Where the counters contradict the entries.
    pub fn finish(self, counters: Counters) -> Result<Stream, MalformedStream> {
        let mut log = self.log;
        if counters.last_id < self.last_id {
            return Err(MalformedStream("the last id of a stream not before its last entry"));
        }
        log.find_first_id();
        let added = counters.entries_added.unwrap_or(log.len());
        log.set_counters(counters.last_id, Some(added), Some(counters.max_deleted_id));
        Ok(Stream::of_log(log))
    }
}
