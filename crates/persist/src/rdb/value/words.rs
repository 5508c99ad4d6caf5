//! Strings that are read one behind the other, to be added to a collection many at a time.

use crate::rdb::decode::Decoder;
use crate::rdb::error::LoadError;
use std::io::Read;

/// So many bytes are buffered, or so many strings, before they are added: a large collection is never there twice.
const BUFFERED_BYTES: usize = 16 << 20;
const BUFFERED_MAX: usize = 1 << 20;

/// Some strings.
pub(super) struct Words<'t> {
    text: &'t mut Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl<'t> Words<'t> {
    /// Reads strings in groups of `size`, at most `groups` of them; at least one where any is asked for.
    pub(super) fn read<R: Read>(
        decoder: &mut Decoder<R>,
        text: &'t mut Vec<u8>,
        (groups, size): (u64, usize),
    ) -> Result<Words<'t>, LoadError> {
        text.clear();
        let mut words = Words { text, ends: Vec::new() };
        for _ in 0..groups {
            for _ in 0..size {
                decoder.string(words.text)?;
                words.ends.push(words.text.len());
            }
            if words.text.len() >= BUFFERED_BYTES || words.ends.len() >= BUFFERED_MAX {
                break;
            }
        }
        Ok(words)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// One of them.
    #[inline]
    pub(super) fn at(&self, index: usize) -> &[u8] {
        let begin = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[begin..self.ends[index]]
    }

    /// All.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        (0..self.len()).map(|index| self.at(index))
    }
}
