//! Active expiry: finding the keys whose time has come before anybody asks for them.

use crate::access::{Access, is_expired};
use crate::events::{Effects, EventClass};
use crate::keyspace::{Keyspace, WorkerId};
use crate::logged::Removal;
use crate::moment::Moment;
use base::{SLOT_COUNT, Slot};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use values::{Hash, HashRef};

/// Where the cycle goes on.
#[derive(Clone, Copy, Default, Debug)]
pub struct ExpireCursor {
    slot: usize,
    database: usize,
    within: u64,
    /// What was seen in this database of keys whose time has not come.
    seen: TtlSample,
}

/// What keys have left of their time.
#[derive(Clone, Copy, Default, Debug)]
struct TtlSample {
    keys: u64,
    millis: u64,
}

/// A running average of the time that keys have left, for each database. The thread that runs the cycle writes it, and SWAPDB.
pub(crate) struct AverageTtls(Box<[AtomicU64]>);

impl AverageTtls {
    pub(crate) fn new(databases: usize) -> AverageTtls {
        AverageTtls((0..databases).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn millis(&self, database: usize) -> u64 {
        self.0[database].load(Relaxed)
    }

    /// Follows the databases that were exchanged.
    pub(crate) fn swap(&self, a: usize, b: usize) {
        let from_a = self.0[a].load(Relaxed);
        self.0[a].store(self.0[b].load(Relaxed), Relaxed);
        self.0[b].store(from_a, Relaxed);
    }

    /// Takes a sample in: a fiftieth of the average is the newest one's, as in Redis.
    fn add(&self, database: usize, sample: TtlSample) {
        let Some(newest) = sample.millis.checked_div(sample.keys) else { return };
        let average = match self.0[database].load(Relaxed) {
            0 => newest,
            old => (old / 50) * 49 + newest / 50,
        };
        self.0[database].store(average, Relaxed);
    }
}

/// What one step of the cycle did.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ExpireProgress {
    /// Keys with an expiry that were looked at.
    pub examined: u64,
    /// Keys that were removed.
    pub expired: u64,
    /// Whether the step came to the end of the last slot.
    pub finished: bool,
}

/// How many buckets are looked at under one hold of a slot's lock.
const BUCKETS_PER_HOLD: usize = 16;

impl Keyspace {
    /// Looks at some keys with an expiry, from where the last step ended, and removes those whose time has come. Stops
    /// after about `examined_max` keys, or at the end of the last slot. A slot's lock is held for a few buckets at a time; what
    /// others are to be told of the keys that went is given to `tell` under it, with the slot.
    pub fn expire_step(
        &self,
        cursor: &mut ExpireCursor,
        examined_max: u64,
        worker: WorkerId,
        moment: &Moment,
        tell: &mut dyn FnMut(Slot, &Effects),
    ) -> ExpireProgress {
        let mut progress = ExpireProgress::default();
        while progress.examined < examined_max {
            let Some(slot) = self.occupied.next(cursor.database, cursor.slot) else {
                self.average_ttls.add(cursor.database, cursor.seen);
                *cursor = ExpireCursor { database: cursor.database + 1, ..ExpireCursor::default() };
                if cursor.database >= self.databases() {
                    *cursor = ExpireCursor::default();
                    progress.finished = true;
                    return progress;
                }
                continue;
            };
            if cursor.slot == 0 && self.totals(cursor.database).volatile == 0 {
                cursor.slot = SLOT_COUNT;
                continue;
            }
            if slot.index() != cursor.slot {
                (cursor.slot, cursor.within) = (slot.index(), 0);
            }
            self.expire_in_slot(slot, cursor, (worker, moment), &mut progress, tell);
        }
        self.average_ttls.add(cursor.database, std::mem::take(&mut cursor.seen));
        progress
    }

    fn expire_in_slot(
        &self,
        slot: Slot,
        cursor: &mut ExpireCursor,
        (worker, moment): (WorkerId, &Moment),
        progress: &mut ExpireProgress,
        tell: &mut dyn FnMut(Slot, &Effects),
    ) {
        let now = moment.now;
        let mut due: Vec<Vec<u8>> = Vec::new();
        let mut seen = cursor.seen;
        let mut state = self.lock(slot);
        let attention = self.attention().observed_if(self.is_observed(slot));
        let table = match state.table(cursor.database) {
            // What is not this node's goes when its owner says so.
            Some(table) if table.volatile_len() > 0 && !attention.logging().is_foreign() => table,
            Some(_) | None => {
                cursor.slot += 1;
                cursor.within = 0;
                return;
            }
        };
        cursor.within = table.scan_volatile(cursor.within, BUCKETS_PER_HOLD, &mut |record| {
            progress.examined += 1;
            if is_expired(record, now) {
                due.push(record.key().to_vec());
            } else if let Some(at) = record.expire_at() {
                seen.keys += 1;
                // A client may let a few keys live so long that their times do not add up in 64 bits.
                let left = at.saturating_sub(now.0).max(0) as u64;
                seen.millis = seen.millis.saturating_add(left);
            }
        });
        cursor.seen = seen;
        if cursor.within == 0 {
            cursor.slot += 1;
        }
        for key in &due {
            self.save_before_change(&state, (cursor.database, slot), || self.hash(key));
        }
        let table = state.table_mut(cursor.database);
        let before = table.memory_bytes() as i64;
        let mut objects = 0;
        let removed = due.len();
        let mut effects = Effects::default();
        for key in due {
            if let Some(record) = table.remove(self.hash(&key), &key) {
                effects.note_expired(self, (moment, attention), cursor.database, &key);
                objects += self.discard(record) as i64;
            }
        }
        if !effects.is_empty() {
            tell(slot, &effects);
        }
        if removed > 0 && table.is_empty() {
            self.occupied.set(cursor.database, slot, false);
        }
        let tally = self.tally(worker);
        tally.add_keys(cursor.database, -(removed as i64), -(removed as i64));
        tally.add_memory(table.memory_bytes() as i64 - before - objects);
        tally.count_expired(removed as u64);
        progress.expired += removed as u64;
    }
}

/// How many fields of one hash are removed under one hold of its slot's lock.
const FIELDS_PER_HOLD: usize = 100;

/// Fields of hashes whose time has come.
impl Keyspace {
    /// Removes some due fields of the hash of which a field was due first, and gives what was done to `conclude`; a hash in which nothing is left goes with
    /// its key. How many fields these were; `None` where nothing is due.
    pub fn expire_fields<'k>(
        &'k self,
        worker: WorkerId,
        moment: Moment,
        conclude: &mut dyn FnMut(Access<'k>),
    ) -> Option<usize> {
        let (database, key) = self.field_times.take_due(moment.now.0)?;
        let mut access = self.hold(Slot::of_key(&key), database, worker, moment);
        // What is not this node's goes when its owner says so.
        let fields_max = if access.is_foreign() { 0 } else { FIELDS_PER_HOLD };
        let mut edit = access.edit();
        // What is there under this name by now may be something else.
        let removed = edit.modify_as(&key, EventClass::Hash, |hash: &mut Hash| {
            let removed = hash.remove_due(moment.now.0, fields_max);
            ((!removed.is_empty()).then_some("hexpired"), removed)
        });
        let fields = removed.ok().flatten().unwrap_or_default();
        let removed = fields.len();
        if removed > 0 && edit.logs() {
            let fields = fields.iter().map(|field| &**field);
            edit.log_words([b"HDEL", &*key].into_iter().chain(fields));
            // As in Redis, though nothing is left to be removed.
            if edit.access.found(&key).is_none() {
                edit.log_removal(Removal::Expired, &key);
            }
        }
        edit.changed(u64::from(removed > 0));
        if let Ok(Some(hash)) = access.view().peek_typed::<Hash>(&key)
            && let Some(at) = hash.earliest_time()
        {
            self.field_times.note(database, &key, at);
        }
        self.tally(worker).count_expired_fields(removed as u64);
        conclude(access);
        Some(removed)
    }

    /// Looks at some hashes of which it is noted that their fields expire, and forgets those of which none does any more. One whose own time has come
    /// is removed; what was done is given to `conclude`.
    pub fn review_field_times<'k>(
        &'k self,
        worker: WorkerId,
        moment: Moment,
        conclude: &mut dyn FnMut(Access<'k>),
    ) {
        for place in self.field_times.suspects() {
            let (database, key) = &place;
            let mut access = self.hold(Slot::of_key(key), *database, worker, moment);
            let mut view = access.view();
            let hash = view.peek_typed::<Hash>(key);
            if hash.ok().flatten().and_then(HashRef::earliest_time).is_none() {
                self.field_times.forget(&place);
            }
            conclude(access);
        }
    }
}
