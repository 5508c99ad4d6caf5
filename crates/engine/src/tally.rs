//! Counters of the keyspace, one set per thread, so that no cache line is written by two cores.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// What one database of one slot, of one thread's doing, or of the whole keyspace comes to.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Totals {
    /// Keys.
    pub keys: i64,
    /// Keys with an expiry.
    pub volatile: i64,
}

/// What one thread has added to the keyspace and taken from it. Written by that thread alone, read by any: a sum over all
/// threads is exact when nothing runs, and off by the commands in flight otherwise.
#[repr(align(128))]
pub struct Tally {
    databases: Box<[(AtomicI64, AtomicI64)]>,
    memory_bytes: AtomicI64,
    hits: AtomicU64,
    misses: AtomicU64,
    expired: AtomicU64,
    expired_fields: AtomicU64,
    evicted: AtomicU64,
    changes: AtomicU64,
    seed: AtomicU64,
}

impl Tally {
    pub(crate) fn new(databases: usize, seed: u64) -> Tally {
        Tally {
            databases: (0..databases).map(|_| Default::default()).collect(),
            memory_bytes: AtomicI64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            expired_fields: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            seed: AtomicU64::new(seed),
        }
    }

    pub(crate) fn add_keys(&self, database: usize, keys: i64, volatile: i64) {
        let (all, with_expiry) = &self.databases[database];
        add_signed(all, keys);
        add_signed(with_expiry, volatile);
    }

    pub(crate) fn add_memory(&self, bytes: i64) {
        add_signed(&self.memory_bytes, bytes);
    }

    #[inline]
    pub(crate) fn count_hit(&self) {
        add(&self.hits, 1);
    }

    #[inline]
    pub(crate) fn count_miss(&self) {
        add(&self.misses, 1);
    }

    pub(crate) fn count_expired(&self, keys: u64) {
        add(&self.expired, keys);
    }

    pub(crate) fn count_expired_fields(&self, fields: u64) {
        add(&self.expired_fields, fields);
    }

    pub(crate) fn count_evicted(&self, keys: u64) {
        add(&self.evicted, keys);
    }

    /// Counts changes to the keyspace, as `rdb_changes_since_last_save` shows them.
    #[inline]
    pub fn count_changes(&self, changes: u64) {
        add(&self.changes, changes);
    }

    /// Another seed at every call; the generator that it is given to spreads it.
    pub(crate) fn next_seed(&self) -> u64 {
        add(&self.seed, 0x9e37_79b9_7f4a_7c15);
        self.seed.load(Relaxed)
    }

    pub(crate) fn totals(&self, database: usize) -> Totals {
        let (keys, volatile) = &self.databases[database];
        Totals { keys: keys.load(Relaxed), volatile: volatile.load(Relaxed) }
    }

    pub(crate) fn memory(&self) -> i64 {
        self.memory_bytes.load(Relaxed)
    }

    /// Look-ups by reading commands that found their key.
    pub fn hits(&self) -> u64 {
        self.hits.load(Relaxed)
    }

    /// Look-ups by reading commands that did not find their key.
    pub fn misses(&self) -> u64 {
        self.misses.load(Relaxed)
    }

    /// Keys removed because their time had come.
    pub fn expired(&self) -> u64 {
        self.expired.load(Relaxed)
    }

    /// Fields of hashes removed because their time had come.
    pub fn expired_fields(&self) -> u64 {
        self.expired_fields.load(Relaxed)
    }

    /// Keys removed because memory was short.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }

    /// Changes to the keyspace.
    pub fn changes(&self) -> u64 {
        self.changes.load(Relaxed)
    }

    /// Begins hits, misses, expired and evicted keys, and expired fields, anew (`CONFIG RESETSTAT`). What the owner counts meanwhile may be lost.
    pub fn reset_statistics(&self) {
        self.hits.store(0, Relaxed);
        self.misses.store(0, Relaxed);
        self.expired.store(0, Relaxed);
        self.expired_fields.store(0, Relaxed);
        self.evicted.store(0, Relaxed);
    }
}

/// An addition by the only writer: no locked instruction.
#[inline]
fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(by), Relaxed);
}

fn add_signed(counter: &AtomicI64, by: i64) {
    if by != 0 {
        counter.store(counter.load(Relaxed) + by, Relaxed);
    }
}
