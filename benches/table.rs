//! The table against `hashbrown::HashTable` over the same records: random access to 2M keys in 16,384
//! tables of 122, and to 1M keys in one table; growth from nothing.
//!
//! Keys of 16 bytes, values of 32, hashes computed beforehand, as a server does for a batch.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use collections::{KeyHasher, NewValue, Record, Table, Value, prefetch};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::hint::black_box;

/// Lookups of one measurement.
const LOOKUPS: u64 = 1 << 19;

/// Keys looked up together where prefetching is measured.
const WINDOW: usize = 16;

struct Sip;

impl KeyHasher for Sip {
    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(1, 2);
        hasher.write(key);
        hasher.finish()
    }
}

/// Tables as a server has them: apart by a cache line.
#[repr(align(64))]
struct Apart<T>(T);

struct Lookup {
    table: usize,
    hash: u64,
    key: [u8; 16],
}

/// What both kinds of table can do.
trait Keyed {
    fn empty() -> Self;
    fn add(&mut self, hash: u64, record: Record<u64>);
    fn get(&self, hash: u64, key: &[u8]) -> Option<&Record<u64>>;
}

impl Keyed for Table<u64> {
    fn empty() -> Self {
        Table::new()
    }

    fn add(&mut self, hash: u64, record: Record<u64>) {
        self.insert(&Sip, hash, record);
    }

    #[inline]
    fn get(&self, hash: u64, key: &[u8]) -> Option<&Record<u64>> {
        self.find(hash, key)
    }
}

impl Keyed for HashTable<Record<u64>> {
    fn empty() -> Self {
        HashTable::new()
    }

    fn add(&mut self, hash: u64, record: Record<u64>) {
        self.insert_unique(hash, record, |record| Sip.hash(record.key()));
    }

    #[inline]
    fn get(&self, hash: u64, key: &[u8]) -> Option<&Record<u64>> {
        self.find(hash, |record| record.key() == key)
    }
}

fn mixed(number: u64) -> u64 {
    let state = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

fn lookup(number: u64, tables: usize) -> Lookup {
    let text = format!("key:{number:012}");
    let mut key = [0; 16];
    key.copy_from_slice(text.as_bytes());
    Lookup { table: mixed(!number) as usize % tables, hash: Sip.hash(&key), key }
}

fn filled<T: Keyed>(tables: usize, keys: u64) -> Vec<Apart<T>> {
    let mut filled: Vec<_> = (0..tables).map(|_| Apart(T::empty())).collect();
    for number in 0..keys {
        let Lookup { table, hash, key } = lookup(number, tables);
        filled[table].0.add(hash, Record::new(&key, NewValue::Bytes(&[7; 32]), None, 0));
    }
    filled
}

#[inline]
fn touch(record: &Record<u64>) -> u8 {
    match record.value() {
        Value::Bytes(bytes) => bytes[8],
        Value::Integer(_) | Value::Compact(..) | Value::Object(_) => 0,
    }
}

fn lookups<T: Keyed>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    tables: &[Apart<T>],
    wanted: &[(&str, Vec<Lookup>)],
) {
    for (kind, wanted) in wanted {
        group.bench_function(format!("{name}/{kind}"), |bencher| {
            bencher.iter(|| {
                let mut sum = 0;
                for lookup in wanted {
                    let found = tables[lookup.table].0.get(lookup.hash, &lookup.key);
                    sum += found.map_or(1, |record| u64::from(touch(record)));
                }
                black_box(sum)
            });
        });
    }
}

fn prefetched(
    group: &mut BenchmarkGroup<'_, WallTime>,
    tables: &[Apart<Table<u64>>],
    wanted: &[Lookup],
) {
    group.bench_function("collections/hit, prefetched by 16", |bencher| {
        bencher.iter(|| {
            let mut sum = 0;
            for window in wanted.chunks(WINDOW) {
                for lookup in window {
                    prefetch(&tables[lookup.table]);
                }
                for lookup in window {
                    tables[lookup.table].0.hint().prefetch_bucket(lookup.hash);
                }
                for lookup in window {
                    tables[lookup.table].0.prefetch_record(lookup.hash);
                }
                for lookup in window {
                    let found = tables[lookup.table].0.find(lookup.hash, &lookup.key);
                    sum += found.map_or(1, |record| u64::from(touch(record)));
                }
            }
            black_box(sum)
        });
    });
}

fn find(criterion: &mut Criterion) {
    for (tables, keys) in [(16_384, 2_000_000), (1, 1_000_000)] {
        let mut group = criterion.benchmark_group(format!("find, {keys} keys, {tables} tables"));
        group.throughput(Throughput::Elements(LOOKUPS)).sample_size(20);
        let hits = (0..LOOKUPS).map(|number| lookup(mixed(number) % keys, tables)).collect();
        let misses = (0..LOOKUPS).map(|number| lookup(keys + number, tables)).collect();
        let wanted = [("hit", hits), ("miss", misses)];
        let ours = filled::<Table<u64>>(tables, keys);
        lookups(&mut group, "collections", &ours, &wanted);
        prefetched(&mut group, &ours, &wanted[0].1);
        drop(ours);
        let theirs = filled::<HashTable<Record<u64>>>(tables, keys);
        lookups(&mut group, "hashbrown", &theirs, &wanted);
        group.finish();
    }
}

/// The whole life of a table, records made and dropped included.
fn grow(criterion: &mut Criterion) {
    for (tables, keys) in [(16_384, 1_000_000), (1, 1_000_000)] {
        let mut group = criterion.benchmark_group(format!("grow to {keys} keys, {tables} tables"));
        group.throughput(Throughput::Elements(keys)).sample_size(10);
        group.bench_function("collections", |bencher| {
            bencher.iter(|| filled::<Table<u64>>(tables, keys).len());
        });
        group.bench_function("hashbrown", |bencher| {
            bencher.iter(|| filled::<HashTable<Record<u64>>>(tables, keys).len());
        });
        group.finish();
    }
}

criterion_group!(benches, find, grow);
criterion_main!(benches);
