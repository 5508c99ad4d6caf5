//! A vector in chunks: it grows at its end without moving what it has.

/// Elements of a chunk.
const CHUNK: usize = 1024;

/// A vector whose chunks, the first apart, are allocated at once in full.
#[derive(Clone)]
pub(super) struct Chunked<T>(Vec<Vec<T>>);

impl<T> Chunked<T> {
    pub(super) fn new() -> Chunked<T> {
        Chunked(Vec::new())
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match self.0.last() {
            Some(last) => (self.0.len() - 1) * CHUNK + last.len(),
            None => 0,
        }
    }

    #[inline]
    pub(super) fn at(&self, index: usize) -> &T {
        &self.0[index / CHUNK][index % CHUNK]
    }

    #[inline]
    pub(super) fn at_mut(&mut self, index: usize) -> &mut T {
        &mut self.0[index / CHUNK][index % CHUNK]
    }

    pub(super) fn push(&mut self, element: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(element),
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(element);
                self.0.push(chunk);
            }
            None => self.0.push(vec![element]),
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let last = self.0.last_mut()?;
        let element = last.pop();
        if last.is_empty() {
            self.0.pop();
        } else if self.0.len() == 1 {
            let first = &mut self.0[0];
            if first.len() * 4 <= first.capacity() {
                first.shrink_to(first.len() * 2);
            }
        }
        element
    }

    /// The bytes of its chunks. Takes the same time whatever their number.
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        let elements = match self.0.first() {
            Some(first) => first.capacity() + (self.0.len() - 1) * CHUNK,
            None => 0,
        };
        elements * size_of::<T>() + self.0.capacity() * size_of::<Vec<T>>()
    }
}
