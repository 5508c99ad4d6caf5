//! What a command costs on the whole path without a socket: decode, look up, route, lock, execute, encode.

#![allow(missing_docs, reason = "criterion's macros make public functions without docs")]

mod load;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use load::{Load, PIPELINE, filled_node};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many keys the node holds.
const KEYS: u64 = 1_000_000;

fn path(criterion: &mut Criterion) {
    let node = filled_node(1, KEYS);
    let mut group = criterion.benchmark_group("path");
    group.throughput(Throughput::Elements(PIPELINE as u64));
    for name in ["GET", "SET"] {
        let mut load = Load::new(&node, 0, KEYS);
        let batches = load.batches(name);
        let mut next = batches.iter().cycle();
        let mut out = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| load.run(next.next().expect("batches go round"), &mut out));
        });
    }
    group.finish();
}

criterion_group!(benches, path);
criterion_main!(benches);
