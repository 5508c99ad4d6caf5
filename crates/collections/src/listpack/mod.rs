//! A listpack: many small items in one run of bytes, to be read from either end.
//!
//! ```text
//! | bytes: 4 | items: 2 | entry | entry | ... | 0xff |
//!                         entry: item, and its length to be read backwards (see `entry`)
//! ```
//!
//! The bytes are Redis's, bit for bit, so that they stand in files as they stand here. A string that is the canonical form of an integer is
//! stored as one. The count of items is 65535 where there are more than 65534: then they have to be counted.
//!
//! # Invariant
//!
//! The bytes are a well-formed listpack: every method starts from that, and [`Listpack::from_bytes`] checks foreign bytes for it.

mod check;
mod edit;
mod entry;
#[cfg(test)]
mod tests;

pub use check::MalformedListpack;

use entry::{END, Head, start_before};
use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

/// Bytes before the first entry.
const HEADER_BYTES: usize = 6;

/// The count that says that there are more items than it can tell.
const UNCOUNTED: u16 = u16::MAX;

/// The longest text of an integer, its sign included.
const INTEGER_TEXT_MAX: usize = 20;

/// Many small items in one run of bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Listpack(Vec<u8>);

/// A listpack that stands in bytes of somebody else, to be read: what `str` is to `String`.
#[derive(PartialEq, Eq)]
#[repr(transparent)]
pub struct ListpackSlice([u8]);

/// Where an item stands. Any change before it, or of it, makes it stale.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct At(usize);

/// An item as it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Item<'a> {
    /// A string that is no integer's canonical form.
    Bytes(&'a [u8]),
    /// An integer.
    Integer(i64),
}

impl Item<'_> {
    /// Runs `read` on the item's text.
    #[inline]
    pub fn with_bytes<T>(self, read: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Item::Bytes(bytes) => read(bytes),
            Item::Integer(integer) => {
                let mut buffer = [0; INTEGER_TEXT_MAX];
                read(digits(integer, &mut buffer))
            }
        }
    }

    /// Appends the item's text.
    pub fn push_to(self, out: &mut Vec<u8>) {
        self.with_bytes(|bytes| out.extend_from_slice(bytes));
    }

    /// The item's text.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
    }

    /// Whether the item's text is `bytes`.
    #[inline]
    #[must_use]
    pub fn eq_bytes(self, bytes: &[u8]) -> bool {
        match self {
            Item::Bytes(own) => own == bytes,
            Item::Integer(integer) => parse_integer(bytes) == Some(integer),
        }
    }

    /// The length of the item's text.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an item is one item, however long")]
    pub fn len(self) -> usize {
        self.with_bytes(<[u8]>::len)
    }
}

impl Default for Listpack {
    fn default() -> Listpack {
        Listpack::new()
    }
}

impl Deref for Listpack {
    type Target = ListpackSlice;

    #[inline]
    fn deref(&self) -> &ListpackSlice {
        ListpackSlice::of(&self.0)
    }
}

impl ToOwned for ListpackSlice {
    type Owned = Listpack;

    fn to_owned(&self) -> Listpack {
        Listpack(self.0.to_vec())
    }
}

impl Borrow<ListpackSlice> for Listpack {
    fn borrow(&self) -> &ListpackSlice {
        self
    }
}

impl fmt::Debug for Listpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Debug for ListpackSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Listpack {
    /// The bytes of one without items.
    pub const EMPTY_BYTES: usize = HEADER_BYTES + 1;

    /// One without items.
    #[must_use]
    pub fn new() -> Listpack {
        let bytes = HEADER_BYTES as u8 + 1;
        Listpack(vec![bytes, 0, 0, 0, 0, 0, END])
    }

    /// One without items, with room for so many bytes in all.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Listpack {
        let mut pack = Vec::with_capacity(bytes.max(Listpack::EMPTY_BYTES));
        pack.extend_from_slice(&Listpack::new().0);
        Listpack(pack)
    }

    /// Whether this text is stored as an integer.
    #[inline]
    #[must_use]
    pub fn is_integer(bytes: &[u8]) -> bool {
        parse_integer(bytes).is_some()
    }

    /// The bytes of memory that it owns.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.capacity()
    }

    /// How many bytes an item takes.
    #[must_use]
    pub fn item_bytes(bytes: &[u8]) -> usize {
        match parse_integer(bytes) {
            Some(integer) => Listpack::integer_bytes(integer),
            None => Listpack::string_bytes(bytes.len()),
        }
    }

    /// How many bytes a string of this length takes that is no integer's text.
    #[must_use]
    pub fn string_bytes(length: usize) -> usize {
        let entry = entry::string_head(length).1 + length;
        entry + entry::back_bytes(entry)
    }

    /// How many bytes an integer takes.
    #[must_use]
    pub fn integer_bytes(integer: i64) -> usize {
        let entry = entry::IntegerEntry::new(integer).as_bytes().len();
        entry + entry::back_bytes(entry)
    }
}

impl ListpackSlice {
    /// The listpack that these bytes are. They are [`ListpackSlice::bytes`] of another: reading any others may panic.
    #[inline]
    #[must_use]
    pub fn of(bytes: &[u8]) -> &ListpackSlice {
        // SAFETY: the layout is that of the bytes, and any bytes are valid.
        unsafe { &*(std::ptr::from_ref(bytes) as *const ListpackSlice) }
    }

    /// How many items there are. Counts them where there are more than 65534.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match self.count() {
            UNCOUNTED => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len() == HEADER_BYTES + 1
    }

    /// All bytes, as they stand in files.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first item.
    #[inline]
    #[must_use]
    pub fn first(&self) -> Option<At> {
        (!self.is_empty()).then_some(At(HEADER_BYTES))
    }

    /// The last item.
    #[inline]
    #[must_use]
    pub fn last(&self) -> Option<At> {
        self.previous(At(self.0.len() - 1))
    }

    /// The item behind one.
    #[inline]
    #[must_use]
    pub fn next(&self, at: At) -> Option<At> {
        let next = self.end_of(at);
        (self.0[next] != END).then_some(At(next))
    }

    /// The item before one.
    #[inline]
    #[must_use]
    pub fn previous(&self, at: At) -> Option<At> {
        if at.0 == HEADER_BYTES {
            return None;
        }
        Some(At(start_before(&self.0, at.0).expect("an entry stands before it")))
    }

    /// The item of this number, counted from the nearer end; negative numbers count from the last item, which is -1.
    #[must_use]
    pub fn seek(&self, index: i64) -> Option<At> {
        let len = self.len() as i64;
        let index = if index < 0 { index + len } else { index };
        if !(0..len).contains(&index) {
            return None;
        }
        if index <= len / 2 {
            let mut at = self.first()?;
            for _ in 0..index {
                at = self.next(at)?;
            }
            Some(at)
        } else {
            let mut at = self.last()?;
            for _ in index + 1..len {
                at = self.previous(at)?;
            }
            Some(at)
        }
    }

    /// An item.
    #[inline]
    #[must_use]
    pub fn item(&self, at: At) -> Item<'_> {
        let bytes = &self.0[at.0..];
        entry::item(bytes, head(bytes))
    }

    /// All items.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { pack: self, front: HEADER_BYTES, back: self.0.len() - 1 }
    }

    /// The items from one on.
    #[must_use]
    pub fn iter_from(&self, at: At) -> Iter<'_> {
        Iter { pack: self, front: at.0, back: self.0.len() - 1 }
    }

    /// The first item from `from` on that is `bytes`, looking at one and passing over `skip`.
    #[must_use]
    pub fn find(&self, from: At, bytes: &[u8], skip: usize) -> Option<At> {
        let integer = parse_integer(bytes);
        let mut at = Some(from);
        while let Some(here) = at {
            let is_found = match (self.item(here), integer) {
                (Item::Integer(own), Some(integer)) => own == integer,
                (Item::Bytes(own), None) => own == bytes,
                (Item::Integer(_), None) | (Item::Bytes(_), Some(_)) => false,
            };
            if is_found {
                return at;
            }
            at = self.next(here);
            for _ in 0..skip {
                at = at.and_then(|here| self.next(here));
            }
        }
        None
    }

    fn count(&self) -> u16 {
        u16::from_le_bytes([self.0[4], self.0[5]])
    }

    /// Where the entry behind an item begins.
    #[inline]
    fn end_of(&self, at: At) -> usize {
        let bytes = head(&self.0[at.0..]).bytes();
        at.0 + bytes + entry::back_bytes(bytes)
    }
}

/// The head of an entry of a well-formed listpack.
#[inline]
fn head(bytes: &[u8]) -> Head {
    Head::read(bytes).expect("the bytes are a well-formed listpack")
}

/// The integer that `bytes` is the canonical form of: no sign but `-`, no leading zero.
#[inline]
pub(crate) fn parse_integer(bytes: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match bytes {
        [] => return None,
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if bytes.len() > INTEGER_TEXT_MAX || !matches!(digits.first(), Some(b'1'..=b'9')) {
        return None;
    }
    // Negative numbers reach one further.
    digits.iter().try_fold(0i64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        let value = value.checked_mul(10)?;
        if is_negative { value.checked_sub(digit) } else { value.checked_add(digit) }
    })
}

/// The decimal form of an integer, at the end of `buffer`.
#[inline]
fn digits(integer: i64, buffer: &mut [u8; INTEGER_TEXT_MAX]) -> &[u8] {
    let (mut rest, mut at) = (integer.unsigned_abs(), buffer.len());
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if integer < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    &buffer[at..]
}

/// The items of a listpack, from both ends.
#[derive(Clone)]
pub struct Iter<'a> {
    pack: &'a ListpackSlice,
    front: usize,
    /// Where the last item ends.
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.front >= self.back {
            return None;
        }
        let bytes = &self.pack.0[self.front..];
        let head = head(bytes);
        self.front += head.bytes() + entry::back_bytes(head.bytes());
        Some(entry::item(bytes, head))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = start_before(&self.pack.0, self.back).expect("an entry stands before it");
        Some(self.pack.item(At(self.back)))
    }
}
