//! The table of keys that clients have read: who is to be told when one changes.

use crate::clients::ClientId;
use base::Slot;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The table is divided, so that threads seldom wait for each other.
const PARTS: usize = 64;

/// Which clients have read which keys.
pub(super) struct KeyTable {
    parts: [Mutex<Part>; PARTS],
    keys: AtomicUsize,
    items: AtomicUsize,
    /// From which part a key is taken next, where there are too many.
    next: AtomicUsize,
}

#[derive(Default)]
struct Part {
    keys: BTreeMap<Box<[u8]>, BTreeSet<ClientId>>,
    /// The key that was taken last; the next one follows it, round and round.
    last_taken: Box<[u8]>,
}

impl Default for KeyTable {
    fn default() -> KeyTable {
        KeyTable {
            parts: std::array::from_fn(|_| Mutex::default()),
            keys: AtomicUsize::new(0),
            items: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        }
    }
}

impl KeyTable {
    fn part(&self, key: &[u8]) -> &Mutex<Part> {
        &self.parts[Slot::of_key(key).index() % PARTS]
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// How many pairs of a key and a client there are.
    pub(super) fn items(&self) -> usize {
        self.items.load(Relaxed)
    }

    /// Remembers that a client has read a key.
    pub(super) fn remember(&self, key: &[u8], id: ClientId) {
        let mut part = self.part(key).lock();
        let is_new = match part.keys.get_mut(key) {
            Some(ids) => ids.insert(id),
            None => {
                part.keys.insert(key.into(), BTreeSet::from([id]));
                self.keys.fetch_add(1, Relaxed);
                true
            }
        };
        self.items.fetch_add(usize::from(is_new), Relaxed);
    }

    /// Takes a key out: who has read it.
    pub(super) fn take(&self, key: &[u8]) -> Option<BTreeSet<ClientId>> {
        if self.keys() == 0 {
            return None;
        }
        let ids = self.part(key).lock().keys.remove(key)?;
        self.count_taken(&ids);
        Some(ids)
    }

    /// Takes some key out, another one each time.
    pub(super) fn take_any(&self) -> Option<(Box<[u8]>, BTreeSet<ClientId>)> {
        for _ in 0..PARTS {
            let part = &self.parts[self.next.fetch_add(1, Relaxed) % PARTS];
            if let Some((key, ids)) = part.lock().take_next() {
                self.count_taken(&ids);
                return Some((key, ids));
            }
        }
        None
    }

    fn count_taken(&self, ids: &BTreeSet<ClientId>) {
        self.keys.fetch_sub(1, Relaxed);
        self.items.fetch_sub(ids.len(), Relaxed);
    }

    /// Takes all keys out.
    pub(super) fn clear(&self) {
        for part in &self.parts {
            let taken = std::mem::take(&mut *part.lock());
            self.keys.fetch_sub(taken.keys.len(), Relaxed);
            self.items.fetch_sub(taken.keys.values().map(BTreeSet::len).sum(), Relaxed);
        }
    }
}

impl Part {
    fn take_next(&mut self) -> Option<(Box<[u8]>, BTreeSet<ClientId>)> {
        let behind = (Bound::Excluded(&*self.last_taken), Bound::Unbounded);
        let next = self.keys.range::<[u8], _>(behind).next();
        let key = next.or_else(|| self.keys.first_key_value())?.0.clone();
        let taken = self.keys.remove_entry(&key);
        self.last_taken = key;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_remembered_with_their_readers_and_taken_once() {
        let table = KeyTable::default();
        for (key, id) in [(&b"a"[..], 1), (b"a", 2), (b"a", 1), (b"b", 1)] {
            table.remember(key, ClientId(id));
        }
        assert_eq!((table.keys(), table.items()), (2, 3));
        assert_eq!(table.take(b"a"), Some(BTreeSet::from([ClientId(1), ClientId(2)])));
        assert_eq!(table.take(b"a"), None);
        assert_eq!((table.keys(), table.items()), (1, 1));
        table.clear();
        assert_eq!((table.keys(), table.items()), (0, 0));
        assert_eq!(table.take_any(), None);
    }

    #[test]
    fn any_key_has_its_turn_to_be_taken() {
        let table = KeyTable::default();
        let hot = ["{t}a", "{t}b", "{t}c"];
        let mut taken = BTreeSet::new();
        for _ in 0..hot.len() {
            hot.iter().for_each(|key| table.remember(key.as_bytes(), ClientId(1)));
            taken.insert(table.take_any().expect("there are keys").0);
        }
        assert_eq!(taken.len(), hot.len(), "not the first of them each time");
    }
}
