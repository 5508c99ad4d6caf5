//! Walking over the members of a set.

use collections::Packed;
use collections::{IntsetSlice, Item, ListpackIter, ListpackSlice, PackedIter};

/// The members of a set.
pub struct Members<'a>(Walk<'a>);

enum Walk<'a> {
    /// The set and the index of the next.
    Intset(&'a IntsetSlice, usize),
    Listpack(ListpackIter<'a>),
    Hashtable(PackedIter<'a>),
}

impl<'a> Members<'a> {
    pub(super) fn of_intset(integers: &'a IntsetSlice) -> Members<'a> {
        Members(Walk::Intset(integers, 0))
    }

    pub(super) fn of_listpack(items: &'a ListpackSlice) -> Members<'a> {
        Members(Walk::Listpack(items.iter()))
    }

    pub(super) fn of_hashtable(map: &'a Packed) -> Members<'a> {
        Members(Walk::Hashtable(map.iter()))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match &mut self.0 {
            Walk::Intset(integers, index) => {
                let integer = integers.at(*index)?;
                *index += 1;
                Some(Item::Integer(integer))
            }
            Walk::Listpack(items) => items.next(),
            Walk::Hashtable(entries) => entries.next().map(|(member, _)| Item::Bytes(member)),
        }
    }
}
