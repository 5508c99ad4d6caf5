//! A listpack: a short list of strings and integers in one run of bytes, laid out as Redis lays it out.
//!
//! ```text
//! bytes in all (4) | items (2) | item | item | .. | ff
//! ```

mod item;
#[cfg(test)]
mod tests;

pub use item::Item;

use base::number::parse_i64;
use item::END;

const HEADER_BYTES: usize = 6;

/// The count of items that stands for "so many or more".
const ITEMS_UNKNOWN: u16 = u16::MAX;

/// A short list of strings and integers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listpack(Vec<u8>);

/// The place of an item. It holds as long as the listpack is not changed before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct At(usize);

impl Default for Listpack {
    fn default() -> Listpack {
        Listpack::new()
    }
}

impl Listpack {
    /// An empty one.
    #[must_use]
    pub fn new() -> Listpack {
        Listpack(vec![HEADER_BYTES as u8 + 1, 0, 0, 0, 0, 0, END])
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match u16::from_le_bytes([self.0[4], self.0[5]]) {
            ITEMS_UNKNOWN => std::iter::successors(self.first(), |&at| self.next(at)).count(),
            items => usize::from(items),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// All of it, as it stands in a file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes of memory that it owns.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.capacity()
    }

    /// Gives back the room to grow.
    pub fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    /// The first item.
    #[inline]
    #[must_use]
    pub fn first(&self) -> Option<At> {
        self.at(HEADER_BYTES)
    }

    /// The last item.
    #[must_use]
    pub fn last(&self) -> Option<At> {
        self.previous(At(self.0.len() - 1))
    }

    /// The item behind one.
    #[inline]
    #[must_use]
    pub fn next(&self, at: At) -> Option<At> {
        let body = item::body_bytes(&self.0[at.0..]);
        self.at(at.0 + body + item::length_bytes(body))
    }

    /// The item before one.
    #[inline]
    #[must_use]
    pub fn previous(&self, at: At) -> Option<At> {
        (at.0 > HEADER_BYTES).then(|| At(at.0 - item::bytes_before(&self.0[..at.0])))
    }

    #[inline]
    fn at(&self, offset: usize) -> Option<At> {
        (self.0[offset] != END).then_some(At(offset))
    }

    /// An item.
    #[inline]
    #[must_use]
    pub fn item(&self, at: At) -> Item<'_> {
        item::decode(&self.0[at.0..])
    }

    /// Appends a string; one that is the canonical form of an integer is stored as that.
    #[inline]
    pub fn push_back(&mut self, bytes: &[u8]) {
        match parse_i64(bytes) {
            Some(integer) => self.push_back_integer(integer),
            None => self.push_with(|out| item::push_bytes(out, bytes)),
        }
    }

    /// Appends an integer.
    #[inline]
    pub fn push_back_integer(&mut self, integer: i64) {
        self.push_with(|out| item::push_integer(out, integer));
    }

    #[inline]
    fn push_with(&mut self, push_body: impl FnOnce(&mut Vec<u8>)) {
        self.0.pop();
        let start = self.0.len();
        push_body(&mut self.0);
        let body = self.0.len() - start;
        item::push_length(&mut self.0, body);
        self.0.push(END);
        let items = u16::from_le_bytes([self.0[4], self.0[5]]);
        self.set_header(items.saturating_add(1));
    }

    /// Puts an integer in the place of an item. Items behind it move where it takes another number of bytes.
    pub fn replace_integer(&mut self, at: At, integer: i64) {
        let body = item::body_bytes(&self.0[at.0..]);
        let old = at.0..at.0 + body + item::length_bytes(body);
        let mut new = Vec::with_capacity(old.len().max(10));
        item::push_integer(&mut new, integer);
        let body = new.len();
        item::push_length(&mut new, body);
        if new.len() == old.len() {
            self.0[old].copy_from_slice(&new);
        } else {
            self.0.splice(old, new);
            self.set_header(u16::from_le_bytes([self.0[4], self.0[5]]));
        }
    }

    #[inline]
    fn set_header(&mut self, items: u16) {
        let bytes = self.0.len() as u32;
        self.0[..4].copy_from_slice(&bytes.to_le_bytes());
        self.0[4..6].copy_from_slice(&items.to_le_bytes());
    }
}
