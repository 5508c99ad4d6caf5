//! A set from its members, as they stand in files.

use super::{LISTPACK_BYTES_MAX, Layout, Set, intset_entries};
use crate::Rules;
use base::number::parse_i64;
use collections::{Intset, Listpack};

impl Set {
    /// The set of these members, which differ: laid out as if they had been added one after the other.
    #[must_use]
    pub fn of_members<'m>(
        members: impl ExactSizeIterator<Item = &'m [u8]> + Clone,
        rules: &Rules,
    ) -> Set {
        if members.len() <= intset_entries(rules)
            && let Some(mut integers) = members.clone().map(parse_i64).collect::<Option<Vec<i64>>>()
        {
            integers.sort_unstable();
            let mut intset = Intset::new();
            integers.into_iter().for_each(|integer| {
                intset.insert(integer);
            });
            return Set(Layout::Intset(intset));
        }
        let longest = members.clone().map(<[u8]>::len).max().unwrap_or_default();
        let bytes: usize = members.clone().map(|member| Listpack::string_bytes(member.len())).sum();
        if members.len() <= rules.set.listpack_entries
            && longest <= rules.set.listpack_value_bytes
            && bytes <= LISTPACK_BYTES_MAX
        {
            let mut items = Listpack::with_capacity(Listpack::EMPTY_BYTES + bytes);
            members.for_each(|member| items.push_back(member));
            return Set(Layout::Listpack(items));
        }
        let mut set = Set::hashtable(rules);
        let members: Vec<&[u8]> = members.collect();
        set.extend_new(members.len(), |index| members[index], rules);
        set
    }

    /// Adds many members to a set that is a hash table, or becomes one; [`collections::Packed::extend_new`] says what is returned.
    pub fn extend_new<'m>(
        &mut self,
        count: usize,
        member: impl Fn(usize) -> &'m [u8],
        rules: &Rules,
    ) -> bool {
        self.make_hashtable(rules).extend_new(count, |index| (member(index), b""))
    }
}
