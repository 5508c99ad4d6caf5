//! What the way from a key to its slot costs, beside the `crc16` crate as the baseline.

#![allow(missing_docs, reason = "criterion's macros make public functions without docs")]

use base::Slot;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

/// Key lengths in bytes: short, as in the benchmark run, as in the usual application, long.
const KEY_BYTES: [usize; 4] = [8, 16, 24, 100];

fn key(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| b'a' + (index % 26) as u8).collect()
}

fn checksum(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    for bytes in KEY_BYTES {
        let key = key(bytes);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_with_input(BenchmarkId::new("slice-by-8", bytes), &key, |bencher, key| {
            bencher.iter(|| base::crc16(black_box(key)));
        });
        group.bench_with_input(BenchmarkId::new("crc16 crate", bytes), &key, |bencher, key| {
            bencher.iter(|| crc16::State::<crc16::XMODEM>::calculate(black_box(key)));
        });
    }
    group.finish();
}

fn slot_of_key(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("slot of key");
    for (name, key) in
        [("plain", &b"session:000000012345"[..]), ("tagged", b"{user:000012345}:session")]
    {
        group.bench_function(name, |bencher| bencher.iter(|| Slot::of_key(black_box(key))));
    }
    group.finish();
}

criterion_group!(benches, checksum, slot_of_key);
criterion_main!(benches);
