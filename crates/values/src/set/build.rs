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

#[cfg(test)]
mod tests {
    use super::*;
    use collections::Item;

    fn one_by_one(members: &[Vec<u8>], rules: &Rules) -> Set {
        let mut set = Set::new();
        for (index, member) in members.iter().enumerate() {
            if index == 0 {
                set.expect(rules, member, members.len());
            }
            assert!(set.add(rules, Item::Bytes(member)));
        }
        set
    }

    #[test]
    fn it_is_as_if_they_had_been_added_one_by_one() {
        let rules = Rules::DEFAULT;
        let numbers =
            |count: i64| (0..count).map(|n| (n * 7919 - 100_000).to_string().into_bytes());
        let words =
            |count: usize, len: usize| (0..count).map(move |n| format!("{n:0len$}x").into());
        for count in [1, 2, 127, 128, 129, 511, 512, 513, 2000] {
            let mixed = numbers(count as i64 - 1).chain(words(1, 1));
            for members in [
                numbers(count as i64).collect::<Vec<_>>(),
                words(count, 5).collect(),
                words(count, 63).collect(),
                words(count, 64).collect(),
                mixed.collect(),
            ] {
                let set = Set::of_members(members.iter().map(Vec::as_slice), &rules);
                let expected = one_by_one(&members, &rules);
                assert_eq!(set, expected);
                let encoding = expected.view().encoding();
                assert_eq!(set.view().encoding(), encoding, "{count} like {:?}", members.last());
            }
        }
    }
}
