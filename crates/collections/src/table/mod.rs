//! The hash table of records: an index of about ten bytes for each, growth without a pause, cursors
//! that survive it.
//!
//! ```text
//!  hash  | directory bits | tag: 18 bits          | rest, unused    |
//!             |                 \__ bucket = tag * buckets / 2^18
//!  Table --> directory --> segment: 1 to some 128 buckets of 64 bytes, a run of the pool
//!    \___________________/^            bucket: 8 words = tag, expiry bit, address of a record
//!     (one segment: no directory)
//! ```
//!
//! # Design
//!
//! - A word of 8 bytes is all that a record costs here, divided by the load (three to three and a half quarters while a
//!   table grows). Its tag makes a false candidate rare (for a segment of 16 buckets, 1 in 2^14 of the words
//!   in its bucket), so a lookup touches one bucket and one record, sometimes the next bucket. A load of
//!   15/16 would save 0.7 bytes per key; a miss then takes half as long again.
//! - Homes are ordered by the hash. So growing is one pass over words, front to back, that touches no record,
//!   and the number of buckets need not be a power of two: tables grow by a sixth, not by doubling,
//!   and 16,384 evenly loaded ones do not double together.
//! - A segment that has reached 128 buckets splits instead of growing (see `directory`), for which its 900 records are
//!   hashed again, some 30 us; four times that in tables of more than 4 million records. No operation does more than
//!   one step of growth or one split, or merges of half that; that is the longest pause, however large
//!   the table.
//! - A cursor is a position in the order of hashes, so it means the same whatever the number of buckets
//!   is (see `scan`).
//! - Buckets come from a pool of their own (see `pool`), for size classes waste a third of them.
//! - Rejected: chains or overflow pointers in the bucket (a pointer costs an eighth of it), tombstones (they
//!   age), doubling with two tables side by side (every lookup asks twice, and memory has a sawtooth).
//!
//! # Invariants
//!
//! 1. Every word in a live segment is a record of type `Record<O>` that the table owns.
//! 2. `len`, `volatile` and `memory` are the sums over all records, and of all buckets and the directory.
//! 3. A record's word stands in the segment of its key's hash under its tag there, as `buckets` says.
//! 4. An empty table owns no memory.

mod buckets;
mod directory;
mod hint;
mod occupied;
mod pool;
mod scan;
mod segment;
#[cfg(test)]
mod tests;

use crate::record::Record;
use crate::word::Word;
use buckets::Place;
pub use hint::Hint;
pub use occupied::Occupied;
pub use scan::INTERVAL_BITS_MAX;
use segment::Segment;
use std::marker::PhantomData;

/// The keyed hash of a key: the same one that the caller passes along with a key.
pub trait KeyHasher {
    /// The 64-bit hash. The table uses the upper bits.
    fn hash(&self, key: &[u8]) -> u64;
}

/// Where a record stands in its table: see [`Table::locate`].
#[derive(Clone, Copy)]
pub struct Location {
    hash: u64,
    place: Place,
}

/// A hash table of records. See the [crate's](crate) page for what it promises.
pub struct Table<O> {
    root: Segment,
    len: usize,
    volatile: usize,
    memory: usize,
    owns: PhantomData<Record<O>>,
}

const _: () = assert!(size_of::<Table<()>>() == 40, "a table stands in a cache line with its lock");

// SAFETY: a table owns its records and its memory alone, as a `Vec<Record<O>>` would.
unsafe impl<O: Send> Send for Table<O> {}

impl<O> Default for Table<O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O> Table<O> {
    /// An empty table, which owns no memory.
    #[must_use]
    pub const fn new() -> Self {
        Table { root: Segment::EMPTY, len: 0, volatile: 0, memory: 0, owns: PhantomData }
    }

    /// Number of records.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no record.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of records that have an expiry.
    #[must_use]
    #[inline]
    pub fn volatile_len(&self) -> usize {
        self.volatile
    }

    /// Bytes of all records and of the table's own allocations; not what objects own.
    #[must_use]
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.memory
    }

    /// The record of `key`, whose hash is `hash`.
    #[must_use]
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<&Record<O>> {
        let segment = self.segment_of(hash);
        let place = Self::place(segment, hash, key)?;
        // SAFETY: the segment is alive, and unchanged while `self` is borrowed.
        let buckets = unsafe { segment.buckets() };
        Some(record(&buckets[place.bucket].0[place.word]))
    }

    /// Where the record of `key` stands, whose hash is `hash`: for [`Table::at`], until the table changes.
    #[must_use]
    #[inline]
    pub fn locate(&self, hash: u64, key: &[u8]) -> Option<Location> {
        let place = Self::place(self.segment_of(hash), hash, key)?;
        Some(Location { hash, place })
    }

    /// The record at a location.
    ///
    /// # Panics
    ///
    /// Where the table has changed and no record stands there any more.
    #[must_use]
    #[inline]
    pub fn at(&self, location: Location) -> &Record<O> {
        // SAFETY: the segment is alive, and unchanged while `self` is borrowed.
        let buckets = unsafe { self.segment_of(location.hash).buckets() };
        let word = &buckets[location.place.bucket].0[location.place.word];
        assert!(!word.is_empty(), "the table has changed");
        record(word)
    }

    /// The record of `key`, to be changed.
    #[must_use]
    #[inline]
    pub fn find_mut(&mut self, hash: u64, key: &[u8]) -> Option<Occupied<'_, O>> {
        let place = Self::place(self.segment_of(hash), hash, key)?;
        let segment = self.index_of(hash);
        Some(Occupied { table: self, segment, place })
    }

    /// Adds a record whose key is absent. `hash` is its key's; `hasher` serves where other keys have to
    /// be hashed again.
    pub fn insert(&mut self, hasher: &impl KeyHasher, hash: u64, record: Record<O>) {
        debug_assert!(self.find(hash, record.key()).is_none(), "the key is there already");
        let mut index = self.index_of(hash);
        if self.segment(index).is_at_capacity() {
            self.make_room(hasher, index);
            index = self.index_of(hash);
        }
        self.len += 1;
        self.volatile += usize::from(record.expire_at().is_some());
        self.memory += record.memory_bytes();
        let segment = self.segment_mut(index);
        segment.len += 1;
        let word = record.into_word().with_tag(segment.tag(hash));
        // SAFETY: the segment is alive, and `self` is borrowed mutably.
        buckets::put(unsafe { segment.buckets_mut() }, word);
    }

    /// Takes the record of `key` out.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<Record<O>> {
        self.find_mut(hash, key).map(Occupied::remove)
    }

    /// All records, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Record<O>> {
        self.words().map(record)
    }

    /// Drops all records and all memory.
    pub fn clear(&mut self) {
        // Should a value's drop panic, the rest is lost, but nothing is dropped twice.
        let mut old = std::mem::take(self);
        for &word in old.words() {
            // SAFETY: the word is a record of ours (1), and is forgotten with its segment below.
            drop(unsafe { Record::<O>::from_word(word) });
        }
        old.release_all();
        std::mem::forget(old);
    }

    /// Where the buckets are now: for prefetching without holding the table.
    #[must_use]
    #[inline]
    pub fn hint(&self) -> Hint {
        Hint::of(self.root)
    }

    /// Hint that a key of this hash will be looked up very soon: reads the bucket, best after
    /// [`Hint::prefetch_bucket`], and fetches the record that the key probably is.
    #[inline]
    pub fn prefetch_record(&self, hash: u64) {
        if let Some(record) = self.probable(hash) {
            record.prefetch();
        }
    }

    /// The record that a key of this hash probably is; for a hint only, for its key is not compared, and it may stand elsewhere. Reads the bucket, not
    /// the record.
    #[must_use]
    #[inline]
    pub fn probable(&self, hash: u64) -> Option<&Record<O>> {
        let segment = self.segment_of(hash);
        if segment.bucket_count() == 0 {
            return None;
        }
        let tag = segment.tag(hash);
        let home = buckets::home(tag, segment.bucket_count());
        // SAFETY: the segment is alive, and unchanged while `self` is borrowed.
        let bucket = unsafe { &segment.buckets()[home] };
        let word = bucket.matches(tag).trailing_zeros() as usize;
        // An empty word seems to have tag 0.
        bucket.0.get(word).filter(|word| !word.is_empty()).map(record)
    }

    #[inline]
    fn place(segment: Segment, hash: u64, key: &[u8]) -> Option<Place> {
        // SAFETY: callers hand in a live segment, which does not change in here.
        let buckets = unsafe { segment.buckets() };
        buckets::find(buckets, segment.tag(hash), |word| record::<O>(word).key() == key)
    }

    /// The live segments, each once.
    fn segments(&self) -> impl Iterator<Item = Segment> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let segment = (next < self.descriptor_count()).then(|| self.segment(next))?;
            next += self.run_of(segment);
            Some(segment)
        })
    }

    fn words(&self) -> impl Iterator<Item = &Word> {
        // SAFETY: the segments are alive, and unchanged while `self` is borrowed.
        self.segments()
            .flat_map(|segment| unsafe { segment.buckets() })
            .flat_map(|bucket| bucket.words())
    }

    /// Gives back all memory of the table itself. Words that are left in it are forgotten.
    fn release_all(&mut self) {
        let mut next = 0;
        while next < self.descriptor_count() {
            let segment = self.segment(next);
            next += self.run_of(segment);
            // SAFETY: each segment is released once; the descriptors go below.
            unsafe { segment.release() };
        }
        if self.root.depth() > 0 {
            self.release_directory();
        }
        self.root = Segment::EMPTY;
        self.memory = 0;
    }
}

impl<O> Drop for Table<O> {
    fn drop(&mut self) {
        if self.root.bucket_count() > 0 || self.root.depth() > 0 {
            self.clear();
        }
    }
}

/// The record that a word in a table is.
#[inline]
fn record<O>(word: &Word) -> &Record<O> {
    debug_assert!(!word.is_empty());
    // SAFETY: all words that callers take from a table's segments are such records (1), for which the word is
    // `repr(transparent)`.
    unsafe { &*std::ptr::from_ref(word).cast::<Record<O>>() }
}
