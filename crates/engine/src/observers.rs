//! Who observes which key: those that watch it for a transaction, and those that wait for it to hold something.
//!
//! A slot with an observed key carries a mark beside its lock, so that a change of any other slot costs nothing more than a look at a bit of
//! a line that it has anyway.
//!
//! # Invariants
//!
//! 1. The mark of a slot is set while one of its keys is observed. Marks, and the list of who observes what, change only while the slot is held.
//! 2. A slot's lock is taken before that of a list, never after it.

use crate::keyspace::Keyspace;
use crate::waiting::WaiterId;
use crate::watch::Watcher;
use base::Slot;
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, VecDeque};

/// How many lists there are: so many threads can change them at once.
const LISTS: usize = 64;

/// The observers of the keys of one slot, by database and key.
pub(crate) type SlotObservers = BTreeMap<(usize, Box<[u8]>), KeyObservers>;

/// Who observes one key.
#[derive(Default)]
pub(crate) struct KeyObservers {
    pub(crate) watchers: Vec<Watcher>,
    /// In the order in which they came.
    pub(crate) waiters: VecDeque<WaiterId>,
}

/// Who observes which key.
pub(crate) struct Observers(Box<[Mutex<BTreeMap<u16, SlotObservers>>]>);

impl Observers {
    pub(crate) fn new() -> Observers {
        Observers((0..LISTS).map(|_| Mutex::default()).collect())
    }

    /// The list that a slot stands in.
    pub(crate) fn list(&self, slot: Slot) -> MutexGuard<'_, BTreeMap<u16, SlotObservers>> {
        self.0[slot.index() % LISTS].lock()
    }

    /// Visits the observers of every slot, list by list.
    pub(crate) fn visit(&self, mut visit: impl FnMut(Slot, &mut SlotObservers)) {
        for list in &self.0 {
            for (&number, observers) in &mut *list.lock() {
                if let Some(slot) = Slot::new(number) {
                    visit(slot, observers);
                }
            }
        }
    }
}

impl Keyspace {
    /// Changes who observes a key of a slot that the caller holds, and keeps the slot's mark.
    pub(crate) fn change_observers<T>(
        &self,
        database: usize,
        key: &[u8],
        change: impl FnOnce(&mut KeyObservers) -> T,
    ) -> T {
        let slot = Slot::of_key(key);
        let mut list = self.observers.list(slot);
        let slots = list.entry(slot.number()).or_default();
        let name = (database, Box::from(key));
        let observers = slots.entry(name.clone()).or_default();
        let result = change(observers);
        if observers.watchers.is_empty() && observers.waiters.is_empty() {
            slots.remove(&name);
        }
        let is_observed = !slots.is_empty();
        if !is_observed {
            list.remove(&slot.number());
        }
        self.set_observed(slot, is_observed);
        result
    }
}
