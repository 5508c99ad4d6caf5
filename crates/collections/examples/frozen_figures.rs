//! Prints how long it takes to freeze large maps and rankings, and what the first changes cost while they are frozen.
//!
//! `cargo run --release -p redstart-collections --example frozen_figures`
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use collections::{Packed, Ranking};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

fn key(number: u64) -> Vec<u8> {
    format!("key:{number:012}").into_bytes()
}

/// Other numbers below `count`, each once.
fn scattered(number: u64, count: u64) -> u64 {
    number * 7_919 % count
}

/// Has what the caches hold replaced by something else.
fn empty_caches() {
    let other = vec![1u8; 256 << 20];
    black_box(other.iter().step_by(64).map(|&byte| u64::from(byte)).sum::<u64>());
}

/// Freezes something several times, each time changes it while it is frozen, and tells how long that took.
fn report<T, F>(name: &str, mut value: T, freeze: impl Fn(&T) -> F, change: impl Fn(&mut T, u64)) {
    const CHANGES: u64 = 100_000;
    let (mut freezing, mut dropping) = (Duration::MAX, Duration::MAX);
    let mut first = vec![Duration::MAX; CHANGES as usize];
    let mut sum = [Duration::ZERO; 2];
    for _ in 0..ROUNDS {
        empty_caches();
        let begin = Instant::now();
        let frozen = freeze(&value);
        freezing = freezing.min(begin.elapsed());
        for (number, least) in first.iter_mut().enumerate() {
            let begin = Instant::now();
            change(&mut value, number as u64);
            *least = begin.elapsed().min(*least);
            sum[0] += begin.elapsed();
        }
        let begin = Instant::now();
        drop(frozen);
        dropping = dropping.min(begin.elapsed());
        for number in 0..CHANGES {
            let begin = Instant::now();
            change(&mut value, number);
            sum[1] += begin.elapsed();
        }
    }
    let mean = |sum: Duration| sum / (ROUNDS as u32 * CHANGES as u32);
    first.sort_unstable();
    let at = |part: f64| first[(part * (first.len() - 1) as f64) as usize];
    println!(
        "{name}: frozen in {freezing:.1?}; a change while it is takes {:.0?}, 99 % {:.1?}, 99.9 % {:.1?}, the longest {:.1?}; \
         else {:.0?}; let go in {dropping:.1?}",
        mean(sum[0]),
        at(0.99),
        at(0.999),
        at(1.0),
        mean(sum[1]),
    );
}

fn packed(count: u64, value: &[u8]) -> Packed {
    let mut packed = Packed::new((1, 2));
    for number in 0..count {
        packed.insert(&key(number), value);
    }
    packed
}

fn main() {
    for count in [100_000, 1_000_000, 4_000_000] {
        for value in [&b""[..], &[b'v'; 32], &[b'v'; 300]] {
            if count * value.len() as u64 > 512 << 20 {
                continue;
            }
            let name = format!("map of {count} entries, value of {}", value.len());
            let map = packed(count, value);
            println!("{:.1} bytes each", map.heap_bytes() as f64 / count as f64);
            report(&name, map, Packed::clone, |map, number| {
                // Added and taken away by turns.
                let other = number * 7_919 % (2 * count);
                if other < count {
                    map.insert(&key(other), value);
                } else if !map.insert_new(&key(other), value) {
                    map.remove(&key(other));
                }
            });
        }
        let mut ranking = Ranking::new((1, 2));
        for number in 0..count {
            ranking.insert(scattered(number, count) as f64, &key(number));
        }
        println!("{:.1} bytes each", ranking.heap_bytes() as f64 / count as f64);
        report(&format!("ranking of {count}"), ranking, Ranking::freeze, |ranking, number| {
            ranking.insert(scattered(number * 31, count) as f64, &key(scattered(number, count)));
        });
    }
}
