//! Small values as bytes: how they stand in a key's record, without an allocation of their own.

/// What the bytes of a small value are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Compact {
    /// The listpack of a list.
    List,
    /// The intset of a set.
    Intset,
    /// The listpack of a set.
    Set,
    /// The listpack of a sorted set.
    SortedSet,
    /// The listpack of a hash.
    Hash,
}

impl Compact {
    const ALL: [Compact; 5] =
        [Compact::List, Compact::Intset, Compact::Set, Compact::SortedSet, Compact::Hash];

    /// The number that tells it.
    #[inline]
    #[must_use]
    pub const fn tag(self) -> u8 {
        self as u8
    }

    /// What a number tells.
    ///
    /// # Panics
    ///
    /// Where no [`Compact::tag`] is that.
    #[inline]
    #[must_use]
    pub const fn of_tag(tag: u8) -> Compact {
        Compact::ALL[tag as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_tell_what_they_were_made_of() {
        for compact in Compact::ALL {
            assert_eq!(Compact::of_tag(compact.tag()), compact);
        }
    }
}
