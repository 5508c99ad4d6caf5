//! Prints what walks over a nearly empty keyspace cost, and for how long a flush of a full one holds the slots.
//!
//! `cargo run --release -p redstart-engine --example figures`
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use base::{Rng, Slot, UnixMillis};
use engine::{
    ExpireCursor, Expiry, FrozenRecord, HashSeed, KeyRecord, Keyspace, Moment, SnapshotCursor,
    SnapshotSink, WorkerId,
};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const WORKER: WorkerId = WorkerId(0);
const NOW: UnixMillis = UnixMillis(1_000_000);

fn fill(keys: usize, expiry: Expiry) -> Keyspace {
    let keyspace = Keyspace::new(16, 1, HashSeed(1, 2));
    for number in 0..keys {
        let key = format!("key:{number:012}");
        let slot = Slot::of_key(key.as_bytes());
        let mut access = keyspace.hold(slot, 0, WORKER, Moment::at(NOW));
        access.edit().put_string(key.as_bytes(), &[b'x'; 32], expiry);
    }
    keyspace
}

/// Where nothing is written.
struct Nowhere;

impl SnapshotSink for Nowhere {
    fn save(&self, _: usize, records: &[&KeyRecord]) {
        black_box(records);
    }

    fn save_frozen(&self, _: usize, record: FrozenRecord) {
        drop(record);
    }
}

/// Microseconds of one run: the least of several.
fn micros(mut run: impl FnMut()) -> f64 {
    let times = (0..21).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or_default().as_secs_f64() * 1e6
}

fn main() {
    for keys in [0, 1, 100, 10_000] {
        let keyspace = fill(keys, Expiry::At(NOW.0 + 1_000_000));
        let mut rng = Rng::from_seed(1);
        let scan = micros(|| {
            black_box(keyspace.reach().scan(0, 0, 10, |_| {}));
        });
        let random = micros(|| {
            black_box(keyspace.reach().random_key(0, &mut rng, NOW));
        });
        let all = micros(|| keyspace.reach().visit_all(0, NOW, |_| {}));
        let expire = micros(|| {
            let mut cursor = ExpireCursor::default();
            black_box(keyspace.expire_step(
                &mut cursor,
                1_000_000,
                WORKER,
                &Moment::at(NOW),
                &mut |_, _| (),
            ));
        });
        println!(
            "{keys:>7} keys: SCAN {scan:.1} us, RANDOMKEY {random:.1} us, KEYS {all:.1} us, expiry cycle {expire:.1} us"
        );
    }
    for keys in [0, 1_000_000] {
        let keyspace = fill(keys, Expiry::Clear);
        let start = Instant::now();
        let flushed = keyspace.reach().flush(None, WORKER);
        let held = start.elapsed();
        drop(flushed);
        println!("{keys:>7} keys: flush holds {held:?}, with freeing {:?}", start.elapsed());
    }
    let keyspace = fill(1_000_000, Expiry::Clear);
    let mut all = keyspace.hold_all(0, WORKER, Moment::at(NOW));
    let snapshot = all.begin_snapshot(Arc::new(Nowhere)).expect("there is none");
    drop(all);
    let start = Instant::now();
    drop(keyspace.reach().flush(None, WORKER));
    let held = start.elapsed();
    let mut cursor = SnapshotCursor::default();
    while keyspace.save_step(&snapshot, &mut cursor, &Nowhere) {}
    println!(
        "1000000 keys: flush under a snapshot holds {held:?}, walked and freed after {:?}",
        start.elapsed()
    );
    let keyspace = fill(1_000_000, Expiry::Clear);
    let keys: Vec<String> = (0..1_000_000).map(|number| format!("key:{number:012}")).collect();
    for _ in 0..3 {
        let start = Instant::now();
        for key in &keys {
            let slot = Slot::of_key(key.as_bytes());
            let mut access = keyspace.hold(slot, 0, WORKER, Moment::at(NOW));
            access.edit().put_string(key.as_bytes(), &[b'y'; 32], Expiry::Clear);
        }
        println!("overwriting one of 1M keys: {:.1} ns", start.elapsed().as_secs_f64() * 1e3);
    }
}
