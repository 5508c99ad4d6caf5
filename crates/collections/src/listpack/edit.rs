//! Changes of a listpack. Each moves the bytes behind it once.

use super::entry::{END, IntegerEntry, back, string_head};
use super::{At, HEADER_BYTES, Listpack, UNCOUNTED, parse_integer};

/// An entry's parts, to be written one behind the other.
struct Parts<'a> {
    head: ([u8; 9], usize),
    string: &'a [u8],
    back: ([u8; 5], usize),
}

impl<'a> Parts<'a> {
    #[inline]
    fn of(bytes: &'a [u8]) -> Parts<'a> {
        match parse_integer(bytes) {
            Some(integer) => Parts::of_integer(integer),
            None => {
                let (short, size) = string_head(bytes.len());
                let mut head = [0; 9];
                head[..5].copy_from_slice(&short);
                Parts { head: (head, size), string: bytes, back: back(size + bytes.len()) }
            }
        }
    }

    #[inline]
    fn of_integer(integer: i64) -> Parts<'a> {
        let entry = IntegerEntry::new(integer);
        let mut head = [0; 9];
        let size = entry.as_bytes().len();
        head[..size].copy_from_slice(entry.as_bytes());
        Parts { head: (head, size), string: &[], back: back(size) }
    }

    #[inline]
    fn pieces(&self) -> [&[u8]; 3] {
        [&self.head.0[..self.head.1], self.string, &self.back.0[..self.back.1]]
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.head.1 + self.string.len() + self.back.1
    }
}

impl Listpack {
    /// Adds an item at the end.
    pub fn push_back(&mut self, bytes: &[u8]) {
        self.push_parts(&Parts::of(bytes));
    }

    /// Adds an integer at the end.
    pub fn push_back_integer(&mut self, integer: i64) {
        self.push_parts(&Parts::of_integer(integer));
    }

    /// Adds an item at the beginning.
    pub fn push_front(&mut self, bytes: &[u8]) {
        self.splice_parts(HEADER_BYTES, 0, &Parts::of(bytes));
        self.add_to_count(1);
    }

    /// Adds an item before one; returns where it stands.
    pub fn insert_before(&mut self, at: At, bytes: &[u8]) -> At {
        self.splice_parts(at.0, 0, &Parts::of(bytes));
        self.add_to_count(1);
        at
    }

    /// Adds an item behind one; returns where it stands.
    pub fn insert_after(&mut self, at: At, bytes: &[u8]) -> At {
        self.insert_before(At(self.end_of(at)), bytes)
    }

    /// Puts an item in the place of one; returns where it stands.
    pub fn replace(&mut self, at: At, bytes: &[u8]) -> At {
        self.splice_parts(at.0, self.end_of(at) - at.0, &Parts::of(bytes));
        at
    }

    /// The same with an integer.
    pub fn replace_integer(&mut self, at: At, integer: i64) -> At {
        self.splice_parts(at.0, self.end_of(at) - at.0, &Parts::of_integer(integer));
        at
    }

    /// Takes out `count` items from one on, or as many as there are; returns the item that stands there then.
    pub fn remove(&mut self, at: At, count: usize) -> Option<At> {
        let (mut end, mut removed) = (at.0, 0);
        while removed < count && self.0[end] != END {
            end = self.end_of(At(end));
            removed += 1;
        }
        self.0.drain(at.0..end);
        self.settle();
        self.take_from_count(removed);
        (self.0[at.0] != END).then_some(at)
    }

    /// Takes out the items from one on, as a listpack of their own.
    #[must_use]
    pub fn split_off(&mut self, at: At) -> Listpack {
        let before = self.iter().count_until(at.0);
        let total = self.len();
        let mut tail = Listpack::new();
        tail.0.splice(HEADER_BYTES.., self.0[at.0..].iter().copied());
        tail.settle();
        tail.set_count(total - before);
        self.0.truncate(at.0);
        self.0.push(END);
        self.settle();
        self.set_count(before);
        tail
    }

    /// Adds the items of another listpack at the end.
    pub fn append(&mut self, other: &Listpack) {
        let total = self.len() + other.len();
        self.0.pop();
        self.0.extend_from_slice(&other.0[HEADER_BYTES..]);
        self.settle();
        self.set_count(total);
    }

    /// Gives back memory that is kept for growth. The bytes move: an allocator that is asked to shrink a block by a little leaves it as it is.
    pub fn shrink_to_fit(&mut self) {
        if self.0.capacity() > self.0.len() {
            self.0 = self.0.as_slice().to_vec();
        }
    }

    #[inline]
    fn push_parts(&mut self, parts: &Parts<'_>) {
        self.make_room(parts.bytes());
        self.0.pop();
        for piece in parts.pieces() {
            self.0.extend_from_slice(piece);
        }
        self.0.push(END);
        self.settle();
        self.add_to_count(1);
    }

    /// Puts an entry in the place of `removed` bytes.
    fn splice_parts(&mut self, at: usize, removed: usize, parts: &Parts<'_>) {
        let added = parts.bytes();
        let old = self.0.len();
        if added > removed {
            self.make_room(added - removed);
            self.0.resize(old + added - removed, 0);
        }
        self.0.copy_within(at + removed..old, at + added);
        self.0.truncate(old + added - removed);
        let mut to = at;
        for piece in parts.pieces() {
            self.0[to..to + piece.len()].copy_from_slice(piece);
            to += piece.len();
        }
        self.settle();
    }

    /// Makes room for growth by an eighth, so that many small changes do not each ask for memory, and little of it lies idle.
    #[inline]
    fn make_room(&mut self, more: usize) {
        if self.0.capacity() - self.0.len() < more {
            self.0.reserve_exact(more + self.0.len() / 8);
        }
    }

    /// Writes the number of bytes into the header.
    #[inline]
    fn settle(&mut self) {
        let bytes = u32::try_from(self.0.len()).expect("a listpack has at most 4 GiB");
        self.0[..4].copy_from_slice(&bytes.to_le_bytes());
    }

    #[inline]
    fn add_to_count(&mut self, added: u16) {
        let count = self.count();
        if count != UNCOUNTED {
            self.0[4..6].copy_from_slice(&count.saturating_add(added).to_le_bytes());
        }
    }

    fn take_from_count(&mut self, removed: usize) {
        match self.count() {
            UNCOUNTED => {
                let count = self.iter().count();
                self.set_count(count);
            }
            count => self.set_count(usize::from(count) - removed),
        }
    }

    fn set_count(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(UNCOUNTED);
        self.0[4..6].copy_from_slice(&count.to_le_bytes());
    }
}

impl super::Iter<'_> {
    /// How many items stand before a place.
    fn count_until(mut self, end: usize) -> usize {
        self.back = end;
        self.count()
    }
}
