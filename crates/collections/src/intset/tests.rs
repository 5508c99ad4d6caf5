//! The intset against a `BTreeSet`, and its bytes against Redis's.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn integer() -> impl Strategy<Value = i64> {
    let edges = vec![
        i64::from(i16::MIN) - 1,
        i64::from(i16::MIN),
        i64::from(i16::MAX),
        i64::from(i16::MAX) + 1,
        i64::from(i32::MIN) - 1,
        i64::from(i32::MIN),
        i64::from(i32::MAX),
        i64::from(i32::MAX) + 1,
        i64::MIN,
        i64::MAX,
    ];
    prop_oneof![20 => -50..50i64, 1 => prop::sample::select(edges)]
}

proptest! {
    #[test]
    fn it_is_a_sorted_set(steps in prop::collection::vec((any::<bool>(), integer()), 0..200)) {
        let (mut set, mut model) = (Intset::new(), BTreeSet::new());
        for (adds, integer) in steps {
            if adds {
                prop_assert_eq!(set.insert(integer), model.insert(integer));
            } else {
                prop_assert_eq!(set.remove(integer), model.remove(&integer));
            }
            prop_assert_eq!(set.contains(integer), model.contains(&integer));
            prop_assert_eq!(set.len(), model.len());
        }
        prop_assert!(set.iter().eq(model.iter().copied()));
        prop_assert!(set.iter().rev().eq(model.iter().rev().copied()));
        prop_assert_eq!(set.at(0), model.first().copied());
        prop_assert_eq!(set.at(model.len()), None);
        prop_assert_eq!(IntsetSlice::from_bytes(set.bytes()), Ok(&*set));
    }

    #[test]
    fn any_bytes_are_refused_or_a_set(bytes in prop::collection::vec(0..9u8, 0..40)) {
        if let Ok(set) = IntsetSlice::from_bytes(&bytes) {
            prop_assert_eq!(set.bytes(), &bytes[..]);
            prop_assert!(set.iter().all(|integer| set.contains(integer)));
        }
    }
}

#[test]
fn the_bytes_are_those_of_redis() {
    let mut set = Intset::new();
    assert_eq!(set.bytes(), [2, 0, 0, 0, 0, 0, 0, 0]);
    set.insert(5);
    set.insert(-1);
    assert_eq!(set.bytes(), [2, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 5, 0]);
    set.insert(70_000);
    assert_eq!(
        set.bytes(),
        [4, 0, 0, 0, 3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 5, 0, 0, 0, 0x70, 0x11, 1, 0]
    );
}

#[test]
fn malformed_bytes_are_refused() {
    let refused: [&[u8]; 6] = [
        &[],
        &[2, 0, 0, 0],
        &[3, 0, 0, 0, 0, 0, 0, 0],
        &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0],
        &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
        &[2, 0, 0, 0, 0, 0, 0, 0x80],
    ];
    for bytes in refused {
        assert_eq!(IntsetSlice::from_bytes(bytes), Err(MalformedIntset), "{bytes:?}");
    }
}
