//! Tables that were emptied at a stroke, and their memory, which is counted until it is freed.

use crate::access::object_bytes;
use crate::object::Object;
use base::Slot;
use collections::Table;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// What became of flushed tables. Shared with every [`Flushed`], which any thread may free.
#[derive(Default)]
pub(crate) struct Freeing {
    bytes: AtomicI64,
    pending: AtomicU64,
    pending_bytes: AtomicI64,
    freed: AtomicU64,
}

impl Freeing {
    /// Bytes of flushed tables that were freed. The tallies go on counting them.
    pub(crate) fn freed_bytes(&self) -> i64 {
        self.bytes.load(Relaxed)
    }

    /// Keys whose memory is to be freed.
    pub(crate) fn pending(&self) -> u64 {
        self.pending.load(Relaxed)
    }

    /// What is known of that memory, in bytes.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.pending_bytes.load(Relaxed).max(0) as u64
    }

    /// Keys whose memory was freed after they were gone.
    pub(crate) fn freed(&self) -> u64 {
        self.freed.load(Relaxed)
    }

    /// So many values more are to be freed; what is known of their bytes.
    pub(crate) fn add_pending(&self, values: u64, known_bytes: usize) {
        self.pending.fetch_add(values, Relaxed);
        self.pending_bytes.fetch_add(known_bytes as i64, Relaxed);
    }

    /// So many of them were freed, and all these bytes, of which so many were known.
    pub(crate) fn count_freed(&self, bytes: usize, values: u64, known_bytes: usize) {
        self.bytes.fetch_add(bytes as i64, Relaxed);
        self.pending_bytes.fetch_sub(known_bytes as i64, Relaxed);
        self.pending.fetch_sub(values, Relaxed);
        self.freed.fetch_add(values, Relaxed);
    }

    /// Begins the count of freed keys anew.
    pub(crate) fn reset_statistics(&self) {
        self.freed.store(0, Relaxed);
    }
}

/// Tables that were emptied at a stroke. Their keys are gone; their memory counts until it is freed, by [`Flushed::free`] or
/// when this is dropped, which may take long.
#[must_use = "drop it where the time does not matter"]
pub struct Flushed {
    /// The next to be freed first.
    tables: VecDeque<(Slot, Table<Object>)>,
    keys: u64,
    freeing: Arc<Freeing>,
}

impl Flushed {
    pub(crate) fn new(freeing: &Arc<Freeing>, capacity: usize) -> Flushed {
        let tables = VecDeque::with_capacity(capacity);
        Flushed { tables, keys: 0, freeing: Arc::clone(freeing) }
    }

    pub(crate) fn push(&mut self, slot: Slot, table: Table<Object>) {
        self.keys += table.len() as u64;
        self.freeing.add_pending(table.len() as u64, table.memory_bytes());
        self.tables.push_back((slot, table));
    }

    /// Takes out all that is there.
    pub(crate) fn take(&mut self) -> Flushed {
        let none = Flushed::new(&self.freeing, 0);
        std::mem::replace(self, none)
    }

    /// The next table to be freed, where it is that of a slot.
    pub(crate) fn next_of(&self, slot: Slot) -> Option<&Table<Object>> {
        self.tables.front().filter(|(of, _)| *of == slot).map(|(_, table)| table)
    }

    /// The keys of `other` are gone, too; their memory is left to it.
    pub(crate) fn count_keys_of(&mut self, other: &Flushed) {
        self.keys += other.keys;
    }

    /// How many keys there were; the memory of some may be a snapshot's to free.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// Whether there is nothing to free.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Frees tables until that has freed `keys` keys or more, or all; returns how many it has freed. A table is freed as a whole.
    pub fn free(&mut self, keys: u64) -> u64 {
        let mut freed = 0;
        while freed < keys
            && let Some((_, table)) = self.tables.pop_front()
        {
            let objects: usize = table.iter().map(object_bytes).sum();
            let (records, table_keys) = (table.memory_bytes(), table.len() as u64);
            drop(table);
            self.freeing.count_freed(records + objects, table_keys, records);
            freed += table_keys;
        }
        freed
    }
}

impl Drop for Flushed {
    fn drop(&mut self) {
        self.free(u64::MAX);
    }
}
