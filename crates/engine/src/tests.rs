//! The keyspace as a whole: what commands, walks and counters see.

use crate::{
    Access, EventClass, EventClasses, Expiry, HashSeed, Keyspace, Moment, Rules, Value, WorkerId,
};
use base::{Slot, UnixMillis};
use values::{End, FieldExpiry, Hash, Item, List, Set};

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
    let progress =
        keyspace.expire_step(&mut cursor, 100_000, WORKER, &Moment::at(NOW), &mut |_, _| ());
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
    drop(keyspace.reach().flush(Some(3), WORKER));
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
        cursor = keyspace.reach().scan(0, cursor, 10, |record| {
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
    keyspace.reach().swap(0, 1, WORKER, NOW);
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
        cursor = keyspace.reach().scan_slot((0, slot), cursor, 7, |record| {
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
    assert_eq!(keyspace.reach().scan_slot((0, slot), later, 7, |_| panic!("past the slot")), 0);
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
            let key = keyspace.reach().random_key(2, &mut rng, NOW).expect("there are keys");
            busy += u64::from(key.starts_with(b"{busy}"));
        }
        // One slot holds half of the keys; only where it towers over the others is it drawn less often.
        assert!(busy > 0 && (keys > 10 || (700..1300).contains(&busy)), "{keys}: {busy}");
        // When the busy ones are gone, only the others are left to be drawn.
        let later = UnixMillis(NOW.0 + 2);
        let key = keyspace.reach().random_key(2, &mut rng, later).expect("there are keys");
        assert!(key.starts_with(b"k"));
        let empty = keyspace.reach().random_key(3, &mut rng, NOW);
        assert_eq!(empty, None);
    }
}

#[test]
fn flushed_memory_counts_until_it_is_freed() {
    let keyspace = keyspace();
    let empty = keyspace.memory_bytes();
    for number in 0..100 {
        put(&keyspace, 0, format!("k{number}").as_bytes(), Expiry::Clear);
    }
    let mut access = keyspace.hold(Slot::of_key(b"big"), 0, WORKER, Moment::at(NOW));
    access.edit().put_string(b"big", &[b'x'; 100_000], Expiry::Clear);
    drop(access);
    let full = keyspace.memory_bytes();
    let mut flushed = keyspace.reach().flush(None, WORKER);
    assert_eq!((flushed.keys(), keyspace.totals(0).keys), (101, 0));
    assert_eq!((keyspace.memory_bytes(), keyspace.unfreed_keys()), (full, 101));
    let freed = flushed.free(10);
    assert!((10..101).contains(&freed), "{freed}");
    assert_eq!((keyspace.unfreed_keys(), keyspace.freed_keys()), (101 - freed, freed));
    assert!((empty..full).contains(&keyspace.memory_bytes()));
    drop(flushed);
    assert_eq!((keyspace.memory_bytes(), keyspace.unfreed_keys()), (empty, 0));
    assert!(keyspace.reach().flush(None, WORKER).is_empty());
}

/// Walks of all kinds find exactly the keys that are there, whatever made slots empty or not.
#[test]
fn walks_find_all_keys_whatever_emptied_and_filled_slots() {
    let keyspace = keyspace();
    let mut rng = base::Rng::from_seed(11);
    let mut model: [std::collections::BTreeSet<Vec<u8>>; 3] = Default::default();
    for round in 0..2000 {
        let database = rng.below(3) as usize;
        let key = format!("k{}", rng.below(60)).into_bytes();
        let slot = Slot::of_key(&key);
        match rng.below(100) {
            0 => {
                drop(keyspace.reach().flush(Some(database), WORKER));
                model[database].clear();
            }
            1 => {
                keyspace.flush_slot(slot, WORKER, &mut |_| ());
                model.iter_mut().for_each(|keys| keys.retain(|key| Slot::of_key(key) != slot));
            }
            2..5 => {
                keyspace.reach().swap(0, database, WORKER, NOW);
                model.swap(0, database);
            }
            5..20 => {
                put(&keyspace, database, &key, Expiry::At(NOW.0 - 1));
                model[database].remove(&key);
                let mut cursor = crate::ExpireCursor::default();
                while !keyspace
                    .expire_step(&mut cursor, 10, WORKER, &Moment::at(NOW), &mut |_, _| ())
                    .finished
                {}
            }
            20..30 => {
                let other = (database + 1) % 3;
                let mut access = keyspace.hold(slot, database, WORKER, Moment::at(NOW));
                if access.edit().move_to(&key, other) {
                    model[database].remove(&key);
                    model[other].insert(key);
                }
            }
            30..50 => {
                let mut access = keyspace.hold(slot, database, WORKER, Moment::at(NOW));
                let was_there = access.edit().take(&key).is_some();
                assert_eq!(was_there, model[database].remove(&key), "round {round}");
            }
            _ => {
                put(&keyspace, database, &key, Expiry::Clear);
                model[database].insert(key);
            }
        }
        for (database, keys) in model.iter().enumerate() {
            let mut seen = Vec::new();
            keyspace.reach().visit_all(database, NOW, |record| seen.push(record.key().to_vec()));
            seen.sort();
            assert!(seen.iter().eq(keys), "round {round}, database {database}");
            for slot in Slot::all().filter(|&slot| keyspace.occupied.contains(database, slot)) {
                assert!(
                    keyspace.reach().keys_in_slot(database, slot) > 0,
                    "round {round}, {slot:?}"
                );
            }
            let random = keyspace.reach().random_key(database, &mut rng, NOW);
            assert_eq!(random.is_some(), !keys.is_empty(), "round {round}");
        }
    }
}

#[test]
fn the_average_ttl_is_that_of_the_keys_that_were_seen() {
    let keyspace = keyspace();
    let mut cursor = crate::ExpireCursor::default();
    put(&keyspace, 1, b"a", Expiry::At(NOW.0 + 1000));
    put(&keyspace, 1, b"b", Expiry::At(NOW.0 + 3000));
    put(&keyspace, 1, b"c", Expiry::Clear);
    assert_eq!(keyspace.average_ttl_millis(1), 0, "none was seen yet");
    assert!(
        keyspace.expire_step(&mut cursor, 100, WORKER, &Moment::at(NOW), &mut |_, _| ()).finished
    );
    assert_eq!([0, 1].map(|database| keyspace.average_ttl_millis(database)), [0, 2000]);
    keyspace.reach().swap(0, 1, WORKER, NOW);
    assert_eq!([0, 1].map(|database| keyspace.average_ttl_millis(database)), [2000, 0]);
    drop(keyspace.reach().flush(None, WORKER));
    assert_eq!(keyspace.average_ttl_millis(0), 0);
}

#[test]
fn times_that_do_not_add_up_in_64_bits_are_no_harm() {
    let keyspace = keyspace();
    for key in [b"a", b"b", b"c"] {
        put(&keyspace, 0, key, Expiry::At(i64::MAX));
    }
    let mut cursor = crate::ExpireCursor::default();
    assert!(
        keyspace.expire_step(&mut cursor, 100, WORKER, &Moment::at(NOW), &mut |_, _| ()).finished
    );
    assert!(keyspace.average_ttl_millis(0) >= i64::MAX as u64 / 2);
}

#[test]
fn several_keys_are_found_at_once_without_those_whose_time_has_come() {
    let keyspace = keyspace();
    let keys: [&[u8]; 3] = [b"stays", b"goes", b"missing"];
    put(&keyspace, 0, keys[0], Expiry::Clear);
    put(&keyspace, 0, keys[1], Expiry::At(NOW.0 + 1));
    let later = Moment::at(UnixMillis(NOW.0 + 2));
    let mut access = keyspace.hold_keys(keys.into_iter(), 0, WORKER, later);
    let found =
        access.view().find_all(keys.into_iter(), |record| Ok::<_, ()>(record.key().to_vec()));
    assert_eq!(found, Ok(vec![Some(keys[0].to_vec()), None, None]));
    let refused = access.edit().find_all(keys.into_iter(), |_| Err::<(), _>("refused"));
    assert_eq!(refused, Err("refused"));
    drop(access);
    let tally = keyspace.tally(WORKER);
    assert_eq!((tally.hits(), tally.misses()), (2, 4));
}

#[test]
fn an_event_comes_before_the_del_of_what_it_has_emptied() {
    let keyspace = keyspace();
    let classes = EventClasses::NONE.with(EventClass::Set).with(EventClass::Generic);
    let moment = Moment { events: classes, ..Moment::at(NOW) };
    let key = b"set";
    let mut access = keyspace.hold(Slot::of_key(key), 0, WORKER, moment);
    let rules = Rules::DEFAULT;
    let member = Item::Bytes(b"m");
    let mut edit = access.edit();
    assert_eq!(edit.modify_or_create(key, |set: &mut Set| set.add(&rules, member)), Ok(true));
    let nothing = edit.modify_as(key, EventClass::Set, |_: &mut Set| (None, 1));
    assert_eq!(nothing, Ok(Some(1)));
    let removed =
        edit.modify_as(key, EventClass::Set, |set: &mut Set| (Some("srem"), set.remove(member)));
    assert_eq!(removed, Ok(Some(true)));
    let absent = edit.modify_as(key, EventClass::Set, |_: &mut Set| (Some("srem"), ()));
    assert_eq!(absent, Ok(None));
    let names: Vec<&str> = access.take_effects().events().iter().map(|event| event.name).collect();
    assert_eq!(names, ["srem", "del"]);
}

/// Whether the key's value stands in its record, and how many bytes it takes beyond that.
fn place(keyspace: &Keyspace, key: &[u8]) -> (bool, usize) {
    let mut access = keyspace.hold(Slot::of_key(key), 0, WORKER, Moment::at(NOW));
    let mut view = access.view();
    let record = view.find(key).expect("the key is there");
    let is_compact = matches!(record.value(), Value::Compact(..));
    (is_compact, crate::memory_bytes(record) - record.memory_bytes())
}

#[test]
fn a_small_value_stands_in_its_record_and_a_larger_one_beside_it() {
    let keyspace = keyspace();
    let empty = keyspace.memory_bytes();
    let rules = Rules::DEFAULT;
    let change = |change: &dyn Fn(&mut List)| {
        let mut access = keyspace.hold(Slot::of_key(b"l"), 0, WORKER, Moment::at(NOW));
        access.edit().modify_or_create(b"l", |list: &mut List| change(list)).expect("it is a list");
    };
    let push = |count: usize| {
        change(&|list| {
            let elements = std::iter::repeat_n(&b"element"[..], count);
            list.push_all(End::Right, elements, &rules);
        });
    };
    push(1);
    assert_eq!(place(&keyspace, b"l"), (true, 8));
    push(55);
    assert_eq!(place(&keyspace, b"l"), (true, 8), "511 bytes");
    push(1);
    assert!(matches!(place(&keyspace, b"l"), (false, 520..)));
    change(&|list| list.pop(End::Left, 20, &rules));
    assert!(!place(&keyspace, b"l").0, "it does not move on the border");
    change(&|list| list.pop(End::Left, 20, &rules));
    assert_eq!(place(&keyspace, b"l"), (true, 8), "160 bytes");
    change(&|list| list.pop(End::Left, 17, &rules));
    assert!(!is_there(&keyspace, 0, b"l", NOW));
    assert_eq!(keyspace.memory_bytes(), empty);
}

#[test]
fn due_fields_are_removed_and_their_hash_goes_with_the_last() {
    let keyspace = keyspace();
    let empty = keyspace.memory_bytes();
    let rules = Rules::DEFAULT;
    let set = |key: &[u8], field: &[u8], at: i64| {
        let mut access = keyspace.hold(Slot::of_key(key), 0, WORKER, Moment::at(NOW));
        let change = |hash: &mut Hash| {
            hash.set(field, b"v", (FieldExpiry::At(at), NOW.0), &rules);
        };
        access.edit().modify_or_create(key, change).expect("it is a hash");
    };
    let expire = |after: i64| {
        let moment = Moment::at(UnixMillis(NOW.0 + after));
        std::iter::from_fn(|| keyspace.expire_fields(WORKER, moment, &mut drop)).sum::<usize>()
    };
    set(b"h", b"late", NOW.0 + 20);
    set(b"h", b"soon", NOW.0 + 10);
    set(b"gone", b"soon", NOW.0 + 10);
    {
        let mut access = keyspace.hold(Slot::of_key(b"h"), 0, WORKER, Moment::at(NOW));
        assert!(access.edit().move_to(b"h", 3));
        let mut access = keyspace.hold(Slot::of_key(b"gone"), 0, WORKER, Moment::at(NOW));
        assert!(access.edit().remove(b"gone"));
    }
    assert_eq!(expire(9), 0);
    assert_eq!(expire(10), 1);
    assert!(is_there(&keyspace, 3, b"h", NOW));
    // What was noted in vain, of the database that it left and of the key that is gone, costs nothing for long.
    keyspace.review_field_times(WORKER, Moment::at(NOW), &mut drop);
    assert_eq!(expire(20), 1);
    assert!(!is_there(&keyspace, 3, b"h", NOW));
    assert_eq!(keyspace.tally(WORKER).expired_fields(), 2);
    assert_eq!((keyspace.totals(0), keyspace.totals(3)), Default::default());
    assert_eq!(keyspace.memory_bytes(), empty);
}

#[test]
fn a_hash_that_goes_when_its_fields_are_looked_at_is_told_of() {
    let keyspace = keyspace();
    let mut access = keyspace.hold(Slot::of_key(b"h"), 0, WORKER, Moment::at(NOW));
    let change = |hash: &mut Hash| {
        let expiry = (FieldExpiry::At(NOW.0 + 100), NOW.0);
        hash.set(b"field", b"v", expiry, &Rules::DEFAULT);
    };
    access.edit().modify_or_create(b"h", change).expect("it is a hash");
    assert!(access.edit().set_expire_at(b"h", Some(NOW.0 + 10)));
    drop(access);
    let events = EventClasses::NONE.with(EventClass::Expired);
    let moment = Moment { events, ..Moment::at(UnixMillis(NOW.0 + 11)) };
    let mut told = Vec::new();
    let mut conclude = |mut access: Access<'_>| {
        told.extend(access.take_effects().events().iter().map(|event| event.name));
    };
    keyspace.review_field_times(WORKER, moment, &mut conclude);
    assert_eq!(told, ["expired"]);
}

#[test]
fn members_are_prefetched_in_large_values_that_nobody_holds() {
    let keyspace = keyspace();
    let goes_on = |key: &[u8], step| {
        let hashes = [&b"m1"[..], b"absent"].map(|member| keyspace.hash_member(member));
        let key = (Slot::of_key(key), keyspace.hash(key));
        keyspace.prefetch_members(key, hashes.into_iter(), step)
    };
    put(&keyspace, 0, b"string", Expiry::Clear);
    for (key, members) in [(&b"small"[..], 3), (b"large", 1000)] {
        let mut access = keyspace.hold(Slot::of_key(key), 0, WORKER, Moment::at(NOW));
        let mut set = Set::new();
        for number in 0..members {
            set.add(&keyspace.rules(), Item::Bytes(format!("m{number}").as_bytes()));
        }
        access.edit().put_value(key, set, Expiry::Clear);
    }
    for key in [&b"string"[..], b"small", b"absent"] {
        assert!(!goes_on(key, 0), "{}", key.escape_ascii());
    }
    let steps = (0..).find(|&step| !goes_on(b"large", step));
    assert_eq!(steps, Some(4), "object, map, leaf, index, entry");
    let _held = keyspace.hold(Slot::of_key(b"large"), 0, WORKER, Moment::at(NOW));
    assert!(!goes_on(b"large", 0));
}
