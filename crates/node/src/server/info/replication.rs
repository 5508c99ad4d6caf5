//! INFO: whom the node follows, and who follows it.

use super::Report;
use crate::replication::{LinkStage, PrimaryReport, ReplicaReport, earlier_fields};

/// Whom the node follows, and who follows it.
pub(super) fn replication(report: &mut Report<'_>) {
    let (node, now) = (report.node, report.now.monotonic);
    match node.primary_report(now) {
        Some(primary) => of_primary(report, &primary),
        None => report.field("role", "master"),
    }
    let replicas = node.replica_reports(now);
    report.field("connected_slaves", replicas.len());
    if report.settings.min_replicas() > 0 {
        report.field("min_slaves_good_slaves", node.near_replicas(now));
    }
    for (number, replica) in replicas.iter().enumerate() {
        let ReplicaReport { host, port, state, offset, lag_seconds } = replica;
        report.field(
            format_args!("slave{number}"),
            format_args!(
                "ip={host},port={port},state={state},offset={offset},lag={lag_seconds},type=replica"
            ),
        );
    }
    // Those that get their snapshot on a connection of its own, which is not offered.
    report.field("replicas_waiting_psync", 0);
    let stream = node.stream_report();
    let (earlier, end) = earlier_fields(&stream.history);
    report.field("master_failover_state", node.failover_state());
    report.field("master_replid", stream.history.id);
    report.field("master_replid2", earlier);
    report.field("master_repl_offset", stream.offset);
    report.field("second_repl_offset", end);
    report.field("repl_backlog_active", u8::from(stream.is_kept));
    report.field("repl_backlog_size", report.settings.backlog_bytes());
    report.field("repl_backlog_first_byte_offset", stream.kept.0);
    report.field("repl_backlog_histlen", stream.kept.1);
    let (waits, micros, timeouts) = node.ack_waits();
    report.field("write_acks", report.settings.write_acks());
    report.field("write_acks_waits", waits);
    report.field("write_acks_wait_usec", micros);
    report.field("write_acks_timeouts", timeouts);
}

/// The primary, and the link to it.
fn of_primary(report: &mut Report<'_>, primary: &PrimaryReport) {
    let is_up = primary.stage == LinkStage::Up;
    report.field("role", "slave");
    report.field("master_host", &primary.host);
    report.field("master_port", primary.port);
    report.field("master_link_status", if is_up { "up" } else { "down" });
    let silent = primary.silent_seconds.filter(|_| is_up);
    report.field("master_last_io_seconds_ago", silent.map_or(-1, |seconds| seconds as i64));
    report.field("master_sync_in_progress", u8::from(primary.stage == LinkStage::Sync));
    // Redis, too, has 1 where there is no place in a stream.
    let (read, applied) = primary.offsets.unwrap_or((1, 1));
    report.field("slave_read_repl_offset", read);
    report.field("slave_repl_offset", applied);
    if primary.stage == LinkStage::Sync {
        let sync = primary.sync.unwrap_or_default();
        let total = sync.total.unwrap_or(0);
        let percent = sync.read as f64 * 100.0 / total.max(1) as f64;
        report.field("master_sync_total_bytes", total);
        report.field("master_sync_read_bytes", sync.read);
        report.field("master_sync_left_bytes", total as i64 - sync.read as i64);
        report.field(
            "master_sync_perc",
            format_args!("{:.2}", if sync.total.is_some() { percent } else { 0.0 }),
        );
        let silent = primary.silent_seconds.unwrap_or(0);
        report.field("master_sync_last_io_seconds_ago", silent);
    }
    if !is_up {
        let down = primary.down_seconds.map_or(-1, |seconds| seconds as i64);
        report.field("master_link_down_since_seconds", down);
    }
    // What has come on such a connection's sibling meanwhile.
    report.field("replicas_repl_buffer_size", 0);
    report.field("replicas_repl_buffer_peak", 0);
    report.field("slave_priority", report.settings.replica_priority());
    report.field("slave_read_only", u8::from(report.settings.is_replica_read_only()));
    report.field("replica_announced", u8::from(report.settings.is_replica_announced()));
}
