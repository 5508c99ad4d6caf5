//! The whole keyspace, as a command over all keys has it.

use crate::access::Access;
use crate::keyspace::{Keyspace, SlotState, WorkerId};
use crate::{Edit, Flushed, Moment};
use base::{Slot, UnixMillis};

/// The whole keyspace: each slot is locked while it is looked at, or all of them are held by a transaction already.
pub enum Reach<'a, 'k> {
    /// Nothing is held.
    Free(&'k Keyspace),
    /// Every slot is held, by the access that the transaction's other commands go through; see [`Access::reach`].
    Held(&'a mut Access<'k>),
}

impl Keyspace {
    /// All of it, for one who holds nothing.
    #[must_use]
    pub fn reach(&self) -> Reach<'_, '_> {
        Reach::Free(self)
    }
}

impl<'k> Access<'k> {
    /// All of the keyspace, for one who holds every slot.
    pub fn reach(&mut self) -> Reach<'_, 'k> {
        // Which slots are occupied is among the counters.
        self.settle();
        Reach::Held(self)
    }
}

impl<'k> Reach<'_, 'k> {
    /// What is reached.
    #[must_use]
    pub fn keyspace(&self) -> &'k Keyspace {
        match self {
            Reach::Free(keyspace) => keyspace,
            Reach::Held(access) => access.keyspace,
        }
    }

    /// The same reach, for as long as this one is not used.
    pub fn reborrow(&mut self) -> Reach<'_, 'k> {
        match self {
            Reach::Free(keyspace) => Reach::Free(keyspace),
            Reach::Held(access) => Reach::Held(access),
        }
    }

    /// Runs `look` on a slot that is held.
    pub(crate) fn with_slot<T>(&mut self, slot: Slot, look: impl FnOnce(&mut SlotState) -> T) -> T {
        match self {
            Reach::Free(keyspace) => look(&mut keyspace.lock(slot)),
            Reach::Held(access) => look(access.held.of_slot(slot)),
        }
    }

    /// Changes keys of one slot. Where they are not held already nobody is told of what it does, and it is not logged.
    pub fn edit<T>(
        &mut self,
        slot: Slot,
        (database, worker, moment): (usize, WorkerId, Moment),
        change: impl FnOnce(&mut Edit<'_, 'k>) -> T,
    ) -> T {
        match self {
            Reach::Free(keyspace) => {
                let mut access = keyspace.hold(slot, database, worker, moment);
                let result = change(&mut access.edit());
                drop(access.take_effects());
                result
            }
            Reach::Held(access) => {
                let selected = access.database;
                access.select(database);
                let result = change(&mut access.edit());
                access.select(selected);
                result
            }
        }
    }

    /// Empties one database, or all of them, at one moment. Every slot is held while the tables are taken out; nothing is freed under
    /// the locks, and nothing is counted key by key.
    pub fn flush(&mut self, database: Option<usize>, worker: WorkerId) -> Flushed {
        match self {
            Reach::Free(keyspace) => {
                keyspace.flush_states(database, worker, &mut keyspace.lock_all())
            }
            Reach::Held(access) => {
                access.apart(|keyspace, states| keyspace.flush_states(database, worker, states))
            }
        }
    }

    /// Exchanges the contents of two databases at one moment, which is `now`.
    pub fn swap(&mut self, a: usize, b: usize, worker: WorkerId, now: UnixMillis) {
        match self {
            Reach::Free(keyspace) => {
                keyspace.swap_states(a, b, (worker, now), &mut keyspace.lock_all());
            }
            Reach::Held(access) => access.apart(|keyspace, states| {
                keyspace.swap_states(a, b, (worker, now), states);
            }),
        }
    }
}
