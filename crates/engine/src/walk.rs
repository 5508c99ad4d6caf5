//! Commands over the whole keyspace go slot by slot; empty slots are passed over.

use crate::access::is_expired;
use crate::object::KeyRecord;
use crate::reach::Reach;
use crate::tally::Totals;
use base::{Rng, SLOT_COUNT, Slot, UnixMillis};

/// The bits of a SCAN cursor that hold the slot; the table's own cursor stands above them.
const SLOT_BITS: u32 = 14;

impl Reach<'_, '_> {
    /// Visits the keys of a database from `cursor` on until `count` were visited or the end was reached; returns the
    /// cursor to go on with, 0 at the end.
    ///
    /// A key that is there from the first call to the last is visited at least once, whatever else changes meanwhile. Those whose time has
    /// come are among them ([`is_expired`]).
    pub fn scan(
        &mut self,
        database: usize,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&KeyRecord),
    ) -> u64 {
        let (mut number, mut within) = split(cursor);
        let mut visited = 0;
        while let Some(slot) = self.keyspace().occupied.next(database, usize::from(number)) {
            if slot.number() != number {
                (number, within) = (slot.number(), 0);
            }
            let (next, seen) = self.scan_step((database, slot), within, &mut visit);
            within = next;
            visited += seen;
            if within == 0 {
                number += 1;
            }
            if visited >= count && usize::from(number) < SLOT_COUNT {
                return join(number, within);
            }
        }
        0
    }

    /// As [`Reach::scan`], but visits only keys of one slot. The cursors are of the same kind: one of an earlier slot begins at the start
    /// of this one, one of a later slot is at the end.
    pub fn scan_slot(
        &mut self,
        (database, slot): (usize, Slot),
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&KeyRecord),
    ) -> u64 {
        let (number, within) = split(cursor);
        if number > slot.number() {
            return 0;
        }
        let mut within = if number == slot.number() { within } else { 0 };
        let mut visited = 0;
        loop {
            let (next, seen) = self.scan_step((database, slot), within, &mut visit);
            within = next;
            visited += seen;
            if within == 0 {
                return 0;
            }
            if visited >= count {
                return join(slot.number(), within);
            }
        }
    }

    /// One step of the cursor of a slot's table, and how many keys it came by; the cursor is 0 at the end of the slot.
    fn scan_step(
        &mut self,
        (database, slot): (usize, Slot),
        within: u64,
        visit: &mut impl FnMut(&KeyRecord),
    ) -> (u64, usize) {
        self.with_slot(slot, |state| {
            let Some(table) = state.table(database).filter(|table| !table.is_empty()) else {
                return (0, 0);
            };
            let mut visited = 0;
            let next = table.scan(within, &mut |record| {
                visited += 1;
                visit(record);
            });
            (next, visited)
        })
    }

    /// Visits every key of a slot.
    pub fn visit_slot(
        &mut self,
        database: usize,
        slot: Slot,
        now: UnixMillis,
        mut visit: impl FnMut(&KeyRecord),
    ) {
        self.with_slot(slot, |state| {
            if let Some(table) = state.table(database) {
                table.iter().filter(|record| !is_expired(record, now)).for_each(&mut visit);
            }
        });
    }

    /// Visits every key of a database, slot by slot.
    pub fn visit_all(
        &mut self,
        database: usize,
        now: UnixMillis,
        mut visit: impl FnMut(&KeyRecord),
    ) {
        for slot in self.keyspace().occupied.iter(database, 0) {
            self.visit_slot(database, slot, now, &mut visit);
        }
    }

    /// How many keys a slot holds, those whose time has come but were not removed yet included.
    #[must_use]
    pub fn keys_in_slot(&mut self, database: usize, slot: Slot) -> usize {
        self.with_slot(slot, |state| state.table(database).map_or(0, collections::Table::len))
    }

    /// The number of keys of a database, and of those with an expiry.
    #[must_use]
    pub fn totals(&self, database: usize) -> Totals {
        self.keyspace().totals(database)
    }

    /// A key of a database by chance, each about as likely as any other, or `None` where there is none.
    #[must_use]
    pub fn random_key(
        &mut self,
        database: usize,
        rng: &mut Rng,
        now: UnixMillis,
    ) -> Option<Vec<u8>> {
        /// How many slots are tried before all of them are counted through.
        const TRIES_MAX: usize = 64;
        let keys = self.totals(database).keys.max(0) as u64;
        // A slot is taken with a probability in proportion to its keys, up to this many.
        let bound = 2 * (keys / SLOT_COUNT as u64) + 4;
        for _ in 0..if keys == 0 { 0 } else { TRIES_MAX } {
            let slot = Slot::new(rng.below(SLOT_COUNT as u64) as u16)?;
            if !self.keyspace().occupied.contains(database, slot) {
                continue;
            }
            let found = self.with_slot(slot, |state| {
                let table = state.table(database)?;
                if rng.below(bound) >= table.len() as u64 {
                    return None;
                }
                let record = table.sample(rng.next_u64())?;
                (!is_expired(record, now)).then(|| record.key().to_vec())
            });
            if found.is_some() {
                return found;
            }
        }
        self.nth_live_key(database, rng.below(keys.max(1)), now)
    }

    /// The key that stands about `skip` keys behind the first one, or the next after it whose time has not come.
    fn nth_live_key(&mut self, database: usize, mut skip: u64, now: UnixMillis) -> Option<Vec<u8>> {
        let keyspace = self.keyspace();
        // What was skipped is looked at when there is nothing behind it.
        let again = (skip > 0).then(|| keyspace.occupied.iter(database, 0)).into_iter().flatten();
        keyspace.occupied.iter(database, 0).chain(again).find_map(|slot| {
            self.with_slot(slot, |state| {
                let table = state.table(database)?;
                let from = skip.min(table.len() as u64);
                skip -= from;
                let mut rest = table.iter().skip(from as usize);
                let live = rest.find(|record| !is_expired(record, now))?;
                Some(live.key().to_vec())
            })
        })
    }
}

/// The slot of a cursor, and the cursor of that slot's table.
fn split(cursor: u64) -> (u16, u64) {
    ((cursor & (SLOT_COUNT as u64 - 1)) as u16, cursor >> SLOT_BITS)
}

fn join(number: u16, within: u64) -> u64 {
    within << SLOT_BITS | u64::from(number)
}
