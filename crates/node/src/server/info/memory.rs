//! INFO: memory.

use super::Report;
use crate::server::MemoryUse;

pub(super) fn memory(report: &mut Report<'_>) {
    let node = report.node;
    let memory = MemoryUse::of(node);
    report.bytes("used_memory", memory.used);
    report.bytes("used_memory_rss", memory.resident);
    report.bytes("used_memory_peak", memory.peak);
    report.field("used_memory_peak_perc", format_args!("{:.2}%", memory.peak_percent()));
    report.field("used_memory_overhead", memory.overhead());
    report.field("used_memory_startup", memory.startup);
    report.field("used_memory_dataset", memory.dataset);
    report.field("used_memory_dataset_perc", format_args!("{:.2}%", memory.dataset_percent()));
    // The allocator is not asked: what it has is taken to be what is resident.
    report.field("allocator_allocated", memory.used);
    report.field("allocator_active", memory.resident);
    report.field("allocator_resident", memory.resident);
    report.field("allocator_muzzy", 0);
    report.bytes("total_system_memory", node.facts.system_memory_bytes);
    scripts(report);
    let (memory_max, policy) = (report.settings.memory_max(), report.settings.memory_policy());
    report.bytes("maxmemory", memory_max);
    report.field("maxmemory_policy", policy);
    report.field("allocator_frag_ratio", "1.00");
    report.field("allocator_frag_bytes", 0);
    report.field("allocator_rss_ratio", "1.00");
    report.field("allocator_rss_bytes", 0);
    report.field("rss_overhead_ratio", "1.00");
    report.field("rss_overhead_bytes", 0);
    report.field("mem_fragmentation_ratio", format_args!("{:.2}", memory.fragmentation()));
    report.field("mem_fragmentation_bytes", memory.fragmentation_bytes());
    report.field("mem_not_counted_for_evict", node.keyspace.unfreed_bytes());
    let kept = node.kept_log_bytes();
    report.field("mem_replication_backlog", kept.min(report.settings.backlog_bytes()));
    report.field("mem_total_replication_buffers", kept);
    report.field("mem_clients_slaves", 0);
    report.field("mem_clients_normal", memory.clients);
    report.field("mem_cluster_links", memory.links);
    report.field("mem_aof_buffer", 0);
    report.field("mem_allocator", &node.facts.allocator);
    report.field("active_defrag_running", 0);
    report.field("lazyfree_pending_objects", node.keyspace.unfreed_keys());
    report.field("lazyfreed_objects", node.keyspace.freed_keys());
}

/// There are no scripts and functions.
fn scripts(report: &mut Report<'_>) {
    report.field("used_memory_lua", 0);
    report.field("used_memory_vm_eval", 0);
    report.field("used_memory_lua_human", "0B");
    report.fields(
        &[
            "used_memory_scripts_eval",
            "number_of_cached_scripts",
            "number_of_functions",
            "number_of_libraries",
            "used_memory_vm_functions",
        ],
        0,
    );
    report.bytes("used_memory_vm_total", 0);
    report.field("used_memory_functions", 0);
    report.bytes("used_memory_scripts", 0);
}
