//! What is frozen takes memory only for what is changed meanwhile, and gives all of it back.

use collections::{Packed, Ranking};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

/// Counts the bytes that are asked for.
struct Counting;

static ASKED: AtomicIsize = AtomicIsize::new(0);

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ASKED.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: by the caller.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn asked() -> isize {
    ASKED.load(Relaxed)
}

const COUNT: u64 = 100_000;

fn key(number: u64) -> Vec<u8> {
    format!("key:{number:012}").into_bytes()
}

/// Freezes something, changes little of it and then all, and looks at the memory that this takes.
fn check<T, F>(
    mut value: T,
    heap_bytes: fn(&T) -> usize,
    freeze: fn(&T) -> F,
    change: impl Fn(&mut T, u64),
) {
    let before = asked();
    let own = heap_bytes(&value) as isize;
    let frozen = freeze(&value);
    assert!(asked() - before < own / 200, "{} of {own} bytes to freeze it", asked() - before);
    change(&mut value, 7);
    assert!(asked() - before < own / 20, "{} of {own} bytes for one change", asked() - before);
    (0..COUNT).for_each(|number| change(&mut value, number));
    let copied = asked() - before;
    assert!((own * 3 / 4..own * 5 / 4).contains(&copied), "{copied} of {own} bytes for all");
    drop(frozen);
    let left = asked() - before;
    assert_eq!(left, heap_bytes(&value) as isize - own, "what was frozen is still there");
}

// One test: there is one count.
#[test]
fn what_is_frozen_is_given_back() {
    for value in [&b"12345678"[..], &[b'v'; 300]] {
        let mut map = Packed::new((1, 2));
        (0..COUNT).for_each(|number| assert!(map.insert(&key(number), value)));
        check(map, Packed::heap_bytes, Packed::clone, |map, number| {
            let value = map.value_mut(&key(number)).expect("it is there");
            value[0] = b'w';
        });
    }
    let mut ranking = Ranking::new((1, 2));
    for number in 0..COUNT {
        ranking.insert((number * 7_919 % COUNT) as f64, &key(number));
    }
    check(ranking, Ranking::heap_bytes, Ranking::freeze, |ranking, number| {
        ranking.insert((number * 7_919 % COUNT) as f64 + 0.25, &key(number));
    });
    assert!(asked() < 1 << 20, "{} bytes stay", asked());
}
