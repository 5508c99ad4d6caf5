//! What the server remembers of slow and large commands.

use super::{Directive, Setting, section};
use crate::directive::{Rule, integer, special, yes_no};
use crate::values::Percentiles;

section! {
    /// What the server remembers of slow and large commands.
    Telemetry telemetry TELEMETRY {
        /// Microseconds from which on a command is remembered as slow; -1 is never.
        slowlog_log_slower_than_us: i64 =
            integer("slowlog-log-slower-than", -1, i64::MAX, "10000")
            .alias("commandlog-execution-slower-than").unused();
        /// Slow commands remembered.
        slowlog_max_len: u64 = integer("slowlog-max-len", 0, i64::MAX, "128")
            .alias("commandlog-slow-execution-max-len").unused();
        /// Bytes from which on a request is remembered as large; -1 is never.
        request_larger_than_bytes: i64 =
            integer("commandlog-request-larger-than", -1, i64::MAX, "1048576").unused();
        /// Large requests remembered.
        large_request_max_len: u64 =
            integer("commandlog-large-request-max-len", 0, i64::MAX, "128").unused();
        /// Bytes from which on a reply is remembered as large; -1 is never.
        reply_larger_than_bytes: i64 =
            integer("commandlog-reply-larger-than", -1, i64::MAX, "1048576").unused();
        /// Large replies remembered.
        large_reply_max_len: u64 =
            integer("commandlog-large-reply-max-len", 0, i64::MAX, "128").unused();
        /// Milliseconds from which on an event is remembered for LATENCY; 0 is never.
        latency_monitor_threshold_ms: u64 =
            integer("latency-monitor-threshold", 0, i64::MAX, "0").unused();
        /// Whether latencies are kept for each command.
        latency_tracking: bool = yes_no("latency-tracking", "yes").unused();
        /// Percentiles of these that INFO shows.
        latency_tracking_info_percentiles: Percentiles = special(
            "latency-tracking-info-percentiles",
            Rule::Words("numbers from 0 to 100"),
            "50 99 99.9",
        ).unused();
    }
}
