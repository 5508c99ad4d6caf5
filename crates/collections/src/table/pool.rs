//! Where buckets come from: runs of cache lines in chunks of 64 KiB, first fit, neighbours joined.
//!
//! BACKGROUND: a table that grows gives back a run of 16 buckets and takes one of 18. An allocator of size
//! classes cannot use the one for the other; with 16,384 tables that grow at about the same time
//! it keeps a third of the index's size in blocks that nobody wants: at 1M to 2M keys of 16 + 32 bytes, 70 to 72 bytes of
//! resident memory per key with mimalloc 2 and 73 to 76 with jemalloc 5.3, where this pool has 67.5 to 69. Runs
//! that are joined with their neighbours when they are free fit any later size. It also makes the
//! alignment free, and the steps of growth small.
//!
//! The pool is the process's, in shards with a lock each. A table stays in the shard where it was born, and comes here
//! once for every twenty inserts or so.
//!
//! Invariants:
//!
//! 1. A chunk is aligned to its own size, so a run's address says its chunk, whose header says its shard.
//! 2. In a chunk's map, a bit of `used` is set exactly for the units of the header and of runs that are handed
//!    out; `free` counts the others. A map is touched only under the lock of the chunk's shard. `shard` is
//!    written once and lies outside the map, so that it may be read without the lock.
//! 3. `longest` of a chunk is no less than its longest free run.

use super::buckets::Bucket;
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const UNIT: usize = size_of::<Bucket>();
const CHUNK_UNITS: usize = 1_024;
const CHUNK_BYTES: usize = CHUNK_UNITS * UNIT;
const HEADER_UNITS: usize = size_of::<Header>().div_ceil(UNIT);
const WORD_BITS: usize = u64::BITS as usize;

/// Longer runs have an allocation of their own: those of segments in tables of millions of records.
const POOLED_UNITS_MAX: usize = CHUNK_UNITS / 4;

/// Locks, so that threads do not queue for one. Each has a chunk that is partly used.
const SHARDS: usize = 8;

static POOL: [Mutex<Shard>; SHARDS] = [const { Mutex::new(Shard { chunks: Vec::new() }) }; SHARDS];

/// Where the next table is born.
static NEXT_SHARD: AtomicUsize = AtomicUsize::new(0);

struct Shard {
    chunks: Vec<Listed>,
}

struct Listed {
    chunk: *mut Header,
    longest: usize,
}

// SAFETY: a chunk belongs to its shard, and is touched under the shard's lock only.
unsafe impl Send for Listed {}

/// At the beginning of a chunk.
struct Header {
    shard: usize,
    map: Map,
}

/// Which units of a chunk are in use.
struct Map {
    used: [u64; CHUNK_UNITS / WORD_BITS],
    free: usize,
}

/// Buckets of zeroes, that is without words. `near` is a run of the same table, if there is one.
pub(super) fn take(count: usize, near: Option<*mut Bucket>) -> *mut Bucket {
    assert!(count > 0);
    if count > POOLED_UNITS_MAX {
        let layout = own_layout(count);
        // SAFETY: the size is not 0.
        let at = unsafe { alloc_zeroed(layout) };
        return checked(at, layout).cast();
    }
    let shard = match near {
        // SAFETY: the run is alive, so its chunk is; the shard's number does not change (1, 2).
        Some(near) => unsafe { (&raw const (*chunk_of(near)).shard).read() },
        None => NEXT_SHARD.fetch_add(1, Ordering::Relaxed) % SHARDS,
    };
    let at = locked(shard).take(count, shard);
    // SAFETY: the run has so many units, and is nobody else's.
    unsafe { at.write_bytes(0, count) };
    at
}

/// Gives a run back.
///
/// # Safety
///
/// `at` came from `take` of the same count, and is not used afterwards.
pub(super) unsafe fn give_back(at: *mut Bucket, count: usize) {
    if count > POOLED_UNITS_MAX {
        // SAFETY: by the caller it is such an allocation.
        return unsafe { dealloc(at.cast(), own_layout(count)) };
    }
    let chunk = chunk_of(at);
    // SAFETY: the run is alive until now, so its chunk is; the shard's number does not change (1, 2).
    let shard = unsafe { (&raw const (*chunk).shard).read() };
    let unit = (at.addr() - chunk.addr()) / UNIT;
    locked(shard).give_back(chunk, unit, count);
}

/// Whether `take(_, Some(near))` may be asked for a run of this count.
pub(super) fn is_pooled(count: usize) -> bool {
    (1..=POOLED_UNITS_MAX).contains(&count)
}

impl Shard {
    fn take(&mut self, count: usize, shard: usize) -> *mut Bucket {
        let fitting = self.chunks.iter_mut().filter(|listed| listed.longest >= count);
        for listed in fitting {
            // SAFETY: the chunk is alive and its shard is locked (2).
            let map = unsafe { &mut (*listed.chunk).map };
            match map.find_free(count) {
                Ok(unit) => {
                    map.mark(unit, count, true);
                    return unit_of(listed.chunk, unit);
                }
                Err(longest) => listed.longest = longest,
            }
        }
        let chunk = new_chunk(shard);
        self.chunks.push(Listed { chunk, longest: CHUNK_UNITS });
        // SAFETY: as above.
        let map = unsafe { &mut (*chunk).map };
        map.mark(HEADER_UNITS, count, true);
        unit_of(chunk, HEADER_UNITS)
    }

    fn give_back(&mut self, chunk: *mut Header, unit: usize, count: usize) {
        let index = self.chunks.iter().position(|listed| listed.chunk == chunk);
        let index = index.expect("a chunk with a run is listed in its shard");
        // SAFETY: the chunk is alive and its shard is locked (2).
        let map = unsafe { &mut (*chunk).map };
        map.mark(unit, count, false);
        if map.free == CHUNK_UNITS - HEADER_UNITS && self.chunks.len() > 1 {
            self.chunks.swap_remove(index);
            // SAFETY: it was allocated so, and nothing of it is handed out or listed.
            unsafe { dealloc(chunk.cast(), chunk_layout()) };
        } else {
            let run = map.free_run_around(unit, count);
            self.chunks[index].longest = self.chunks[index].longest.max(run);
        }
    }
}

impl Map {
    /// The first free run of at least this length, or else how long the longest is.
    fn find_free(&self, count: usize) -> Result<usize, usize> {
        let (mut at, mut longest) = (HEADER_UNITS, 0);
        while at < CHUNK_UNITS {
            let begin = self.next(at, false);
            let end = self.next(begin, true);
            if end - begin >= count {
                return Ok(begin);
            }
            longest = longest.max(end - begin);
            at = end;
        }
        Err(longest)
    }

    /// The first unit from `at` on that is used, or free; the chunk's end if there is none.
    fn next(&self, at: usize, is_used: bool) -> usize {
        let mut at = at;
        while at < CHUNK_UNITS {
            let word = self.used[at / WORD_BITS];
            let bits = if is_used { word } else { !word } >> (at % WORD_BITS);
            if bits != 0 {
                return at + bits.trailing_zeros() as usize;
            }
            at = (at / WORD_BITS + 1) * WORD_BITS;
        }
        CHUNK_UNITS
    }

    /// Length of the free run that this one is part of; the front part by at most one word's bits.
    fn free_run_around(&self, unit: usize, count: usize) -> usize {
        let end = self.next(unit + count, true);
        let mut begin = unit;
        while begin > HEADER_UNITS {
            let bits = begin % WORD_BITS;
            let (word, width) = match bits {
                0 => (self.used[begin / WORD_BITS - 1], WORD_BITS),
                bits => (self.used[begin / WORD_BITS] << (WORD_BITS - bits), bits),
            };
            let free = (word.leading_zeros() as usize).min(width);
            begin -= free;
            if free < width {
                break;
            }
        }
        end - begin
    }

    fn mark(&mut self, unit: usize, count: usize, is_used: bool) {
        for at in (unit / WORD_BITS)..=((unit + count - 1) / WORD_BITS) {
            let begin = unit.max(at * WORD_BITS) % WORD_BITS;
            let end = (unit + count).min((at + 1) * WORD_BITS) - at * WORD_BITS;
            let bits = (u64::MAX >> (WORD_BITS - (end - begin))) << begin;
            debug_assert_eq!(self.used[at] & bits, if is_used { 0 } else { bits });
            self.used[at] ^= bits;
        }
        if is_used {
            self.free -= count;
        } else {
            self.free += count;
        }
    }
}

fn new_chunk(shard: usize) -> *mut Header {
    let layout = chunk_layout();
    // SAFETY: the size is not 0.
    let chunk = checked(unsafe { alloc(layout) }, layout).cast::<Header>();
    let mut map = Map { used: [0; CHUNK_UNITS / WORD_BITS], free: CHUNK_UNITS };
    map.mark(0, HEADER_UNITS, true);
    // SAFETY: the chunk is larger than a header, and aligned.
    unsafe { chunk.write(Header { shard, map }) };
    chunk
}

fn chunk_of(at: *mut Bucket) -> *mut Header {
    at.map_addr(|address| address & !(CHUNK_BYTES - 1)).cast()
}

fn unit_of(chunk: *mut Header, unit: usize) -> *mut Bucket {
    debug_assert!((HEADER_UNITS..CHUNK_UNITS).contains(&unit));
    // SAFETY: the chunk has so many units.
    unsafe { chunk.cast::<Bucket>().add(unit) }
}

fn locked(shard: usize) -> MutexGuard<'static, Shard> {
    // Nothing under the lock panics but for our own bugs.
    POOL[shard].lock().unwrap_or_else(PoisonError::into_inner)
}

fn chunk_layout() -> Layout {
    const {
        assert!(CHUNK_BYTES.is_power_of_two());
        match Layout::from_size_align(CHUNK_BYTES, CHUNK_BYTES) {
            Ok(layout) => layout,
            Err(_) => panic!("a power of two is an alignment"),
        }
    }
}

fn own_layout(count: usize) -> Layout {
    Layout::array::<Bucket>(count).expect("at most 2^24 buckets")
}

fn checked(at: *mut u8, layout: Layout) -> *mut u8 {
    if at.is_null() {
        handle_alloc_error(layout);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 2 } else { 60 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// A shard of its own, so that the invariants can be seen whole.
        #[test]
        fn runs_do_not_overlap_and_all_comes_back(
            steps in prop::collection::vec((any::<bool>(), 1usize..=POOLED_UNITS_MAX, any::<u16>()), 1..400),
        ) {
            let mut shard = Shard { chunks: Vec::new() };
            let mut taken: Vec<(*mut Bucket, usize)> = Vec::new();
            for (is_take, count, pick) in steps {
                if is_take || taken.is_empty() {
                    let at = shard.take(count, 0);
                    prop_assert!(at.addr().is_multiple_of(UNIT));
                    for &(other, other_count) in &taken {
                        let apart = at.wrapping_add(count) <= other
                            || other.wrapping_add(other_count) <= at;
                        prop_assert!(apart);
                    }
                    // SAFETY: the run is ours.
                    unsafe { at.write_bytes(0xff, count) };
                    taken.push((at, count));
                } else {
                    let (at, count) = taken.swap_remove(usize::from(pick) % taken.len());
                    let chunk = chunk_of(at);
                    shard.give_back(chunk, (at.addr() - chunk.addr()) / UNIT, count);
                }
                check(&shard, &taken);
            }
            for (at, count) in taken.drain(..) {
                let chunk = chunk_of(at);
                shard.give_back(chunk, (at.addr() - chunk.addr()) / UNIT, count);
            }
            check(&shard, &taken);
            prop_assert_eq!(shard.chunks.len(), 1);
            // SAFETY: nothing of it is handed out.
            unsafe { dealloc(shard.chunks[0].chunk.cast(), chunk_layout()) };
        }
    }

    fn check(shard: &Shard, taken: &[(*mut Bucket, usize)]) {
        for listed in &shard.chunks {
            // SAFETY: the chunk is alive, and nobody changes it.
            let map = unsafe { &(*listed.chunk).map };
            let used: u32 = map.used.iter().map(|word| word.count_ones()).sum();
            let runs = taken.iter().filter(|(at, _)| chunk_of(*at) == listed.chunk);
            let handed_out: usize = runs.map(|(_, count)| count).sum();
            assert_eq!(used as usize, HEADER_UNITS + handed_out);
            assert_eq!(map.free, CHUNK_UNITS - used as usize);
            let longest = map.find_free(CHUNK_UNITS).expect_err("a chunk has a header");
            assert!(listed.longest >= longest);
        }
    }

    #[test]
    fn run_longer_than_the_pool_has_is_its_own_allocation() {
        for count in [POOLED_UNITS_MAX, POOLED_UNITS_MAX + 1] {
            let at = take(count, None);
            assert_eq!(is_pooled(count), count == POOLED_UNITS_MAX);
            assert!(at.addr().is_multiple_of(UNIT));
            // SAFETY: the run is ours, and given back once.
            unsafe {
                assert!((0..count).all(|index| (*at.add(index)).words().next().is_none()));
                give_back(at, count);
            }
        }
    }
}
