//! Active expiry: finding the keys whose time has come before anybody asks for them.

use crate::access::{is_expired, object_bytes};
use crate::keyspace::{Keyspace, WorkerId};
use base::{SLOT_COUNT, Slot, UnixMillis};

/// Where the cycle goes on.
#[derive(Clone, Copy, Default, Debug)]
pub struct ExpireCursor {
    slot: usize,
    database: usize,
    within: u64,
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
    /// after about `examined_max` keys, or at the end of the last slot. A slot's lock is held for a few buckets at a time.
    pub fn expire_step(
        &self,
        cursor: &mut ExpireCursor,
        examined_max: u64,
        worker: WorkerId,
        now: UnixMillis,
    ) -> ExpireProgress {
        let mut progress = ExpireProgress::default();
        while progress.examined < examined_max {
            let Some(slot) = Slot::new(cursor.slot as u16).filter(|_| cursor.slot < SLOT_COUNT)
            else {
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
            self.expire_in_slot(slot, cursor, worker, now, &mut progress);
        }
        progress
    }

    fn expire_in_slot(
        &self,
        slot: Slot,
        cursor: &mut ExpireCursor,
        worker: WorkerId,
        now: UnixMillis,
        progress: &mut ExpireProgress,
    ) {
        let mut due: Vec<Vec<u8>> = Vec::new();
        let mut state = self.lock(slot);
        let table = match state.table(cursor.database) {
            Some(table) if table.volatile_len() > 0 => table,
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
            }
        });
        if cursor.within == 0 {
            cursor.slot += 1;
        }
        let table = state.table_mut(cursor.database, self.databases());
        let before = table.memory_bytes() as i64;
        let mut objects = 0;
        let removed = due.len();
        for key in due {
            if let Some(record) = table.remove(self.hash(&key), &key) {
                objects += object_bytes(&record) as i64;
            }
        }
        let tally = self.tally(worker);
        tally.add_keys(cursor.database, -(removed as i64), -(removed as i64));
        tally.add_memory(table.memory_bytes() as i64 - before - objects);
        tally.count_expired(removed as u64);
        progress.expired += removed as u64;
    }
}
