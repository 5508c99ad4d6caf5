//! Lists against a vector, at limits that make them large soon.

use super::{Element, End, List};
use crate::{Encoding, Rules};
use proptest::prelude::*;

fn elements(list: &List) -> Vec<Vec<u8>> {
    list.view().iter_from(0).map(Element::to_vec).collect()
}

#[derive(Clone, Debug)]
enum Change {
    Push(bool, Vec<u8>),
    Set(usize, Vec<u8>),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    RemoveEqual(usize, usize, bool),
}

/// Elements of all kinds, or most of them with a prefix.
fn an_element(is_alike: bool) -> impl Strategy<Value = Vec<u8>> {
    let alike = (0u32..3000).prop_map(|number| format!("a prefix of all:{number:04}").into_bytes());
    prop_oneof![
        if is_alike { 60 } else { 1 } => alike,
        3 => a_strange_element(),
    ]
}

fn a_strange_element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0i64..50).prop_map(|number| number.to_string().into_bytes()),
        (0usize..40).prop_map(|length| vec![b'x'; length]),
        (4000usize..9000).prop_map(|length| vec![b'y'; length]),
    ]
}

fn a_change(is_alike: bool) -> impl Strategy<Value = Change> {
    let element = || an_element(is_alike);
    prop_oneof![
        4 => (any::<bool>(), element()).prop_map(|(left, element)| Change::Push(left, element)),
        1 => (any::<usize>(), element()).prop_map(|(at, element)| Change::Set(at, element)),
        2 => (any::<usize>(), element()).prop_map(|(at, element)| Change::Insert(at, element)),
        1 => (any::<usize>(), 0usize..12).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (any::<usize>(), 0usize..3, any::<bool>())
            .prop_map(|(at, count, left)| Change::RemoveEqual(at, count, left)),
    ]
}

fn apply(list: &mut List, model: &mut Vec<Vec<u8>>, change: Change, rules: &Rules) {
    match change {
        Change::Push(left, element) => {
            let end = if left { End::Left } else { End::Right };
            list.push_all(end, std::iter::once(&*element), rules);
            model.insert(if left { 0 } else { model.len() }, element);
        }
        Change::Set(at, element) if !model.is_empty() => {
            let at = at % model.len();
            list.set(at, &element, rules);
            model[at] = element;
        }
        Change::Insert(at, element) => {
            let at = at % (model.len() + 1);
            list.insert(at, &element, rules);
            model.insert(at, element);
        }
        Change::Remove(at, count) if !model.is_empty() => {
            let at = at % model.len();
            list.remove(at, count, rules);
            model.drain(at..(at + count).min(model.len()));
        }
        Change::RemoveEqual(at, count, left) if !model.is_empty() => {
            let element = model[at % model.len()].clone();
            let end = if left { End::Left } else { End::Right };
            let removed = list.remove_equal(&element, (end, count), rules);
            let mut places: Vec<usize> =
                (0..model.len()).filter(|&place| model[place] == element).collect();
            if !left {
                places.reverse();
            }
            places.truncate(count);
            assert_eq!(removed, places.len());
            places.sort_unstable();
            places.iter().rev().for_each(|&place| drop(model.remove(place)));
        }
        Change::Set(..) | Change::Remove(..) | Change::RemoveEqual(..) => {}
    }
}

proptest! {
    #[test]
    fn a_list_does_what_a_vector_does(
        changes in any::<bool>()
            .prop_flat_map(|is_alike| proptest::collection::vec(a_change(is_alike), 0..300)),
        size in prop_oneof![Just(-1), Just(-2), Just(1), Just(3), Just(20)],
        alone in prop_oneof![Just(usize::MAX), Just(1), Just(40)],
    ) {
        let rules = Rules { list_node_size: size, list_alone_bytes: alone, ..Rules::DEFAULT };
        let (mut list, mut model) = (List::new(), Vec::new());
        for change in changes {
            apply(&mut list, &mut model, change, &rules);
            prop_assert_eq!(list.len(), model.len());
            list.check();
        }
        prop_assert_eq!(elements(&list), model.clone());
        for (index, element) in model.iter().enumerate() {
            prop_assert!(list.view().get(index).is_some_and(|item| item.eq_bytes(element)));
        }
        let middle = model.len() / 2;
        let back: Vec<Vec<u8>> =
            list.view().iter_back_from(middle).map(Element::to_vec).collect();
        let expected: Vec<Vec<u8>> = model.iter().take(middle + 1).rev().cloned().collect();
        prop_assert_eq!(back, expected);
        prop_assert_eq!(list.clone(), list);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A clone is what the list was, whatever becomes of either.
    #[test]
    fn clones_are_apart(
        changes in any::<bool>()
            .prop_flat_map(|is_alike| proptest::collection::vec((a_change(is_alike), 0..20u8), 0..400)),
        size in prop_oneof![Just(-1), Just(1), Just(3)],
    ) {
        let rules = Rules { list_node_size: size, ..Rules::DEFAULT };
        let (mut list, mut model) = (List::new(), Vec::new());
        let mut clones: Vec<(List, Vec<Vec<u8>>)> = Vec::new();
        for (change, chance) in changes {
            apply(&mut list, &mut model, change, &rules);
            match chance {
                0 => clones.push((list.clone(), model.clone())),
                1 => drop(clones.pop()),
                _ => {}
            }
            list.check();
        }
        for (clone, model) in &mut clones {
            clone.check();
            prop_assert_eq!(&elements(clone), &*model);
            for at in (0..clone.len()).step_by(7) {
                apply(clone, model, Change::Insert(at, b"new".to_vec()), &rules);
                apply(clone, model, Change::Remove(at + 1, 2), &rules);
            }
            clone.check();
            prop_assert_eq!(&elements(clone), &*model);
        }
        prop_assert_eq!(elements(&list), model);
    }
}

#[test]
fn elements_that_begin_alike_take_what_differs() {
    let (rules, mut list) = (Rules::DEFAULT, List::new());
    let text = |number: u32| format!("https://example.org/jobs/{number}").into_bytes();
    for number in 100_000..200_000 {
        list.push_all(End::Right, std::iter::once(&*text(number)), &rules);
    }
    let plain = 100_000 * text(100_000).len();
    assert!(list.heap_bytes() < plain / 5, "{} of {plain}", list.heap_bytes());
    list.check();
    for number in (100_000..200_000).step_by(97) {
        let element = list.view().get(number as usize - 100_000);
        assert!(
            element.is_some_and(|element| element.eq_bytes(&text(number)) && element.len() == 31)
        );
    }
    // One that is different is at home among them.
    list.set(50_000, b"17", &rules);
    list.insert(70_000, b"", &rules);
    list.check();
    assert!(list.view().get(50_000).is_some_and(|element| element.eq_bytes(b"17")));
    assert!(list.view().get(70_000).is_some_and(|element| element.eq_bytes(b"")));
    assert!(list.view().get(70_001).is_some_and(|element| element.eq_bytes(&text(170_000))));
}

#[test]
fn a_long_list_is_reached_in_its_middle() {
    let rules = Rules::DEFAULT;
    let mut list = List::new();
    for number in 0..300_000u32 {
        let element = number.to_string().into_bytes();
        list.push_all(End::Right, std::iter::once(&*element), &rules);
    }
    assert_eq!(list.view().encoding(), Encoding::Quicklist);
    for index in (0..300_000usize).step_by(997) {
        let expected = index.to_string();
        assert!(
            list.view().get(index).is_some_and(|item| item.eq_bytes(expected.as_bytes())),
            "{index}"
        );
    }
    for _ in 0..20_000 {
        list.insert(150_000, b"new", &rules);
    }
    assert_eq!(list.len(), 320_000);
    assert!(list.view().get(170_000).is_some_and(|item| item.eq_bytes(b"150000")));
    list.remove(20, 319_980, &rules);
    assert_eq!((list.len(), list.view().encoding()), (20, Encoding::Listpack));
    assert!(list.heap_bytes() < 400);
}
