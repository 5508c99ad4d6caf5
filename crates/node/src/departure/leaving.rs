//! The keys that are on their way to other nodes.

use crate::clients::Client;
use base::Slot;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Which keys are on their way, and who waits to write to them. Changed only while their slots are held.
#[derive(Default)]
pub(crate) struct Leaving {
    /// How many keys there are: what stands in the way of those that hold everything.
    count: AtomicUsize,
    state: Mutex<State>,
}

/// The keys of a slot, by database.
type KeysByDatabase = BTreeMap<usize, BTreeSet<Box<[u8]>>>;

/// As many as requests that wait hold; their sizes are bounded where they are read.
#[derive(Default)]
struct State {
    keys: BTreeMap<Slot, KeysByDatabase>,
    waiting: Vec<Arc<Client>>,
}

impl State {
    fn has(&self, database: usize, key: &[u8]) -> bool {
        let of_slot = self.keys.get(&Slot::of_key(key));
        of_slot.and_then(|keys| keys.get(&database)).is_some_and(|keys| keys.contains(key))
    }
}

impl Leaving {
    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        self.count.load(SeqCst) > 0
    }

    /// Whether there are any of a slot.
    pub(crate) fn any_of(&self, slot: Slot) -> bool {
        self.any() && self.state.lock().keys.contains_key(&slot)
    }

    /// Keys set out.
    pub(crate) fn begin(&self, database: usize, keys: &[Box<[u8]>]) {
        let mut state = self.state.lock();
        for key in keys {
            let of_slot = state.keys.entry(Slot::of_key(key)).or_default();
            let is_new = of_slot.entry(database).or_default().insert(key.clone());
            self.count.fetch_add(usize::from(is_new), SeqCst);
        }
    }

    /// Keys have arrived, or stay after all; who has waited is to be woken.
    pub(crate) fn end(&self, database: usize, keys: &[Box<[u8]>]) -> Vec<Arc<Client>> {
        let mut state = self.state.lock();
        for key in keys {
            let slot = Slot::of_key(key);
            let Some(of_slot) = state.keys.get_mut(&slot) else { continue };
            let Some(of_database) = of_slot.get_mut(&database) else { continue };
            self.count.fetch_sub(usize::from(of_database.remove(key)), SeqCst);
            if of_database.is_empty() {
                of_slot.remove(&database);
            }
            if of_slot.is_empty() {
                state.keys.remove(&slot);
            }
        }
        std::mem::take(&mut state.waiting)
    }

    /// Whether one of these keys, whose slots are held, is on its way; the client is woken when that has an end, to look again.
    pub(crate) fn keeps_waiting<'k>(
        &self,
        client: &Arc<Client>,
        database: usize,
        mut keys: impl Iterator<Item = &'k [u8]>,
    ) -> bool {
        if !self.any() {
            return false;
        }
        let mut state = self.state.lock();
        let waits = keys.any(|key| state.has(database, key));
        if waits {
            state.wait(client);
        }
        waits
    }

    /// Whether any key is on its way; the client is woken as above. For whoever changes all keys.
    pub(crate) fn keep_all_waiting(&self, client: &Arc<Client>) -> bool {
        let mut state = self.state.lock();
        let waits = !state.keys.is_empty();
        if waits {
            state.wait(client);
        }
        waits
    }
}

impl State {
    fn wait(&mut self, client: &Arc<Client>) {
        if !self.waiting.iter().any(|one| one.id == client.id) {
            self.waiting.push(Arc::clone(client));
        }
    }
}
