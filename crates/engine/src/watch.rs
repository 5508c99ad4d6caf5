//! WATCH: whether a key has changed since somebody began to watch it.
//!
//! A slot with a watched key carries a mark beside its lock, so that a change of any other slot costs nothing more than a look at a bit of
//! a line that it has anyway.
//!
//! # Invariants
//!
//! 1. The mark of a slot is set while one of its keys is watched. Marks, and the list of who watches what, change only while the slot is held.
//! 2. A watch is marked as broken while the slot of the key that changed is held: who holds the slots of all that it watches
//!    and finds a watch whole knows that nothing has changed.

use crate::access::{Access, is_expired};
use crate::keyspace::{Keyspace, States};
use base::Slot;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What somebody watches keys for: whether one of them has changed.
#[derive(Debug, Default)]
pub struct Watch {
    is_broken: AtomicBool,
}

impl Watch {
    /// Whether a key has changed.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.is_broken.load(Relaxed)
    }

    fn set_broken(&self) {
        self.is_broken.store(true, Relaxed);
    }
}

/// A key that is watched: its database, and its name.
type WatchedKey = (usize, Box<[u8]>);

/// Who watches a key.
struct Watcher {
    watch: Arc<Watch>,
    /// The key's time had come already when it began: that it goes then is no change.
    was_expired: bool,
}

/// Who watches what, by slot.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<BTreeMap<u16, BTreeMap<WatchedKey, Vec<Watcher>>>>);

impl Watchers {
    /// Breaks the watches of a key that has changed. Its slot is held.
    #[cold]
    pub(crate) fn touch(&self, slot: Slot, database: usize, key: &[u8], expired: bool) {
        let mut slots = self.0.lock();
        let Some(keys) = slots.get_mut(&slot.number()) else { return };
        let Some(watchers) = keys.get_mut(&(database, Box::from(key))) else { return };
        for watcher in watchers {
            if expired && watcher.was_expired {
                watcher.was_expired = false;
            } else {
                watcher.watch.set_broken();
            }
        }
    }

    /// Breaks the watches of all keys of a slot, which is held.
    pub(crate) fn touch_slot(&self, slot: Slot) {
        let slots = self.0.lock();
        let watchers = slots.get(&slot.number()).into_iter().flat_map(BTreeMap::values).flatten();
        watchers.for_each(|watcher| watcher.watch.set_broken());
    }

    /// Breaks the watches of keys of a database that are there, as `exists` tells.
    pub(crate) fn touch_database(
        &self,
        database: usize,
        mut exists: impl FnMut(Slot, &[u8]) -> bool,
    ) {
        let slots = self.0.lock();
        for (&number, keys) in &*slots {
            let Some(slot) = Slot::new(number) else { continue };
            let of_database = keys.iter().filter(|((one, _), _)| *one == database);
            for ((_, key), watchers) in of_database {
                if exists(slot, key) {
                    watchers.iter().for_each(|watcher| watcher.watch.set_broken());
                }
            }
        }
    }
}

impl Access<'_> {
    /// Begins to watch a key of a slot that is held.
    pub fn watch(&mut self, key: &[u8], watch: &Arc<Watch>) {
        let slot = Slot::of_key(key);
        let was_expired = self.is_stale(key);
        let mut slots = self.keyspace.watchers.0.lock();
        let watchers =
            slots.entry(slot.number()).or_default().entry((self.database, key.into())).or_default();
        watchers.push(Watcher { watch: Arc::clone(watch), was_expired });
        self.keyspace.set_observed(slot, true);
    }

    /// Whether a key that is watched, and whose slot is held, has changed: its watch is broken, or its time has come since.
    pub fn is_watch_broken(&mut self, database: usize, key: &[u8], watch: &Arc<Watch>) -> bool {
        if watch.is_broken() {
            return true;
        }
        self.select(database);
        if !self.is_stale(key) {
            return false;
        }
        let slots = self.keyspace.watchers.0.lock();
        let watchers = slots
            .get(&Slot::of_key(key).number())
            .and_then(|keys| keys.get(&(database, Box::from(key))));
        let own = watchers.into_iter().flatten().find(|one| Arc::ptr_eq(&one.watch, watch));
        own.is_none_or(|one| !one.was_expired)
    }

    /// Whether a key is there whose time has come.
    fn is_stale(&mut self, key: &[u8]) -> bool {
        let hash = self.hash(key);
        let now = self.moment.now;
        self.table(key).find(hash, key).is_some_and(|record| is_expired(record, now))
    }
}

impl Keyspace {
    /// Ends a watch of a key.
    pub fn unwatch(&self, database: usize, key: &[u8], watch: &Arc<Watch>) {
        let slot = Slot::of_key(key);
        let _held = self.lock(slot);
        let mut slots = self.watchers.0.lock();
        let Some(keys) = slots.get_mut(&slot.number()) else { return };
        let name = (database, Box::from(key));
        if let Some(watchers) = keys.get_mut(&name) {
            watchers.retain(|one| !Arc::ptr_eq(&one.watch, watch));
            if watchers.is_empty() {
                keys.remove(&name);
            }
        }
        if keys.is_empty() {
            slots.remove(&slot.number());
            self.set_observed(slot, false);
        }
    }

    /// Breaks the watches of keys of a database that are there, in it or in the one that takes its place. Every slot is held.
    pub(crate) fn touch_watched(
        &self,
        database: usize,
        replacement: Option<usize>,
        states: &mut impl States,
    ) {
        self.watchers.touch_database(database, |slot, key| {
            let hash = self.hash(key);
            [Some(database), replacement].into_iter().flatten().any(|one| {
                states.state(slot).table(one).is_some_and(|table| table.find(hash, key).is_some())
            })
        });
    }
}
