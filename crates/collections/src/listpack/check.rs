//! Foreign bytes: whether they are a listpack.

use super::entry::{self, END, Head, back_bytes, start_before};
use super::{HEADER_BYTES, Item, Listpack, ListpackSlice, UNCOUNTED};
use std::borrow::Cow;
use std::fmt;

/// Entries of these sizes have one byte more behind them in listpacks of Redis up to 8.6 and Valkey up to 9.0, which begin the next longer form one
/// byte earlier.
const DISPUTED_ENTRY_BYTES: [usize; 3] = [0x3fff, 0x1f_ffff, 0xfff_ffff];

/// The bytes are no listpack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MalformedListpack {
    /// Where that shows, in bytes.
    pub offset: usize,
}

impl fmt::Display for MalformedListpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed listpack at byte {}", self.offset)
    }
}

impl std::error::Error for MalformedListpack {}

impl Listpack {
    /// The listpack that these bytes are: every entry is looked at from both sides. It is built anew where others would have written it as we
    /// would not: a length behind an entry of a disputed size, an integer's text that is kept as a string.
    ///
    /// # Errors
    ///
    /// Where they are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Cow<'_, ListpackSlice>, MalformedListpack> {
        let wrong = |offset| Err(MalformedListpack { offset });
        let Some((&[a, b, c, d, low, high], entries)) = bytes.split_first_chunk::<HEADER_BYTES>()
        else {
            return wrong(0);
        };
        if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() || entries.last() != Some(&END)
        {
            return wrong(0);
        }
        let (mut at, mut count, end) = (HEADER_BYTES, 0usize, bytes.len() - 1);
        let mut is_ours = true;
        while at < end {
            let Some(head) = Head::read(&bytes[at..end]) else { return wrong(at) };
            let Some(next) = end_of(&bytes[..end], at, head.bytes()) else { return wrong(at) };
            let is_as_we_write = next == at + head.bytes() + back_bytes(head.bytes());
            is_ours &= is_as_we_write && !is_integer_text(entry::item(&bytes[at..], head));
            (at, count) = (next, count + 1);
        }
        let told = u16::from_le_bytes([low, high]);
        if told != UNCOUNTED && usize::from(told) != count {
            return wrong(4);
        }
        if is_ours {
            Ok(Cow::Borrowed(ListpackSlice::of(bytes)))
        } else {
            Ok(Cow::Owned(rebuilt(bytes)))
        }
    }

    /// Whether an item is of a size of which listpacks of other servers make another entry: they could not read this one.
    #[must_use]
    pub fn is_disputed(item: Item<'_>) -> bool {
        let Item::Bytes(bytes) = item else { return false };
        let entry_bytes = entry::string_head(bytes.len()).1 + bytes.len();
        DISPUTED_ENTRY_BYTES.contains(&entry_bytes)
    }
}

/// Where an entry of `entry_bytes` at `at` ends, with the length behind it, which has to lead back to its beginning.
fn end_of(bytes: &[u8], at: usize, entry_bytes: usize) -> Option<usize> {
    let next = at + entry_bytes + back_bytes(entry_bytes);
    let leads_back = |next| next <= bytes.len() && start_before(bytes, next) == Some(at);
    if leads_back(next) {
        return Some(next);
    }
    (DISPUTED_ENTRY_BYTES.contains(&entry_bytes) && leads_back(next + 1)).then_some(next + 1)
}

fn is_integer_text(item: Item<'_>) -> bool {
    matches!(item, Item::Bytes(bytes) if Listpack::is_integer(bytes))
}

/// The same items as we write them, of bytes whose entries have been looked at.
fn rebuilt(bytes: &[u8]) -> Listpack {
    let (mut pack, mut at) = (Listpack::with_capacity(bytes.len()), HEADER_BYTES);
    let entries = &bytes[..bytes.len() - 1];
    while let Some(head) = entries.get(at..).and_then(Head::read) {
        entry::item(&bytes[at..], head).with_bytes(|item| pack.push_back(item));
        at = end_of(entries, at, head.bytes()).expect("the entries have been looked at");
    }
    pack
}
