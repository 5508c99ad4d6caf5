//! What INFO and ROLE tell of replication.

use super::replica::Replica;
use super::{StreamPlace, SyncCounts};
use crate::node::Node;
use ::replication::{History, ReplicationId};
use base::Monotonic;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// A replica, as INFO and ROLE tell of it.
pub(crate) struct ReplicaReport {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) state: &'static str,
    pub(crate) offset: u64,
    pub(crate) lag_seconds: u64,
}

/// What is told of the stream.
pub(crate) struct StreamReport {
    pub(crate) history: History,
    pub(crate) offset: u64,
    pub(crate) is_kept: bool,
    /// The offset of the first byte that is kept, and how many are.
    pub(crate) kept: (u64, u64),
}

impl Node {
    /// The replicas that are connected.
    pub(crate) fn replica_reports(&self, now: Monotonic) -> Vec<ReplicaReport> {
        let report = |replica: &Arc<Replica>| {
            let (host, port) = replica.address();
            ReplicaReport {
                host,
                port,
                state: replica.stage.lock().name(),
                offset: replica.acknowledged.load(SeqCst),
                lag_seconds: replica.lag_seconds(now),
            }
        };
        self.replication.state.lock().replicas.iter().map(report).collect()
    }

    /// The stream.
    pub(crate) fn stream_report(&self) -> StreamReport {
        let end = self.log_end();
        let kept = self.kept_log();
        let state = self.replication.state.lock();
        let first = kept.start.wrapping_add_signed(state.shift) + 1;
        StreamReport {
            history: state.history,
            offset: end.wrapping_add_signed(state.shift),
            is_kept: state.is_kept,
            kept: if state.is_kept { (first, end - kept.start) } else { (0, 0) },
        }
    }

    /// How often replicas have got on the stream.
    pub(crate) fn sync_counts(&self) -> SyncCounts {
        self.replication.state.lock().counts
    }
}

/// The name and the end of the history before, as INFO tells them.
pub(crate) fn earlier_fields(history: &History) -> (String, i64) {
    match history.earlier {
        Some((id, end)) => (id.to_string(), end as i64),
        None => (ReplicationId::none_text(), -1),
    }
}

impl StreamPlace {
    /// As a snapshot tells it, by name.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, String); 3] {
        [
            ("repl-stream-db", self.database.to_string()),
            ("repl-id", self.id.to_string()),
            ("repl-offset", self.offset.to_string()),
        ]
    }
}
