//! An element of a list as it is stored: in two parts where its node keeps what its elements begin with apart.

use collections::Item;

/// An element of a list.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// What it begins with; often nothing.
    pub(super) prefix: &'a [u8],
    /// What follows.
    pub(super) rest: Item<'a>,
}

impl<'a> From<Item<'a>> for Element<'a> {
    fn from(item: Item<'a>) -> Element<'a> {
        Element { prefix: &[], rest: item }
    }
}

impl Element<'_> {
    /// Runs `read` on the two parts of its text.
    #[inline]
    pub fn with_parts<T>(self, read: impl FnOnce([&[u8]; 2]) -> T) -> T {
        self.rest.with_bytes(|rest| read([self.prefix, rest]))
    }

    /// Its text.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        self.with_parts(|parts| parts.concat())
    }

    /// Whether its text is `bytes`.
    #[inline]
    #[must_use]
    pub fn eq_bytes(self, bytes: &[u8]) -> bool {
        bytes.strip_prefix(self.prefix).is_some_and(|rest| self.rest.eq_bytes(rest))
    }

    /// The length of its text.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an element is one element, however long")]
    pub fn len(self) -> usize {
        self.prefix.len() + self.rest.len()
    }
}
