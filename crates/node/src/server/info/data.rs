//! INFO: what becomes of the data: files, replicas, the cluster, the databases.

use super::Report;

/// Nothing is written to files: told as by a Redis that was never asked to save.
pub(super) fn persistence(report: &mut Report<'_>) {
    let node = report.node;
    report.fields(
        &[
            "loading",
            "async_loading",
            "current_cow_peak",
            "current_cow_size",
            "current_cow_size_age",
        ],
        0,
    );
    report.field("current_fork_perc", "0.00");
    report.fields(&["current_save_keys_processed", "current_save_keys_total"], 0);
    let changes: u64 = node.keyspace.tallies().map(engine::Tally::changes).sum();
    report.field("rdb_changes_since_last_save", changes);
    report.field("rdb_bgsave_in_progress", 0);
    report.field("rdb_last_save_time", node.started.wall.seconds());
    report.field("rdb_last_bgsave_status", "ok");
    report.fields(&["rdb_last_bgsave_time_sec", "rdb_current_bgsave_time_sec"], -1);
    report.fields(
        &[
            "rdb_saves",
            "rdb_last_cow_size",
            "rdb_last_load_keys_expired",
            "rdb_last_load_keys_loaded",
            "aof_enabled",
            "aof_rewrite_in_progress",
            "aof_rewrite_scheduled",
        ],
        0,
    );
    report.fields(&["aof_last_rewrite_time_sec", "aof_current_rewrite_time_sec"], -1);
    report.field("aof_last_bgrewrite_status", "ok");
    report.fields(&["aof_rewrites", "aof_rewrites_consecutive_failures"], 0);
    report.field("aof_last_write_status", "ok");
    report
        .fields(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"], 0);
}

/// A primary without replicas.
pub(super) fn replication(report: &mut Report<'_>) {
    let backlog_bytes = report.settings.backlog_bytes();
    report.field("role", "master");
    report.field("connected_slaves", 0);
    report.field("master_failover_state", "no-failover");
    report.field("master_replid", report.node.upkeep.replication_id());
    report.field("master_replid2", "0".repeat(40));
    report.field("master_repl_offset", 0);
    report.field("second_repl_offset", -1);
    report.field("repl_backlog_active", 0);
    report.field("repl_backlog_size", backlog_bytes);
    report.fields(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"], 0);
}

pub(super) fn cluster(report: &mut Report<'_>) {
    report.field("cluster_enabled", u8::from(report.node.cluster.is_some()));
}

/// A line for each database that holds keys.
pub(super) fn keyspace(report: &mut Report<'_>) {
    let keyspace = &report.node.keyspace;
    for database in 0..keyspace.databases() {
        let totals = keyspace.totals(database);
        if totals.keys > 0 {
            let ttl = keyspace.average_ttl_millis(database);
            let (keys, volatile) = (totals.keys, totals.volatile.max(0));
            report.field(
                format_args!("db{database}"),
                format_args!("keys={keys},expires={volatile},avg_ttl={ttl}"),
            );
        }
    }
}
