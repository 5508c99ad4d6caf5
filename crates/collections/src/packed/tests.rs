//! The map against a `BTreeMap`, and the promise of SCAN while it grows and shrinks.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SEED: (u64, u64) = (3, 5);

/// The key of a number: some are empty, some stand in a leaf, some do not.
fn key(number: u16) -> Vec<u8> {
    let mut key = number.to_string().into_bytes();
    match number % 16 {
        0 => key.resize(key.len() + 120, b'-'),
        1 => key.resize(key.len() + 130, b'-'),
        2 => key.resize(key.len() + 1000, b'-'),
        _ if number == 7 => key.clear(),
        _ => {}
    }
    key
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![Just(0), 1..10usize, 60..200usize, Just(400usize)];
    (length, any::<u8>()).prop_map(|(length, byte)| vec![byte; length])
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, Vec<u8>),
    InsertNew(u16, Vec<u8>),
    Remove(u16),
    Take(u16),
    /// Inserts or removes so many keys from a number on.
    InsertMany(u16, u16),
    RemoveMany(u16, u16),
    /// Writes over the bytes of a value.
    Write(u16, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0..2000u16;
    prop_oneof![
        4 => (number(), value()).prop_map(|(number, value)| Step::Insert(number, value)),
        2 => (number(), value()).prop_map(|(number, value)| Step::InsertNew(number, value)),
        3 => number().prop_map(Step::Remove),
        2 => number().prop_map(Step::Take),
        1 => (number(), 0..400u16).prop_map(|(from, count)| Step::InsertMany(from, count)),
        1 => (number(), 0..400u16).prop_map(|(from, count)| Step::RemoveMany(from, count)),
        2 => (number(), any::<u8>()).prop_map(|(number, byte)| Step::Write(number, byte)),
    ]
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn run(packed: &mut Packed, model: &mut Model, step: Step) {
    match step {
        Step::Insert(number, value) => {
            let is_new = packed.insert(&key(number), &value);
            assert_eq!(is_new, model.insert(key(number), value).is_none());
        }
        Step::InsertNew(number, value) => {
            let is_new = packed.insert_new(&key(number), &value);
            assert_eq!(is_new, !model.contains_key(&key(number)));
            model.entry(key(number)).or_insert(value);
        }
        Step::Remove(number) => {
            assert_eq!(packed.remove(&key(number)), model.remove(&key(number)).is_some());
        }
        Step::Take(number) => assert_eq!(packed.take(&key(number)), model.remove(&key(number))),
        Step::InsertMany(from, count) => {
            for number in from..from + count {
                run(packed, model, Step::Insert(number, vec![]));
            }
        }
        Step::RemoveMany(from, count) => {
            for number in from..from + count {
                run(packed, model, Step::Remove(number));
            }
        }
        Step::Write(number, byte) => {
            let written = packed.value_mut(&key(number)).map(|value| value.fill(byte));
            assert_eq!(written, model.get_mut(&key(number)).map(|value| value.fill(byte)));
        }
    }
}

/// The sums that are kept are those that counting gives.
fn check_sums(packed: &Packed) {
    let leaves = || (0..packed.leaves.len()).map(|leaf| packed.leaves.at(leaf));
    assert_eq!(packed.len, leaves().map(Leaf::count).sum::<usize>());
    assert_eq!(packed.load, leaves().map(Leaf::load).sum::<usize>());
    let long: usize = leaves()
        .flat_map(Leaf::iter)
        .map(|(entry, _)| match entry {
            Entry::Here(..) => 0,
            Entry::Elsewhere(place) => {
                let (key, value) = packed.large.pair(place);
                Large::bytes(key, value)
            }
        })
        .sum();
    assert_eq!(packed.entries_bytes, long + leaves().map(Leaf::heap_bytes).sum::<usize>());
}

fn contents(packed: &Packed) -> Model {
    packed.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_is_a_map(steps in prop::collection::vec(step(), 1..60)) {
        let (mut packed, mut model) = (Packed::new(SEED), Model::new());
        for step in steps {
            run(&mut packed, &mut model, step);
            prop_assert_eq!(packed.len(), model.len());
        }
        check_sums(&packed);
        prop_assert_eq!(&contents(&packed), &model);
        prop_assert_eq!(packed.iter().len(), model.len());
        for (key, value) in &model {
            prop_assert_eq!(packed.get(key), Some(&value[..]));
        }
        let mut other = Packed::new((9, 9));
        model.iter().for_each(|(key, value)| { other.insert(key, value); });
        prop_assert_eq!(&packed, &other);
        prop_assert_eq!(&packed.clone(), &other);
        other.insert(b"another", b"");
        prop_assert_ne!(&packed, &other);
    }

    /// A clone is what the map was, whatever becomes of either.
    #[test]
    fn clones_are_apart(rounds in prop::collection::vec((prop::collection::vec(step(), 1..30), any::<bool>()), 1..6)) {
        let (mut packed, mut model) = (Packed::new(SEED), Model::new());
        let mut clones: Vec<(Packed, Model)> = Vec::new();
        for (steps, drops) in rounds {
            for step in &steps {
                run(&mut packed, &mut model, step.clone());
            }
            check_sums(&packed);
            if drops {
                clones.pop();
            }
            clones.push((packed.clone(), model.clone()));
        }
        run(&mut packed, &mut model, Step::RemoveMany(0, 2000));
        for (clone, model) in &mut clones {
            check_sums(clone);
            prop_assert_eq!(&contents(clone), &*model);
            run(clone, model, Step::InsertMany(300, 500));
            run(clone, model, Step::RemoveMany(0, 700));
            check_sums(clone);
            prop_assert_eq!(&contents(clone), &*model);
        }
        prop_assert_eq!(&contents(&packed), &model);
    }

    /// What is there from the beginning to the end of a scan is seen, whatever comes and goes meanwhile.
    #[test]
    fn a_scan_sees_what_stays(
        stay in prop::collection::btree_set(0..2000u16, 1..100),
        before in (0..2000u16, 0..1500u16),
        steps in prop::collection::vec(step(), 1..40),
        pauses in prop::collection::vec(0..8usize, 1..40),
    ) {
        let (mut packed, mut model) = (Packed::new(SEED), Model::new());
        run(&mut packed, &mut model, Step::InsertMany(before.0, before.1));
        stay.iter().for_each(|&number| { packed.insert(&key(number), b""); });
        let (mut seen, mut cursor) = (BTreeSet::new(), 0);
        let mut steps = steps.into_iter().zip(pauses);
        loop {
            let step = steps.next();
            let pause = step.as_ref().map_or(1, |(_, pause)| *pause);
            let mut is_done = false;
            for _ in 0..pause {
                cursor = packed.scan(cursor, &mut |key, _| { seen.insert(key.to_vec()); });
                is_done = cursor == 0;
                if is_done {
                    break;
                }
            }
            if is_done {
                break;
            }
            if let Some((step, _)) = step {
                model = contents(&packed);
                run(&mut packed, &mut model, step);
                // Those that stay may have been removed, and could be missed from here on but for this.
                stay.iter().for_each(|&number| { packed.insert(&key(number), b""); });
            }
        }
        prop_assert!(stay.iter().all(|&number| seen.contains(&key(number))));
    }
}

#[test]
fn samples_are_fair() {
    let mut packed = Packed::new(SEED);
    assert_eq!(packed.sample(1), None);
    let members = 3000u16;
    (0..members).for_each(|number| assert!(packed.insert(&key(number), b"")));
    let mut drawn: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    let rounds = 100 * u64::from(members);
    for random in 0..rounds {
        let (key, _) = packed.sample(random).expect("there are entries");
        *drawn.entry(key.to_vec()).or_default() += 1;
    }
    assert_eq!(drawn.len(), usize::from(members));
    // A hundred each are expected, with a deviation of ten.
    assert!(drawn.values().all(|&times| (45..=160).contains(&times)), "{:?}", drawn.values());
}

#[test]
fn what_is_emptied_gives_its_memory_back() {
    let mut packed = Packed::new(SEED);
    let empty = packed.heap_bytes();
    (0..30_000).for_each(|number| assert!(packed.insert(&key(number), &[7; 20])));
    check_sums(&packed);
    assert!(packed.leaf_count() > 1000);
    (0..30_000).for_each(|number| assert!(packed.remove(&key(number))));
    check_sums(&packed);
    assert_eq!(packed.leaf_count(), 1);
    assert_eq!(packed.sample(1), None);
    // The places of long entries stay, to be used again.
    assert!(packed.heap_bytes() - packed.large.places_bytes() < empty + 2000);
}

#[test]
fn maps_of_one_seed_are_walked_in_one_order() {
    let (mut small, mut large) = (Packed::new(SEED), Packed::new(SEED));
    (0..3000).for_each(|number| {
        large.insert(&key(number), b"");
    });
    (0..3000).step_by(7).for_each(|number| {
        small.insert(&key(number), b"");
    });
    let order = |packed: &Packed| -> Vec<u64> {
        // By leaf of the smaller map: within a leaf there is no order.
        packed.iter().map(|(key, _)| small.leaf_of(small.hash(key)) as u64).collect()
    };
    let mut leaves = order(&large);
    leaves.dedup();
    let mut expected = order(&small);
    expected.dedup();
    assert_eq!(leaves, expected);
}

/// A map of so many entries of 60 bytes.
fn large(entries: usize) -> Packed {
    let mut map = Packed::new(SEED);
    for number in 0..entries {
        map.insert_new(format!("key:{number:016}").as_bytes(), &[b'v'; 38]);
    }
    map
}

/// The largest load of a leaf.
fn largest_leaf(map: &Packed) -> usize {
    (0..map.leaves.len()).map(|leaf| map.leaves.at(leaf).load()).max().unwrap_or_default()
}

#[test]
fn a_map_is_copied_in_the_order_of_its_hashes() {
    const ENTRIES: usize = 400_000;
    let map = large(ENTRIES);
    let mut copy = Packed::new(SEED);
    let mut largest = 0;
    for (number, (key, value)) in map.iter().enumerate() {
        assert!(copy.insert_new(key, value));
        if number.is_multiple_of(1000) {
            largest = largest.max(largest_leaf(&copy));
        }
    }
    assert_eq!(copy.len(), ENTRIES);
    assert!(largest < Leaf::LOAD_MAX / 2, "{largest} bytes in a leaf");
    // There are no more leaves in the end than the same entries have in another order.
    assert_eq!(copy.leaves.len(), map.leaves.len());
    assert!(largest_leaf(&copy) <= LEAF_LOAD_MANY);
}

#[test]
fn a_map_is_emptied_in_the_order_of_its_hashes() {
    const ENTRIES: usize = 400_000;
    let mut map = large(ENTRIES);
    let (mut cursor, mut left) = (0, ENTRIES);
    loop {
        let mut found = Vec::new();
        cursor = map.scan(cursor, &mut |key, _| found.push(key.to_vec()));
        for key in found {
            assert!(map.remove(&key));
            left -= 1;
        }
        assert_eq!(map.len(), left);
        if left.is_multiple_of(500) {
            assert!(largest_leaf(&map) < Leaf::LOAD_MAX / 2);
        }
        if cursor == 0 {
            break;
        }
    }
    assert!(map.is_empty());
    // What was left for the sake of the last ones goes with whatever is removed next.
    for _ in 0..map.leaves.len() {
        map.insert(b"one", b"");
        map.remove(b"one");
    }
    assert_eq!(map.leaves.len(), 1);
}

#[test]
fn entries_of_one_leaf_bring_leaves_until_they_are_told_apart() {
    let map = large(200_000);
    let mut few = Packed::new(SEED);
    let some: Vec<(Vec<u8>, Vec<u8>)> =
        map.iter().take(3000).map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    for (key, value) in &some {
        few.insert(key, value);
    }
    assert!(largest_leaf(&few) < Leaf::LOAD_MAX / 2);
    for (key, _) in &some {
        assert!(few.remove(key));
    }
    assert!(few.is_empty());
}

#[test]
fn what_is_prefetched_is_what_a_look_up_reads() {
    let mut packed = Packed::new(SEED);
    (0..2000).for_each(|number| assert!(packed.insert(&key(number), b"value")));
    let mut hits = 0;
    for number in 0..2000 {
        let (hash, spot) = (member_hash(SEED, &key(number)), packed.spot(&key(number)));
        assert_eq!(packed.leaf_of(hash), spot.leaf);
        let found = packed.find(spot, &key(number)).expect("it was inserted");
        hits += usize::from(packed.leaves.at(spot.leaf).probable(fingerprint(hash)) == Some(found));
        let steps = (0..).find(|&step| !packed.prefetch(hash, step));
        assert_eq!(steps, Some(2), "leaf, index, entry");
    }
    assert!(hits > 1800, "few fingerprints are equal in a leaf: {hits} of 2000");
    assert_eq!((0..).find(|&step| !Packed::new(SEED).prefetch(7, step)), Some(2));
}
