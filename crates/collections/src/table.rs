//! The hash table of records.

use crate::record::{NewValue, Record, ValueMut};
use std::collections::BTreeMap;

/// A scan's cursor is below 2 to the power of this.
pub const CURSOR_BITS: u32 = 48;

/// The keyed hash of a key: the same one that the caller passes along with a key.
pub trait KeyHasher {
    /// The 64-bit hash; all bits must be good.
    fn hash(&self, key: &[u8]) -> u64;
}

/// A hash table of records.
pub struct Table<O> {
    records: BTreeMap<(u64, Vec<u8>), Record<O>>,
    volatile: usize,
    memory: usize,
}

/// A record found in its table, to be changed or removed.
pub struct Occupied<'a, O> {
    table: &'a mut Table<O>,
    at: (u64, Vec<u8>),
}

impl<O> Default for Table<O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O> Table<O> {
    /// An empty table, which owns no memory.
    #[must_use]
    pub const fn new() -> Self {
        Table { records: BTreeMap::new(), volatile: 0, memory: 0 }
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Number of records that have an expiry.
    #[must_use]
    pub fn volatile_len(&self) -> usize {
        self.volatile
    }

    /// Bytes of all records and of the table's own allocations; not what objects own.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory
    }

    /// The record of `key`, whose hash is `hash`.
    #[must_use]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<&Record<O>> {
        self.records.get(&(hash, key.to_vec()))
    }

    /// The record of `key`, to be changed.
    #[must_use]
    pub fn find_mut(&mut self, hash: u64, key: &[u8]) -> Option<Occupied<'_, O>> {
        let at = (hash, key.to_vec());
        self.records.contains_key(&at).then_some(Occupied { table: self, at })
    }

    /// Adds a record whose key is absent. `hash` is its key's, `hasher` serves when other keys have to
    /// be hashed again.
    pub fn insert(&mut self, _hasher: &impl KeyHasher, hash: u64, record: Record<O>) {
        self.volatile += usize::from(record.expire_at().is_some());
        self.memory += record.memory_bytes();
        let old = self.records.insert((hash, record.key().to_vec()), record);
        debug_assert!(old.is_none());
    }

    /// Takes the record of `key` out.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<Record<O>> {
        self.find_mut(hash, key).map(Occupied::remove)
    }

    /// Visits the records at `cursor` and returns the next cursor. 0 is start and end. Every record
    /// that is there from the start to the end of a full scan is visited, whatever else changes
    /// between the calls.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&Record<O>)) -> u64 {
        let mut at = None;
        for ((hash, _), record) in self.records.range((cursor << 16, Vec::new())..) {
            let here = hash >> 16;
            if *at.get_or_insert(here) != here {
                return here;
            }
            visit(record);
        }
        0
    }

    /// The same over `buckets` buckets, but visits only records that have an expiry, without touching
    /// the memory of the others.
    pub fn scan_volatile(
        &self,
        mut cursor: u64,
        buckets: usize,
        visit: &mut dyn FnMut(&Record<O>),
    ) -> u64 {
        for _ in 0..buckets {
            cursor = self.scan(cursor, &mut |record| {
                if record.expire_at().is_some() {
                    visit(record);
                }
            });
            if cursor == 0 {
                break;
            }
        }
        cursor
    }

    /// An almost uniformly random record; `random` is 64 random bits.
    #[must_use]
    pub fn sample(&self, random: u64) -> Option<&Record<O>> {
        let nth = random.checked_rem(self.records.len() as u64)?;
        self.records.values().nth(nth as usize)
    }

    /// All records, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Record<O>> {
        self.records.values()
    }

    /// Drops all records and all memory.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Hint that a key of this hash will be looked up soon: fetches its bucket.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        let _ = hash;
    }

    /// Hint that a key of this hash will be looked up very soon: fetches the record that it probably
    /// is, which reads the bucket.
    #[inline]
    pub fn prefetch_record(&self, hash: u64) {
        let _ = hash;
    }
}

impl<'a, O> Occupied<'a, O> {
    /// The record, for as long as the table is borrowed.
    #[must_use]
    pub fn into_record(self) -> &'a Record<O> {
        self.table.records.get(&self.at).expect("found before, and borrowed since")
    }

    fn change<R>(&mut self, change: impl FnOnce(&mut Record<O>) -> R) -> R {
        let record =
            self.table.records.get_mut(&self.at).expect("found before, and borrowed since");
        self.table.volatile -= usize::from(record.expire_at().is_some());
        self.table.memory -= record.memory_bytes();
        let result = change(record);
        self.table.volatile += usize::from(record.expire_at().is_some());
        self.table.memory += record.memory_bytes();
        result
    }

    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record<O> {
        self.table.records.get(&self.at).expect("found before, and borrowed since")
    }

    /// The value, to be changed in place.
    pub fn value_mut(&mut self) -> ValueMut<'_, O> {
        self.table.records.get_mut(&self.at).expect("found before, and borrowed since").value_mut()
    }

    /// Replaces the value and the expiry at once; returns the old boxed value.
    pub fn set(&mut self, value: NewValue<'_, O>, expire_at: Option<i64>) -> Option<Box<O>> {
        self.change(|record| record.set(value, expire_at))
    }

    /// Replaces the value and keeps the expiry; returns the old boxed value.
    pub fn set_value(&mut self, value: NewValue<'_, O>) -> Option<Box<O>> {
        let expire_at = self.record().expire_at();
        self.set(value, expire_at)
    }

    /// Sets or takes away the expiry: unix time in milliseconds.
    pub fn set_expire_at(&mut self, expire_at: Option<i64>) {
        self.change(|record| record.set_expire_at(expire_at));
    }

    /// Appends to a value of bytes.
    ///
    /// # Panics
    ///
    /// Where the value is not bytes.
    pub fn append(&mut self, tail: &[u8]) {
        self.change(|record| record.append(tail));
    }

    /// Takes the record out of its table.
    #[must_use]
    pub fn remove(self) -> Record<O> {
        let record = self.table.records.remove(&self.at).expect("found before, and borrowed since");
        self.table.volatile -= usize::from(record.expire_at().is_some());
        self.table.memory -= record.memory_bytes();
        record
    }
}
