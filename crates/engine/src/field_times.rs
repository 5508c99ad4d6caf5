//! The hashes of which fields expire: at which time the first field of each is due.
//!
//! A command that gives a field a time notes the key here, where that time comes before what is noted. Whoever deletes or replaces a hash notes nothing: what
//! is noted in vain is found when its time comes, or by [`FieldTimes::suspects`], which goes round and looks at two keys for each that was noted, so
//! that about as many are noted in vain at most as are noted with reason.

use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A key of a database.
pub(crate) type Place = (usize, Box<[u8]>);

/// What a noted key takes beside its own bytes, which stand in both orders.
const ENTRY_BYTES: usize = 2 * (size_of::<(i64, Place)>() + 8);

/// How many keys are looked at in a round, beside two for each that was noted since.
const SUSPECTS_MIN: usize = 10;

/// The most of them.
const SUSPECTS_MAX: usize = 1000;

#[derive(Default)]
pub(crate) struct FieldTimes {
    noted: Mutex<Noted>,
    /// What all of it takes.
    bytes: AtomicUsize,
}

#[derive(Default)]
struct Noted {
    by_place: BTreeMap<Place, i64>,
    in_order: BTreeSet<(i64, Place)>,
    /// How many were noted since the last round.
    added: usize,
    /// Where the round goes on.
    last_suspect: Place,
}

impl Noted {
    fn remove(&mut self, place: &Place) -> bool {
        let Some(at) = self.by_place.remove(place) else { return false };
        self.in_order.remove(&(at, place.clone()))
    }
}

impl FieldTimes {
    /// A field of this hash is due at `at`, in milliseconds since 1970-01-01 UTC. The caller holds the key's slot.
    pub(crate) fn note(&self, database: usize, key: &[u8], at: i64) {
        let place: Place = (database, key.into());
        let mut noted = self.noted.lock();
        if noted.by_place.get(&place).is_some_and(|&noted| noted <= at) {
            return;
        }
        if !noted.remove(&place) {
            self.bytes.fetch_add(ENTRY_BYTES + 2 * key.len(), Relaxed);
        }
        noted.by_place.insert(place.clone(), at);
        noted.in_order.insert((at, place));
        noted.added += 1;
    }

    /// Nothing is due any more in this hash. The caller holds the key's slot.
    pub(crate) fn forget(&self, place: &Place) {
        if self.noted.lock().remove(place) {
            self.bytes.fetch_sub(ENTRY_BYTES + 2 * place.1.len(), Relaxed);
        }
    }

    /// Takes out a key of which a field is due.
    pub(crate) fn take_due(&self, now: i64) -> Option<Place> {
        let mut noted = self.noted.lock();
        let place = noted.in_order.first().filter(|(at, _)| *at <= now)?.1.clone();
        noted.remove(&place);
        self.bytes.fetch_sub(ENTRY_BYTES + 2 * place.1.len(), Relaxed);
        Some(place)
    }

    /// Some keys that may have been noted in vain, others each time.
    pub(crate) fn suspects(&self) -> Vec<Place> {
        let mut noted = self.noted.lock();
        let count = (SUSPECTS_MIN + 2 * noted.added).min(SUSPECTS_MAX);
        noted.added = 0;
        let from = (Bound::Excluded(noted.last_suspect.clone()), Bound::Unbounded);
        let found: Vec<Place> =
            noted.by_place.range(from).take(count).map(|(place, _)| place.clone()).collect();
        // Shorter only at the end, behind which it begins anew.
        let is_end = found.len() < count;
        noted.last_suspect =
            if is_end { Place::default() } else { found.last().cloned().unwrap_or_default() };
        found
    }

    /// Forgets a database, or all.
    pub(crate) fn clear(&self, database: Option<usize>) {
        let mut noted = self.noted.lock();
        let is_kept = |place: &Place| database.is_some_and(|database| database != place.0);
        noted.by_place.retain(|place, _| is_kept(place));
        noted.in_order.retain(|(_, place)| is_kept(place));
        let bytes = noted.by_place.keys().map(|(_, key)| ENTRY_BYTES + 2 * key.len()).sum();
        self.bytes.store(bytes, Relaxed);
    }

    /// Follows the databases that were exchanged.
    pub(crate) fn swap(&self, a: usize, b: usize) {
        let mut noted = self.noted.lock();
        let exchanged = |(database, key): Place| match database {
            database if database == a => (b, key),
            database if database == b => (a, key),
            database => (database, key),
        };
        let by_place = std::mem::take(&mut noted.by_place);
        noted.by_place = by_place.into_iter().map(|(place, at)| (exchanged(place), at)).collect();
        noted.in_order = noted.by_place.iter().map(|(place, at)| (*at, place.clone())).collect();
    }

    /// The bytes of memory that it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(key: &[u8]) -> Place {
        (0, key.into())
    }

    #[test]
    fn the_first_time_of_a_key_counts_and_is_taken_once() {
        let times = FieldTimes::default();
        times.note(0, b"a", 20);
        times.note(0, b"a", 10);
        times.note(0, b"a", 15);
        times.note(0, b"b", 12);
        assert_eq!(times.take_due(9), None);
        assert_eq!(times.take_due(12), Some(place(b"a")));
        assert_eq!(times.take_due(12), Some(place(b"b")));
        assert_eq!((times.take_due(i64::MAX), times.memory_bytes()), (None, 0));
    }

    #[test]
    fn every_key_is_suspected_in_its_turn() {
        let times = FieldTimes::default();
        let keys: Vec<Vec<u8>> = (0..50).map(|number| format!("k{number:02}").into()).collect();
        keys.iter().for_each(|key| times.note(0, key, 5));
        let first = times.suspects();
        assert_eq!(first.len(), 50, "two for each that was noted, so all");
        let mut seen: Vec<Place> = (0..6).flat_map(|_| times.suspects()).collect();
        seen.dedup();
        let all: Vec<Place> = keys.iter().map(|key| place(key)).collect();
        assert_eq!(&seen[..50], &all[..], "ten at a time, in order");
        all.iter().for_each(|place| times.forget(place));
        assert_eq!((times.memory_bytes(), times.take_due(9)), (0, None));
    }

    #[test]
    fn databases_are_exchanged_and_cleared() {
        let times = FieldTimes::default();
        times.note(0, b"a", 1);
        times.note(1, b"b", 2);
        times.swap(0, 1);
        times.clear(Some(0));
        assert_eq!(times.take_due(9), Some((1, (*b"a").into())));
        assert_eq!((times.take_due(9), times.memory_bytes()), (None, 0));
    }
}
