//! Requests that are kept longer than the input that they came in: those of a transaction, or of a client that waits.

use crate::args::{Args, Requests, Span};
use crate::decoder::Limits;

/// Requests with their bytes.
#[derive(Default, Debug)]
pub struct StoredRequests {
    bytes: Vec<u8>,
    requests: Requests,
}

impl StoredRequests {
    /// None yet.
    #[must_use]
    pub fn new() -> StoredRequests {
        StoredRequests::default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The memory that they take, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let Requests { spans, ends, offsets, .. } = &self.requests;
        self.bytes.capacity()
            + spans.capacity() * size_of::<Span>()
            + (ends.capacity() + offsets.capacity()) * size_of::<u32>()
    }

    /// Keeps a copy of a request; false, and nothing kept, where all of them together would be longer than an input may be,
    /// or take more than `bytes_max`. An argument counts with its place: many empty ones are not nothing.
    #[must_use]
    pub fn push(&mut self, args: Args<'_>, bytes_max: usize) -> bool {
        self.push_words(args.iter_from(0), bytes_max)
    }

    /// The same for a request of these words, of which there is at least one.
    #[must_use]
    pub fn push_words<'a>(
        &mut self,
        words: impl Iterator<Item = &'a [u8]> + Clone,
        bytes_max: usize,
    ) -> bool {
        let kept = self.bytes.len() + self.requests.spans.len() * size_of::<Span>();
        let added: usize = words.clone().map(|word| word.len() + size_of::<Span>()).sum();
        if kept + added > bytes_max.min(Limits::INPUT_BYTES_MAX as usize) {
            return false;
        }
        for argument in words {
            let start = self.bytes.len() as u32;
            self.bytes.extend_from_slice(argument);
            self.requests.spans.push(Span { start, end: self.bytes.len() as u32 });
        }
        self.requests.ends.push(self.requests.spans.len() as u32);
        self.requests.offsets.push(self.bytes.len() as u32);
        true
    }

    /// The arguments of request `index`.
    ///
    /// # Panics
    ///
    /// Where there is no such request.
    #[must_use]
    pub fn args(&self, index: usize) -> Args<'_> {
        self.requests.args(index, &self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoder;

    #[test]
    fn requests_outlive_their_input() {
        let mut stored = StoredRequests::new();
        {
            let input = b"SET k \"a b\"\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n".to_vec();
            let mut requests = Requests::new();
            Decoder::new().decode(&input, &Limits::DEFAULT, &mut requests, 9).expect("well formed");
            for index in 0..requests.len() {
                let args = requests.args(index, &input);
                // The bytes of the arguments, and eight for the place of each.
                let needed = if index == 0 { 7 + 3 * 8 } else { 31 + 3 + 2 * 8 };
                assert!(!stored.push(args, needed - 1));
                assert!(stored.push(args, needed));
            }
        }
        assert_eq!(stored.len(), 2);
        let words = |index| stored.args(index).iter_from(0).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(words(0), [b"SET".to_vec(), b"k".to_vec(), b"a b".to_vec()]);
        assert_eq!(words(1), [b"GET".to_vec(), Vec::new()]);
    }
}
