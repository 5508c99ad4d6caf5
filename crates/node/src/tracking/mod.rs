//! CLIENT TRACKING: clients that keep what they have read are told when it changes.
//!
//! # Design
//!
//! A client either is remembered with every key that it reads, and told once when that key changes; or it names prefixes and is told of
//! every change of a key that begins so (`BCAST`). Names of keys count, whatever their database, as in Redis.
//!
//! While anybody tracks, the keyspace notes the modified keys of every command ([`engine::Keyspace::set_observed_whole`]); while nobody does, all of
//! this costs nothing.
//!
//! # Invariants
//!
//! 1. A key is remembered while its slot is held, after it was read; its change is told while its slot is held. A client that has
//!    read a value either is told of its end or has read the later one.
//! 2. A notice comes after the reply of the command that was running when it was sent.
//! 3. The table of keys has a bound (`tracking-table-max-keys`); a key that it has no room for is told to have changed.

mod notice;
mod table;
mod tracker;

pub(crate) use tracker::{Mode, Tracker, TrackingError, TrackingOptions};

use crate::clients::{Client, ClientId, flag};
use config::Config;
use engine::{Keyspace, ModifiedKey};
use notice::Notice;
use parking_lot::RwLock;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use table::KeyTable;

/// How many keys are forgotten at most for one that is remembered, while there are too many.
const FORGOTTEN_PER_KEY_MAX: usize = 4;

/// How many keys a timer forgets at most in one go, while there are too many.
const FORGOTTEN_PER_TICK_MAX: usize = 20_000;

/// Who tracks what.
#[derive(Default)]
pub struct Tracking {
    table: KeyTable,
    keys_max: AtomicUsize,
    unread_bytes_max: AtomicU64,
    registry: RwLock<Registry>,
    /// How many prefixes there are, to be asked without the lock.
    prefixes_count: AtomicUsize,
}

#[derive(Default)]
struct Registry {
    trackers: BTreeMap<ClientId, Arc<Tracker>>,
    prefixes: BTreeMap<Box<[u8]>, BTreeMap<ClientId, Arc<Tracker>>>,
}

/// How much is tracked (INFO).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TrackingCounts {
    /// Clients that track.
    pub(crate) clients: usize,
    /// Keys that are remembered.
    pub(crate) keys: usize,
    /// Pairs of a key and a client that has read it.
    pub(crate) items: usize,
    /// Prefixes that are tracked.
    pub(crate) prefixes: usize,
}

impl Tracking {
    /// Takes over what the settings say.
    pub(crate) fn configure(&self, config: &Config) {
        let network = &config.network;
        let keys_max = usize::try_from(network.tracking_table_max_keys).unwrap_or(usize::MAX);
        self.keys_max.store(keys_max, Relaxed);
        self.unread_bytes_max.store(network.client_output_buffer_limit.pubsub.hard_bytes, Relaxed);
    }

    /// A client begins to track, or goes on in another way.
    ///
    /// # Errors
    ///
    /// Where the options contradict each other or what it has tracked until now.
    pub(crate) fn enable(
        &self,
        keyspace: &Keyspace,
        client: &Arc<Client>,
        options: TrackingOptions,
    ) -> Result<Arc<Tracker>, TrackingError> {
        let mut registry = self.registry.write();
        let old = registry.trackers.get(&client.id);
        let tracker = Arc::new(Tracker::new(client, old.map(Arc::as_ref), options)?);
        for prefix in &tracker.prefixes {
            let trackers = registry.prefixes.entry(prefix.clone()).or_default();
            trackers.insert(client.id, Arc::clone(&tracker));
        }
        self.prefixes_count.store(registry.prefixes.len(), Relaxed);
        registry.trackers.insert(client.id, Arc::clone(&tracker));
        keyspace.set_observed_whole(true);
        client.set_flag(flag::TRACKING, true);
        client.set_flag(flag::BROADCAST, tracker.mode == Mode::Broadcast);
        client.set_flag(flag::BROKEN_REDIRECT, false);
        client.set_redirect(tracker.redirect.as_ref().map(|target| target.id));
        Ok(tracker)
    }

    /// A client no longer tracks.
    pub(crate) fn disable(&self, keyspace: &Keyspace, client: &Client) {
        if !client.has_flag(flag::TRACKING) {
            return;
        }
        let mut registry = self.registry.write();
        let Some(tracker) = registry.trackers.remove(&client.id) else { return };
        for prefix in &tracker.prefixes {
            if let Some(trackers) = registry.prefixes.get_mut(prefix) {
                trackers.remove(&client.id);
                if trackers.is_empty() {
                    registry.prefixes.remove(prefix);
                }
            }
        }
        self.prefixes_count.store(registry.prefixes.len(), Relaxed);
        if registry.trackers.is_empty() {
            keyspace.set_observed_whole(false);
            self.table.clear();
        }
        for bit in [flag::TRACKING, flag::BROADCAST, flag::BROKEN_REDIRECT] {
            client.set_flag(bit, false);
        }
    }

    /// A client has read a key, whose slot is held.
    pub(crate) fn remember(&self, id: ClientId, key: &[u8]) {
        self.table.remember(key, id);
        self.forget_beyond_limit(FORGOTTEN_PER_KEY_MAX);
    }

    /// Forgets some keys while there are too many.
    #[inline]
    pub(crate) fn shrink_by_some(&self) {
        if self.table.keys() != 0 {
            self.forget_beyond_limit(FORGOTTEN_PER_KEY_MAX);
        }
    }

    /// Forgets keys while there are too many. For a timer: the limit may have been lowered.
    pub(crate) fn shrink(&self) {
        self.forget_beyond_limit(FORGOTTEN_PER_TICK_MAX);
    }

    fn forget_beyond_limit(&self, keys: usize) {
        let keys_max = self.keys_max.load(Relaxed);
        for _ in 0..keys {
            if keys_max == 0 || self.table.keys() <= keys_max {
                return;
            }
            let Some((key, ids)) = self.table.take_any() else { return };
            self.notify(&key, &ids, None);
        }
    }

    /// Tells those that have read keys that these were modified, by the client `by`.
    pub(crate) fn invalidate(&self, modified: &[ModifiedKey], by: Option<ClientId>) {
        for one in modified {
            if let Some(ids) = self.table.take(&one.key) {
                self.notify(&one.key, &ids, by.filter(|_| !one.is_expired));
            }
        }
    }

    /// Tells that every key may have changed.
    pub(crate) fn invalidate_all(&self) {
        let registry = self.registry.read();
        if registry.trackers.is_empty() {
            return;
        }
        self.table.clear();
        let mut notice = Notice::of_all();
        for tracker in registry.trackers.values() {
            notice.send(tracker, self.unread_bytes_max.load(Relaxed));
        }
    }

    /// Tells those that have read a key that it has changed.
    fn notify(&self, key: &[u8], ids: &BTreeSet<ClientId>, by: Option<ClientId>) {
        let registry = self.registry.read();
        let keys = [key];
        let mut notice = Notice::of(&keys);
        for id in ids {
            // It may have gone, or track in another way by now.
            let Some(tracker) = registry.trackers.get(id) else { continue };
            if tracker.mode != Mode::Broadcast && !tracker.ignores(by) {
                notice.send(tracker, self.unread_bytes_max.load(Relaxed));
            }
        }
    }

    /// Tells those that track prefixes: one notice for each prefix, with all keys that were modified by the client `by`, or that expired.
    pub(crate) fn broadcast(&self, modified: &[ModifiedKey], by: Option<ClientId>) {
        if self.prefixes_count.load(Relaxed) == 0 {
            return;
        }
        let registry = self.registry.read();
        for (prefix, trackers) in &registry.prefixes {
            let modified = modified.iter().filter(|one| one.key.starts_with(prefix));
            // Of what befell a key, the last counts.
            let keys: BTreeMap<&[u8], bool> =
                modified.map(|one| (&*one.key, one.is_expired)).collect();
            let expired: Vec<&[u8]> =
                keys.iter().filter(|(_, is_expired)| **is_expired).map(|(key, _)| *key).collect();
            let keys: Vec<&[u8]> = keys.into_keys().collect();
            let (mut all, mut not_own) = (Notice::of(&keys), Notice::of(&expired));
            for tracker in trackers.values() {
                let notice = if tracker.ignores(by) { &mut not_own } else { &mut all };
                notice.send(tracker, self.unread_bytes_max.load(Relaxed));
            }
        }
    }

    /// How much is tracked.
    pub(crate) fn counts(&self) -> TrackingCounts {
        TrackingCounts {
            clients: self.registry.read().trackers.len(),
            keys: self.table.keys(),
            items: self.table.items(),
            prefixes: self.prefixes_count.load(Relaxed),
        }
    }
}
