//! Memory: its limit, what makes room, and when it is freed.

use super::choices::EvictionPolicy;
use super::{Directive, Setting, section};
use crate::directive::{bytes_within, choice, integer, yes_no};

const INT: i64 = i32::MAX as i64;

section! {
    /// Memory: its limit, what makes room, and when it is freed.
    Memory memory MEMORY {
        /// Bytes that the data may take; 0 is no limit.
        maxmemory: u64 = bytes_within("maxmemory", 0, u64::MAX, "0");
        /// Which keys make room.
        maxmemory_policy: EvictionPolicy =
            choice::<EvictionPolicy>("maxmemory-policy", "noeviction");
        /// Keys that are compared to find one to evict.
        maxmemory_samples: u32 = integer("maxmemory-samples", 1, 64, "5");
        /// How much time eviction takes at once, 0 to 100.
        maxmemory_eviction_tenacity: u32 =
            integer("maxmemory-eviction-tenacity", 0, 100, "10");
        /// How fast the frequency counter saturates.
        lfu_log_factor: u32 = integer("lfu-log-factor", 0, INT, "10");
        /// Minutes in which the frequency counter falls by one.
        lfu_decay_time_minutes: u32 = integer("lfu-decay-time", 0, INT, "1");
        /// Whether evicted values are freed in the background.
        lazyfree_lazy_eviction: bool = yes_no("lazyfree-lazy-eviction", "yes").unused();
        /// Whether expired values are freed in the background.
        lazyfree_lazy_expire: bool = yes_no("lazyfree-lazy-expire", "yes").unused();
        /// Whether overwritten values are freed in the background.
        lazyfree_lazy_server_del: bool = yes_no("lazyfree-lazy-server-del", "yes").unused();
        /// Whether DEL is UNLINK.
        lazyfree_lazy_user_del: bool = yes_no("lazyfree-lazy-user-del", "yes").unused();
        /// Whether FLUSHALL and FLUSHDB are ASYNC by themselves.
        lazyfree_lazy_user_flush: bool = yes_no("lazyfree-lazy-user-flush", "yes").unused();
        /// Whether memory is compacted while running.
        activedefrag: bool = yes_no("activedefrag", "no").unused();
        /// Wasted bytes below which nothing is compacted.
        active_defrag_ignore_bytes: u64 =
            bytes_within("active-defrag-ignore-bytes", 1, i64::MAX as u64, "104857600").unused();
        /// Percentage of waste from which on memory is compacted.
        active_defrag_threshold_lower: u32 =
            integer("active-defrag-threshold-lower", 0, 1000, "10").unused();
        /// Percentage of waste at which the effort is greatest.
        active_defrag_threshold_upper: u32 =
            integer("active-defrag-threshold-upper", 0, 1000, "100").unused();
        /// Least effort in percent of a core.
        active_defrag_cycle_min: u32 = integer("active-defrag-cycle-min", 1, 99, "1").unused();
        /// Greatest effort in percent of a core.
        active_defrag_cycle_max: u32 = integer("active-defrag-cycle-max", 1, 99, "25").unused();
        /// Microseconds of one step of compaction.
        active_defrag_cycle_us: u32 =
            integer("active-defrag-cycle-us", 0, 100_000, "500").unused();
        /// Elements of a collection that are compacted in one step.
        active_defrag_max_scan_fields: u64 =
            integer("active-defrag-max-scan-fields", 1, i64::MAX, "1000").unused();
        /// Whether the allocator works in a thread of its own.
        jemalloc_bg_thread: bool = yes_no("jemalloc-bg-thread", "yes").unused();
    }
}
