//! Prints what `Packed` costs: bytes per entry at counts that span a doubling of the leaves, and nanoseconds per operation.
//!
//! `cargo run --release -p redstart-collections --example packed_figures`
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use collections::Packed;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

/// Writes the key of this number, 16 bytes, in an order that is not that of insertion.
fn set_key(key: &mut String, number: u64) {
    key.clear();
    write!(key, "key:{number:012}").expect("writing to memory does not fail");
}

fn scattered(number: u64, count: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % count
}

fn timed(name: &str, count: u64, mut operation: impl FnMut(u64, &str)) {
    let mut key = String::new();
    let begin = Instant::now();
    for number in 0..count {
        set_key(&mut key, number);
        black_box(&key);
    }
    let making = begin.elapsed();
    let begin = Instant::now();
    for number in 0..count {
        set_key(&mut key, number);
        operation(number, &key);
    }
    let nanoseconds = begin.elapsed().saturating_sub(making).as_nanos() as f64 / count as f64;
    println!("  {name:<24} {nanoseconds:>6.0} ns");
}

fn main() {
    for value in [&b""[..], b"12345678", &[b'v'; 32]] {
        println!("key of 16 bytes, value of {}", value.len());
        let mut packed = Packed::new((1, 2));
        let mut key = String::new();
        let mut longest = 0;
        for number in 0..2_000_000 {
            set_key(&mut key, number);
            let begin = Instant::now();
            packed.insert(key.as_bytes(), value);
            longest = longest.max(begin.elapsed().as_micros());
            if [1000, 100_000, 1_000_000, 1_250_000, 1_500_000, 1_750_000, 2_000_000]
                .contains(&(number + 1))
            {
                let each = packed.heap_bytes() as f64 / packed.len() as f64;
                println!("  {:>9} entries: {each:.1} bytes each", packed.len());
            }
        }
        println!("  longest insert: {longest} us");
        for count in [100_000, 1_000_000] {
            println!(" {count} entries");
            let mut packed = Packed::new((1, 2));
            timed("insert", count, |_, key| {
                packed.insert(key.as_bytes(), value);
            });
            let mut lookup = String::new();
            timed("get, by chance", count, |number, _| {
                set_key(&mut lookup, scattered(number, count));
                black_box(packed.get(lookup.as_bytes()));
            });
            timed("sample", count, |number, _| {
                black_box(packed.sample(number));
            });
            let begin = Instant::now();
            let bytes: usize = packed.iter().map(|(key, _)| key.len()).sum();
            let each = begin.elapsed().as_nanos() as f64 / count as f64;
            println!("  {:<24} {each:>6.0} ns ({bytes} bytes)", "iter");
            let other = packed.clone();
            let begin = Instant::now();
            let common = packed.iter().filter(|(key, _)| other.contains(key)).count();
            let each = begin.elapsed().as_nanos() as f64 / count as f64;
            println!("  {:<24} {each:>6.0} ns ({common} in common)", "intersect");
            timed("remove", count, |_, key| {
                packed.remove(key.as_bytes());
            });
        }
    }
}
