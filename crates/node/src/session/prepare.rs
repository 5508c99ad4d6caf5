//! Looking ahead: what can be known of a request before it runs, and bringing its memory in.

use crate::node::Node;
use crate::table::Entry;
use base::Slot;
use engine::Keyspace;
use resp::Args;

/// A request whose command was looked up and whose first key was hashed.
#[derive(Clone, Copy)]
pub(crate) struct Prepared<'n> {
    /// The command, unless there is none of this name.
    pub(crate) entry: Option<&'n Entry>,
    /// The slot and the hash of the first key, where the keys stand in the simple way.
    pub(crate) key: Option<(Slot, u64)>,
}

impl<'n> Prepared<'n> {
    pub(crate) const NONE: Prepared<'static> = Prepared { entry: None, key: None };

    /// Fills in what `args` say. The command is looked for in the table unless it is the one before.
    #[inline]
    pub(crate) fn look_up<'a>(
        &mut self,
        node: &'n Node,
        args: Args<'a>,
        before: &mut Option<(&'a [u8], &'n Entry)>,
    ) {
        let name = args.name();
        self.entry = match *before {
            Some((same, entry)) if same == name => Some(entry),
            Some(_) | None => node.table.find(name),
        };
        *before = self.entry.map(|entry| (name, entry));
        let keys = self.entry.and_then(|entry| entry.keys);
        self.key = keys.and_then(|keys| args.get(keys.first)).map(|key| {
            let slot = Slot::of_key(key);
            node.keyspace.prefetch_slot(slot);
            (slot, node.keyspace.hash(key))
        });
    }
}

/// Brings in the buckets, then the records, of all first keys: each step's misses overlap instead of following each other.
#[inline]
pub(crate) fn prefetch(keyspace: &Keyspace, prepared: &[Prepared<'_>]) {
    for (slot, hash) in prepared.iter().filter_map(|one| one.key) {
        keyspace.prefetch_bucket(slot, hash);
    }
    for (slot, hash) in prepared.iter().filter_map(|one| one.key) {
        keyspace.prefetch_record(slot, hash);
    }
}
