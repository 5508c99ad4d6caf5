//! Commands over the whole keyspace go slot by slot and hold one at a time.

use crate::access::is_expired;
use crate::keyspace::Keyspace;
use crate::object::KeyRecord;
use base::{Rng, SLOT_COUNT, Slot, UnixMillis};

/// The bits of a SCAN cursor that hold the slot; the table's own cursor stands above them.
const SLOT_BITS: u32 = 14;

impl Keyspace {
    /// Visits the keys of a database from `cursor` on until `count` were visited or the end was reached; returns the
    /// cursor to go on with, 0 at the end.
    ///
    /// A key that is there from the first call to the last is visited at least once, whatever else changes meanwhile.
    pub fn scan(
        &self,
        database: usize,
        cursor: u64,
        count: usize,
        now: UnixMillis,
        mut visit: impl FnMut(&KeyRecord),
    ) -> u64 {
        let mut number = (cursor & (SLOT_COUNT as u64 - 1)) as u16;
        let mut within = cursor >> SLOT_BITS;
        let mut visited = 0;
        while let Some(slot) = Slot::new(number) {
            let state = self.lock(slot);
            within = state.table(database).map_or(0, |table| {
                if table.is_empty() {
                    return 0;
                }
                table.scan(within, &mut |record| {
                    visited += 1;
                    if !is_expired(record, now) {
                        visit(record);
                    }
                })
            });
            drop(state);
            if within == 0 {
                number += 1;
            }
            if visited >= count && usize::from(number) < SLOT_COUNT {
                return within << SLOT_BITS | u64::from(number);
            }
        }
        0
    }

    /// Visits every key of a slot.
    pub fn visit_slot(
        &self,
        database: usize,
        slot: Slot,
        now: UnixMillis,
        mut visit: impl FnMut(&KeyRecord),
    ) {
        let state = self.lock(slot);
        if let Some(table) = state.table(database) {
            table.iter().filter(|record| !is_expired(record, now)).for_each(&mut visit);
        }
    }

    /// Visits every key of a database, slot by slot.
    pub fn visit_all(&self, database: usize, now: UnixMillis, mut visit: impl FnMut(&KeyRecord)) {
        for slot in Slot::all() {
            self.visit_slot(database, slot, now, &mut visit);
        }
    }

    /// How many keys a slot holds, those whose time has come but were not removed yet included.
    #[must_use]
    pub fn keys_in_slot(&self, database: usize, slot: Slot) -> usize {
        self.lock(slot).table(database).map_or(0, collections::Table::len)
    }

    /// A key of a database by chance, or `None` where there is none.
    #[must_use]
    pub fn random_key(&self, database: usize, rng: &mut Rng, now: UnixMillis) -> Option<Vec<u8>> {
        /// How often a key whose time has come is passed over for another.
        const TRIES_MAX: usize = 100;
        for _ in 0..TRIES_MAX {
            let first = rng.below(SLOT_COUNT as u64) as usize;
            let found = (0..SLOT_COUNT).find_map(|step| {
                let slot = Slot::new(((first + step) % SLOT_COUNT) as u16)?;
                let state = self.lock(slot);
                let record = state.table(database)?.sample(rng.next_u64())?;
                Some((!is_expired(record, now)).then(|| record.key().to_vec()))
            });
            match found {
                None => return None,
                Some(Some(key)) => return Some(key),
                Some(None) => {}
            }
        }
        None
    }
}
