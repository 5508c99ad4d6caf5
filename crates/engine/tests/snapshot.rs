//! What a snapshot saves is what was there at its cut, whatever changes while it is saved.
#![allow(clippy::print_stdout, reason = "a test prints its seed")]

use base::{Rng, Slot, UnixMillis};
use engine::{
    ExpireCursor, Expiry, HashSeed, KeyRecord, Keyspace, Moment, NewValue, Snapshot,
    SnapshotCursor, SnapshotSink, Value, WorkerId,
};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

const WORKER: WorkerId = WorkerId(0);
const NOW: UnixMillis = UnixMillis(1_000_000);
const DATABASES: usize = 3;

type Contents = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Option<i64>)>;

fn content(record: &KeyRecord) -> (Vec<u8>, Option<i64>) {
    let value = match record.value() {
        Value::Integer(integer) => integer.to_string().into_bytes(),
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Compact(_, bytes) => bytes.to_vec(),
        Value::Object(object) => format!("{object:?}").into_bytes(),
    };
    (value, record.expire_at())
}

#[derive(Default)]
struct Saved(Mutex<Contents>);

impl SnapshotSink for Saved {
    fn save(&self, database: usize, records: &[&KeyRecord]) {
        for record in records {
            let place = (database, record.key().to_vec());
            let before = self.0.lock().insert(place, content(record));
            assert!(before.is_none(), "a key is saved once");
        }
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

fn run(seed: u64, keys: u64) {
    println!("seed {seed}, {keys} keys");
    let mut rng = Rng::from_seed(seed);
    let keyspace = Keyspace::new(DATABASES, 1, HashSeed(seed, 2));
    for _ in 0..keys * 3 {
        change(&keyspace, &mut rng, keys);
    }
    for _ in 0..3 {
        let saved = Arc::new(Saved::default());
        let expected = contents(&keyspace);
        let sink = Arc::clone(&saved) as Arc<dyn SnapshotSink>;
        let snapshot: Arc<Snapshot> = begin(&keyspace, sink).expect("there is none");
        assert!(begin(&keyspace, Arc::new(Saved::default())).is_none());
        let (mut cursor, mut expiring) = (SnapshotCursor::default(), ExpireCursor::default());
        while keyspace.save_step(&snapshot, &mut cursor, &*saved) {
            for _ in 0..rng.below(20) {
                change(&keyspace, &mut rng, keys);
            }
            match rng.below(40) {
                0 => keyspace.reach().swap(0, 1, WORKER, NOW),
                1 => {
                    let moment = Moment::at(NOW);
                    keyspace.expire_step(&mut expiring, 20, WORKER, &moment, &mut |_| ());
                }
                _ => {}
            }
        }
        keyspace.end_snapshot(&snapshot);
        assert!(!snapshot.is_cancelled());
        assert_eq!(snapshot.saved_keys(), expected.len() as u64);
        let differing: Vec<_> =
            expected.iter().filter(|(key, value)| saved.0.lock().get(key) != Some(value)).collect();
        assert!(differing.is_empty(), "{differing:?}");
        assert_eq!(saved.0.lock().len(), expected.len());
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
    keyspace.end_snapshot(&snapshot);
    assert_eq!(*saved.0.lock(), expected);
}

#[test]
fn a_flush_gives_the_snapshot_up() {
    let keyspace = Keyspace::new(DATABASES, 1, HashSeed(1, 2));
    let mut access = keyspace.hold(Slot::of_key(b"a"), 0, WORKER, Moment::at(NOW));
    access.edit().put_string(b"a", b"value", Expiry::Clear);
    drop(access);
    let saved = Arc::new(Saved::default());
    let sink = Arc::clone(&saved) as Arc<dyn SnapshotSink>;
    let snapshot = begin(&keyspace, sink).expect("there is none");
    drop(keyspace.reach().flush(Some(1), WORKER));
    assert!(snapshot.is_cancelled());
    assert!(!keyspace.save_step(&snapshot, &mut SnapshotCursor::default(), &*saved));
    keyspace.end_snapshot(&snapshot);
    assert!(keyspace.snapshot().is_none() && saved.0.lock().is_empty());
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
        keyspace.end_snapshot(&snapshot);
    });
    let saved = saved.0.lock();
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
