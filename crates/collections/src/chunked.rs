//! A vector in chunks: it grows at its end without moving what it has, and a copy of it shares the chunks.
//!
//! So a copy takes two words for each chunk, whatever the elements own. Whoever changes an element of a chunk that others hold copies that chunk first.

use crate::prefetch::prefetch_address;
use crate::shared;
use std::sync::Arc;

/// The counts that stand before what an `Arc` holds, in bytes.
pub const ARC_BYTES: usize = 2 * size_of::<usize>();

/// So many chunks ahead are fetched while their counts are raised.
const FETCHED_AHEAD: usize = 16;

/// A vector whose chunks have `CHUNK` places each; where there is only one, it may have fewer. The places behind the last element hold defaults.
///
/// Invariant: there is a place for each of `len` elements.
pub(crate) struct Chunked<T, const CHUNK: usize> {
    chunks: Vec<Arc<[T]>>,
    len: usize,
}

impl<T: Clone + Default, const CHUNK: usize> Chunked<T, CHUNK> {
    pub(crate) const fn new() -> Chunked<T, CHUNK> {
        Chunked { chunks: Vec::new(), len: 0 }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn at(&self, index: usize) -> &T {
        assert!(index < self.len, "the element is there");
        // SAFETY: it has a place by the invariant.
        unsafe { self.chunks.get_unchecked(index / CHUNK).get_unchecked(index % CHUNK) }
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, index: usize) -> &mut T {
        &mut shared::slice_mut(&mut self.chunks[index / CHUNK])[index % CHUNK]
    }

    pub(crate) fn push(&mut self, element: T) {
        let (chunk, place) = (self.len / CHUNK, self.len % CHUNK);
        match self.chunks.get(chunk) {
            Some(own) if place < own.len() => {}
            Some(own) => self.resize_first((2 * own.len()).min(CHUNK)),
            None => self.chunks.push(places(if chunk == 0 { 1 } else { CHUNK })),
        }
        *self.at_mut(self.len) = element;
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let element = std::mem::take(self.at_mut(last));
        self.len = last;
        if last.is_multiple_of(CHUNK) {
            self.chunks.pop();
            let count = self.chunks.len();
            if count * 4 <= self.chunks.capacity() {
                self.chunks.shrink_to(count * 2);
            }
        } else if let [first] = &*self.chunks
            && last * 4 <= first.len()
        {
            self.resize_first(last * 2);
        }
        Some(element)
    }

    /// Gives the first chunk, which is the only one, so many places.
    fn resize_first(&mut self, count: usize) {
        let mut resized = places(count);
        let elements = shared::slice_mut(&mut self.chunks[0]).iter_mut().take(self.len);
        for (place, element) in shared::slice_mut(&mut resized).iter_mut().zip(elements) {
            *place = std::mem::take(element);
        }
        self.chunks[0] = resized;
    }

    /// The bytes of its chunks. Takes the same time whatever their number.
    #[inline]
    pub(crate) fn heap_bytes(&self) -> usize {
        let count = self.chunks.len();
        let places = self.chunks.first().map_or(0, |first| first.len() + (count - 1) * CHUNK);
        places * size_of::<T>() + count * ARC_BYTES + self.chunks.capacity() * size_of::<Arc<[T]>>()
    }
}

fn places<T: Default>(count: usize) -> Arc<[T]> {
    (0..count).map(|_| T::default()).collect()
}

impl<T, const CHUNK: usize> Clone for Chunked<T, CHUNK> {
    fn clone(&self) -> Chunked<T, CHUNK> {
        let fetch = |index: usize| {
            if let Some(chunk) = self.chunks.get(index) {
                prefetch_address(Arc::as_ptr(chunk).cast::<u8>().wrapping_sub(ARC_BYTES));
            }
        };
        (0..FETCHED_AHEAD).for_each(fetch);
        let share = |(index, chunk): (usize, &Arc<[T]>)| {
            fetch(index + FETCHED_AHEAD);
            Arc::clone(chunk)
        };
        Chunked { chunks: self.chunks.iter().enumerate().map(share).collect(), len: self.len }
    }
}
