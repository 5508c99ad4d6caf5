//! WATCH: whether a key has changed since somebody began to watch it.
//!
//! # Invariant
//!
//! A watch is marked as broken while the slot of the key that changed is held: who holds the slots of all that it watches
//! and finds a watch whole knows that nothing has changed.

use crate::access::{Access, is_expired};
use crate::keyspace::{Keyspace, States};
use crate::observers::{Observers, SlotObservers};
use base::{Slot, UnixMillis};
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

/// Who watches a key.
pub(crate) struct Watcher {
    watch: Arc<Watch>,
    /// The key's time had come already when it began: that it goes then is no change.
    was_expired: bool,
}

impl Observers {
    /// Breaks the watches of a key that has changed. Its slot is held.
    #[cold]
    pub(crate) fn touch(&self, slot: Slot, database: usize, key: &[u8], expired: bool) {
        let mut list = self.list(slot);
        let Some(slots) = list.get_mut(&slot.number()) else { return };
        let Some(observers) = slots.get_mut(&(database, Box::from(key))) else { return };
        for watcher in &mut observers.watchers {
            if expired && watcher.was_expired {
                watcher.was_expired = false;
            } else {
                watcher.watch.set_broken();
            }
        }
    }

    /// Breaks the watches of all keys of a slot, which is held.
    pub(crate) fn touch_slot(&self, slot: Slot) {
        let list = self.list(slot);
        let observers = list.get(&slot.number()).into_iter().flat_map(SlotObservers::values);
        let watchers = observers.flat_map(|observers| &observers.watchers);
        watchers.for_each(|watcher| watcher.watch.set_broken());
    }
}

impl Access<'_> {
    /// Begins to watch a key of a slot that is held.
    pub fn watch(&mut self, key: &[u8], watch: &Arc<Watch>) {
        let was_expired = self.is_stale(key);
        let watcher = Watcher { watch: Arc::clone(watch), was_expired };
        self.keyspace.change_observers(self.database, key, |observers| {
            observers.watchers.push(watcher);
        });
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
        let slot = Slot::of_key(key);
        let list = self.keyspace.observers.list(slot);
        let observers =
            list.get(&slot.number()).and_then(|slots| slots.get(&(database, Box::from(key))));
        let mut watchers = observers.into_iter().flat_map(|observers| &observers.watchers);
        watchers.find(|one| Arc::ptr_eq(&one.watch, watch)).is_none_or(|own| !own.was_expired)
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
        let _held = self.lock(Slot::of_key(key));
        self.change_observers(database, key, |observers| {
            observers.watchers.retain(|one| !Arc::ptr_eq(&one.watch, watch));
        });
    }

    /// Breaks the watches of keys of a database that goes, and of the one that takes its place at a moment, where that changes what a
    /// client can see: a key whose time has come is as good as none. Every slot is held.
    pub(crate) fn touch_watched(
        &self,
        database: usize,
        replacement: Option<(usize, UnixMillis)>,
        states: &mut impl States,
    ) {
        self.observers.visit(|slot, observers| {
            for ((one, key), observers) in observers {
                if *one != database || observers.watchers.is_empty() {
                    continue;
                }
                let hash = self.hash(key);
                let mut find = |database, now| {
                    let record = states.state(slot).table(database)?.find(hash, key)?;
                    Some(is_expired(record, now))
                };
                let goes = find(database, UnixMillis(0)).is_some();
                let comes = replacement.and_then(|(other, now)| find(other, now));
                for watcher in &mut observers.watchers {
                    match comes {
                        Some(false) => watcher.watch.set_broken(),
                        _ if goes && !watcher.was_expired => watcher.watch.set_broken(),
                        // That its time has come already is what the watch begins with from here on.
                        comes => watcher.was_expired = comes.is_some(),
                    }
                }
            }
        });
    }
}
