//! Up to where the log tells of the last change of each slot: for that wait those that show it, where nothing is shown that is not confirmed.
//!
//! # Design
//!
//! Nothing is noted, and nothing is there, before anybody has asked for confirmation of what is read; from then on it is noted for good, and whoever asks later changes nothing.
//! A change is noted under the locks of its slots, when its place in the log is known. One offset, `of_any`, stands for those that are not:
//!
//! - What was logged before noting began. Who has logged and then not found [`LastChanges`] has had the lock of the position before the one who put them there and then, under that lock,
//!   set `of_any` to the end of the log. Until it is set, all of the log is waited for.
//! - What was done while it was not logged, or by others: where that changes, all slots are held, and the end of the log is noted.
//! - What a replica has applied. It is appended when its slots have been let go, and its end noted under the lock of the position, so that it is either before the end to which `of_any` is first
//!   set, or noted after that. Who looks at a slot between the two is shown what the log does not tell of yet, and waits for what was before it.

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
    /// What is told before this offset may be of any slot; `u64::MAX` until noting has begun.
    of_any: AtomicU64,
}

impl LastChanges {
    fn new() -> LastChanges {
        let of_any = AtomicU64::new(u64::MAX);
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

    /// Has last changes noted from here on, where they are not yet. Before anybody waits for them.
    pub(crate) fn note_last_changes(&self) {
        let changes = self.log.last_changes.0.get_or_init(|| Box::new(LastChanges::new()));
        if changes.of_any.load(SeqCst) == u64::MAX {
            let position = self.log.position.0.lock();
            // Another may have been first.
            let _ = changes.of_any.compare_exchange(u64::MAX, position.end, SeqCst, SeqCst);
        }
    }

    /// What the log tells up to its end may be of any slot: from here on something else is logged than before, or by others.
    pub(super) fn note_any_change(&self) {
        if let Some(changes) = self.last_changes() {
            changes.note_any(self.log_end());
        }
    }

    /// Up to where the log tells of what one may show who has come upon nothing changed behind `noted`, or `u64::MAX` where he has looked at everything.
    pub(crate) fn shown_up_to(&self, noted: u64) -> u64 {
        // Who wants others to wait has them noted first.
        let Some(changes) = self.last_changes() else { return 0 };
        let shown = noted.max(changes.of_any.load(SeqCst));
        // Only there: each turn that has read comes by, and the lock is everybody's who writes.
        if shown == u64::MAX { self.log_end() } else { shown }
    }
}

#[cfg(test)]
mod tests;
