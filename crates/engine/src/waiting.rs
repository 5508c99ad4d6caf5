//! Clients that wait for a key to hold something: who they are, in the order in which they came.

use crate::access::Access;
use crate::keyspace::Keyspace;
use base::Slot;

/// The number of somebody who waits, never given again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WaiterId(pub u64);

impl Access<'_> {
    /// Lets somebody wait for a key of a slot that is held, behind those who wait already.
    pub fn wait(&mut self, database: usize, key: &[u8], waiter: WaiterId) {
        self.keyspace.change_observers(database, key, |observers| {
            if !observers.waiters.contains(&waiter) {
                observers.waiters.push_back(waiter);
            }
        });
    }

    /// Who waits for a key of a slot that is held, those first who came first.
    #[must_use]
    pub fn waiters(&self, database: usize, key: &[u8]) -> Vec<WaiterId> {
        let slot = Slot::of_key(key);
        if !self.keyspace.is_observed(slot) {
            return Vec::new();
        }
        let list = self.keyspace.observers.list(slot);
        let observers =
            list.get(&slot.number()).and_then(|slots| slots.get(&(database, Box::from(key))));
        observers.map(|one| one.waiters.iter().copied().collect()).unwrap_or_default()
    }

    /// Whether the slot of a key is held.
    #[must_use]
    pub fn holds(&self, key: &[u8]) -> bool {
        self.held.holds(Slot::of_key(key))
    }
}

impl Keyspace {
    /// Somebody does not wait for a key any more. The key's slot must not be held.
    pub fn end_wait(&self, database: usize, key: &[u8], waiter: WaiterId) {
        let _held = self.lock(Slot::of_key(key));
        self.change_observers(database, key, |observers| {
            observers.waiters.retain(|one| *one != waiter);
        });
    }

    /// The keys of a database that somebody waits for.
    #[must_use]
    pub fn awaited_keys(&self, database: usize) -> Vec<Box<[u8]>> {
        let mut keys = Vec::new();
        self.observers.visit(|_, observers| {
            let awaited = observers
                .iter()
                .filter(|((one, _), key)| *one == database && !key.waiters.is_empty());
            keys.extend(awaited.map(|((_, key), _)| key.clone()));
        });
        keys
    }

    /// How many keys somebody waits for, in all databases.
    #[must_use]
    pub fn awaited_keys_len(&self) -> usize {
        let mut keys = 0;
        self.observers.visit(|_, observers| {
            keys += observers.values().filter(|key| !key.waiters.is_empty()).count();
        });
        keys
    }
}
