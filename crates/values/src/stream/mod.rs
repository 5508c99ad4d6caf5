//! Streams: entries by id.

use crate::Encoding;

/// entries by id.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Stream {}

impl Stream {
    /// An empty one.
    #[must_use]
    pub fn new() -> Stream {
        Stream::default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of memory that it owns beyond itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        0
    }

    /// How it is laid out.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        Encoding::Stream
    }

    /// About how many allocations are freed when it is dropped.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        1
    }
}
