//! A node of a stream: some consecutive entries in one listpack, in the layout of Redis.
//!
//! ```text
//! live | deleted | N | name 1 .. name N | 0                                     the master entry
//! flags | ms | seq | value 1 .. value N | items of the entry before this        its fields are named as in the master entry
//! flags | ms | seq | M | name 1 | value 1 .. | items of the entry before this   it has names of its own
//! ```
//!
//! `ms` and `seq` are offsets from the id of the node, which is the one that its first entry had. An entry is deleted by a flag. From the end
//! entries are found by the count of items with which each ends.

use collections::At;
use collections::{Item, Listpack};

const DELETED: i64 = 1;
const SAME_NAMES: i64 = 2;

/// The items of an entry that are neither name nor value: flags, offsets; the count at its end is not counted.
const HEAD_ITEMS: usize = 3;

/// Some consecutive entries.
#[derive(Clone, Debug)]
pub(super) struct Node(Listpack);

/// What the head of an entry says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Where the entry begins.
    at: At,
    flags: i64,
    /// How far its id is from that of the node.
    pub(super) offset: (i64, i64),
    /// How many fields it has.
    pub(super) fields: usize,
    /// Its first value, or its first name where it has names of its own.
    body: At,
}

impl Head {
    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    fn has_master_names(&self) -> bool {
        self.flags & SAME_NAMES != 0
    }
}

/// The names of the fields in the master entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Master {
    names: At,
    count: usize,
    /// The zero at its end.
    end: At,
}

impl Node {
    /// A node without entries.
    pub(super) fn new<'f>(names: impl ExactSizeIterator<Item = &'f [u8]>) -> Node {
        let mut items = Listpack::new();
        items.push_back_integer(0);
        items.push_back_integer(0);
        items.push_back_integer(names.len() as i64);
        names.for_each(|name| items.push_back(name));
        items.push_back_integer(0);
        Node(items)
    }

    /// Appends an entry.
    pub(super) fn push<'f>(
        &mut self,
        offset: (i64, i64),
        fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) {
        let count = fields.len();
        let same_names = self.has_names(fields.clone().map(|(name, _)| name));
        let items = &mut self.0;
        items.push_back_integer(if same_names { SAME_NAMES } else { 0 });
        items.push_back_integer(offset.0);
        items.push_back_integer(offset.1);
        if same_names {
            fields.for_each(|(_, value)| items.push_back(value));
            items.push_back_integer((HEAD_ITEMS + count) as i64);
        } else {
            items.push_back_integer(count as i64);
            for (name, value) in fields {
                items.push_back(name);
                items.push_back(value);
            }
            items.push_back_integer((HEAD_ITEMS + 1 + 2 * count) as i64);
        }
        self.set_count(0, self.live() + 1);
    }

    /// Whether the master entry has exactly these names.
    fn has_names<'f>(&self, mut names: impl ExactSizeIterator<Item = &'f [u8]>) -> bool {
        let mut at = self.skip(self.start(), 2);
        if self.integer(at) != names.len() as i64 {
            return false;
        }
        names.all(|name| {
            at = self.after(at);
            self.0.item(at).eq_bytes(name)
        })
    }

    /// How many entries are there.
    pub(super) fn live(&self) -> u64 {
        self.integer(self.start()) as u64
    }

    /// How many have been deleted.
    pub(super) fn deleted(&self) -> u64 {
        self.integer(self.after(self.start())) as u64
    }

    fn set_count(&mut self, index: usize, count: u64) {
        let at = self.skip(self.start(), index);
        self.0.replace_integer(at, count as i64);
    }

    /// The bytes of the listpack.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Gives back the room to grow.
    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    pub(super) fn master(&self) -> Master {
        let count_at = self.skip(self.start(), 2);
        let count = self.integer(count_at) as usize;
        let names = self.after(count_at);
        Master { names, count, end: self.skip(names, count) }
    }

    /// The first entry, deleted or not.
    pub(super) fn first(&self, master: &Master) -> Option<Head> {
        self.0.next(master.end).map(|at| self.head(master, at))
    }

    /// The last entry, deleted or not.
    pub(super) fn last(&self, master: &Master) -> Option<Head> {
        self.0.last().and_then(|end| self.ending_at(master, end))
    }

    /// The entry after this one.
    pub(super) fn following(&self, master: &Master, head: &Head) -> Option<Head> {
        let items = if head.has_master_names() { head.fields } else { 2 * head.fields };
        self.0.next(self.skip(head.body, items)).map(|at| self.head(master, at))
    }

    /// The entry before this one.
    pub(super) fn preceding(&self, master: &Master, head: &Head) -> Option<Head> {
        self.0.previous(head.at).and_then(|end| self.ending_at(master, end))
    }

    /// The entry whose last item stands at `end`; none where that is the end of the master entry.
    fn ending_at(&self, master: &Master, end: At) -> Option<Head> {
        let items = self.integer(end);
        let start = (0..items).fold(end, |at, _| {
            self.0.previous(at).expect("an entry has as many items as its last one says")
        });
        (items > 0).then(|| self.head(master, start))
    }

    fn head(&self, master: &Master, at: At) -> Head {
        let flags = self.integer(at);
        let ms = self.after(at);
        let seq = self.after(ms);
        let mut body = self.after(seq);
        let mut fields = master.count;
        if flags & SAME_NAMES == 0 {
            fields = self.integer(body) as usize;
            body = self.after(body);
        }
        Head { at, flags, offset: (self.integer(ms), self.integer(seq)), fields, body }
    }

    /// The fields of an entry.
    pub(super) fn fields(&self, master: &Master, head: &Head) -> Fields<'_> {
        let names = head.has_master_names().then_some(master.names);
        Fields { node: self, names, body: head.body, left: head.fields }
    }

    /// Marks an entry as deleted. No item moves; [`Node::count_deleted`] has to follow.
    pub(super) fn mark_deleted(&mut self, head: &Head) {
        self.0.replace_integer(head.at, head.flags | DELETED);
    }

    /// Counts entries that were marked.
    pub(super) fn count_deleted(&mut self, marked: u64) {
        let (live, deleted) = (self.live(), self.deleted());
        self.set_count(0, live - marked);
        self.set_count(1, deleted + marked);
    }

    fn start(&self) -> At {
        self.0.first().expect("a node begins with its master entry")
    }

    fn after(&self, at: At) -> At {
        self.0.next(at).expect("an entry ends with a count, and so does the master entry")
    }

    fn skip(&self, at: At, items: usize) -> At {
        (0..items).fold(at, |at, _| self.after(at))
    }

    fn integer(&self, at: At) -> i64 {
        match self.0.item(at) {
            Item::Integer(integer) => integer,
            Item::Bytes(_) => unreachable!("counts, flags and offsets are integers"),
        }
    }
}

/// The fields of an entry: names and values.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    node: &'a Node,
    /// The next name, where the names are those of the master entry.
    names: Option<At>,
    body: At,
    left: usize,
}

impl<'a> Fields<'a> {
    fn take(&mut self) -> Item<'a> {
        let item = self.node.0.item(self.body);
        self.body = self.node.after(self.body);
        item
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<(Item<'a>, Item<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let name = match self.names {
            Some(at) => {
                self.names = Some(self.node.after(at));
                self.node.0.item(at)
            }
            None => self.take(),
        };
        Some((name, self.take()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}
