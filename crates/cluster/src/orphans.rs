//! Replicas move to primaries that have lost all of theirs (`cluster-allow-replica-migration`).

use crate::machine::{LogLevel, Machine};
use crate::node::Node;
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::NodeFlags;
use base::NodeId;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a primary is without a replica before one of another's comes: its own may be restarting.
const ORPHAN_TIME: Duration = Duration::from_secs(5);

impl Machine {
    /// Moves to an orphaned primary, where this node is the one to go.
    ///
    /// BEHAVIOR: the replica with the smallest id goes, of those whose primaries have most. So one moves at a
    /// time, as long as views agree, and where they do not for a moment one replica too many moves.
    pub(crate) fn adopt_orphan(&mut self) {
        if !self.is_replica() || !self.config.allow_replica_migration {
            return;
        }
        let now = self.now.monotonic;
        let mut good: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for (_, node) in self.nodes.iter().filter(|(_, node)| !node.is_unreachable()) {
            if let Some(primary) = node.replica_of {
                good.entry(primary).or_default().push(node.id);
            }
        }
        let is_orphan = |node: &Node| {
            node.votes()
                && node.is(NodeFlags::MIGRATE_TO)
                && !node.is_unreachable()
                && !good.contains_key(&node.id)
        };
        let mut orphan: Option<NodeIndex> = None;
        for (index, node) in self.nodes.iter_mut() {
            if !is_orphan(node) {
                node.orphaned = None;
                continue;
            }
            let since = *node.orphaned.get_or_insert(now);
            if now.since(since) > ORPHAN_TIME && orphan.is_none() {
                orphan = Some(index);
            }
        }
        let Some(orphan) = orphan.filter(|_| self.is_ok()) else { return };
        let me = &self.nodes[MYSELF];
        let most = good.values().map(Vec::len).max().unwrap_or(0);
        let siblings = me.replica_of.and_then(|primary| good.get(&primary)).map_or(0, Vec::len);
        let spares =
            most >= 2 && siblings == most && siblings > self.config.migration_barrier as usize;
        let candidates = good.values().filter(|all| all.len() == most).flatten();
        if !spares || candidates.min() != Some(&me.id) {
            return;
        }
        let name = self.describe(orphan);
        self.log(LogLevel::Notice, || format!("Migrating to orphaned master {name}"));
        self.follow(orphan);
        self.save(true);
    }
}
