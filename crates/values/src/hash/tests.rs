//! Hashes against a map, with times.

use super::{FieldExpiry, Hash};
use crate::{Encoding, HashRules, Rules};
use proptest::prelude::*;
use std::collections::BTreeMap;

const RULES: Rules = Rules { hash: HashRules { entries: 8, value_bytes: 16 }, ..Rules::DEFAULT };

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

#[derive(Clone, Debug)]
enum Step {
    Set(u8, usize, Option<i64>),
    Keep(u8),
    Remove(u8),
    Time(u8, Option<i64>),
    Pass(i64),
    Reclaim(usize),
}

fn a_step() -> impl Strategy<Value = Step> {
    let time = proptest::option::weighted(0.3, 0i64..60);
    prop_oneof![
        4 => (0u8..20, 0usize..20, time.clone())
            .prop_map(|(field, length, time)| Step::Set(field, length, time)),
        1 => (0u8..20).prop_map(Step::Keep),
        2 => (0u8..20).prop_map(Step::Remove),
        2 => (0u8..20, time).prop_map(|(field, time)| Step::Time(field, time)),
        1 => (0i64..20).prop_map(Step::Pass),
        1 => (0usize..4).prop_map(Step::Reclaim),
    ]
}

fn run(hash: &mut Hash, model: &mut Model, step: Step, now: &mut i64) {
    let name = |field: u8| format!("field{field}").into_bytes();
    model.retain(|_, (_, at)| at.is_none_or(|at| at > *now));
    match step {
        Step::Set(field, length, after) => {
            let (field, value) = (name(field), vec![b'v'; length]);
            let at = after.map(|after| *now + after + 1);
            let expiry = at.map_or(FieldExpiry::Clear, FieldExpiry::At);
            hash.prepare([&*field, &value].into_iter(), &RULES);
            let is_new = hash.set(&field, &value, (expiry, *now), &RULES);
            assert_eq!(is_new, model.insert(field, (value, at)).is_none());
        }
        Step::Keep(field) => {
            let field = name(field);
            hash.set(&field, b"kept", (FieldExpiry::Keep, *now), &RULES);
            let at = model.get(&field).and_then(|(_, at)| *at);
            model.insert(field, (b"kept".to_vec(), at));
        }
        Step::Remove(field) => {
            assert_eq!(hash.remove(&name(field), *now), model.remove(&name(field)).is_some());
        }
        Step::Time(field, after) => {
            if let Some((_, at)) = model.get_mut(&name(field)) {
                *at = after.map(|after| *now + after + 1);
                hash.set_time(&name(field), *at, &RULES);
            }
        }
        Step::Pass(time) => *now += time,
        Step::Reclaim(most) => {
            assert!(hash.remove_due(*now, most).len() <= most);
        }
    }
    model.retain(|_, (_, at)| at.is_none_or(|at| at > *now));
}

proptest! {
    #[test]
    fn a_hash_does_what_a_map_does(steps in proptest::collection::vec(a_step(), 0..120)) {
        let (mut hash, mut model, mut now) = (Hash::new(), Model::new(), 1000);
        for step in steps {
            run(&mut hash, &mut model, step, &mut now);
            prop_assert_eq!(hash.view().live_len(now), model.len());
            let mut seen = BTreeMap::new();
            hash.view().visit(now, |field, value| {
                seen.insert(field.to_vec(), value.to_vec());
            });
            let expected: BTreeMap<_, _> =
                model.iter().map(|(field, (value, _))| (field.clone(), value.clone())).collect();
            prop_assert_eq!(seen, expected);
            for (field, (value, at)) in &model {
                prop_assert!(hash.view().get(field, now).is_some_and(|own| own.eq_bytes(value)));
                prop_assert_eq!(hash.view().time(field), *at);
            }
        }
        prop_assert_eq!(hash.clone(), hash);
    }
}

#[test]
fn a_hash_becomes_a_table_by_size_length_or_time() {
    let set = |hash: &mut Hash, field: &[u8], value: &[u8]| {
        hash.prepare([field, value].into_iter(), &RULES);
        hash.set(field, value, (FieldExpiry::Clear, 0), &RULES);
    };
    let mut many = Hash::new();
    for field in 0..8u8 {
        set(&mut many, &[b'f', field], b"1");
    }
    assert_eq!(many.view().encoding(), Encoding::Listpack);
    set(&mut many, b"ninth", b"1");
    assert_eq!(many.view().encoding(), Encoding::Hashtable);
    let mut long = Hash::new();
    set(&mut long, b"f", &[b'x'; 17]);
    assert_eq!(long.view().encoding(), Encoding::Hashtable);
    let mut timed = Hash::new();
    set(&mut timed, b"f", b"1");
    timed.set_time(b"f", Some(5), &RULES);
    assert_eq!(timed.view().encoding(), Encoding::Hashtable);
    assert_eq!((timed.view().earliest_time(), timed.remove_due(5, 9).len()), (Some(5), 1));
    assert!(timed.is_empty() && timed.view().earliest_time().is_none());
}

#[test]
fn a_field_whose_time_has_come_is_taken_only_by_who_tells_of_it() {
    let mut hash = Hash::new();
    hash.set(b"f", b"1", (FieldExpiry::At(5), 0), &RULES);
    assert!(!hash.remove(b"f", 5));
    assert_eq!(hash.view().len(), 1);
    assert_eq!(hash.remove_due(5, 9), [Box::from(*b"f")]);
}
