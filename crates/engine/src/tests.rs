//! The keyspace as a whole: what commands, walks and counters see.

use crate::{Expiry, HashSeed, Keyspace, Moment, WorkerId};
use base::{Slot, UnixMillis};

const WORKER: WorkerId = WorkerId(0);
const NOW: UnixMillis = UnixMillis(1_000_000);

fn keyspace() -> Keyspace {
    Keyspace::new(16, 1, HashSeed(1, 2))
}

fn put(keyspace: &Keyspace, database: usize, key: &[u8], expiry: Expiry) {
    let mut access = keyspace.hold(Slot::of_key(key), database, WORKER, Moment::at(NOW));
    access.edit().put_string(key, b"value", expiry);
}

fn is_there(keyspace: &Keyspace, database: usize, key: &[u8], now: UnixMillis) -> bool {
    let mut access = keyspace.hold(Slot::of_key(key), database, WORKER, Moment::at(now));
    access.view().find(key).is_some()
}

#[test]
fn a_key_is_there_until_its_time_has_passed() {
    let keyspace = keyspace();
    put(&keyspace, 0, b"k", Expiry::At(NOW.0 + 10));
    assert!(is_there(&keyspace, 0, b"k", UnixMillis(NOW.0 + 10)));
    assert!(!is_there(&keyspace, 0, b"k", UnixMillis(NOW.0 + 11)));
    assert_eq!(keyspace.totals(0), crate::Totals::default());
    assert_eq!(keyspace.tally(WORKER).expired(), 1);
}

#[test]
fn active_expiry_removes_what_nobody_asks_for() {
    let keyspace = keyspace();
    for number in 0..1000 {
        let expiry = if number % 2 == 0 { Expiry::At(NOW.0 - 1) } else { Expiry::Clear };
        put(&keyspace, number % 2, format!("k{number}").as_bytes(), expiry);
    }
    let mut cursor = crate::ExpireCursor::default();
    let progress = keyspace.expire_step(&mut cursor, 100_000, WORKER, NOW);
    assert!(progress.finished);
    assert_eq!(progress.expired, 500);
    assert_eq!((keyspace.totals(0).keys, keyspace.totals(1).keys), (0, 500));
}

#[test]
fn counters_return_to_zero_with_the_keys() {
    let keyspace = keyspace();
    let empty = keyspace.memory_bytes();
    for length in [0, 1, 20, 44, 1024, 1025, 100_000] {
        let key = format!("key{length}");
        let mut access = keyspace.hold(Slot::of_key(key.as_bytes()), 3, WORKER, Moment::at(NOW));
        access.edit().put_string(key.as_bytes(), &vec![b'x'; length], Expiry::Clear);
        access.edit().modify_string(key.as_bytes(), |bytes| bytes.extend_from_slice(b"more"));
    }
    assert_eq!(keyspace.totals(3).keys, 7);
    assert!(keyspace.memory_bytes() > empty + 100_000);
    drop(keyspace.flush(Some(3), WORKER));
    assert_eq!(keyspace.totals(3).keys, 0);
    assert_eq!(keyspace.memory_bytes(), empty);
}

#[test]
fn a_full_scan_returns_every_key() {
    let keyspace = keyspace();
    for number in 0..5000 {
        put(&keyspace, 0, format!("k{number}").as_bytes(), Expiry::Clear);
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut cursor = 0;
    loop {
        cursor = keyspace.scan(0, cursor, 10, NOW, |record| {
            seen.insert(record.key().to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), 5000);
}

#[test]
fn swapped_databases_keep_their_counts() {
    let keyspace = keyspace();
    put(&keyspace, 0, b"a", Expiry::Clear);
    put(&keyspace, 0, b"b", Expiry::At(NOW.0 + 5));
    put(&keyspace, 1, b"c", Expiry::Clear);
    keyspace.swap(0, 1, WORKER);
    assert_eq!((keyspace.totals(0).keys, keyspace.totals(0).volatile), (1, 0));
    assert_eq!((keyspace.totals(1).keys, keyspace.totals(1).volatile), (2, 1));
    assert!(is_there(&keyspace, 1, b"a", NOW) && is_there(&keyspace, 0, b"c", NOW));
}

#[test]
fn several_slots_are_held_at_once_in_any_order_of_keys() {
    let keyspace = keyspace();
    let keys: [&[u8]; 4] = [b"foo", b"bar", b"foo", b"baz"];
    let mut access = keyspace.hold_keys(keys.into_iter(), 0, WORKER, Moment::at(NOW));
    for key in keys {
        access.edit().put_string(key, b"1", Expiry::Clear);
    }
    drop(access);
    assert_eq!(keyspace.totals(0).keys, 3);
}

#[test]
fn a_scan_of_one_slot_stays_in_it_whatever_the_cursor() {
    let keyspace = keyspace();
    for number in 0..200 {
        put(&keyspace, 0, format!("{{tag}}{number}").as_bytes(), Expiry::Clear);
        put(&keyspace, 0, format!("other{number}").as_bytes(), Expiry::Clear);
    }
    let slot = Slot::of_key(b"tag");
    let mut seen = std::collections::BTreeSet::new();
    let mut cursor = 0;
    loop {
        cursor = keyspace.scan_slot((0, slot), cursor, 7, NOW, |record| {
            assert_eq!(Slot::of_key(record.key()), slot);
            seen.insert(record.key().to_vec());
        });
        if cursor == 0 {
            break;
        }
        assert_eq!(cursor & 16383, u64::from(slot.number()));
    }
    assert_eq!(seen.len(), 200);
    let later = u64::from(slot.number()) + 1;
    assert_eq!(keyspace.scan_slot((0, slot), later, 7, NOW, |_| panic!("past the slot")), 0);
}

#[test]
fn random_keys_come_from_crowded_and_lonely_slots_alike() {
    let mut rng = base::Rng::from_seed(7);
    for keys in [1u64, 5, 3000] {
        let keyspace = keyspace();
        for number in 0..keys {
            put(&keyspace, 2, format!("k{number}").as_bytes(), Expiry::Clear);
            put(&keyspace, 2, format!("{{busy}}{number}").as_bytes(), Expiry::At(NOW.0 + 1));
        }
        let draws = 2000;
        let mut busy = 0;
        for _ in 0..draws {
            let key = keyspace.random_key(2, &mut rng, NOW).expect("there are keys");
            busy += u64::from(key.starts_with(b"{busy}"));
        }
        // One slot holds half of the keys; only where it towers over the others is it drawn less often.
        assert!(busy > 0 && (keys > 10 || (700..1300).contains(&busy)), "{keys}: {busy}");
        // When the busy ones are gone, only the others are left to be drawn.
        let later = UnixMillis(NOW.0 + 2);
        let key = keyspace.random_key(2, &mut rng, later).expect("there are keys");
        assert!(key.starts_with(b"k"));
        let empty = keyspace.random_key(3, &mut rng, NOW);
        assert_eq!(empty, None);
    }
}
