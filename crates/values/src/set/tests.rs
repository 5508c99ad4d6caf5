//! Sets against a `BTreeSet` in every layout, and when the layout changes.

use super::*;
use crate::SetRules;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn rules(intset_entries: usize, listpack_entries: usize, listpack_value_bytes: usize) -> Rules {
    let set = SetRules { intset_entries, listpack_entries, listpack_value_bytes };
    Rules { set, ..Rules::DEFAULT }
}

fn contents(set: &Set) -> BTreeSet<Vec<u8>> {
    set.view().iter().map(|member| member.with_bytes(<[u8]>::to_vec)).collect()
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (-40..40i32).prop_map(|integer| integer.to_string().into_bytes()),
        (0..40u32).prop_map(|number| format!("m{number}").into_bytes()),
        Just(b"007".to_vec()),
        Just(i64::MAX.to_string().into_bytes()),
        Just(vec![b'x'; 100]),
        Just(vec![]),
    ]
}

proptest! {
    #[test]
    fn it_is_a_set(
        limits in (0..12usize, 0..12usize, 0..8usize),
        only_integers in any::<bool>(),
        steps in prop::collection::vec((0..3u8, member()), 0..120),
    ) {
        let rules = rules(limits.0, limits.1, limits.2);
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        for (step, member) in steps {
            if only_integers && parse_i64(&member).is_none() {
                continue;
            }
            match step {
                0 => prop_assert_eq!(set.remove(Item::Bytes(&member)), model.remove(&member)),
                1 => prop_assert_eq!(set.add(&rules, Item::Bytes(&member)), model.insert(member.clone())),
                _ => {
                    set.expect(&rules, &member, usize::from(member.len() as u8 % 16));
                    prop_assert_eq!(set.add(&rules, Item::Bytes(&member)), model.insert(member.clone()));
                }
            }
            prop_assert_eq!(set.view().contains(Item::Bytes(&member)), model.contains(&member));
            prop_assert_eq!(set.len(), model.len());
        }
        prop_assert_eq!(&contents(&set), &model);
        let mut scanned = BTreeSet::new();
        let mut cursor = 0;
        loop {
            cursor = set.view().scan(cursor, &mut |member| { scanned.insert(member.with_bytes(<[u8]>::to_vec)); });
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(&scanned, &model);
        match set.view().sample(limits.0 as u64) {
            Some(member) => prop_assert!(member.with_bytes(|bytes| model.contains(bytes))),
            None => prop_assert!(model.is_empty()),
        }
        let mut narrowed = set.clone();
        narrowed.narrow(&rules);
        prop_assert_eq!(narrowed, set);
    }
}

fn set_of<T: ToString>(rules: &Rules, members: impl IntoIterator<Item = T>) -> Set {
    let mut set = Set::new();
    for member in members {
        set.add(rules, Item::Bytes(member.to_string().as_bytes()));
    }
    set
}

#[test]
fn layouts_change_where_those_of_valkey_do() {
    let rules = Rules::DEFAULT;
    let encoding = |set: Set| set.view().encoding().name();
    assert_eq!(encoding(set_of(&rules, 0..512)), "intset");
    assert_eq!(encoding(set_of(&rules, 0..513)), "hashtable");
    let mixed = |integers: i32| {
        let mut set = set_of(&rules, 0..integers);
        set.add(&rules, Item::Bytes(b"m"));
        set
    };
    assert_eq!(encoding(mixed(127)), "listpack");
    assert_eq!(encoding(mixed(128)), "hashtable");
    let mut set = mixed(127);
    assert!(!set.add(&rules, Item::Bytes(b"m")));
    assert_eq!(encoding(set.clone()), "listpack");
    set.add(&rules, Item::Bytes(b"n"));
    assert_eq!(encoding(set), "hashtable");
    let long = "x".repeat(65);
    assert_eq!(encoding(set_of(&rules, ["a", &long])), "hashtable");
    assert_eq!(encoding(set_of(&rules, ["a", &long[1..]])), "listpack");
}

#[test]
fn many_members_at_once_begin_in_the_layout_that_they_need() {
    let rules = Rules::DEFAULT;
    let expecting = |first: &str, count| {
        let mut set = Set::new();
        set.expect(&rules, first.as_bytes(), count);
        set.view().encoding().name()
    };
    assert_eq!(expecting("1", 512), "intset");
    assert_eq!(expecting("1", 513), "hashtable");
    assert_eq!(expecting("01", 128), "listpack");
    assert_eq!(expecting("01", 129), "hashtable");
    let mut set = set_of(&rules, 0..3);
    set.expect(&rules, b"m", 129);
    assert_eq!(set.view().encoding().name(), "intset");
    set.expect(&rules, b"m", 513);
    assert_eq!(set.view().encoding().name(), "hashtable");
}

#[test]
fn a_result_of_integers_becomes_an_intset_where_it_is_small() {
    let rules = Rules::DEFAULT;
    let mut set = Set::hashtable(&rules);
    (0..512).for_each(|integer| assert!(set.add(&rules, Item::Integer(integer))));
    set.narrow(&rules);
    assert_eq!(set.view().encoding(), Encoding::Intset);
    let mut set = Set::hashtable(&rules);
    (0..513).for_each(|integer| assert!(set.add(&rules, Item::Integer(integer))));
    set.narrow(&rules);
    assert_eq!(set.view().encoding(), Encoding::Hashtable);
}

#[test]
fn a_handle_is_three_words() {
    assert_eq!(size_of::<Set>(), 24);
}
