//! Decoded requests: ranges of the input buffer, and the borrowed arguments that they stand for.

use std::ops::Range;

/// A range of the input buffer. Offsets fit 31 bits because of [`Limits::INPUT_BYTES_MAX`](crate::Limits::INPUT_BYTES_MAX).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Complete requests in the order in which they came, without their bytes.
///
/// Meant to be kept and reused: clearing keeps the allocations.
#[derive(Default, Debug)]
pub struct Requests {
    pub(crate) spans: Vec<Span>,
    /// Where the spans of each request end.
    pub(crate) ends: Vec<u32>,
    /// Where in the buffer each request ends.
    pub(crate) offsets: Vec<u32>,
    /// Arguments of inline requests, unquoted; their spans lie behind `INLINE_BASE`.
    pub(crate) inline: Vec<u8>,
}

/// Spans at or above this offset refer to `Requests::inline` instead of the input buffer.
pub(crate) const INLINE_BASE: u32 = 1 << 31;

impl Requests {
    /// No requests yet.
    #[must_use]
    pub fn new() -> Requests {
        Requests::default()
    }

    /// How many complete requests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets all requests and keeps the memory.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.ends.clear();
        self.offsets.clear();
        self.inline.clear();
    }

    /// Forgets the requests from `length` on and keeps the memory.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        match length.checked_sub(1) {
            None => self.clear(),
            Some(last) if length < self.len() => {
                self.spans.truncate(self.ends[last] as usize);
                self.ends.truncate(length);
                self.offsets.truncate(length);
            }
            Some(_) => {}
        }
    }

    /// Where in the buffer request `index` ends: what [`Decoder::rewind`](crate::Decoder::rewind) takes.
    #[must_use]
    pub fn end_offset(&self, index: usize) -> usize {
        self.offsets[index] as usize
    }

    /// The arguments of request `index`, borrowed from `input`, the buffer that it was decoded from.
    ///
    /// # Panics
    ///
    /// Where there is no such request, or `input` is not that buffer.
    #[inline]
    #[must_use]
    pub fn args<'a>(&'a self, index: usize, input: &'a [u8]) -> Args<'a> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        Args { input, inline: &self.inline, spans: &self.spans[start..self.ends[index] as usize] }
    }
}

/// The arguments of one request, its name first. Never empty.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    input: &'a [u8],
    inline: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// How many arguments there are, the name included.
    #[inline]
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a request has at least its name")]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Argument `index`; the name is number 0.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let span = *self.spans.get(index)?;
        if span.start < INLINE_BASE {
            self.input.get(span.start as usize..span.end as usize)
        } else {
            self.inline.get((span.start - INLINE_BASE) as usize..(span.end - INLINE_BASE) as usize)
        }
    }

    /// The name of the command.
    #[inline]
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.get(0).unwrap_or_default()
    }

    /// The arguments from `from` on.
    pub fn iter_from(
        &self,
        from: usize,
    ) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let all = *self;
        (from.min(all.len())..all.len()).map(move |index| all.get(index).unwrap_or_default())
    }

    /// The arguments in `range`, as if they were a request of their own.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Args<'a> {
        Args { spans: &self.spans[range], ..*self }
    }
}

/// Panics where there is no such argument: for those that the command's arity guarantees.
impl std::ops::Index<usize> for Args<'_> {
    type Output = [u8];

    #[inline]
    fn index(&self, index: usize) -> &[u8] {
        self.get(index).expect("the arity was checked before the command ran")
    }
}
