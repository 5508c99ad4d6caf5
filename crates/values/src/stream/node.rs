//! A node of a stream: some consecutive entries in one run of bytes.
//!
//! ```text
//! N | name 1 .. name N                                   the master entry
//! head | [seq] | value 1 .. value N                      an entry whose fields are named as in the master entry
//! head | [seq] | M | name 1 | value 1 | name 2 ..        one that has names of its own
//!
//! head    ms << 3 | HAS_SEQ | SAME_NAMES | DELETED       ms and seq are offsets from the id of the node, which is that of its first entry
//! item    length << 1, bytes;  or integer << 1 | 1       for a text that is an integer's canonical form
//! ```
//!
//! All numbers are of variable length, seven bits to a byte, the lowest first; those that may be negative go between the others (`zigzag`). An entry
//! is deleted by a flag. It takes two thirds of what Redis's layout does, which [`Node::listpack`] makes: a listpack, where each item has a length at either end.
//! Here entries are found from the end by going over the node once.

use base::number::parse_i64;
use collections::{Held, Item, Listpack};

pub(super) const DELETED: u8 = 1;
pub(super) const SAME_NAMES: u8 = 2;
const HAS_SEQ: u8 = 4;
const FLAG_BITS: u32 = 3;

/// The items of an entry in Redis's layout that are neither name nor value: flags, offsets; the count at its end is not counted.
const LISTPACK_HEAD_ITEMS: usize = 3;

/// Some consecutive entries. A clone shares the bytes until either is changed.
#[derive(Clone, Debug)]
pub(super) struct Node {
    bytes: Held<Vec<u8>>,
    live: u32,
    deleted: u32,
    /// Where the first entry begins, and the last.
    entries_at: u32,
    last_at: u32,
    /// The bytes of its listpack but for the two counts at its beginning.
    listpack_bytes: u32,
}

/// What the head of an entry says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Where the entry begins.
    at: usize,
    flags: u8,
    /// How far its id is from that of the node.
    pub(super) offset: (i64, i64),
    /// How many fields it has.
    pub(super) fields: usize,
    /// Its first value, or its first name where it has names of its own.
    body: usize,
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
    names: usize,
    count: usize,
}

/// Appends a number of variable length.
fn push_number(out: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// How many bytes it takes.
fn number_bytes(number: u128) -> usize {
    (128 - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// Numbers near zero, of either sign, as small ones without.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// What stands before an item's bytes; all there is of an integer.
fn item_head(text: &[u8]) -> u128 {
    match parse_i64(text) {
        Some(integer) => u128::from(zigzag(integer)) << 1 | 1,
        None => (text.len() as u128) << 1,
    }
}

fn item_bytes(text: &[u8]) -> usize {
    let head = item_head(text);
    number_bytes(head) + if head & 1 == 1 { 0 } else { text.len() }
}

fn push_item(out: &mut Vec<u8>, text: &[u8]) {
    let head = item_head(text);
    push_number(out, head);
    if head & 1 == 0 {
        out.extend_from_slice(text);
    }
}

/// Bytes that a node has written, read from a place on.
#[derive(Clone, Copy, Debug)]
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    fn number(&mut self) -> u128 {
        let first = self.bytes[self.at];
        self.at += 1;
        let mut number = u128::from(first & 0x7f);
        let (mut byte, mut shift) = (first, 7);
        while byte & 0x80 != 0 {
            byte = self.bytes[self.at];
            self.at += 1;
            number |= u128::from(byte & 0x7f) << shift;
            shift += 7;
        }
        number
    }

    #[inline]
    fn item(&mut self) -> Item<'a> {
        let head = self.number();
        if head & 1 == 1 {
            return Item::Integer(unzigzag((head >> 1) as u64));
        }
        let bytes = &self.bytes[self.at..self.at + (head >> 1) as usize];
        self.at += bytes.len();
        Item::Bytes(bytes)
    }

    #[inline]
    fn skip_items(&mut self, items: usize) {
        for _ in 0..items {
            let head = self.number();
            if head & 1 == 0 {
                self.at += (head >> 1) as usize;
            }
        }
    }
}

impl Node {
    /// A node without entries.
    pub(super) fn new<'f>(names: impl ExactSizeIterator<Item = &'f [u8]>) -> Node {
        let mut bytes = Vec::new();
        let count = names.len();
        push_number(&mut bytes, count as u128);
        let mut listpack_bytes = Listpack::EMPTY_BYTES
            + Listpack::integer_bytes(count as i64)
            + Listpack::integer_bytes(0);
        names.for_each(|name| {
            push_item(&mut bytes, name);
            listpack_bytes += Listpack::item_bytes(name);
        });
        let entries_at = bytes.len() as u32;
        let listpack_bytes = listpack_bytes as u32;
        Node {
            bytes: bytes.into(),
            live: 0,
            deleted: 0,
            entries_at,
            last_at: entries_at,
            listpack_bytes,
        }
    }

    /// Appends an entry.
    pub(super) fn push<'f>(
        &mut self,
        offset: (i64, i64),
        fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) {
        let same_names = self.has_names(fields.clone().map(|(name, _)| name));
        let flag = |flag: u8, is_set: bool| if is_set { flag } else { 0 };
        let flags = flag(SAME_NAMES, same_names) | flag(HAS_SEQ, offset.1 != 0);
        let head = u128::from(offset.0 as u64) << FLAG_BITS | u128::from(flags);
        let (count, seq) = (fields.len(), zigzag(offset.1));
        let texts = fields
            .clone()
            .map(|(name, value)| item_bytes(value) + if same_names { 0 } else { item_bytes(name) });
        let more = number_bytes(head)
            + if offset.1 == 0 { 0 } else { number_bytes(seq.into()) }
            + if same_names { 0 } else { number_bytes(count as u128) }
            + texts.sum::<usize>();
        let bytes = self.bytes.make_mut();
        if bytes.capacity() - bytes.len() < more {
            // By an eighth, so that little lies idle.
            bytes.reserve_exact(more + bytes.len() / 8);
        }
        self.last_at = bytes.len() as u32;
        push_number(bytes, head);
        if offset.1 != 0 {
            push_number(bytes, seq.into());
        }
        if !same_names {
            push_number(bytes, count as u128);
        }
        self.listpack_bytes += listpack_entry_bytes(offset, same_names, fields.clone()) as u32;
        for (name, value) in fields {
            if !same_names {
                push_item(bytes, name);
            }
            push_item(bytes, value);
        }
        self.live += 1;
    }

    /// Whether the master entry has exactly these names.
    fn has_names<'f>(&self, mut names: impl ExactSizeIterator<Item = &'f [u8]>) -> bool {
        let mut cursor = self.cursor(0);
        cursor.number() == names.len() as u128 && names.all(|name| cursor.item().eq_bytes(name))
    }

    /// How many entries are there.
    pub(super) fn live(&self) -> u64 {
        self.live.into()
    }

    /// How many have been deleted.
    pub(super) fn deleted(&self) -> u64 {
        self.deleted.into()
    }

    /// How many bytes the node has in Redis's layout.
    pub(super) fn listpack_bytes(&self) -> usize {
        let counts = [self.live, self.deleted].map(|count| Listpack::integer_bytes(count.into()));
        self.listpack_bytes as usize + counts[0] + counts[1]
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives back the room to grow. The bytes move: an allocator that is asked to shrink a block by a little leaves it as it is.
    pub(super) fn shrink(&mut self) {
        if self.bytes.capacity() > self.bytes.len() {
            self.bytes = self.bytes.as_slice().to_vec().into();
        }
    }

    fn cursor(&self, at: usize) -> Cursor<'_> {
        Cursor { bytes: &self.bytes, at }
    }

    pub(super) fn master(&self) -> Master {
        let mut cursor = self.cursor(0);
        let count = cursor.number() as usize;
        Master { names: cursor.at, count }
    }

    /// The first entry, deleted or not.
    pub(super) fn first(&self, master: &Master) -> Option<Head> {
        self.head(master, self.entries_at as usize)
    }

    /// The last entry, deleted or not.
    pub(super) fn last(&self, master: &Master) -> Option<Head> {
        self.head(master, self.last_at as usize)
    }

    /// The entry after this one.
    pub(super) fn following(&self, master: &Master, head: &Head) -> Option<Head> {
        let mut cursor = self.cursor(head.body);
        cursor.skip_items(if head.has_master_names() { head.fields } else { 2 * head.fields });
        self.head(master, cursor.at)
    }

    /// The entries before this one, in order.
    pub(super) fn preceding(&self, master: &Master, head: &Head) -> Vec<Head> {
        let next = |one: &Head| self.following(master, one);
        let all = std::iter::successors(self.first(master), next);
        all.take_while(|one| one.at < head.at).collect()
    }

    /// The entry that begins at a place; none where that is the end.
    #[inline]
    fn head(&self, master: &Master, at: usize) -> Option<Head> {
        if at == self.bytes.len() {
            return None;
        }
        let mut cursor = self.cursor(at);
        let head = cursor.number();
        let flags = head as u8 & (DELETED | SAME_NAMES | HAS_SEQ);
        let ms = (head >> FLAG_BITS) as u64 as i64;
        let seq = if flags & HAS_SEQ == 0 { 0 } else { unzigzag(cursor.number() as u64) };
        let fields = if flags & SAME_NAMES == 0 { cursor.number() as usize } else { master.count };
        Some(Head { at, flags, offset: (ms, seq), fields, body: cursor.at })
    }

    /// The fields of an entry.
    pub(super) fn fields(&self, master: &Master, head: &Head) -> Fields<'_> {
        let names = head.has_master_names().then(|| self.cursor(master.names));
        Fields { names, body: self.cursor(head.body), left: head.fields }
    }

    /// Marks an entry as deleted. Nothing moves; [`Node::count_deleted`] has to follow.
    pub(super) fn mark_deleted(&mut self, head: &Head) {
        self.bytes.make_mut()[head.at] |= DELETED;
    }

    /// Deletes the entry that was pushed last.
    pub(super) fn delete_last(&mut self) {
        self.bytes.make_mut()[self.last_at as usize] |= DELETED;
        self.count_deleted(1);
    }

    /// Counts entries that were marked.
    pub(super) fn count_deleted(&mut self, marked: u64) {
        self.live -= marked as u32;
        self.deleted += marked as u32;
    }

    /// The node in the layout of Redis, as it stands in files:
    ///
    /// ```text
    /// live | deleted | N | name 1 .. name N | 0                                     the master entry
    /// flags | ms | seq | value 1 .. value N | items of the entry before this        flags: DELETED 1, SAME_NAMES 2
    /// flags | ms | seq | M | name 1 | value 1 .. | items of the entry before this
    /// ```
    pub(super) fn listpack(&self) -> Listpack {
        let master = self.master();
        let mut items = Listpack::new();
        items.push_back_integer(self.live.into());
        items.push_back_integer(self.deleted.into());
        items.push_back_integer(master.count as i64);
        let mut names = self.cursor(master.names);
        (0..master.count).for_each(|_| names.item().with_bytes(|name| items.push_back(name)));
        items.push_back_integer(0);
        let mut next = self.first(&master);
        while let Some(head) = next {
            items.push_back_integer(i64::from(head.flags & (DELETED | SAME_NAMES)));
            items.push_back_integer(head.offset.0);
            items.push_back_integer(head.offset.1);
            if !head.has_master_names() {
                items.push_back_integer(head.fields as i64);
            }
            for (name, value) in self.fields(&master, &head) {
                if !head.has_master_names() {
                    name.with_bytes(|name| items.push_back(name));
                }
                value.with_bytes(|value| items.push_back(value));
            }
            items.push_back_integer(listpack_items(head.has_master_names(), head.fields) as i64);
            next = self.following(&master, &head);
        }
        items
    }
}

/// The items of an entry in Redis's layout, but for the count itself.
pub(super) fn listpack_items(same_names: bool, fields: usize) -> usize {
    LISTPACK_HEAD_ITEMS + if same_names { fields } else { 1 + 2 * fields }
}

/// The bytes of an entry in Redis's layout.
fn listpack_entry_bytes<'f>(
    (ms, seq): (i64, i64),
    same_names: bool,
    fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])>,
) -> usize {
    let integer = Listpack::integer_bytes;
    let count = fields.len();
    let texts = fields.map(|(name, value)| {
        Listpack::item_bytes(value) + if same_names { 0 } else { Listpack::item_bytes(name) }
    });
    texts.sum::<usize>()
        + integer(0)
        + integer(ms)
        + integer(seq)
        + if same_names { 0 } else { integer(count as i64) }
        + integer(listpack_items(same_names, count) as i64)
}

/// The fields of an entry: names and values.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// The next name, where the names are those of the master entry.
    names: Option<Cursor<'a>>,
    body: Cursor<'a>,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<(Item<'a>, Item<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.item(),
            None => self.body.item(),
        };
        Some((name, self.body.item()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_read_back(number in any::<u128>(), shift in 0u32..128, integer in any::<i64>()) {
            let number = number >> shift;
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            prop_assert_eq!(bytes.len(), number_bytes(number));
            let mut cursor = Cursor { bytes: &bytes, at: 0 };
            prop_assert_eq!((cursor.number(), cursor.at), (number, bytes.len()));
            prop_assert_eq!(unzigzag(zigzag(integer)), integer);
        }

        #[test]
        fn items_read_back(text in prop_oneof![
            "-?[0-9]{0,20}", any::<i64>().prop_map(|integer| integer.to_string()), ".{0,200}"
        ]) {
            let mut bytes = Vec::new();
            push_item(&mut bytes, text.as_bytes());
            prop_assert_eq!(bytes.len(), item_bytes(text.as_bytes()));
            let mut cursor = Cursor { bytes: &bytes, at: 0 };
            prop_assert_eq!(cursor.item().to_vec(), text.as_bytes());
        }
    }
}
