//! Snapshots: the keyspace as it was at one moment, saved while it goes on changing.
//!
//! # Design
//!
//! A snapshot begins with a *cut*: every slot is held for a moment, and what is there then is what is saved. From there on somebody walks the
//! slots and saves them, and whoever is about to change a key sees to it that its old state is saved first.
//!
//! What is saved already stands beside the tables and not in the records. At the cut, the hashes of each table are divided into intervals of
//! about [`INTERVAL_KEYS`] keys, with a bit for each. An interval is saved as a whole, under its slot's lock, and its bit is cleared: by the
//! walk, or by the first change of one of its keys. Hashes do not change, so a record belongs to its interval however the table grows; a key that is
//! new belongs to one that was saved before the key came. So a snapshot costs a bit for four keys at most, and sixteen bytes a slot; a change waits for
//! the saving of a handful of keys at most, and no small value is ever copied but into the file; a large one is not encoded meanwhile but [frozen](crate::FrozenRecord), and what changes of it is copied.
//!
//! Who flushes a database hands to the snapshot what is not saved yet of its tables, as they are. The walk goes on in them, without a lock, and frees each when
//! it is saved.
//!
//! Redis forks: the pages that are written meanwhile double, and the fork itself takes a pause that grows with the memory.

use crate::access::{Access, object_bytes};
use crate::flushed::Flushed;
use crate::frozen::FrozenRecord;
use crate::keyspace::{Keyspace, SlotState};
use crate::object::{KeyRecord, Object};
use crate::tally::Totals;
use base::{SLOT_COUNT, Slot};
use collections::{INTERVAL_BITS_MAX, Table};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// How many keys an interval of hashes has, about.
const INTERVAL_KEYS: usize = 8;

/// How many keys the walk saves under one hold of a slot's lock, at least where there are so many.
const KEYS_PER_HOLD: usize = 64;

/// The walk saves no more under one hold where it has come upon values of so much memory, in bytes: to freeze them takes a few microseconds for a megabyte.
const BYTES_PER_HOLD: usize = 64 << 20;

/// The number at the cut of a database that was flushed since: what it has now is not the snapshot's.
const NONE: usize = usize::MAX;

/// The buckets of so many intervals are brought in while others are saved.
const INTERVALS_AHEAD: u64 = (KEYS_PER_HOLD / INTERVAL_KEYS) as u64;

/// Takes what a snapshot saves.
pub trait SnapshotSink: Send + Sync {
    /// Saves records of a database, the slot of which is held: this must not wait for anything.
    fn save(&self, database: usize, records: &[&KeyRecord]);

    /// The same for one whose value is large: it is to be encoded later, when nothing is held.
    fn save_frozen(&self, database: usize, record: FrozenRecord);
}

/// A snapshot that is being saved.
pub struct Snapshot {
    /// Takes what is saved because it is about to change.
    sink: Arc<dyn SnapshotSink>,
    /// By database as it was numbered at the cut, then by slot; nothing for a database that was empty.
    parts: Box<[Box<[Part]>]>,
    /// A bit for each interval that is not saved yet. Changed only under the lock of its slot; once that was flushed, by the walk.
    unsaved: Box<[AtomicU64]>,
    /// Which number a database had at the cut, by the number that it has now, or [`NONE`]. Changed only while all slots are held.
    origins: Box<[AtomicUsize]>,
    /// What was flushed and is not saved yet, by database as it was numbered at the cut, in the order of the walk: nobody else asks for it from then on.
    flushed: Box<[Mutex<Flushed>]>,
    /// What each database held.
    totals: Box<[Totals]>,
    saved_keys: AtomicU64,
    is_cancelled: Arc<AtomicBool>,
}

/// One table at the cut.
#[derive(Clone, Copy)]
struct Part {
    /// Where in `unsaved` its bits begin.
    first_word: u32,
    /// Its intervals are told apart by so many bits of the hash; `None` where the table was empty.
    bits: Option<u8>,
}

impl Part {
    const EMPTY: Part = Part { first_word: 0, bits: None };

    /// The interval of a hash.
    fn interval(self, hash: u64) -> Option<u64> {
        self.bits.map(|bits| hash.checked_shr(64 - u32::from(bits)).unwrap_or(0))
    }
}

/// How far a walk has come.
#[derive(Clone, Copy, Default, Debug)]
pub struct SnapshotCursor {
    database: usize,
    slot: usize,
    interval: u64,
}

impl SnapshotCursor {
    /// The database that the walk is in, by its number at the cut.
    #[must_use]
    pub fn database(&self) -> usize {
        self.database
    }
}

impl Snapshot {
    /// Marks everything that is in `states`, which are those of all slots.
    fn at_cut<'s>(
        sink: Arc<dyn SnapshotSink>,
        keyspace: &Keyspace,
        states: impl Iterator<Item = &'s SlotState> + Clone,
    ) -> Snapshot {
        let databases = keyspace.databases();
        let mut unsaved = Vec::with_capacity(SLOT_COUNT);
        let mut totals = vec![Totals::default(); databases];
        let mut parts_of = |database: usize| -> Box<[Part]> {
            if keyspace.occupied.iter(database, 0).next().is_none() {
                return Box::default();
            }
            let totals = &mut totals[database];
            let parts: Vec<Part> = states
                .clone()
                .map(|state| {
                    let Some(table) = state.table(database).filter(|table| !table.is_empty())
                    else {
                        return Part::EMPTY;
                    };
                    let length = table.len();
                    totals.keys += length as i64;
                    totals.volatile += table.volatile_len() as i64;
                    let intervals = length.div_ceil(INTERVAL_KEYS).next_power_of_two();
                    let bits = intervals.ilog2().min(INTERVAL_BITS_MAX);
                    let first_word = unsaved.len() as u32;
                    let words = (1usize << bits).div_ceil(64);
                    let all = if bits < 6 { (1 << (1 << bits)) - 1 } else { u64::MAX };
                    unsaved.extend((0..words).map(|_| AtomicU64::new(all)));
                    Part { first_word, bits: Some(bits as u8) }
                })
                .collect();
            parts.into()
        };
        let parts = (0..databases).map(&mut parts_of).collect();
        Snapshot {
            sink,
            parts,
            unsaved: unsaved.into(),
            origins: (0..databases).map(AtomicUsize::new).collect(),
            flushed: (0..databases)
                .map(|_| Mutex::new(Flushed::new(&keyspace.freeing, 0)))
                .collect(),
            totals: totals.into(),
            saved_keys: AtomicU64::new(0),
            is_cancelled: Arc::default(),
        }
    }

    /// How many keys there were at the cut.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.totals.iter().map(|totals| totals.keys as u64).sum()
    }

    /// What a database held, by its number at the cut.
    #[must_use]
    pub fn totals(&self, database: usize) -> Totals {
        self.totals[database]
    }

    /// How many of them are saved.
    #[must_use]
    pub fn saved_keys(&self) -> u64 {
        self.saved_keys.load(Relaxed)
    }

    /// Gives it up: nothing more is saved.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Relaxed);
    }

    /// Whether it was given up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Relaxed)
    }

    /// What tells whether it was given up, for those that are far from it.
    #[must_use]
    pub fn cancellation(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_cancelled)
    }

    /// Whether an interval was not saved yet; it counts as saved from here on. The slot is held.
    fn claim(&self, part: Part, interval: u64) -> bool {
        let word = &self.unsaved[part.first_word as usize + (interval / 64) as usize];
        let bit = 1 << (interval % 64);
        let bits = word.load(Relaxed);
        word.store(bits & !bit, Relaxed);
        bits & bit != 0
    }

    /// What the table of a slot, which is held, was at the cut, and of which database; `None` where it is none of the snapshot's.
    fn part(&self, (database, slot): (usize, Slot)) -> Option<(usize, Part)> {
        let origin = self.origins[database].load(Relaxed);
        let part = self.parts.get(origin)?.get(slot.index())?;
        Some((origin, *part))
    }

    /// Saves the interval that a hash belongs to, where it is not saved yet: a key of it is about to change. The slot is held.
    fn save_around(&self, state: &SlotState, place: (usize, Slot), hash: u64) {
        let Some((origin, part)) = self.part(place) else { return };
        let Some(interval) = part.interval(hash) else { return };
        if self.claim(part, interval) {
            let mut records = Vec::with_capacity(2 * INTERVAL_KEYS);
            collect(state.table(place.0), part, interval, &mut records);
            self.give(origin, records, &*self.sink);
        }
    }

    /// Saves what is not saved yet of a slot, which is held and about to lose its keys.
    fn save_slot(&self, state: &SlotState, slot: Slot) {
        for database in 0..self.origins.len() {
            let Some((origin, part)) = self.part((database, slot)) else { continue };
            let intervals = part.bits.map_or(0, |bits| 1 << bits);
            for interval in (0..intervals).filter(|&interval| self.claim(part, interval)) {
                let mut records = Vec::new();
                collect(state.table(database), part, interval, &mut records);
                self.give(origin, records, &*self.sink);
            }
        }
    }

    /// Whether the table of a slot, which is held, may go without being saved.
    pub(crate) fn has_saved(&self, place: (usize, Slot)) -> bool {
        let Some((_, part)) = self.part(place) else { return true };
        let words = part.bits.map_or(0, |bits| (1usize << bits).div_ceil(64));
        let unsaved = &self.unsaved[part.first_word as usize..][..words];
        self.is_cancelled() || unsaved.iter().all(|word| word.load(Relaxed) == 0)
    }

    /// A database is emptied; every slot is held. What [`Snapshot::has_saved`] says that it was not saved is saved from `unsaved`.
    pub(crate) fn keep_flushed(&self, database: usize, unsaved: Flushed) {
        let origin = self.origins[database].swap(NONE, Relaxed);
        if let Some(flushed) = self.flushed.get(origin) {
            *flushed.lock() = unsaved;
        }
    }

    /// Claims what is to be saved of the table where the cursor stands, which was `part` at the cut, in one step, and moves the cursor behind that.
    fn claim_some<'t>(
        &self,
        table: Option<&'t Table<Object>>,
        (part, bits): (Part, u8),
        cursor: &mut SnapshotCursor,
    ) -> Vec<&'t KeyRecord> {
        let mut records = Vec::with_capacity(2 * KEYS_PER_HOLD);
        let (mut weighed, mut bytes) = (0, 0);
        while records.len() < KEYS_PER_HOLD
            && bytes < BYTES_PER_HOLD
            && cursor.interval >> bits == 0
        {
            // Not those that are still being brought in.
            let there = records.len().saturating_sub(2 * INTERVAL_KEYS);
            bytes += records[weighed..there].iter().copied().map(object_bytes).sum::<usize>();
            weighed = there;
            if self.claim(part, cursor.interval) {
                collect(table, part, cursor.interval, &mut records);
            }
            cursor.interval += 1;
        }
        if cursor.interval >> bits != 0 {
            (cursor.slot, cursor.interval) = (cursor.slot + 1, 0);
        }
        records
    }

    fn give(&self, origin: usize, mut records: Vec<&KeyRecord>, sink: &dyn SnapshotSink) {
        self.saved_keys.fetch_add(records.len() as u64, Relaxed);
        records.retain(|record| match FrozenRecord::of(record) {
            Some(frozen) => {
                sink.save_frozen(origin, frozen);
                false
            }
            None => true,
        });
        if !records.is_empty() {
            sink.save(origin, &records);
        }
    }

    /// The number that a database has now which had this one at the cut; `None` where it was flushed. A slot is held.
    fn current(&self, origin: usize) -> Option<usize> {
        self.origins.iter().position(|one| one.load(Relaxed) == origin)
    }
}

/// The records of an interval, which are being brought in.
fn collect<'s>(
    table: Option<&'s Table<Object>>,
    part: Part,
    interval: u64,
    records: &mut Vec<&'s KeyRecord>,
) {
    let (Some(table), Some(bits)) = (table, part.bits) else { return };
    table.visit_interval((interval, u32::from(bits)), &mut |record| {
        record.prefetch();
        records.push(record);
    });
}

impl Access<'_> {
    /// Begins a snapshot of what is there now; every slot has to be held. `None` where one is being saved already: there is one at a time.
    pub fn begin_snapshot(&mut self, sink: Arc<dyn SnapshotSink>) -> Option<Arc<Snapshot>> {
        assert!(self.holds_all(), "a snapshot is of everything");
        let keyspace = self.keyspace;
        // Asked for behind the slots, as everybody has it who comes upon a mark.
        let mut current = keyspace.snapshot.write();
        if current.is_some() {
            return None;
        }
        let snapshot = Arc::new(Snapshot::at_cut(sink, keyspace, self.held.states()));
        Slot::all().for_each(|slot| keyspace.set_unsaved(slot, true));
        *current = Some(Arc::clone(&snapshot));
        Some(snapshot)
    }
}

impl Keyspace {
    /// The snapshot that is being saved.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.read().clone()
    }

    /// Ends a snapshot: changes need not look at it any more. What was flushed meanwhile and is not freed yet, for it was not saved.
    pub fn end_snapshot(&self, snapshot: &Arc<Snapshot>) -> Vec<Flushed> {
        let is_it = |one: &mut Arc<Snapshot>| Arc::ptr_eq(one, snapshot);
        if self.snapshot.write().take_if(is_it).is_none() {
            return Vec::new();
        }
        for slot in Slot::all() {
            let _held = self.lock(slot);
            // The next one may have begun.
            if self.snapshot.read().is_none() {
                self.set_unsaved(slot, false);
            }
        }
        let left = snapshot.flushed.iter().map(|flushed| flushed.lock().take());
        left.filter(|flushed| !flushed.is_empty()).collect()
    }

    /// Saves some more of a snapshot through `sink`, under one hold of a slot's lock: of the database where the cursor stands before. False when all is
    /// saved or it was cancelled.
    pub fn save_step(
        &self,
        snapshot: &Snapshot,
        cursor: &mut SnapshotCursor,
        sink: &dyn SnapshotSink,
    ) -> bool {
        while !snapshot.is_cancelled() && cursor.database < snapshot.parts.len() {
            let parts = &snapshot.parts[cursor.database];
            let part = parts.get(cursor.slot);
            let Some((part, bits)) = part.and_then(|&part| Some((part, part.bits?))) else {
                cursor.slot += 1;
                if cursor.slot >= parts.len() {
                    *cursor =
                        SnapshotCursor { database: cursor.database + 1, slot: 0, interval: 0 };
                    return true;
                }
                continue;
            };
            let Some(slot) = Slot::new(cursor.slot as u16) else { return false };
            let state = self.lock(slot);
            if let Some(database) = snapshot.current(cursor.database) {
                let records = snapshot.claim_some(state.table(database), (part, bits), cursor);
                // While these are saved, what the next step begins with comes in.
                if database == 0 {
                    self.prefetch_intervals(parts, cursor);
                }
                snapshot.give(cursor.database, records, sink);
                return true;
            }
            drop(state);
            let mut flushed = snapshot.flushed[cursor.database].lock();
            let records = snapshot.claim_some(flushed.next_of(slot), (part, bits), cursor);
            snapshot.give(cursor.database, records, sink);
            if cursor.slot > slot.index() && flushed.next_of(slot).is_some() {
                flushed.free(1);
            }
            return true;
        }
        false
    }

    /// Asks the processor to bring in the buckets of the intervals from the cursor on, of what is database 0 now.
    fn prefetch_intervals(&self, parts: &[Part], cursor: &SnapshotCursor) {
        let Some(bits) = parts.get(cursor.slot).and_then(|part| part.bits) else { return };
        let Some(slot) = Slot::new(cursor.slot as u16) else { return };
        let end = (cursor.interval + INTERVALS_AHEAD).min(1 << bits);
        for interval in cursor.interval..end {
            let first_hash = interval.checked_shl(64 - u32::from(bits)).unwrap_or(0);
            self.prefetch_bucket(slot, first_hash);
        }
    }

    /// Saves a slot, which is held and about to lose its keys, where a snapshot is being saved.
    pub(crate) fn save_before_loss(&self, slot: Slot, state: &SlotState) {
        if self.is_unsaved(slot)
            && let Some(snapshot) = self.snapshot()
        {
            snapshot.save_slot(state, slot);
        }
    }

    /// Saves what is about to change with the key of this hash, where a snapshot is being saved. The slot is held.
    #[inline]
    pub(crate) fn save_before_change(
        &self,
        state: &SlotState,
        place: (usize, Slot),
        hash: impl FnOnce() -> u64,
    ) {
        if self.is_unsaved(place.1) {
            self.save_around(state, place, hash());
        }
    }

    #[cold]
    fn save_around(&self, state: &SlotState, place: (usize, Slot), hash: u64) {
        if let Some(snapshot) = &*self.snapshot.read()
            && !snapshot.is_cancelled()
        {
            snapshot.save_around(state, place, hash);
        }
    }

    /// The databases exchange their numbers; every slot is held.
    pub(crate) fn swap_in_snapshot(&self, a: usize, b: usize) {
        if let Some(snapshot) = &*self.snapshot.read() {
            let from_a = snapshot.origins[a].load(Relaxed);
            snapshot.origins[a].store(snapshot.origins[b].load(Relaxed), Relaxed);
            snapshot.origins[b].store(from_a, Relaxed);
        }
    }
}
