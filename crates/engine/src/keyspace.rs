//! Sixteen thousand slots, each with its tables behind its own lock.

use crate::HashSeed;
use crate::access::{Access, Held, HeldSlot};
use crate::attention::Attention;
use crate::discarded::Discarded;
use crate::events::Effects;
use crate::expiry::AverageTtls;
use crate::field_times::FieldTimes;
use crate::flushed::{Flushed, Freeing};
use crate::hasher::SeededHasher;
use crate::logged::Logging;
use crate::moment::Moment;
use crate::object::{KeyRecord, Object};
use crate::observers::Observers;
use crate::occupied::OccupiedSlots;
use crate::rules::SharedRules;
use crate::snapshot::Snapshot;
use crate::tally::{Tally, Totals};
use base::{Rng, SLOT_COUNT, Slot, UnixMillis};
use collections::{
    Hint, KeyHasher, Occupied, Table, Value, member_hash, prefetch, prefetch_to_write,
};
use parking_lot::{Mutex, MutexGuard, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use values::Rules;

/// The threads that touch the keyspace are numbered, so that each has counters of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WorkerId(pub usize);

/// One slot: a lock, whether commands for it are served here, and its tables. One cache line.
#[repr(align(64))]
pub(crate) struct SlotCell {
    state: Mutex<SlotState>,
    /// Whether commands for it are served here (`SERVED`), and where database 0's buckets are: read without the lock, written under it.
    head: AtomicU64,
}

/// The bit of a slot's head that says that it is served here; a table's hint stands in the lower ones.
const SERVED: u64 = 1 << 63;

/// The bit of a slot's head that says that somebody observes one of its keys.
const OBSERVED: u64 = 1 << 62;

/// The bit of a slot's head that says that a snapshot may not have saved all of it.
const UNSAVED: u64 = 1 << 61;

/// The bits of a slot's head that are no hint.
const MARKS: u64 = SERVED | OBSERVED | UNSAVED;

pub(crate) struct SlotState {
    /// Database 0.
    first: Table<Object>,
    /// Databases 1 and up, to the last that was ever used here.
    #[allow(clippy::box_collection, reason = "eight bytes, so that a slot fits a cache line")]
    others: Option<Box<Vec<Table<Object>>>>,
}

impl SlotState {
    #[inline]
    pub(crate) fn table(&self, database: usize) -> Option<&Table<Object>> {
        if database == 0 {
            return Some(&self.first);
        }
        self.others.as_ref()?.get(database - 1)
    }

    #[inline]
    pub(crate) fn table_mut(&mut self, database: usize) -> &mut Table<Object> {
        if database == 0 {
            return &mut self.first;
        }
        self.other_table_mut(database)
    }

    // Apart, so that the common case is small enough to be built into its callers.
    #[inline(never)]
    fn other_table_mut(&mut self, database: usize) -> &mut Table<Object> {
        let tables = self.others.get_or_insert_default();
        if tables.len() < database {
            // There may be a thousand databases, of which one is used.
            tables.reserve_exact(database - tables.len());
            tables.resize_with(database, Table::new);
        }
        &mut tables[database - 1]
    }
}

/// How many allocations are freed at once, where a value is removed; beyond that, behind the reply. Redis has the same bound.
const FREE_EFFORT_MAX: usize = 64;

/// The states of all slots, held.
pub(crate) trait States {
    /// That of one slot.
    fn state(&mut self, slot: Slot) -> &mut SlotState;
}

impl States for Vec<MutexGuard<'_, SlotState>> {
    fn state(&mut self, slot: Slot) -> &mut SlotState {
        &mut self[slot.index()]
    }
}

/// All keys of the process.
pub struct Keyspace {
    slots: Box<[SlotCell]>,
    pub(crate) hasher: SeededHasher,
    databases: usize,
    tallies: Box<[Tally]>,
    pub(crate) occupied: OccupiedSlots,
    pub(crate) freeing: Arc<Freeing>,
    discarded: Discarded,
    pub(crate) observers: Observers,
    pub(crate) average_ttls: AverageTtls,
    pub(crate) field_times: FieldTimes,
    rules: SharedRules,
    /// Whether payloads are taken whatever their checksum is (DEBUG SET-SKIP-CHECKSUM-VALIDATION).
    pub skips_checksums: AtomicBool,
    /// An [`Attention`]. Read under the lock of a slot: who has set it before he looked at a key is told of every later change of it.
    attention: AtomicU8,
    /// Asked for under the lock of a slot that is marked as unsaved.
    pub(crate) snapshot: RwLock<Option<Arc<Snapshot>>>,
}

impl Keyspace {
    /// An empty keyspace of this many databases, to be used by threads numbered `0..workers`.
    #[must_use]
    pub fn new(databases: usize, workers: usize, seed: HashSeed) -> Keyspace {
        let seeded = SeededHasher::new(seed);
        let slot = || SlotCell {
            state: Mutex::new(SlotState { first: Table::new(), others: None }),
            head: AtomicU64::new(SERVED),
        };
        // Elements have a secret of their own, which follows from that of the keys and tells nothing of it.
        let mut rng = Rng::from_seed(seeded.hash(b"elements"));
        let element_seed = (rng.next_u64(), rng.next_u64());
        Keyspace {
            slots: (0..SLOT_COUNT).map(|_| slot()).collect(),
            hasher: seeded,
            databases,
            tallies: (0..workers as u64)
                .map(|worker| Tally::new(databases, rng.next_u64() ^ worker))
                .collect(),
            occupied: OccupiedSlots::new(databases),
            freeing: Arc::default(),
            discarded: Discarded::default(),
            observers: Observers::new(),
            average_ttls: AverageTtls::new(databases),
            field_times: FieldTimes::default(),
            rules: SharedRules::new(element_seed),
            skips_checksums: AtomicBool::new(false),
            attention: AtomicU8::new(0),
            snapshot: RwLock::new(None),
        }
    }

    /// How many databases there are.
    #[must_use]
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// The counters of one thread.
    #[must_use]
    pub fn tally(&self, worker: WorkerId) -> &Tally {
        &self.tallies[worker.0]
    }

    /// The counters of all threads.
    pub fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.tallies.iter()
    }

    /// The number of keys of a database, and of those with an expiry.
    #[must_use]
    pub fn totals(&self, database: usize) -> Totals {
        self.tallies.iter().map(|tally| tally.totals(database)).fold(
            Totals::default(),
            |sum, one| Totals { keys: sum.keys + one.keys, volatile: sum.volatile + one.volatile },
        )
    }

    /// The bytes that records, tables and values take; those of flushed keys until they are freed.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let counted = self.tallies.iter().map(Tally::memory).sum::<i64>();
        let noted = self.field_times.memory_bytes() as i64;
        (self.fixed_bytes() as i64 + counted + noted - self.freeing.freed_bytes()).max(0) as u64
    }

    /// The part of [`Keyspace::memory_bytes`] that is there without a key.
    #[must_use]
    pub fn fixed_bytes(&self) -> u64 {
        let bits = self.databases * OccupiedSlots::BYTES_PER_DATABASE;
        (SLOT_COUNT * size_of::<SlotCell>() + bits) as u64
    }

    /// Whether there may be a hash of which fields expire.
    #[must_use]
    pub fn has_field_times(&self) -> bool {
        self.field_times.memory_bytes() > 0
    }

    /// Up to what size values are kept compact.
    #[inline]
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.rules.load()
    }

    /// Puts other rules in force, but for their seed. Values that are there change when they are next written.
    pub fn set_rules(&self, rules: &Rules) {
        self.rules.store(rules);
    }

    /// Puts an element of a list that makes a node larger than this, in bytes, into a node of its own.
    pub fn set_list_alone_bytes(&self, bytes: usize) {
        self.rules.store_list_alone_bytes(bytes);
    }

    /// Lets go of a record that is not in its table any more; by how many bytes the memory of objects has shrunk already. One that takes
    /// long to free is left to [`Keyspace::free_discarded`] and counts until then.
    pub(crate) fn discard(&self, record: KeyRecord) -> usize {
        record.into_object().map_or(0, |object| self.discard_object(object))
    }

    /// Removes a record whose time has come, and notes that; what [`Keyspace::discard`] says of it.
    #[cold]
    pub(crate) fn expire(
        &self,
        occupied: Occupied<'_, Object>,
        tally: &Tally,
        (effects, moment, attention, database): (&mut Effects, &Moment, Attention, usize),
    ) -> usize {
        let record = occupied.remove();
        tally.count_expired(1);
        effects.note_expired(self, (moment, attention), database, record.key());
        self.discard(record)
    }

    /// The same for a value.
    #[allow(clippy::boxed_local, reason = "the record's box comes here to be freed")]
    pub(crate) fn discard_object(&self, object: Box<Object>) -> usize {
        let bytes = object.memory_bytes();
        if object.free_effort() <= FREE_EFFORT_MAX {
            return bytes;
        }
        self.freeing.add_pending(1, bytes);
        self.discarded.push(*object);
        0
    }

    /// Frees one value that took too long to be freed at once; false where there is none. May take long.
    pub fn free_discarded(&self) -> bool {
        let Some(object) = self.discarded.pop() else { return false };
        let bytes = object.memory_bytes();
        drop(object);
        self.freeing.count_freed(bytes, 1, bytes);
        true
    }

    /// The part of [`Keyspace::memory_bytes`] that is no key's any more and will be freed: of flushed tables, what stands in the records themselves.
    #[must_use]
    pub fn unfreed_bytes(&self) -> u64 {
        self.freeing.pending_bytes()
    }

    /// How many keys were flushed and still take memory.
    #[must_use]
    pub fn unfreed_keys(&self) -> u64 {
        self.freeing.pending()
    }

    /// How many flushed keys were freed.
    #[must_use]
    pub fn freed_keys(&self) -> u64 {
        self.freeing.freed()
    }

    /// Begins all threads' statistics anew (`CONFIG RESETSTAT`). What the threads count meanwhile may be lost.
    pub fn reset_statistics(&self) {
        self.tallies.iter().for_each(Tally::reset_statistics);
        self.freeing.reset_statistics();
    }

    /// The time that keys with an expiry have left, in milliseconds: an estimate from what active expiry has looked at, 0 where
    /// it has seen none.
    #[must_use]
    pub fn average_ttl_millis(&self, database: usize) -> u64 {
        match self.totals(database).volatile {
            ..=0 => 0,
            _ => self.average_ttls.millis(database),
        }
    }

    /// Whether commands for this slot are served here; said by the cluster, beside the slot's lock.
    #[inline]
    #[must_use]
    pub fn serves(&self, slot: Slot) -> bool {
        self.slots[slot.index()].head.load(Relaxed) & SERVED != 0
    }

    /// Sets whether commands for this slot are served here.
    pub fn set_serves(&self, slot: Slot, served: bool) {
        self.settle_served(slot, || served);
    }

    /// Sets whether commands for this slot are served here to what `served` says while it is held.
    pub fn settle_served(&self, slot: Slot, served: impl FnOnce() -> bool) {
        let _held = self.lock(slot);
        self.mark_served(slot, served());
    }

    pub(crate) fn mark_served(&self, slot: Slot, served: bool) {
        self.set_mark(slot, SERVED, served);
    }

    /// Has all keys that are modified told of, or only those that somebody watches or waits for.
    pub fn set_observed_whole(&self, observed: bool) {
        if observed {
            self.attention.fetch_or(Attention::OBSERVED.bits(), Relaxed);
        } else {
            self.attention.fetch_and(!Attention::OBSERVED.bits(), Relaxed);
        }
    }

    /// Has writes logged, or not. `all` is an access that holds every slot: what was written before is not logged, and what comes after is.
    pub fn set_logging(&self, logging: Logging, all: &Access<'_>) {
        assert!(all.holds_all(), "logging begins and ends at one moment for all slots");
        self.attention.fetch_and(Attention::OBSERVED.bits(), Relaxed);
        self.attention.fetch_or(Attention::of_logging(logging).bits(), Relaxed);
    }

    /// Who wants to know what is done to any key.
    #[inline]
    pub(crate) fn attention(&self) -> Attention {
        Attention::from_bits(self.attention.load(Relaxed))
    }

    /// Whether somebody observes a key of this slot.
    #[inline]
    pub(crate) fn is_observed(&self, slot: Slot) -> bool {
        self.slots[slot.index()].head.load(Relaxed) & OBSERVED != 0
    }

    /// Sets whether somebody observes a key of a slot that the caller holds.
    pub(crate) fn set_observed(&self, slot: Slot, observed: bool) {
        self.set_mark(slot, OBSERVED, observed);
    }

    /// Whether a snapshot may not have saved all of this slot.
    #[inline]
    pub(crate) fn is_unsaved(&self, slot: Slot) -> bool {
        self.slots[slot.index()].head.load(Relaxed) & UNSAVED != 0
    }

    /// Sets whether a snapshot may not have saved all of a slot, which the caller holds.
    pub(crate) fn set_unsaved(&self, slot: Slot, unsaved: bool) {
        self.set_mark(slot, UNSAVED, unsaved);
    }

    /// Sets or clears a mark of a slot that the caller holds.
    fn set_mark(&self, slot: Slot, mark: u64, on: bool) {
        let head = &self.slots[slot.index()].head;
        let others = head.load(Relaxed) & !mark;
        head.store(if on { others | mark } else { others }, Relaxed);
    }

    /// The keyed hash of a key: what [`Access::with_hash`] takes.
    #[inline]
    #[must_use]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// Asks the processor to bring in the slot's line, of which the lock will be taken.
    #[inline]
    pub fn prefetch_slot(&self, slot: Slot) {
        prefetch_to_write(&self.slots[slot.index()]);
    }

    /// Asks the processor to bring in the bucket where a key of database 0 with this hash would stand.
    #[inline]
    pub fn prefetch_bucket(&self, slot: Slot, hash: u64) {
        Hint::from_bits(self.slots[slot.index()].head.load(Relaxed)).prefetch_bucket(hash);
    }

    /// Remembers where the buckets of a slot that the caller holds are.
    pub(crate) fn note_buckets(&self, slot: Slot, hint: Hint) {
        let head = &self.slots[slot.index()].head;
        head.store(head.load(Relaxed) & MARKS | hint.into_bits(), Relaxed);
    }

    /// Asks the processor to bring in the record of this hash. Does nothing where the slot is held by another thread.
    #[inline]
    pub fn prefetch_record(&self, slot: Slot, hash: u64) {
        if let Some(state) = self.slots[slot.index()].state.try_lock() {
            state.first.prefetch_record(hash);
        }
    }

    /// The keyed hash of a member of a set, a sorted set or a hash: what [`Keyspace::prefetch_members`] takes.
    #[inline]
    #[must_use]
    pub fn hash_member(&self, member: &[u8]) -> u64 {
        member_hash(self.rules.seed(), member)
    }

    /// Asks the processor to bring in what the look-ups of these members read at their `step`-th access to memory beyond the record of their key, from 0 on. `hash` is the
    /// key's; what the steps before have brought in is read. Whether another step follows: none does for small values, nor where the slot is held by another thread.
    #[inline]
    pub fn prefetch_members(
        &self,
        (slot, hash): (Slot, u64),
        members: impl Iterator<Item = u64>,
        step: usize,
    ) -> bool {
        let Some(state) = self.slots[slot.index()].state.try_lock() else { return false };
        let Some(record) = state.first.probable(hash) else { return false };
        let Value::Object(object) = record.value() else { return false };
        let Some(step) = step.checked_sub(1) else {
            prefetch(object);
            return true;
        };
        let mut goes_on = false;
        for member in members {
            goes_on |= object.prefetch_member(member, step);
        }
        goes_on
    }

    /// Holds one slot.
    #[inline]
    #[must_use]
    pub fn hold(
        &self,
        slot: Slot,
        database: usize,
        worker: WorkerId,
        moment: Moment,
    ) -> Access<'_> {
        let held = Held::One(HeldSlot::new(slot, self.lock(slot), database));
        Access::new(self, self.tally(worker), held, database, moment)
    }

    /// Holds the slots of all these keys, which may be in any order.
    #[must_use]
    pub fn hold_keys<'a>(
        &self,
        keys: impl Iterator<Item = &'a [u8]>,
        database: usize,
        worker: WorkerId,
        moment: Moment,
    ) -> Access<'_> {
        let mut slots: Vec<Slot> = keys.map(Slot::of_key).collect();
        slots.sort_unstable();
        slots.dedup();
        let held = match slots[..] {
            [slot] => Held::One(HeldSlot::new(slot, self.lock(slot), database)),
            _ => Held::Many(
                slots.iter().map(|&s| HeldSlot::new(s, self.lock(s), database)).collect(),
            ),
        };
        Access::new(self, self.tally(worker), held, database, moment)
    }

    /// Holds every slot: for a transaction with commands over all keys.
    #[must_use]
    pub fn hold_all(&self, database: usize, worker: WorkerId, moment: Moment) -> Access<'_> {
        let slots = Slot::all().map(|slot| HeldSlot::new(slot, self.lock(slot), database));
        Access::new(self, self.tally(worker), Held::Many(slots.collect()), database, moment)
    }

    /// Empties one database, or all of them, of slots that the caller holds, every one. What a snapshot has not saved yet is handed to it.
    pub(crate) fn flush_states(
        &self,
        database: Option<usize>,
        worker: WorkerId,
        states: &mut impl States,
    ) -> Flushed {
        let databases = database.map_or(0..self.databases, |only| only..only + 1);
        let estimate = databases.clone().map(|one| self.occupied.iter(one, 0).count()).sum();
        let mut flushed = Flushed::new(&self.freeing, estimate);
        let snapshot = self.snapshot.read();
        for one in databases {
            self.touch_watched(one, None, states);
            let mut unsaved = Flushed::new(&self.freeing, 0);
            for slot in self.occupied.iter(one, 0) {
                let is_saved = snapshot.as_ref().is_none_or(|it| it.has_saved((one, slot)));
                let to = if is_saved { &mut flushed } else { &mut unsaved };
                self.take_table(states.state(slot), (one, slot), worker, to);
            }
            if let Some(snapshot) = &*snapshot {
                flushed.count_keys_of(&unsaved);
                snapshot.keep_flushed(one, unsaved);
            }
            self.occupied.clear(one);
        }
        self.field_times.clear(database);
        flushed
    }

    /// Empties one slot, in all databases: it belongs to another node now. What is to be logged is given to `tell` while the slot is held.
    pub fn flush_slot(&self, slot: Slot, worker: WorkerId, tell: &mut dyn FnMut(&Effects)) {
        let mut flushed = Flushed::new(&self.freeing, self.databases);
        let mut state = self.lock(slot);
        self.observers.touch_slot(slot);
        self.save_before_loss(slot, &state);
        let mut effects = Effects::default();
        for database in 0..self.databases {
            if self.attention().logging().is_on()
                && let Some(table) = state.table(database)
            {
                for record in table.iter() {
                    effects.logged_mut().push(database, [b"DEL", record.key()].into_iter());
                }
            }
            self.take_table(&mut state, (database, slot), worker, &mut flushed);
            self.occupied.set(database, slot, false);
        }
        if !effects.is_empty() {
            tell(&effects);
        }
        drop(state);
        drop(flushed);
    }

    /// Takes a table out of a slot and its keys out of the counters; its memory counts until it is freed.
    fn take_table(
        &self,
        state: &mut SlotState,
        (database, slot): (usize, Slot),
        worker: WorkerId,
        flushed: &mut Flushed,
    ) {
        if state.table(database).is_none_or(Table::is_empty) {
            return;
        }
        let table = std::mem::take(state.table_mut(database));
        let (keys, volatile) = (table.len() as i64, table.volatile_len() as i64);
        self.tally(worker).add_keys(database, -keys, -volatile);
        flushed.push(slot, table);
    }

    /// Exchanges the contents of two databases of slots that the caller holds, every one.
    pub(crate) fn swap_states(
        &self,
        a: usize,
        b: usize,
        (worker, now): (WorkerId, UnixMillis),
        states: &mut impl States,
    ) {
        if a == b {
            return;
        }
        self.touch_watched(a, Some((b, now)), states);
        self.touch_watched(b, Some((a, now)), states);
        let tally = self.tally(worker);
        for slot in Slot::all() {
            if ![a, b].iter().any(|&one| self.occupied.contains(one, slot)) {
                continue;
            }
            let state = states.state(slot);
            let from_a = std::mem::take(state.table_mut(a));
            let from_b = std::mem::replace(state.table_mut(b), from_a);
            let now_b = state.table_mut(b);
            let (keys, volatile) = (
                now_b.len() as i64 - from_b.len() as i64,
                now_b.volatile_len() as i64 - from_b.volatile_len() as i64,
            );
            tally.add_keys(a, -keys, -volatile);
            tally.add_keys(b, keys, volatile);
            *state.table_mut(a) = from_b;
        }
        self.swap_in_snapshot(a, b);
        self.occupied.swap(a, b);
        self.average_ttls.swap(a, b);
        self.field_times.swap(a, b);
    }

    #[inline]
    pub(crate) fn lock(&self, slot: Slot) -> MutexGuard<'_, SlotState> {
        self.slots[slot.index()].state.lock()
    }

    /// Every slot, in ascending order: for what must be seen by all at one moment.
    pub(crate) fn lock_all(&self) -> Vec<MutexGuard<'_, SlotState>> {
        self.slots.iter().map(|cell| cell.state.lock()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_takes_one_cache_line() {
        assert_eq!(size_of::<SlotCell>(), 64);
    }
}
