//! The keys that a connection watches.

use crate::session::{Context, Routed, presence};
use base::Slot;
use cluster::KeySlots;
use commands::Outcome;
use engine::{Access, Keyspace, Watch};
use resp::Args;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a watched key takes beside its name, which both know it by: its places with the connection and with the keyspace.
const OVERHEAD_BYTES: usize = 96;

/// The keys that a connection watches, each with its database; no allocation while there is none.
#[derive(Default)]
pub(crate) struct Watching {
    keys: BTreeSet<(usize, Box<[u8]>)>,
    /// What they take, in bytes.
    bytes: usize,
    watch: Arc<Watch>,
}

impl Watching {
    /// Begins to watch a key of a slot that is held, unless it is watched already.
    pub(crate) fn add(&mut self, access: &mut Access<'_>, database: usize, key: &[u8]) {
        if !self.keys.insert((database, key.into())) {
            return;
        }
        access.watch(key, &self.watch);
        self.bytes += 2 * key.len() + OVERHEAD_BYTES;
    }

    /// Whether one of the keys, whose slots are held, has changed.
    pub(crate) fn is_broken(&self, access: &mut Access<'_>) -> bool {
        self.keys.iter().any(|(database, key)| access.is_watch_broken(*database, key, &self.watch))
    }

    /// The names of the keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|(_, key)| &**key)
    }

    /// How many keys are watched.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The memory that they take, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes
    }

    /// Ends all watches. No slot may be held.
    pub(crate) fn end(&mut self, keyspace: &Keyspace) {
        if self.keys.is_empty() {
            return;
        }
        for (database, key) in std::mem::take(&mut self.keys) {
            keyspace.unwatch(database, &key, &self.watch);
        }
        self.bytes = 0;
        self.watch = Arc::default();
    }
}

impl Context<'_> {
    /// WATCH: begins to watch keys, under the locks of their slots.
    pub(super) fn watch_keys(&mut self, args: Args<'_>) -> Outcome {
        let database = self.state.database;
        let keyspace = &self.node.keyspace;
        let mut access = keyspace.hold_keys(args.iter_from(1), database, self.worker, self.moment);
        if self.node.cluster.is_some() {
            let slots = args.iter_from(1).map(Slot::of_key).fold(KeySlots::None, KeySlots::and);
            let there = || presence(&access, args.iter_from(1));
            self.route_unless_served(Routed::default(), slots, there)?;
        }
        for key in args.iter_from(1) {
            self.state.watching.add(&mut access, database, key);
        }
        Ok(())
    }
}
