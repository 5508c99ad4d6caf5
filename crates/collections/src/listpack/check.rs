//! Foreign bytes: whether they are a listpack.

use super::entry::{END, Head, back_bytes, start_before};
use super::{HEADER_BYTES, Listpack, UNCOUNTED};
use std::fmt;

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
    /// The listpack that these bytes are: every entry is looked at from both sides.
    ///
    /// # Errors
    ///
    /// Where they are none.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Listpack, MalformedListpack> {
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
        while at < end {
            let Some(head) = Head::read(&bytes[at..end]) else { return wrong(at) };
            let next = at + head.bytes() + back_bytes(head.bytes());
            if next > end || start_before(&bytes, next) != Some(at) {
                return wrong(at);
            }
            (at, count) = (next, count + 1);
        }
        let told = u16::from_le_bytes([low, high]);
        if told != UNCOUNTED && usize::from(told) != count {
            return wrong(4);
        }
        Ok(Listpack(bytes))
    }
}
