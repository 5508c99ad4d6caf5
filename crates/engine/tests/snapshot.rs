//! What a snapshot saves is what was there at its cut, whatever changes while it is saved.
#![allow(clippy::print_stdout, reason = "a test prints its seed")]

use base::{Rng, Slot, UnixMillis};
use engine::{
    Edit, ExpireCursor, Expiry, FrozenRecord, FrozenValue, HashSeed, KeyRecord, Keyspace, Moment,
    NewValue, Object, Snapshot, SnapshotCursor, SnapshotSink, Value, WorkerId,
};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use values::stream::{NewId, References, StreamId, Threshold, Trim};
use values::{End, FieldExpiry, Hash, Item, List, Rules, Set, SortedSet, Stream};

const WORKER: WorkerId = WorkerId(0);
const NOW: UnixMillis = UnixMillis(1_000_000);
const DATABASES: usize = 3;

type Contents = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Option<i64>)>;

/// What is said of a value, in an order that does not depend on how it is laid out.
fn object_text(object: &Object) -> Vec<String> {
    match object {
        Object::String(bytes) => vec![String::from_utf8_lossy(bytes).into()],
        Object::List(list) => vec![format!("{list:?}")],
        Object::Set(set) => {
            sorted(set.view().iter().map(|member| format!("{:?}", member.to_vec())))
        }
        Object::SortedSet(set) => {
            let mut all = Vec::new();
            set.view().visit_all(|member, score| all.push(format!("{member:?} {score}")));
            all
        }
        Object::Hash(hash) => {
            let (hash, mut all) = (hash.view(), Vec::new());
            hash.visit(i64::MIN, |field, value| {
                let (field, value) = (field.to_vec(), value.to_vec());
                all.push(format!("{field:?} {value:?} {:?}", hash.time(&field)));
            });
            sorted(all.into_iter())
        }
        Object::Stream(stream) => {
            let groups: Vec<_> = stream.groups().collect();
            vec![format!("{:?} {groups:?}", entries(stream))]
        }
    }
}

fn entries(stream: &Stream) -> Vec<(StreamId, Vec<u8>)> {
    let all = stream.log().range(StreamId::MIN, StreamId::MAX);
    all.map(|entry| {
        (
            entry.id,
            entry
                .fields
                .flat_map(|(name, value)| [name.to_vec(), value.to_vec()].concat())
                .collect(),
        )
    })
    .collect()
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort_unstable();
    texts
}

fn content(record: &KeyRecord) -> (Vec<u8>, Option<i64>) {
    let value = match record.value() {
        Value::Integer(integer) => integer.to_string().into_bytes(),
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Compact(_, bytes) => bytes.to_vec(),
        Value::Object(object) => object_text(object).concat().into_bytes(),
    };
    (value, record.expire_at())
}

/// The same of what was frozen.
fn frozen_content(record: FrozenRecord) -> (Vec<u8>, Option<i64>) {
    let FrozenRecord { value, expire_at, .. } = record;
    let texts = match &value {
        FrozenValue::Whole(object) => object_text(object),
        FrozenValue::SortedSet(set) => {
            let mut all: Vec<_> =
                set.iter_back().map(|(member, score)| format!("{member:?} {score}")).collect();
            all.reverse();
            all
        }
        FrozenValue::Hash(hash) => {
            sorted(hash.iter().map(|(field, value, time)| format!("{field:?} {value:?} {time:?}")))
        }
    };
    (texts.concat().into_bytes(), expire_at)
}

#[derive(Default)]
struct Saved {
    contents: Mutex<Contents>,
    /// Not looked at before all is saved.
    frozen: Mutex<Vec<(usize, FrozenRecord)>>,
}

impl Saved {
    /// Looks at what was frozen, with all that was saved.
    fn contents(&self) -> Contents {
        let mut contents = self.contents.lock().clone();
        for (database, record) in self.frozen.lock().drain(..) {
            let place = (database, record.key.to_vec());
            let before = contents.insert(place, frozen_content(record));
            assert!(before.is_none(), "a key is saved once");
        }
        contents
    }
}

impl SnapshotSink for Saved {
    fn save(&self, database: usize, records: &[&KeyRecord]) {
        for record in records {
            let place = (database, record.key().to_vec());
            let before = self.contents.lock().insert(place, content(record));
            assert!(before.is_none(), "a key is saved once");
        }
    }

    fn save_frozen(&self, database: usize, record: FrozenRecord) {
        self.frozen.lock().push((database, record));
    }
}

fn begin(keyspace: &Keyspace, sink: Arc<dyn SnapshotSink>) -> Option<Arc<Snapshot>> {
    keyspace.hold_all(0, WORKER, Moment::at(NOW)).begin_snapshot(sink)
}

fn contents(keyspace: &Keyspace) -> Contents {
    let mut all = Contents::new();
    for database in 0..DATABASES {
        let long_ago = UnixMillis(0);
        keyspace.reach().visit_all(database, long_ago, |record| {
            all.insert((database, record.key().to_vec()), content(record));
        });
    }
    all
}

/// Keys of few slots: their tables grow and shrink while the snapshot is saved.
fn random_key(rng: &mut Rng, keys: u64) -> Vec<u8> {
    format!("{{{}}}{}", rng.below(3), rng.below(keys)).into_bytes()
}

fn change(keyspace: &Keyspace, rng: &mut Rng, keys: u64) {
    let (key, database) = (random_key(rng, keys), rng.below(DATABASES as u64) as usize);
    let moment = Moment::at(NOW);
    let mut access = keyspace.hold(Slot::of_key(&key), database, WORKER, moment);
    let mut edit = access.edit();
    match rng.below(12) {
        0..4 => {
            let value = rng.next_u64().to_string();
            let at = NOW.0 - 50 + rng.below(100) as i64;
            let expiry = if rng.below(2) == 0 { Expiry::Clear } else { Expiry::At(at) };
            edit.put_string(&key, value.as_bytes(), expiry);
        }
        4 => edit.put(&key, NewValue::Integer(rng.next_u64() as i64), Expiry::Keep),
        5 | 6 => drop(edit.remove(&key)),
        7 => drop(edit.modify_string(&key, |bytes| bytes.push(b'x'))),
        8 => drop(edit.set_expire_at(&key, Some(NOW.0 + 5))),
        9 => {
            let mut to = key.clone();
            to.push(b'r');
            edit.rename(&key, &to);
        }
        10 => drop(edit.move_to(&key, (database + 1) % DATABASES)),
        _ => {
            // Where a key is only looked at, its time may have come.
            drop(access);
            let mut access = keyspace.hold(Slot::of_key(&key), database, WORKER, moment);
            access.view().find(&key);
        }
    }
}

/// Large values, of one key for each type and some more.
const LARGE_KEYS: u64 = 9;

/// Elements of a large value, about.
const ELEMENTS: u64 = 500;

/// Changes a large value; makes it where it is absent.
fn change_large(keyspace: &Keyspace, rng: &mut Rng) {
    let number = rng.below(LARGE_KEYS);
    let key = format!("{{{}}}large:{number}", number % 3).into_bytes();
    let mut access = keyspace.hold(Slot::of_key(&key), 0, WORKER, Moment::at(NOW));
    let mut edit = access.edit();
    match rng.below(200) {
        0 => {
            edit.remove(&key);
            return;
        }
        1 => {
            let other = [&key[..], b"r"].concat();
            edit.rename(&key, &other);
            return;
        }
        2 => {
            edit.set_expire_at(&key, Some(NOW.0 + 5));
            return;
        }
        _ => {}
    }
    let is_new = edit.find(&key).is_none();
    for _ in 0..if is_new { ELEMENTS } else { 1 + rng.below(3) } {
        change_element(&mut edit, &key, number, rng);
    }
}

fn change_element(edit: &mut Edit<'_, '_>, key: &[u8], number: u64, rng: &mut Rng) {
    let rules = Rules::DEFAULT;
    let element = rng.below(2 * ELEMENTS).to_string().into_bytes();
    // Some too long to stand with others.
    let length = [10, 30, 300][rng.below(3) as usize];
    let long = vec![b'a' + rng.below(26) as u8; length];
    let removes = rng.below(3) == 0;
    let changed = match number % 6 {
        0 => edit.modify_or_create::<Hash, _>(key, |hash| {
            let time = NOW.0 + 1 + rng.below(1000) as i64;
            let expiry = [FieldExpiry::Keep, FieldExpiry::Clear, FieldExpiry::At(time)];
            if removes {
                hash.remove(&element, NOW.0);
            } else {
                let words = [&element[..], &long[..]];
                hash.prepare(words.into_iter(), &rules);
                hash.set(&element, &long, (expiry[rng.below(3) as usize], NOW.0), &rules);
            }
        }),
        1 => edit.modify_or_create::<Set, _>(key, |set| {
            let member = [&element[..], &long[..]].concat();
            if removes {
                set.remove(Item::Bytes(&element));
            } else {
                set.expect(&rules, &member, 1);
                set.add(&rules, Item::Bytes(&element));
                set.add(&rules, Item::Bytes(&member));
            }
        }),
        2 => edit.modify_or_create::<SortedSet, _>(key, |set| {
            if removes {
                set.remove(&element);
            } else {
                set.insert(&element, rng.below(100) as f64, &rules);
                set.insert(&[&element[..], &long[..]].concat(), 7.0, &rules);
            }
        }),
        3 => edit.modify_or_create::<List, _>(key, |list| {
            let at = rng.below(list.len() as u64 + 1) as usize;
            match rng.below(8) {
                0 => list.remove(at, 1, &rules),
                1 if at < list.len() => list.set(at, &long, &rules),
                2 => list.insert(at, &element, &rules),
                3 => list.push_all(End::Left, [&long[..]].into_iter(), &rules),
                4 => list.rotate(End::Left, End::Right, &rules),
                _ => list.push_all(End::Right, [&long[..]].into_iter(), &rules),
            }
        }),
        4 => edit.modify_or_create::<Stream, _>(key, |stream| {
            let last = stream.log().last_id();
            match rng.below(20) {
                0 => {
                    let threshold = Threshold::Length(stream.len() as u64 / 2);
                    let trim = Trim { threshold, is_approximate: rng.below(2) == 0, limit: 0 };
                    stream.trim(&trim, References::Keep);
                }
                1..4 => {
                    let id = StreamId::new(rng.below(last.ms + 1), 0);
                    stream.delete(id, References::Remove);
                }
                _ => {
                    let id = NewId::Exactly(StreamId::new(last.ms + 1, 0));
                    let fields = [(&element[..], &long[..])];
                    let appended = stream.log_mut().append(id, fields.into_iter(), rules.stream);
                    appended.expect("the id is above the last");
                }
            }
        }),
        _ => {
            let appended = edit.modify_string(key, |bytes| {
                let at = rng.below(bytes.len() as u64 + 1) as usize;
                match rng.below(4) {
                    0 => bytes.extend_from_slice(&long),
                    _ if at < bytes.len() => bytes[at] = b'A' + rng.below(26) as u8,
                    _ => bytes.truncate(at),
                }
            });
            if appended.is_none() {
                edit.put_string(key, &[b'z'; 100_000], Expiry::Clear);
            }
            Ok(())
        }
    };
    changed.expect("each number has its type");
}

fn run(seed: u64, keys: u64) {
    println!("seed {seed}, {keys} keys");
    let mut rng = Rng::from_seed(seed);
    let keyspace = Keyspace::new(DATABASES, 1, HashSeed(seed, 2));
    for _ in 0..3 {
        for _ in 0..keys * 3 {
            change(&keyspace, &mut rng, keys);
        }
        for _ in 0..50 {
            change_large(&keyspace, &mut rng);
        }
        let saved = Arc::new(Saved::default());
        let expected = contents(&keyspace);
        let sink = Arc::clone(&saved) as Arc<dyn SnapshotSink>;
        let snapshot: Arc<Snapshot> = begin(&keyspace, sink).expect("there is none");
        assert!(begin(&keyspace, Arc::new(Saved::default())).is_none());
        let (mut cursor, mut expiring) = (SnapshotCursor::default(), ExpireCursor::default());
        while keyspace.save_step(&snapshot, &mut cursor, &*saved) {
            for _ in 0..rng.below(20) {
                change(&keyspace, &mut rng, keys);
                change_large(&keyspace, &mut rng);
            }
            match rng.below(40) {
                0 => keyspace.reach().swap(0, 1, WORKER, NOW),
                1 => {
                    let moment = Moment::at(NOW);
                    keyspace.expire_step(&mut expiring, 20, WORKER, &moment, &mut |_, _| ());
                }
                2 => {
                    let database = rng.below(DATABASES as u64 + 1) as usize;
                    let only = (database < DATABASES).then_some(database);
                    drop(keyspace.reach().flush(only, WORKER));
                }
                _ => {}
            }
        }
        assert!(keyspace.end_snapshot(&snapshot).is_empty());
        assert!(!snapshot.is_cancelled());
        assert_eq!(snapshot.saved_keys(), expected.len() as u64);
        assert!(!saved.frozen.lock().is_empty(), "there are large values");
        // Long after: what is frozen does not change any more.
        (0..300).for_each(|_| change_large(&keyspace, &mut rng));
        let saved = saved.contents();
        let differing: Vec<_> = expected
            .iter()
            .filter(|(key, value)| saved.get(key) != Some(value))
            .map(|((database, key), _)| (database, String::from_utf8_lossy(key)))
            .collect();
        assert!(differing.is_empty(), "{differing:?}");
        assert_eq!(saved.len(), expected.len());
    }
}

#[test]
fn what_is_saved_is_what_was_there_at_the_cut() {
    let seed = std::env::var("SNAPSHOT_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in seed.map_or(1..40, |seed| seed..seed + 1) {
        run(seed, [3, 50, 1500][seed as usize % 3]);
    }
}

#[test]
fn a_slot_that_is_lost_is_saved_first() {
    let keyspace = Keyspace::new(DATABASES, 1, HashSeed(1, 2));
    for number in 0..1000 {
        let key = format!("{{a}}{number}");
        let mut access = keyspace.hold(Slot::of_key(b"a"), number % 2, WORKER, Moment::at(NOW));
        access.edit().put_string(key.as_bytes(), b"value", Expiry::Clear);
    }
    let (saved, expected) = (Arc::new(Saved::default()), contents(&keyspace));
    let sink = Arc::clone(&saved) as Arc<dyn SnapshotSink>;
    let snapshot = begin(&keyspace, sink).expect("there is none");
    let mut cursor = SnapshotCursor::default();
    assert!(keyspace.save_step(&snapshot, &mut cursor, &*saved));
    keyspace.flush_slot(Slot::of_key(b"a"), WORKER, &mut |_| ());
    while keyspace.save_step(&snapshot, &mut cursor, &*saved) {}
    assert!(keyspace.end_snapshot(&snapshot).is_empty());
    assert_eq!(saved.contents(), expected);
}

/// Keys of two databases and many slots.
fn put_many(keyspace: &Keyspace, value: &[u8]) {
    for number in 0..2000 {
        let key = format!("k{number}");
        let slot = Slot::of_key(key.as_bytes());
        let mut access = keyspace.hold(slot, number % 2, WORKER, Moment::at(NOW));
        access.edit().put_string(key.as_bytes(), value, Expiry::Clear);
    }
}

#[test]
fn what_is_flushed_is_saved_all_the_same_and_freed_then() {
    let keyspace = Keyspace::new(DATABASES, 1, HashSeed(1, 2));
    put_many(&keyspace, b"value");
    let (saved, expected) = (Arc::new(Saved::default()), contents(&keyspace));
    let sink = Arc::clone(&saved) as Arc<dyn SnapshotSink>;
    let snapshot = begin(&keyspace, sink).expect("there is none");
    let mut cursor = SnapshotCursor::default();
    (0..10).for_each(|_| assert!(keyspace.save_step(&snapshot, &mut cursor, &*saved)));
    let at_flush = snapshot.saved_keys();
    assert!(at_flush > 0);
    let flushed = keyspace.reach().flush(None, WORKER);
    assert_eq!((flushed.keys(), keyspace.totals(0).keys), (2000, 0));
    assert_eq!(keyspace.unfreed_keys(), 2000, "they are in memory");
    drop(flushed);
    assert_eq!(keyspace.unfreed_keys(), 2000 - at_flush, "what is saved is nobody's any more");
    // Keys of the same names are others, and go with the next flush.
    put_many(&keyspace, b"other");
    drop(keyspace.reach().flush(Some(0), WORKER));
    put_many(&keyspace, b"another");
    let mut unfreed = keyspace.unfreed_keys();
    while keyspace.save_step(&snapshot, &mut cursor, &*saved) {
        let left = keyspace.unfreed_keys();
        assert!(left <= unfreed && left <= 2000 - snapshot.saved_keys() + 64, "{left}");
        unfreed = left;
    }
    assert_eq!(keyspace.unfreed_keys(), 0, "all is freed");
    assert!(keyspace.end_snapshot(&snapshot).is_empty());
    assert_eq!(saved.contents(), expected);
}

#[test]
fn what_was_flushed_is_given_back_when_a_snapshot_is_given_up() {
    let keyspace = Keyspace::new(DATABASES, 1, HashSeed(1, 2));
    put_many(&keyspace, b"value");
    let saved = Arc::new(Saved::default());
    let sink = Arc::clone(&saved) as Arc<dyn SnapshotSink>;
    let snapshot = begin(&keyspace, sink).expect("there is none");
    assert!(keyspace.reach().flush(Some(1), WORKER).is_empty(), "nothing is saved");
    snapshot.cancel();
    assert!(!keyspace.save_step(&snapshot, &mut SnapshotCursor::default(), &*saved));
    let flushed = keyspace.reach().flush(Some(0), WORKER);
    assert!(!flushed.is_empty(), "nobody saves it");
    drop(flushed);
    assert_eq!(keyspace.unfreed_keys(), 1000);
    let left = keyspace.end_snapshot(&snapshot);
    assert_eq!(left.iter().map(engine::Flushed::keys).sum::<u64>(), 1000);
    drop(left);
    assert_eq!(keyspace.unfreed_keys(), 0);
    assert!(keyspace.snapshot().is_none() && saved.contents().is_empty());
}

#[test]
fn what_threads_write_meanwhile_is_cut_at_one_moment() {
    const KEYS: i64 = 1000;
    const WRITES: i64 = 40_000;
    let keyspace = Keyspace::new(DATABASES, 3, HashSeed(1, 2));
    let saved = Arc::new(Saved::default());
    let sink = Arc::clone(&saved) as Arc<dyn SnapshotSink>;
    let written = [1, 2].map(|_| AtomicI64::new(0));
    std::thread::scope(|scope| {
        for (worker, written) in written.iter().enumerate() {
            let keyspace = &keyspace;
            scope.spawn(move || {
                for number in 0..WRITES {
                    // All keys in one slot, or each in its own.
                    let key = key_of(worker, number % KEYS);
                    let slot = Slot::of_key(key.as_bytes());
                    let worker = WorkerId(worker + 1);
                    let mut access = keyspace.hold(slot, 0, worker, Moment::at(NOW));
                    access.edit().put(key.as_bytes(), NewValue::Integer(number), Expiry::Clear);
                    written.store(number, Relaxed);
                }
            });
        }
        while written.iter().any(|written| written.load(Relaxed) < 2 * KEYS) {
            std::thread::yield_now();
        }
        let snapshot = begin(&keyspace, sink).expect("there is none");
        let mut cursor = SnapshotCursor::default();
        while keyspace.save_step(&snapshot, &mut cursor, &*saved) {
            // The walk is not faster than the threads.
            let before = written.each_ref().map(|written| written.load(Relaxed));
            while written.iter().zip(before).any(|(written, before)| {
                let now = written.load(Relaxed);
                now == before && now < WRITES - 1
            }) {
                std::thread::yield_now();
            }
        }
        assert_eq!(snapshot.saved_keys(), snapshot.keys());
        assert!(keyspace.end_snapshot(&snapshot).is_empty());
    });
    let saved = saved.contents();
    assert_eq!(saved.len() as i64, 2 * KEYS);
    for worker in 0..2 {
        let number = |key: i64| -> i64 {
            let (value, _) = &saved[&(0, key_of(worker, key).into_bytes())];
            String::from_utf8_lossy(value).parse().expect("an integer was written")
        };
        let last = (0..KEYS).map(number).max().expect("there are keys");
        println!("the writes of {worker} were cut after {last}");
        // What one thread has written before its last saved write, and nothing behind that.
        (0..KEYS).for_each(|key| assert_eq!(number(key), last - (last - key).rem_euclid(KEYS)));
    }
}

fn key_of(worker: usize, number: i64) -> String {
    if worker == 0 { format!("{{all}}{number}") } else { format!("k{number}") }
}
