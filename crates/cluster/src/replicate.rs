//! CLUSTER REPLICATE, and who replicates whom.

use crate::error::ClusterError;
use crate::machine::{LogLevel, Machine, Now, Output};
use crate::nodes::MYSELF;
use base::NodeId;

impl Machine {
    /// CLUSTER REPLICATE: this node follows a primary.
    ///
    /// # Errors
    /// [`ClusterError`] for a node that is no primary of others, and where this one has something to lose.
    pub fn replicate(&mut self, now: Now, id: NodeId, has_keys: bool) -> Result<(), ClusterError> {
        let primary = self.nodes.find(&id).ok_or_else(|| ClusterError::unknown(id))?;
        if primary == MYSELF {
            return Err(ClusterError::ReplicateMyself);
        }
        if self.nodes[primary].is_replica() {
            return Err(ClusterError::ReplicateReplica);
        }
        let me = &self.nodes[MYSELF];
        if me.is_primary() && (me.slot_count > 0 || has_keys) {
            return Err(ClusterError::ReplicateWithData);
        }
        self.begin(now);
        self.follow(primary);
        self.save(true);
        self.finish();
        Ok(())
    }

    /// CLUSTER REPLICATE NO ONE: this replica becomes a primary without keys, in a shard of its own.
    pub fn detach(&mut self, now: Now) {
        self.begin(now);
        if self.is_replica() {
            self.log(LogLevel::Notice, || {
                "Stop replication and turning myself into empty primary.".to_owned()
            });
            self.leave_shard();
            self.save(true);
        }
        self.finish();
    }

    /// Follows nobody, has nothing and belongs nowhere from here on.
    pub(crate) fn leave_shard(&mut self) {
        self.stand_alone();
        self.nodes[MYSELF].shard = NodeId::random(&mut self.rng);
        self.output(Output::StandAlone);
    }

    /// CLUSTER REPLICAS: the lines of CLUSTER NODES of a primary's replicas.
    ///
    /// # Errors
    /// [`ClusterError`] for an unknown node, and for a replica.
    pub fn cluster_replicas(&self, id: NodeId) -> Result<Vec<String>, ClusterError> {
        let primary = self.nodes.find(&id).ok_or_else(|| ClusterError::unknown(id))?;
        if self.nodes[primary].is_replica() {
            return Err(ClusterError::NoPrimary);
        }
        let replicas = self.nodes.by_id().filter(|(_, node)| node.replica_of == Some(id));
        Ok(replicas.map(|(index, node)| self.cluster_nodes_line(index, node)).collect())
    }
}
