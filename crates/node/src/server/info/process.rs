//! INFO: the process, its clients, its processor time.

use super::Report;
use crate::clients::flag;
use crate::pause::PauseKind;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// The access clock of keys counts seconds in 24 bits.
const LRU_CLOCK_MASK: i64 = 0x00ff_ffff;

pub(super) fn server(report: &mut Report<'_>) {
    let (node, now) = (report.node, report.now);
    let uptime = now.monotonic.since(node.started.monotonic).as_secs();
    let mode = if node.cluster.is_some() { "cluster" } else { "standalone" };
    let (port, hz) = (report.settings.port(), report.settings.hz());
    report.field("redis_version", &node.identity.compat_version);
    report.field("server_name", &node.identity.server_name);
    report.field("redstart_version", &node.identity.redstart_version);
    report.field("redis_git_sha1", "00000000");
    report.field("redis_git_dirty", 0);
    report.field("redis_mode", mode);
    report.field("os", &node.facts.system);
    report.field("arch_bits", usize::BITS);
    report.field("monotonic_clock", "POSIX clock_gettime");
    report.field("multiplexing_api", "epoll");
    report.field("process_id", node.facts.process_id);
    report.field("process_supervised", "no");
    report.field("run_id", &node.run_id);
    report.field("tcp_port", port);
    report.field("server_time_usec", node.host.unix_micros(now.wall));
    report.field("uptime_in_seconds", uptime);
    report.field("uptime_in_days", uptime / SECONDS_PER_DAY);
    report.field("hz", hz);
    report.field("configured_hz", hz);
    report.field("lru_clock", now.wall.seconds() & LRU_CLOCK_MASK);
    report.field("executable", &node.facts.executable);
    report.field("config_file", &node.facts.config_file);
    report.field("io_threads_active", 0);
    report.field("worker_threads", node.workers());
    for (number, listener) in report.settings.listeners().iter().enumerate() {
        report.field(format_args!("listener{number}"), listener);
    }
}

pub(super) fn clients(report: &mut Report<'_>) {
    let node = report.node;
    let links = node
        .cluster
        .as_ref()
        .map_or(0, |cluster| cluster.ask(|machine| machine.cluster_links().count()));
    let memory = node.clients.memory();
    let clients_max = report.settings.clients_max();
    report.field("connected_clients", node.clients.connected());
    report.field("cluster_connections", links);
    report.field("maxclients", clients_max);
    report.field("client_recent_max_input_buffer", memory.query_buffer_max);
    report.field("client_recent_max_output_buffer", memory.output_max);
    let all = node.clients.all();
    let paused = all.iter().filter(|client| client.has_flag(flag::PAUSED)).count();
    report.field("blocked_clients", node.blocked.len() + node.replica_waits() + paused);
    report.field("tracking_clients", node.tracking.counts().clients);
    report.field("pubsub_clients", node.channels.counts().clients);
    let watched: Vec<usize> = all
        .iter()
        .map(|client| client.watched_keys.load(Relaxed))
        .filter(|&keys| keys > 0)
        .collect();
    report.field("watching_clients", watched.len());
    report.field("clients_in_timeout_table", node.blocked.with_deadline());
    report.field("total_watched_keys", watched.iter().sum::<usize>());
    report.field("total_blocking_keys", node.keyspace.awaited_keys_len());
    report.field("total_blocking_keys_on_nokey", node.blocked.keys_that_may_go());
    let paused = node.paused();
    report.field("paused_reason", if paused.is_some() { "client_pause" } else { "none" });
    report.field("paused_actions", paused.map_or("none", |(kind, _)| PauseKind::name(kind)));
    let left = paused.map_or(Duration::ZERO, |(_, end)| end.since(report.now.monotonic));
    report.field("paused_timeout_milliseconds", left.as_millis());
}

pub(super) fn cpu(report: &mut Report<'_>) {
    let times = report.node.host.cpu_times();
    let of =
        [("", times.process), ("_children", times.children), ("_main_thread", times.main_thread)];
    for (whose, time) in of {
        for (kind, time) in [("sys", time.system), ("user", time.user)] {
            let seconds =
                format_args!("{}.{:06}", time.as_secs(), time.subsec_micros()).to_string();
            report.field(format_args!("used_cpu_{kind}{whose}"), seconds);
        }
    }
}
