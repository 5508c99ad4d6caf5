use super::*;
use crate::table::{KeyHasher, Table};
use std::rc::Rc;

type Boxed = Rc<u64>;

/// Every length at which something changes: class steps, the narrow form's limits.
const KEY_LENGTHS: [usize; 9] = [0, 1, 7, 8, 16, 254, 255, 256, 70_000];
const VALUE_LENGTHS: [usize; 12] = [0, 1, 7, 8, 32, 55, 56, 57, 1_000, 65_535, 65_536, 200_000];

fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|index| (index as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

fn lengths() -> impl Iterator<Item = (usize, usize)> {
    let few = if cfg!(miri) { 3 } else { 1 };
    KEY_LENGTHS
        .into_iter()
        .flat_map(move |key| VALUE_LENGTHS.into_iter().step_by(few).map(move |value| (key, value)))
}

fn bytes_of(record: &Record<Boxed>) -> &[u8] {
    match record.value() {
        Value::Bytes(bytes) => bytes,
        other @ (Value::Integer(_) | Value::Compact(..) | Value::Object(_)) => {
            panic!("not bytes: {other:?}")
        }
    }
}

#[test]
fn record_gives_back_what_it_was_made_of() {
    for (key_len, value_len) in lengths() {
        let (key, value) = (pattern(key_len, 1), pattern(value_len, 2));
        for expire_at in [None, Some(i64::MIN), Some(1_700_000_000_000)] {
            let record =
                Record::<Boxed>::new(&key, NewValue::Bytes(&value), expire_at, 0xff_abcdef);
            assert_eq!((record.key(), bytes_of(&record)), (&key[..], &value[..]));
            assert_eq!(
                (record.expire_at(), record.access(), record.mark()),
                (expire_at, 0xabcdef, 0)
            );
            assert!(record.into_object().is_none());

            let record = Record::<Boxed>::new(&key, NewValue::Compact(7, &value), expire_at, 1);
            assert!(matches!(record.value(), Value::Compact(7, bytes) if *bytes == value));
            assert_eq!((record.key(), record.expire_at()), (&key[..], expire_at));
            assert!(record.into_object().is_none());

            let record = Record::<Boxed>::new(&key, NewValue::Integer(-5), expire_at, 1);
            assert!(matches!(record.value(), Value::Integer(-5)));
            assert_eq!((record.key(), record.expire_at()), (&key[..], expire_at));

            let object = Rc::new(9);
            let value = NewValue::Object(Box::new(Rc::clone(&object)));
            let record = Record::<Boxed>::new(&key, value, expire_at, 1);
            assert!(matches!(record.value(), Value::Object(found) if **found == 9));
            assert_eq!((record.key(), record.expire_at()), (&key[..], expire_at));
            assert_eq!(Rc::strong_count(&object), 2);
            assert!(record.into_object().is_some());
            assert_eq!(Rc::strong_count(&object), 1);
        }
    }
}

#[test]
fn sixteen_and_thirty_two_bytes_take_56() {
    let record = Record::<Boxed>::new(&[1; 16], NewValue::Bytes(&[2; 32]), None, 0);
    assert_eq!(record.memory_bytes(), 56);
    assert_eq!(size_of::<Record<Boxed>>(), 8);
}

#[test]
fn clock_and_mark_do_not_touch_each_other() {
    let record = Record::<Boxed>::new(b"key", NewValue::Integer(1), Some(5), 0x12_3456);
    record.set_mark(0xa5);
    assert_eq!((record.access(), record.mark()), (0x12_3456, 0xa5));
    record.set_access(0xffff_ffff);
    assert_eq!((record.access(), record.mark()), (0xff_ffff, 0xa5));
    record.set_mark(0);
    assert_eq!((record.access(), record.mark()), (0xff_ffff, 0));
    assert_eq!((record.key(), record.expire_at()), (&b"key"[..], Some(5)));
}

#[test]
fn any_value_replaces_any_value_and_keeps_key_clock_and_mark() {
    let object = Rc::new(3);
    for (key_len, value_len) in lengths() {
        let (key, value) = (pattern(key_len, 3), pattern(value_len, 4));
        let mut record = Record::<Boxed>::new(&key, NewValue::Integer(8), None, 77);
        record.set_mark(6);
        for other_len in [0, 1, 15, 16, 40, 65_535, 65_536] {
            let other = pattern(other_len, 5);
            assert!(record.set(NewValue::Bytes(&value), Some(1)).is_none());
            assert_eq!((bytes_of(&record), record.expire_at()), (&value[..], Some(1)));
            assert!(record.set(NewValue::Bytes(&other), None).is_none());
            assert_eq!((bytes_of(&record), record.expire_at()), (&other[..], None));
            assert!(record.set(NewValue::Compact(9, &value), None).is_none());
            assert!(matches!(record.value(), Value::Compact(9, bytes) if *bytes == value));
            assert!(record.set(NewValue::Compact(3, &other), Some(1)).is_none());
            assert!(matches!(record.value(), Value::Compact(3, bytes) if *bytes == other));
            let boxed = Box::new(Rc::clone(&object));
            assert!(record.set(NewValue::Object(boxed), Some(2)).is_none());
            assert!(matches!(record.value(), Value::Object(found) if **found == 3));
            assert!(record.set(NewValue::Integer(4), Some(3)).is_some());
            assert!(matches!(record.value(), Value::Integer(4)));
            assert_eq!((record.expire_at(), record.key()), (Some(3), &key[..]));
            assert_eq!((record.access(), record.mark()), (77, 6));
        }
    }
    assert_eq!(Rc::strong_count(&object), 1);
}

#[test]
fn expiry_comes_and_goes_without_touching_the_value() {
    let object = Rc::new(3);
    for (key_len, value_len) in lengths() {
        let (key, value) = (pattern(key_len, 6), pattern(value_len, 7));
        let boxed = Box::new(Rc::clone(&object));
        let compact = NewValue::Compact(1, &value);
        let values =
            [NewValue::Bytes(&value), compact, NewValue::Integer(11), NewValue::Object(boxed)];
        for value in values {
            let mut record = Record::<Boxed>::new(&key, value, None, 3);
            let before = format!("{:?}", record.value());
            for expire_at in [Some(1), Some(-1), None, None, Some(i64::MAX), None] {
                record.set_expire_at(expire_at);
                assert_eq!((record.expire_at(), record.key()), (expire_at, &key[..]));
                assert_eq!(record.word.is_volatile(), expire_at.is_some());
                assert_eq!(format!("{:?}", record.value()), before);
                assert_eq!(record.access(), 3);
            }
        }
    }
    assert_eq!(Rc::strong_count(&object), 1);
}

#[test]
fn append_extends_bytes_over_every_boundary() {
    for key_len in [0, 16, 256] {
        for expire_at in [None, Some(12)] {
            let key = pattern(key_len, 8);
            let mut record = Record::<Boxed>::new(&key, NewValue::Bytes(b""), expire_at, 4);
            let mut model = Vec::new();
            for step in [0, 1, 1, 6, 9, 30, 200, 1_000, 60_000, 4_000, 400, 100_000, 1, 0] {
                let tail = pattern(step, model.len() as u8);
                record.append(&tail);
                model.extend(tail);
                assert_eq!((record.key(), bytes_of(&record)), (&key[..], &model[..]));
                assert_eq!((record.expire_at(), record.access()), (expire_at, 4));
            }
        }
    }
}

#[test]
#[should_panic(expected = "not bytes")]
fn append_to_a_number_is_our_bug() {
    Record::<Boxed>::new(b"key", NewValue::Integer(1), None, 0).append(b"x");
}

#[test]
fn values_change_in_place_through_the_table() {
    struct Zero;
    impl KeyHasher for Zero {
        fn hash(&self, _: &[u8]) -> u64 {
            0
        }
    }
    let mut table = Table::<Boxed>::new();
    table.insert(&Zero, 0, Record::new(b"n", NewValue::Integer(1), None, 0));
    table.insert(&Zero, 0, Record::new(b"b", NewValue::Bytes(b"abc"), None, 0));
    table.insert(&Zero, 0, Record::new(b"o", NewValue::Object(Box::new(Rc::new(1))), None, 0));
    for key in [b"n", b"b", b"o"] {
        match table.find_mut(0, key).expect("inserted above").value_mut() {
            ValueMut::Integer(number) => *number += 41,
            ValueMut::Bytes(bytes) => bytes[1] = b'X',
            ValueMut::Object(object) => *object = Rc::new(7),
            ValueMut::Compact => panic!("none was inserted"),
        }
    }
    let value = |key| table.find(0, key).expect("inserted above").value();
    assert!(matches!(value(b"n"), Value::Integer(42)));
    assert!(matches!(value(b"b"), Value::Bytes(b"aXc")));
    assert!(matches!(value(b"o"), Value::Object(object) if **object == 7));
}
