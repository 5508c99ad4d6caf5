//! The table with segments of their real size: several hundred thousand records in one table, so that
//! segments split, the directory doubles, and all is given back again.

use collections::{KeyHasher, NewValue, Record, Table, Value};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

const RECORDS: u64 = if cfg!(miri) { 1_000 } else { 300_000 };

struct Sip;

impl KeyHasher for Sip {
    fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(11, 12);
        hasher.write(key);
        hasher.finish()
    }
}

/// Every hash is the same in all bits that a table looks at.
struct Equal;

impl KeyHasher for Equal {
    fn hash(&self, _: &[u8]) -> u64 {
        0x5555_5555_5555_5555
    }
}

fn insert(table: &mut Table<()>, hasher: &impl KeyHasher, number: u64) {
    let key = number.to_be_bytes();
    let expire_at = number.is_multiple_of(4).then_some(number as i64);
    let record = Record::new(&key, NewValue::Integer(number as i64), expire_at, 0);
    table.insert(hasher, hasher.hash(&key), record);
}

fn contains(table: &Table<()>, number: u64) -> bool {
    let key = number.to_be_bytes();
    table.find(Sip.hash(&key), &key).is_some_and(
        |record| matches!(record.value(), Value::Integer(found) if found == number as i64),
    )
}

#[test]
fn large_table_grows_scans_and_shrinks_to_nothing() {
    let mut table = Table::new();
    for number in 0..RECORDS {
        insert(&mut table, &Sip, number);
    }
    assert!((0..RECORDS).all(|number| contains(&table, number)));
    assert!((RECORDS..RECORDS * 2).all(|number| !contains(&table, number)));
    assert_eq!(table.volatile_len() as u64, RECORDS / 4);
    assert_eq!(table.iter().count() as u64, RECORDS);
    // Header, number and key are 24 bytes, an expiry 8 for a quarter of them; the rest is index.
    let index = table.memory_bytes() as f64 / RECORDS as f64 - 26.0;
    assert!((8.0..12.5).contains(&index), "{index} bytes per key for the index");

    // Half of the records go while a scan is under way; the other half must all be seen, each once,
    // because nothing merges that early.
    let mut seen = vec![0; RECORDS as usize];
    let (mut cursor, mut removed) = (0, 1);
    loop {
        cursor = table.scan(cursor, &mut |record| {
            let key = record.key().try_into().expect("keys of 8 bytes");
            seen[u64::from_be_bytes(key) as usize] += 1;
        });
        for _ in 0..4 {
            let key = removed.min(RECORDS - 1).to_be_bytes();
            table.remove(Sip.hash(&key), &key);
            removed += 2;
        }
        if cursor == 0 {
            break;
        }
    }
    assert!(seen.iter().step_by(2).all(|&times| times == 1));

    for number in 0..RECORDS {
        let key = number.to_be_bytes();
        table.remove(Sip.hash(&key), &key);
        assert!(table.sample(number).is_some() || table.is_empty());
    }
    assert_eq!((table.len(), table.volatile_len(), table.memory_bytes()), (0, 0, 0));
}

#[test]
fn five_thousand_equal_hashes_are_kept_apart() {
    let count = RECORDS.min(5_000);
    let mut table = Table::new();
    for number in 0..count {
        insert(&mut table, &Equal, number);
    }
    for number in 0..count * 2 {
        let key = number.to_be_bytes();
        assert_eq!(table.find(Equal.hash(&key), &key).is_some(), number < count);
    }
    assert!(table.memory_bytes() < count as usize * (26 + 16));
    for number in 0..count {
        let key = number.to_be_bytes();
        assert!(table.remove(Equal.hash(&key), &key).is_some());
    }
    assert_eq!(table.memory_bytes(), 0);
}

#[test]
fn table_moves_to_another_thread_with_its_records() {
    let mut table = Table::new();
    insert(&mut table, &Sip, 1);
    let table = std::thread::spawn(move || {
        insert(&mut table, &Sip, 2);
        table
    });
    let table = table.join().expect("the thread does not panic");
    assert!(contains(&table, 1) && contains(&table, 2));
}
