//! Prints how long it takes to freeze large values, and what the first changes cost while they are frozen.
//!
//! `cargo run --release -p redstart-values --example frozen_figures`
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use collections::Held;
use std::hint::black_box;
use std::time::{Duration, Instant};
use values::stream::{NewId, StreamId};
use values::{End, FieldExpiry, Hash, Item, List, Rules, Set, SortedSet, Stream};

const ROUNDS: usize = 5;
const CHANGES: u64 = 100_000;
const RULES: Rules = Rules::DEFAULT;

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

/// Freezes a value several times and changes it each time while it is frozen. What else the machine does is not the same in each round: the least of
/// all rounds is told.
fn report<T, F>(name: &str, mut value: T, freeze: impl Fn(&T) -> F, change: impl Fn(&mut T, u64)) {
    let (mut freezing, mut dropping) = (Duration::MAX, Duration::MAX);
    let mut times = [vec![Duration::MAX; CHANGES as usize], vec![Duration::MAX; CHANGES as usize]];
    for _ in 0..ROUNDS {
        empty_caches();
        let begin = Instant::now();
        let mut frozen = Some(freeze(&value));
        freezing = freezing.min(begin.elapsed());
        for times in &mut times {
            for (number, least) in times.iter_mut().enumerate() {
                let begin = Instant::now();
                change(&mut value, number as u64);
                *least = begin.elapsed().min(*least);
            }
            let begin = Instant::now();
            if frozen.take().is_some() {
                dropping = dropping.min(begin.elapsed());
            }
        }
    }
    println!("{name}: frozen in {freezing:.1?}, let go in {dropping:.1?}");
    for (when, mut times) in ["while it is frozen", "when it is not"].into_iter().zip(times) {
        let mean = times.iter().sum::<Duration>() / times.len() as u32;
        times.sort_unstable();
        let at = |part: f64| times[(part * (times.len() - 1) as f64) as usize];
        let (most, nearly_all, all) = (at(0.99), at(0.999), at(1.0));
        println!(
            "  a change {when:<18} {mean:.0?}, 99 % {most:.1?}, 99.9 % {nearly_all:.1?}, the longest {all:.1?}"
        );
    }
}

fn hash(count: u64, value: &[u8], is_timed: bool) -> Hash {
    let mut hash = Hash::new();
    for number in 0..count {
        let expiry = if is_timed { FieldExpiry::At(1 << 40) } else { FieldExpiry::Keep };
        hash.set(&key(number), value, (expiry, 0), &RULES);
    }
    hash
}

fn append(stream: &mut Stream, value: &[u8]) {
    let id = NewId::Exactly(StreamId::new(stream.log().last_id().ms + 1, 0));
    let fields = [(&b"field"[..], value)];
    let appended = stream.log_mut().append(id, fields.into_iter(), RULES.stream);
    black_box(appended).expect("the id is above the last");
}

fn report_all(count: u64) {
    for (length, is_timed) in [(32, false), (300, false), (32, true)] {
        let value = vec![b'v'; length];
        let name = format!("hash of {count} fields, values of {length}");
        let name = if is_timed { format!("{name}, with times") } else { name };
        report(&name, hash(count, &value, is_timed), Hash::freeze, |hash, number| {
            let (field, now) = (key(scattered(number, 2 * count)), 0);
            if !hash.remove(&field, now) {
                hash.set(&field, &value, (FieldExpiry::Keep, now), &RULES);
            }
        });
    }
    let mut set = Set::hashtable(&RULES);
    for number in 0..count {
        set.add(&RULES, Item::Bytes(&key(number)));
    }
    report(&format!("set of {count} members"), set, Set::clone, |set, number| {
        let member = key(scattered(number, 2 * count));
        if !set.remove(Item::Bytes(&member)) {
            set.add(&RULES, Item::Bytes(&member));
        }
    });
    let mut sorted_set = SortedSet::new();
    for number in 0..count {
        sorted_set.insert(&key(number), scattered(number, count) as f64, &RULES);
    }
    let name = format!("sorted set of {count} members");
    report(&name, sorted_set, SortedSet::freeze, |set, number| {
        let (member, score) = (key(scattered(number, count)), scattered(number * 31, count));
        set.insert(&member, score as f64, &RULES);
    });
    for length in [10, 100] {
        let (mut list, value) = (List::new(), vec![b'v'; length]);
        (0..count).for_each(|_| list.push_all(End::Right, [&value[..]].into_iter(), &RULES));
        let name = format!("list of {count} elements of {length}");
        report(&name, list, List::clone, |list, number| match number % 3 {
            0 => list.push_all(End::Left, [&value[..]].into_iter(), &RULES),
            1 => list.pop(End::Right, 1, &RULES),
            _ => list.set(scattered(number, count / 2) as usize, &value, &RULES),
        });
    }
    let mut stream = Stream::new();
    (0..count).for_each(|_| append(&mut stream, &[b'v'; 32]));
    report(&format!("stream of {count} entries"), stream, Stream::clone, |stream, number| {
        append(stream, &[b'v'; 32]);
        let id = StreamId::new(scattered(number, count) + 1, 0);
        stream.delete(id, values::stream::References::Keep);
    });
}

/// A string is copied as a whole at its first change.
fn report_string(length: usize) {
    let mut string = Held::new(vec![b'v'; length]);
    let (mut freezing, mut changing) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        empty_caches();
        let begin = Instant::now();
        let frozen = string.clone();
        freezing = freezing.min(begin.elapsed());
        let begin = Instant::now();
        string.make_mut()[length / 2] = b'w';
        changing = changing.min(begin.elapsed());
        drop(frozen);
    }
    println!(
        "string of {length} bytes: frozen in {freezing:.1?}, its first change takes {changing:.1?}"
    );
}

fn main() {
    [64 << 10, 1 << 20, 16 << 20, 256 << 20].into_iter().for_each(report_string);
    [1_000_000, 4_000_000].into_iter().for_each(report_all);
}
