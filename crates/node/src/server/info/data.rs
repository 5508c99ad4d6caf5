//! INFO: what becomes of the data: files, the cluster, the databases.

use super::Report;
use crate::persistence::seconds_since;

/// What is saved, and how that went.
pub(super) fn persistence(report: &mut Report<'_>) {
    let node = report.node;
    let save = node.save_report();
    let loading = node.loading_report();
    report.field("loading", u8::from(loading.is_some()));
    report.field("async_loading", 0);
    // Nothing is copied on write: what is saved and not written yet is what a save takes.
    report.fields(&["current_cow_peak", "current_cow_size"], save.waiting_bytes);
    report.field("current_cow_size_age", 0);
    report.field("current_fork_perc", "0.00");
    let (processed, total) = save.keys.unwrap_or_default();
    report.field("current_save_keys_processed", processed);
    report.field("current_save_keys_total", total);
    report.field("rdb_changes_since_last_save", save.changes_since);
    report.field("rdb_bgsave_in_progress", u8::from(save.running_since.is_some()));
    report.field("rdb_last_save_time", save.saved_at);
    report.field("rdb_last_bgsave_status", if save.is_ok { "ok" } else { "err" });
    let took = save.took.map_or(-1, |took| took.as_secs() as i64);
    report.field("rdb_last_bgsave_time_sec", took);
    let running = seconds_since(save.running_since, report.now.monotonic);
    report.field("rdb_current_bgsave_time_sec", running);
    report.field("rdb_saves", save.saves);
    report.field("rdb_last_cow_size", 0);
    let (loaded, expired) = node.loaded_keys();
    report.field("rdb_last_load_keys_expired", expired);
    report.field("rdb_last_load_keys_loaded", loaded);
    append_only_file(report);
    report
        .fields(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"], 0);
    append_only_file_sizes(report);
    if let Some(loading) = loading {
        let (done, total) = (loading.loaded_bytes, loading.total_bytes.max(1));
        report.field("loading_start_time", loading.start);
        report.field("loading_total_bytes", loading.total_bytes);
        report.field("loading_rdb_used_mem", loading.used_memory);
        report.field("loading_loaded_bytes", done);
        report.field(
            "loading_loaded_perc",
            format_args!("{:.2}", done as f64 * 100.0 / total as f64),
        );
        let passed = report.now.monotonic.since(loading.since).as_secs_f64();
        let left = (total.saturating_sub(done)) as f64 / (done.max(1) as f64) * passed;
        report.field("loading_eta_seconds", if done == 0 { 1 } else { left as u64 });
    }
}

/// Whether there is an append-only file, and how its rewrites went.
fn append_only_file(report: &mut Report<'_>) {
    let node = report.node;
    let aof = node.aof_report();
    // What was asked for begins at once, unless a save stands in its way.
    let is_about_to = aof.is_scheduled && node.save_report().keys.is_none();
    let is_running = aof.running_since.is_some() || is_about_to;
    report.field("aof_enabled", u8::from(node.settings.current().persistence.appendonly));
    report.field("aof_rewrite_in_progress", u8::from(is_running));
    report.field("aof_rewrite_scheduled", u8::from(aof.is_scheduled && !is_about_to));
    let took = aof.took.map_or(-1, |took| took.as_secs() as i64);
    report.field("aof_last_rewrite_time_sec", took);
    let running = seconds_since(aof.running_since, report.now.monotonic);
    report.field("aof_current_rewrite_time_sec", running);
    report.field("aof_last_bgrewrite_status", if aof.failures == 0 { "ok" } else { "err" });
    report.field("aof_rewrites", aof.rewrites);
    report.field("aof_rewrites_consecutive_failures", aof.failures);
    let is_well = aof.status.failure.is_none();
    report.field("aof_last_write_status", if is_well { "ok" } else { "err" });
}

/// How long the append-only file is, where there is one.
fn append_only_file_sizes(report: &mut Report<'_>) {
    if !report.node.settings.current().persistence.appendonly {
        return;
    }
    let aof = report.node.aof_report();
    report.field("aof_current_size", aof.status.bytes);
    report.field("aof_base_size", aof.status.base_bytes);
    report.field("aof_pending_rewrite", 0);
    report.field("aof_buffer_length", aof.waiting_bytes);
    report.field("aof_pending_bio_fsync", u8::from(aof.status.syncs));
    report.field("aof_delayed_fsync", 0);
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
