//! What is known while the data are loaded, before the node serves anybody.

use crate::configuration::Tuning;
use crate::node::Node;
use crate::worker::Now;
use base::Monotonic;
use engine::{Moment, WorkerId};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How far loading has come.
#[derive(Default)]
pub(crate) struct Loading {
    begun: Mutex<Option<Begun>>,
    loaded_bytes: AtomicU64,
    loaded_keys: AtomicU64,
    expired_keys: AtomicU64,
}

#[derive(Clone, Copy)]
struct Begun {
    at: Now,
    total_bytes: u64,
    /// What the file says that its writer used.
    used_memory: u64,
}

/// What INFO tells of it.
pub(crate) struct LoadingReport {
    pub(crate) start: i64,
    pub(crate) total_bytes: u64,
    pub(crate) used_memory: u64,
    pub(crate) loaded_bytes: u64,
    pub(crate) since: Monotonic,
}

impl Node {
    /// Data are being loaded from here on: clients are told to wait, and when this returns no command that was let in before sees or changes a key any more. The
    /// files have so many bytes together. False where others load already: what is there is theirs until they are done.
    #[must_use]
    pub fn begin_loading(&self, worker: WorkerId, now: Now, total_bytes: u64) -> bool {
        if self.persistence.set_hindrance(super::LOADING, true) {
            return false;
        }
        self.note_loading_begun(now, total_bytes);
        // What is being applied of a primary's stream is waited for; nothing is any more then.
        drop(self.replication.pause_applying());
        self.renew_logging(worker);
        true
    }

    /// Tells that files are being loaded that have so many bytes together.
    pub fn note_loading_begun(&self, now: Now, total_bytes: u64) {
        let loading = &self.persistence.loading;
        for counter in [&loading.loaded_bytes, &loading.loaded_keys, &loading.expired_keys] {
            counter.store(0, Relaxed);
        }
        *loading.begun.lock() = Some(Begun { at: now, total_bytes, used_memory: 0 });
    }

    /// Empties the keyspace, for what is to be loaded; nothing is logged of it.
    pub fn empty(&self, worker: WorkerId) {
        drop(self.keyspace.reach().flush(None, worker));
        self.tracking.invalidate_all();
    }

    /// Tells what the writer of the file had used, in bytes.
    pub fn note_loading_memory(&self, bytes: u64) {
        if let Some(begun) = &mut *self.persistence.loading.begun.lock() {
            begun.used_memory = bytes;
        }
    }

    /// Tells how far loading has come.
    pub fn note_loading(&self, bytes: u64, keys: u64, expired: u64) {
        let loading = &self.persistence.loading;
        loading.loaded_bytes.store(bytes, Relaxed);
        loading.loaded_keys.store(keys, Relaxed);
        loading.expired_keys.store(expired, Relaxed);
    }

    /// Tells how far loading has come in its files, where no keys are counted.
    pub fn note_loaded_bytes(&self, bytes: u64) {
        self.persistence.loading.loaded_bytes.store(bytes, Relaxed);
    }

    /// The data are there: the node serves, first of all those that have waited since before. They count as saved.
    pub fn end_loading(&self, worker: WorkerId, now: Now) {
        self.persistence.state.lock().saved_changes = self.changes();
        *self.persistence.loading.begun.lock() = None;
        let moment = self.load_moment(now);
        // Nobody is let in, and nobody is served, before it is known how that is logged.
        let all = self.keyspace.hold_all(0, worker, moment);
        self.persistence.set_hindrance(super::LOADING, false);
        self.set_logging(&all);
        drop(all);
        self.serve_all(worker, moment);
    }

    /// The moment at which keys are loaded.
    #[must_use]
    pub fn load_moment(&self, now: Now) -> Moment {
        self.moment(&Tuning::new(&self.settings.current()), now)
    }

    /// Whether data are being loaded.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.persistence.hindrances() & super::LOADING != 0
    }

    pub(crate) fn loading_report(&self) -> Option<LoadingReport> {
        let loading = &self.persistence.loading;
        let begun = (*loading.begun.lock())?;
        Some(LoadingReport {
            start: begun.at.wall.seconds(),
            total_bytes: begun.total_bytes,
            used_memory: begun.used_memory,
            loaded_bytes: loading.loaded_bytes.load(Relaxed),
            since: begun.at.monotonic,
        })
    }

    /// How many keys were loaded, and how many were not because their time had come.
    pub(crate) fn loaded_keys(&self) -> (u64, u64) {
        let loading = &self.persistence.loading;
        (loading.loaded_keys.load(Relaxed), loading.expired_keys.load(Relaxed))
    }
}
