use super::SortedSet;
use crate::{Encoding, Rules};
use proptest::prelude::*;

fn members(set: &SortedSet) -> Vec<(Vec<u8>, f64)> {
    let mut all = Vec::new();
    set.view().visit_all(|member, score| all.push((member.to_vec(), score)));
    all
}

fn rules(entries: usize) -> Rules {
    let mut rules = Rules::DEFAULT;
    rules.sorted_set.entries = entries;
    rules
}

#[test]
fn it_is_large_when_there_are_more_or_longer_members() {
    let mut set = SortedSet::new();
    for number in 0..128 {
        set.insert(&[b'a' + number % 26, number], f64::from(number), &Rules::DEFAULT);
    }
    assert_eq!(set.view().encoding(), Encoding::Listpack);
    set.insert(b"one more", 0.5, &Rules::DEFAULT);
    assert_eq!((set.view().encoding(), set.len()), (Encoding::Skiplist, 129));
    let mut set = SortedSet::new();
    set.insert(&[b'x'; 64], 1.0, &Rules::DEFAULT);
    assert_eq!(set.view().encoding(), Encoding::Listpack);
    set.insert(&[b'x'; 65], 1.0, &Rules::DEFAULT);
    assert_eq!(set.view().encoding(), Encoding::Skiplist);
}

#[test]
fn a_handle_is_small() {
    assert!(size_of::<SortedSet>() <= 24);
}

proptest! {
    /// The small and the large one do the same.
    #[test]
    fn both_layouts_agree(
        steps in prop::collection::vec((0u8..4, 0u8..40, -5i8..5), 0..150),
        range in (0usize..20, 0usize..20),
    ) {
        let (small_rules, large_rules) = (rules(1000), rules(0));
        let (mut small, mut large) = (SortedSet::new(), SortedSet::new());
        for (what, number, score) in steps {
            let (member, score) = (format!("{number}"), f64::from(score) / 2.0);
            if what == 0 {
                prop_assert_eq!(small.remove(member.as_bytes()), large.remove(member.as_bytes()));
            } else {
                let member = member.as_bytes();
                prop_assert_eq!(small.insert(member, score, &small_rules), large.insert(member, score, &large_rules));
                prop_assert_eq!(small.view().rank(member), large.view().rank(member));
                prop_assert_eq!(small.view().score(member), large.view().score(member));
            }
            prop_assert_eq!(small.view().rank_by_score(|own| own < score), large.view().rank_by_score(|own| own < score));
        }
        prop_assert!(small == large);
        prop_assert_eq!(members(&small), members(&large));
        let from = range.0.min(small.len());
        let ranks = from..(from + range.1).min(small.len());
        let (mut a, mut b) = (Vec::new(), Vec::new());
        small.view().visit(ranks.clone(), true, |member, score| a.push((member.to_vec(), score)));
        large.view().visit(ranks.clone(), true, |member, score| b.push((member.to_vec(), score)));
        prop_assert_eq!(a, b);
        small.remove_range(ranks.clone());
        large.remove_range(ranks);
        prop_assert_eq!(members(&small), members(&large));
    }
}
