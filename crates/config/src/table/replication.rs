//! Primaries and replicas.

use super::choices::{DisklessLoad, WriteAcksPolicy};
use super::{Directive, Setting, section};
use crate::directive::{Rule, bytes_within, choice, integer, port, special, text, yes_no};
use crate::values::ReplicaOf;

const INT: i64 = i32::MAX as i64;

section! {
    /// Primaries and replicas.
    Replication replication REPLICATION {
        /// Primary of this node, outside a cluster.
        replicaof: ReplicaOf =
            special("replicaof", Rule::Words("host and port, or no one"), "")
                .alias("slaveof").immutable();
        /// Password for the primary.
        masterauth: Vec<u8> = text("masterauth", "").alias("primaryauth").secret();
        /// User for the primary.
        masteruser: Vec<u8> = text("masteruser", "").alias("primaryuser").secret();
        /// Whether a replica answers while it has lost its primary.
        replica_serve_stale_data: bool =
            yes_no("replica-serve-stale-data", "yes").alias("slave-serve-stale-data");
        /// Whether a replica refuses writes.
        replica_read_only: bool =
            yes_no("replica-read-only", "yes").alias("slave-read-only");
        /// Whether a replica drops its old data in the background.
        replica_lazy_flush: bool =
            yes_no("replica-lazy-flush", "yes").alias("slave-lazy-flush");
        /// Whether a replica leaves eviction to its primary.
        replica_ignore_maxmemory: bool =
            yes_no("replica-ignore-maxmemory", "yes").alias("slave-ignore-maxmemory");
        /// Whether a replica goes on when it cannot write to its disk.
        replica_ignore_disk_write_errors: bool =
            yes_no("replica-ignore-disk-write-errors", "no").unused();
        /// Rank among the replicas; the lowest is preferred, 0 is never promoted.
        replica_priority: u32 =
            integer("replica-priority", 0, INT, "100").alias("slave-priority");
        /// Whether Sentinel hears of this replica.
        replica_announced: bool = yes_no("replica-announced", "yes");
        /// Address that the primary is told.
        replica_announce_ip: String =
            text("replica-announce-ip", "").alias("slave-announce-ip");
        /// Port that the primary is told; 0 is the real one.
        replica_announce_port: u16 =
            port("replica-announce-port", "0").alias("slave-announce-port");
        /// Replicas without which writes are refused.
        min_replicas_to_write: u32 =
            integer("min-replicas-to-write", 0, INT, "0").alias("min-slaves-to-write");
        /// Seconds of silence after which a replica does not count for that.
        min_replicas_max_lag_seconds: u32 =
            integer("min-replicas-max-lag", 0, INT, "10").alias("min-slaves-max-lag");
        /// Bytes of the log that are kept for replicas that come back.
        repl_backlog_size: u64 =
            bytes_within("repl-backlog-size", 1, i64::MAX as u64, "10485760");
        /// Seconds without replicas after which they are dropped; 0 is never.
        repl_backlog_ttl_seconds: u64 = integer("repl-backlog-ttl", 0, i64::MAX, "3600");
        /// Seconds of silence after which a link is given up.
        repl_timeout_seconds: u32 = integer("repl-timeout", 1, INT, "60");
        /// Seconds between the primary's pings.
        repl_ping_replica_period_seconds: u32 =
            integer("repl-ping-replica-period", 1, INT, "10")
                .alias("repl-ping-slave-period");
        /// Whether small packets to replicas are put together.
        repl_disable_tcp_nodelay: bool = yes_no("repl-disable-tcp-nodelay", "no").unused();
        /// Whether snapshots go to replicas without touching the disk.
        repl_diskless_sync: bool = yes_no("repl-diskless-sync", "yes");
        /// Seconds to wait for more replicas before such a snapshot.
        repl_diskless_sync_delay_seconds: u32 =
            integer("repl-diskless-sync-delay", 0, INT, "5");
        /// Replicas for which it does not wait longer; 0 is no such number.
        repl_diskless_sync_max_replicas: u32 =
            integer("repl-diskless-sync-max-replicas", 0, INT, "0");
        /// What a replica does with a snapshot from the network.
        repl_diskless_load: DisklessLoad =
            choice::<DisklessLoad>("repl-diskless-load", "disabled");
        /// Whether snapshot and stream use two connections.
        dual_channel_replication_enabled: bool =
            yes_no("dual-channel-replication-enabled", "no").unused();
        /// Replicas that have to have what is written before a client is told that it is; ours.
        write_acks: u32 = integer("write-acks", 0, INT, "0");
        /// Milliseconds that a write waits for them.
        write_acks_timeout_ms: u32 = integer("write-acks-timeout", 1, INT, "1000");
        /// What becomes of it then.
        write_acks_policy: WriteAcksPolicy = choice::<WriteAcksPolicy>("write-acks-policy", "refuse");
        /// Whether links use multipath TCP.
        repl_mptcp: bool = yes_no("repl-mptcp", "no").immutable().unused();
    }
}
