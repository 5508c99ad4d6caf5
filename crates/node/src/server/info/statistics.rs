//! INFO: what was counted, in all, by command and by error.

use super::Report;
use crate::stats::{Counter, WorkerStats};
use engine::Tally;
use std::sync::atomic::Ordering::Relaxed;

const BYTES_PER_KILOBYTE: f64 = 1024.0;

pub(super) fn stats(report: &mut Report<'_>) {
    traffic(report);
    let node = report.node;
    let keys = |count: fn(&Tally) -> u64| node.keyspace.tallies().map(count).sum::<u64>();
    let sum = |counter: fn(&WorkerStats) -> &Counter| {
        node.all_stats().map(|stats| counter(stats).value()).sum::<u64>()
    };
    let expiry = &node.upkeep.expiry;
    let syncs = node.sync_counts();
    report.field("sync_full", syncs.full);
    report.field("sync_partial_ok", syncs.partial);
    report.field("sync_partial_err", syncs.refused);
    report.field("expired_keys", keys(Tally::expired));
    report.field("expired_fields", keys(Tally::expired_fields));
    report.field("expired_stale_perc", format_args!("{:.2}", expiry.stale_percent()));
    report.field("expired_time_cap_reached_count", expiry.time_cap_reached.value());
    report.field("expire_cycle_cpu_milliseconds", expiry.micros.value() / 1000);
    let eviction = &node.upkeep.eviction;
    let (exceeded, current) = eviction.exceeded_millis(node.host.monotonic_micros());
    report.field("evicted_keys", keys(Tally::evicted));
    report.field("evicted_clients", eviction.clients.load(Relaxed));
    report.field("total_eviction_exceeded_time", exceeded);
    report.field("current_eviction_exceeded_time", current);
    report.field("keyspace_hits", keys(Tally::hits));
    report.field("keyspace_misses", keys(Tally::misses));
    let listened_to = node.channels.counts();
    report.field("pubsub_channels", listened_to.channels);
    report.field("pubsub_patterns", listened_to.patterns);
    report.field("pubsubshard_channels", listened_to.shard_channels);
    report.fields(
        &[
            "latest_fork_usec",
            "total_forks",
            "migrate_cached_sockets",
            "slave_expires_tracked_keys",
            "active_defrag_hits",
            "active_defrag_misses",
            "active_defrag_key_hits",
            "active_defrag_key_misses",
            "total_active_defrag_time",
            "current_active_defrag_time",
        ],
        0,
    );
    let tracked = node.tracking.counts();
    report.field("tracking_total_keys", tracked.keys);
    report.field("tracking_total_items", tracked.items);
    report.field("tracking_total_prefixes", tracked.prefixes);
    // Nobody reads what commands of a primary's stream reply.
    let unexpected = node.stats(node.following()).errors.value();
    report.field("unexpected_error_replies", unexpected);
    report.field("total_error_replies", sum(|stats| &stats.errors));
    report.field("dump_payload_sanitizations", 0);
    report.field("total_reads_processed", sum(|stats| &stats.reads));
    report.field("total_writes_processed", sum(|stats| &stats.writes));
    report.fields(&["io_threaded_reads_processed", "io_threaded_writes_processed"], 0);
    report.field(
        "client_query_buffer_limit_disconnections",
        sum(|stats| &stats.query_buffer_disconnections),
    );
    report.field(
        "client_output_buffer_limit_disconnections",
        sum(|stats| &stats.output_buffer_disconnections),
    );
    report.fields(&["reply_buffer_shrinks", "reply_buffer_expands"], 0);
    // A turn of the loop that runs commands is a batch.
    report.field("eventloop_cycles", sum(|stats| &stats.batches));
    let batch_micros = sum(|stats| &stats.batch_nanos) / 1000;
    report.field("eventloop_duration_sum", batch_micros);
    report.field("eventloop_duration_cmd_sum", batch_micros);
    report.field("acl_access_denied_auth", sum(|stats| &stats.denied_authentications));
    report.fields(
        &["acl_access_denied_cmd", "acl_access_denied_key", "acl_access_denied_channel"],
        0,
    );
}

/// Connections, commands and bytes: in all, and at the moment.
fn traffic(report: &mut Report<'_>) {
    let node = report.node;
    let sum = |counter: fn(&WorkerStats) -> &Counter| {
        node.all_stats().map(|stats| counter(stats).value()).sum::<u64>()
    };
    let rates = node.upkeep.rates();
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / BYTES_PER_KILOBYTE);
    report.field("total_connections_received", sum(|stats| &stats.connections));
    report.field("total_commands_processed", sum(|stats| &stats.commands));
    report.field("instantaneous_ops_per_sec", rates.commands);
    report.field("total_net_input_bytes", sum(|stats| &stats.input_bytes));
    report.field("total_net_output_bytes", sum(|stats| &stats.output_bytes));
    report.field("total_net_repl_input_bytes", sum(|stats| &stats.replication_input_bytes));
    report.field("total_net_repl_output_bytes", sum(|stats| &stats.replication_output_bytes));
    report.field("instantaneous_input_kbps", kilobytes(rates.input_bytes));
    report.field("instantaneous_output_kbps", kilobytes(rates.output_bytes));
    report.fields(&["instantaneous_input_repl_kbps", "instantaneous_output_repl_kbps"], "0.00");
    report.field("rejected_connections", sum(|stats| &stats.rejected_connections));
}

/// A line for each command that was called or refused.
pub(super) fn commands(report: &mut Report<'_>) {
    for counts in report.node.command_counts() {
        let micros = counts.nanos / 1000;
        let per_call = counts.nanos as f64 / 1000.0 / counts.calls.max(1) as f64;
        report.field(
            format_args!("cmdstat_{}", counts.name),
            format_args!(
                "calls={},usec={micros},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}",
                counts.calls, counts.rejected, counts.failed
            ),
        );
    }
}

/// A line for each code word of errors.
pub(super) fn errors(report: &mut Report<'_>) {
    for (code, count) in report.node.error_counts() {
        report.field(format_args!("errorstat_{code}"), format_args!("count={count}"));
    }
}
