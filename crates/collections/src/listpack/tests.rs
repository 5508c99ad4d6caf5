//! The listpack against a vector of strings, and against bytes that Redis wrote.

use super::{At, Item, Listpack};
use proptest::prelude::*;
use std::borrow::Cow;

fn pack(items: &[&[u8]]) -> Listpack {
    let mut pack = Listpack::new();
    items.iter().for_each(|item| pack.push_back(item));
    pack
}

fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(Item::to_vec).collect()
}

#[test]
fn the_bytes_are_those_of_redis() {
    let numbers: Vec<&[u8]> =
        vec![b"1", b"-1", b"127", b"128", b"4095", b"4096", b"-32768", b"8388607", b"2147483648"];
    let bytes = pack(&numbers).bytes().to_vec();
    let expected: &[u8] = &[
        0x2b, 0, 0, 0, 9, 0, // 43 bytes, 9 items
        0x01, 0x01, // 1
        0xdf, 0xff, 0x02, // -1
        0x7f, 0x01, // 127
        0xc0, 0x80, 0x02, // 128
        0xcf, 0xff, 0x02, // 4095
        0xf1, 0x00, 0x10, 0x03, // 4096
        0xf1, 0x00, 0x80, 0x03, // -32768
        0xf2, 0xff, 0xff, 0x7f, 0x04, // 8388607
        0xf4, 0x00, 0x00, 0x00, 0x80, 0, 0, 0, 0, 0x09, // 2147483648
        0xff,
    ];
    assert_eq!(bytes.len(), expected[0] as usize);
    assert_eq!(bytes, expected);
    let strings = pack(&[b"", b"abc", b"01"]);
    assert_eq!(strings.bytes(), b"\x12\0\0\0\x03\0\x80\x01\x83abc\x04\x8201\x03\xff");
}

#[test]
fn more_items_than_the_header_counts_are_counted() {
    let mut pack = Listpack::new();
    for number in 0..70_000 {
        pack.push_back_integer(number);
    }
    assert_eq!(pack.len(), 70_000);
    assert_eq!(pack.seek(-1).map(|at| pack.item(at)), Some(Item::Integer(69_999)));
    let first = pack.first().expect("there are items");
    pack.remove(first, 10_000);
    assert_eq!((pack.len(), pack.count()), (60_000, 60_000));
}

#[test]
fn malformed_bytes_are_refused() {
    let good = pack(&[b"a", b"12345", &[b'x'; 300]]).bytes().to_vec();
    assert!(matches!(Listpack::from_bytes(&good), Ok(Cow::Borrowed(_))));
    for cut in 0..good.len() {
        assert!(Listpack::from_bytes(&good[..cut]).is_err(), "cut at {cut}");
    }
    for at in 0..6 {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(Listpack::from_bytes(&bad).is_err(), "byte {at}");
    }
}

#[test]
fn what_others_write_in_another_way_is_built_anew() {
    let text = vec![b'x'; 16_378];
    let ours = pack(&[b"a", &text, b"12"]);
    assert!(ours.iter().any(Listpack::is_disputed));
    // As before Valkey 9.1: three bytes behind an entry of 16383.
    let mut theirs = ours.bytes().to_vec();
    let back = 6 + 3 + 5 + text.len();
    assert_eq!(theirs[back..back + 2], [0x7f, 0xff]);
    theirs.splice(back..back + 2, [0x00, 0xff, 0xff]);
    theirs[0] += 1;
    assert!(matches!(Listpack::from_bytes(&theirs), Ok(Cow::Owned(pack)) if pack == ours));
    // The text of an integer as a string.
    let theirs = b"\x0e\0\0\0\x02\0\x8212\x03\x05\x01\xff\xff";
    assert!(Listpack::from_bytes(theirs).is_err());
    let theirs = b"\x0d\0\0\0\x02\0\x8212\x03\x05\x01\xff";
    assert!(
        matches!(Listpack::from_bytes(theirs), Ok(Cow::Owned(own)) if own == pack(&[b"12", b"5"]))
    );
}

/// Items of all kinds and lengths.
fn an_item() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (-5000i64..5000).prop_map(|number| number.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..80),
        (0usize..6000).prop_map(|length| vec![b'x'; length]),
        "0[0-9]{0,3}|-0|\\+1|9223372036854775808|-9223372036854775809".prop_map(String::into_bytes),
    ]
}

#[derive(Clone, Debug)]
enum Change {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
    Split(usize),
}

fn a_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        an_item().prop_map(Change::PushBack),
        an_item().prop_map(Change::PushFront),
        (any::<usize>(), an_item()).prop_map(|(at, item)| Change::InsertBefore(at, item)),
        (any::<usize>(), an_item()).prop_map(|(at, item)| Change::InsertAfter(at, item)),
        (any::<usize>(), an_item()).prop_map(|(at, item)| Change::Replace(at, item)),
        (any::<usize>(), 0..4usize).prop_map(|(at, count)| Change::Remove(at, count)),
        any::<usize>().prop_map(Change::Split),
    ]
}

fn apply(pack: &mut Listpack, model: &mut Vec<Vec<u8>>, change: Change) {
    let place = |at: usize, model: &Vec<Vec<u8>>| (!model.is_empty()).then(|| at % model.len());
    let at = |pack: &Listpack, index: usize| pack.seek(index as i64).expect("it is there");
    match change {
        Change::PushBack(item) => {
            pack.push_back(&item);
            model.push(item);
        }
        Change::PushFront(item) => {
            pack.push_front(&item);
            model.insert(0, item);
        }
        Change::InsertBefore(index, item) => {
            let Some(index) = place(index, model) else { return };
            let stands = pack.insert_before(at(pack, index), &item);
            assert!(pack.item(stands).eq_bytes(&item));
            model.insert(index, item);
        }
        Change::InsertAfter(index, item) => {
            let Some(index) = place(index, model) else { return };
            let stands = pack.insert_after(at(pack, index), &item);
            assert!(pack.item(stands).eq_bytes(&item));
            model.insert(index + 1, item);
        }
        Change::Replace(index, item) => {
            let Some(index) = place(index, model) else { return };
            pack.replace(at(pack, index), &item);
            model[index] = item;
        }
        Change::Remove(index, count) => {
            let Some(index) = place(index, model) else { return };
            let next = pack.remove(at(pack, index), count);
            model.drain(index..(index + count).min(model.len()));
            let next = next.map(|at| pack.item(at).to_vec());
            assert_eq!(next.as_ref(), model.get(index));
        }
        Change::Split(index) => {
            let Some(index) = place(index, model) else { return };
            let tail = pack.split_off(at(pack, index));
            let rest = model.split_off(index);
            assert_eq!(texts(&tail), rest);
            assert_eq!((pack.len(), tail.len()), (index, rest.len()));
            pack.append(&tail);
            model.extend(rest);
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_a_vector_does(changes in proptest::collection::vec(a_change(), 0..60)) {
        let (mut pack, mut model) = (Listpack::new(), Vec::new());
        for change in changes {
            apply(&mut pack, &mut model, change);
            prop_assert_eq!(texts(&pack), model.clone());
            prop_assert_eq!(pack.len(), model.len());
            let backwards: Vec<Vec<u8>> = pack.iter().rev().map(Item::to_vec).collect();
            prop_assert_eq!(backwards, model.iter().rev().cloned().collect::<Vec<_>>());
            prop_assert_eq!(Listpack::from_bytes(pack.bytes()), Ok(Cow::Borrowed(&*pack)));
        }
        for item in &model {
            let first: Option<At> = pack.first();
            let found = first.and_then(|first| pack.find(first, item, 0));
            let found = found.map(|at| pack.item(at).to_vec());
            prop_assert_eq!(found.as_ref(), Some(item));
            prop_assert_eq!(Listpack::item_bytes(item), {
                let mut one = Listpack::new();
                one.push_back(item);
                one.bytes().len() - Listpack::new().bytes().len()
            });
        }
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut framed = bytes;
        framed.splice(0..0, [0; 6]);
        framed.push(0xff);
        let total = framed.len() as u32;
        framed[..4].copy_from_slice(&total.to_le_bytes());
        framed[4..6].copy_from_slice(&[0xff, 0xff]);
        if let Ok(pack) = Listpack::from_bytes(&framed) {
            prop_assert_eq!(pack.iter().count(), pack.iter().rev().count());
        }
    }
}
