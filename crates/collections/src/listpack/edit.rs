//! Changes of a listpack anywhere but at its end.

use super::{At, HEADER_BYTES, Listpack, item};
use base::number::parse_i64;

impl Listpack {
    /// The bytes that an item of these bytes takes at most.
    #[must_use]
    pub fn item_bytes(bytes: &[u8]) -> usize {
        let body = bytes.len() + 5;
        body + item::length_bytes(body)
    }

    /// The item of an index, looked for from the nearer end; a negative one counts from the end.
    #[must_use]
    pub fn seek(&self, index: i64) -> Option<At> {
        let len = self.len() as i64;
        let index = if index < 0 { index + len } else { index };
        if !(0..len).contains(&index) {
            return None;
        }
        if index <= len / 2 {
            (0..index).try_fold(self.first()?, |at, _| self.next(at))
        } else {
            (index + 1..len).try_fold(self.last()?, |at, _| self.previous(at))
        }
    }

    /// Puts a string before an item; where it stands.
    pub fn insert_before(&mut self, at: At, bytes: &[u8]) -> At {
        let new = encoded(bytes);
        self.0.splice(at.0..at.0, new);
        self.count(1);
        at
    }

    /// Puts a string behind an item; where it stands.
    pub fn insert_after(&mut self, at: At, bytes: &[u8]) -> At {
        let behind = At(self.end(at));
        self.insert_before(behind, bytes)
    }

    /// Puts a string in the place of an item.
    pub fn replace(&mut self, at: At, bytes: &[u8]) -> At {
        let old = at.0..self.end(at);
        self.0.splice(old, encoded(bytes));
        self.count(0);
        at
    }

    /// Removes items from one on; the item that is now there.
    pub fn remove(&mut self, at: At, count: usize) -> Option<At> {
        let mut end = at;
        let mut removed = 0;
        while removed < count && self.at(end.0).is_some() {
            end = At(self.end(end));
            removed += 1;
        }
        self.0.drain(at.0..end.0);
        self.count(-(removed as i64));
        self.at(at.0)
    }

    /// Where the item behind one begins, or the end.
    fn end(&self, at: At) -> usize {
        let body = item::body_bytes(&self.0[at.0..]);
        at.0 + body + item::length_bytes(body)
    }

    /// Writes the header of a listpack that has `added` items more.
    fn count(&mut self, added: i64) {
        let items = u16::from_le_bytes([self.0[4], self.0[5]]);
        let items = if items < u16::MAX {
            (i64::from(items) + added).min(i64::from(u16::MAX)) as u16
        } else {
            // Not known so far.
            std::iter::successors(self.at(HEADER_BYTES), |&at| self.next(at))
                .take(usize::from(u16::MAX))
                .count() as u16
        };
        self.set_header(items);
    }
}

/// An item as it stands in a listpack.
fn encoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(Listpack::item_bytes(bytes));
    match parse_i64(bytes) {
        Some(integer) => item::push_integer(&mut out, integer),
        None => item::push_bytes(&mut out, bytes),
    }
    let body = out.len();
    item::push_length(&mut out, body);
    out
}
