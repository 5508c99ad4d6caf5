//! Prints what the table costs: bytes per key at counts that span a doubling, and the longest single
//! insert while 4M keys come, in 16,384 tables and in one.
//!
//! `cargo run --release -p redstart-collections --example table_figures`
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use collections::{KeyHasher, NewValue, Record, Table};
use siphasher::sip::SipHasher13;
use std::alloc::{GlobalAlloc, Layout, System};
use std::hash::Hasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Counts the bytes that are asked for.
struct Counting;

static ASKED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ASKED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: by the caller.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Sip;

impl KeyHasher for Sip {
    fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(1, 2);
        hasher.write(key);
        hasher.finish()
    }
}

/// Inserts the key of this number: 16 bytes, with a value of 32. Returns how long the table took.
fn insert(tables: &mut [Table<u64>], number: usize) -> Duration {
    let key = format!("key:{number:012}");
    let hash = Sip.hash(key.as_bytes());
    // A hash of its own for the table, as a slot has.
    let mut slot = SipHasher13::new_with_keys(3, 4);
    slot.write(key.as_bytes());
    let table = slot.finish() as usize % tables.len();
    let record = Record::new(key.as_bytes(), NewValue::Bytes(&[7; 32]), None, 0);
    let begin = Instant::now();
    tables[table].insert(&Sip, hash, record);
    begin.elapsed()
}

fn empty(count: usize) -> Vec<Table<u64>> {
    (0..count).map(|_| Table::new()).collect()
}

fn print_bytes_per_key(table_count: usize) {
    println!("{table_count} tables:\n     keys  asked of the allocator  memory_bytes  (per key)");
    let mut tables = empty(table_count);
    let before = ASKED.load(Ordering::Relaxed);
    for number in 1..=2_000_000 {
        insert(&mut tables, number);
        if number >= 1_000_000 && number % 100_000 == 0 {
            let asked = ASKED.load(Ordering::Relaxed) - before;
            let told: usize = tables.iter().map(Table::memory_bytes).sum();
            let per_key = |bytes: usize| bytes as f64 / number as f64;
            println!("{number:9}  {:22.2}  {:12.2}", per_key(asked), per_key(told));
        }
    }
}

/// The growth is the same in each round, what else the machine does is not: so the time of an insert is
/// its least in all rounds.
fn print_longest_insert(table_count: usize) {
    const ROUNDS: usize = 5;
    let mut times = vec![Duration::MAX; 4_000_000];
    for _ in 0..ROUNDS {
        let mut tables = empty(table_count);
        for (number, time) in times.iter_mut().enumerate() {
            *time = insert(&mut tables, number).min(*time);
        }
    }
    let mean = times.iter().sum::<Duration>() / times.len() as u32;
    times.sort_unstable();
    let at = |part: f64| times[(part * (times.len() - 1) as f64) as usize];
    println!(
        "{table_count} tables, 0 to 4M keys: an insert takes {mean:.0?} (clock included), \
         99.9 % at most {:.1?}, 99.999 % {:.1?}, the longest {:.1?}",
        at(0.999),
        at(0.99999),
        at(1.0),
    );
}

fn main() {
    for table_count in [16_384, 1] {
        print_bytes_per_key(table_count);
        print_longest_insert(table_count);
    }
}
