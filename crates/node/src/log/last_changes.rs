//! Up to where the log tells of the last change of each slot: for that wait those that show it, where nothing is shown that is not confirmed.
//!
//! # Design
//!
//! Nothing is noted, and nothing is there, before anybody has asked for confirmation of what is read; from then on it is noted for good. A change is noted under
//! the locks of its slots, when its place in the log is known. A change that went by unnoted was logged before the end of the log was asked for when noting began: who did not find
//! [`LastChanges`] there after he had logged has had the lock of the position before the one who put them there. So that end stands for all such changes.

use super::Log;
use crate::node::Node;
use base::{SLOT_COUNT, Slot};
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

/// For each slot, the offset of the log behind the last change of a key of it, in any database.
pub(crate) struct LastChanges {
    /// Written and read under the lock of the slot.
    by_slot: Box<[AtomicU64]>,
    /// What is told before this offset may be of any slot.
    of_any: AtomicU64,
}

impl LastChanges {
    fn new() -> LastChanges {
        // The first byte of the log stands for what was there before it.
        let of_any = AtomicU64::new(1);
        LastChanges { by_slot: (0..SLOT_COUNT).map(|_| AtomicU64::new(0)).collect(), of_any }
    }

    /// The offset behind the last noted change of these slots, which are held; 0 where there is none.
    pub(crate) fn of(&self, slots: impl Iterator<Item = Slot>) -> u64 {
        slots.map(|slot| self.by_slot[slot.index()].load(Relaxed)).fold(0, u64::max)
    }

    /// What was done to these slots, which are held, is told up to this offset.
    pub(super) fn note(&self, slots: impl Iterator<Item = Slot>, end: u64) {
        slots.for_each(|slot| self.by_slot[slot.index()].store(end, Relaxed));
    }

    /// Any slot may have been changed up to this offset.
    pub(super) fn note_any(&self, end: u64) {
        self.of_any.fetch_max(end, SeqCst);
    }
}

impl Log {
    /// Where they are noted, the last changes.
    #[inline]
    pub(super) fn last_changes(&self) -> Option<&LastChanges> {
        self.last_changes.0.get().map(|changes| &**changes)
    }
}

impl Node {
    /// Where they are noted, the last changes.
    #[inline]
    pub(crate) fn last_changes(&self) -> Option<&LastChanges> {
        self.log.last_changes()
    }

    /// Has last changes noted from here on. Before anybody waits for them.
    pub(crate) fn note_last_changes(&self) {
        let changes = self.log.last_changes.0.get_or_init(|| Box::new(LastChanges::new()));
        changes.note_any(self.log_end());
    }

    /// What the log tells up to its end may be of any slot: from here on something else is logged than before, or by others.
    pub(super) fn note_any_change(&self) {
        if let Some(changes) = self.last_changes() {
            changes.note_any(self.log_end());
        }
    }

    /// Up to where the log tells of what one may show who has come upon nothing changed behind `seen`, or `u64::MAX` where he has looked at everything.
    pub(crate) fn shown_up_to(&self, seen: u64) -> u64 {
        let of_any = self.last_changes().map_or(u64::MAX, |changes| changes.of_any.load(SeqCst));
        seen.max(of_any).min(self.log_end())
    }
}

#[cfg(test)]
mod tests;
