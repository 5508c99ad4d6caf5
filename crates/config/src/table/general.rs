//! The process: threads, version, timers, scripts, signals.

use super::choices::{OomScoreAdj, PropagationError, Supervision};
use super::{Directive, Setting, section};
use crate::directive::{Check, Rule, checked, choice, integer, special, text, yes_no};
use crate::values::{KeyspaceEvents, OomScores, ShutdownFlags};

const INT: i64 = i32::MAX as i64;
const INT_MIN: i64 = i32::MIN as i64;

section! {
    /// The process: threads, version, timers, scripts, signals.
    General general GENERAL {
        /// Threads that run commands; 0 is one for each core.
        worker_threads: u32 =
            integer("worker-threads", 0, 256, "0").alias("io-threads").immutable();
        /// Version that clients are told, as redis_version.
        compat_version: String = checked("compat-version", Check::Version, "7.2.4").immutable();
        /// Databases outside a cluster.
        databases: u32 = integer("databases", 1, INT, "16").immutable();
        /// Whether to go on in the background.
        daemonize: bool = yes_no("daemonize", "no").immutable();
        /// Which process manager started the server.
        supervised: Supervision = choice::<Supervision>("supervised", "no").immutable().unused();
        /// File that holds the process id while the server runs.
        pidfile: Vec<u8> = text("pidfile", "").immutable();
        /// Rounds of background work in a second; kept between 1 and 500.
        hz: u32 = integer("hz", 0, INT, "10");
        /// Whether the rounds adapt to the number of clients; they always do.
        dynamic_hz: bool = yes_no("dynamic-hz", "yes").hidden().unused();
        /// How hard expired keys are looked for, 1 to 10.
        active_expire_effort: u32 = integer("active-expire-effort", 1, 10, "1");
        /// Whether hash tables shrink and grow in the background.
        activerehashing: bool = yes_no("activerehashing", "yes").unused();
        /// Which events of keys are published.
        notify_keyspace_events: KeyspaceEvents =
            special("notify-keyspace-events", Rule::Events, "");
        /// Milliseconds after which a running script makes others see BUSY; 0 is never.
        busy_reply_threshold_ms: u64 =
            integer("busy-reply-threshold", 0, i64::MAX, "5000").alias("lua-time-limit").unused();
        /// Whether scripts may use calls that can reach out of the sandbox.
        lua_enable_insecure_api: bool =
            yes_no("lua-enable-insecure-api", "no")
                .alias("lua-enable-deprecated-api").protected().hidden().unused();
        /// Seconds that a shutdown waits for replicas.
        shutdown_timeout_seconds: u32 = integer("shutdown-timeout", 0, INT, "10").unused();
        /// What SIGTERM means.
        shutdown_on_sigterm: ShutdownFlags = special(
            "shutdown-on-sigterm",
            Rule::Words("default, save, nosave, now, force, safe, failover"),
            "default",
        );
        /// What SIGINT means.
        shutdown_on_sigint: ShutdownFlags = special(
            "shutdown-on-sigint",
            Rule::Words("default, save, nosave, now, force, safe, failover"),
            "default",
        );
        /// What happens when a replicated command fails.
        propagation_error_behavior: PropagationError =
            choice::<PropagationError>("propagation-error-behavior", "ignore").unused();
        /// Whether the server poses as Redis where names differ.
        extended_redis_compatibility: bool =
            yes_no("extended-redis-compatibility", "no").unused();
        /// Whether data is imported: nothing expires or is evicted by itself.
        import_mode: bool = yes_no("import-mode", "no").unused();
        /// Checks of the environment whose warnings are not heeded.
        ignore_warnings: String = text("ignore-warnings", "").unused();
        /// Whether the process title says what the server is.
        set_proc_title: bool = yes_no("set-proc-title", "yes").immutable().unused();
        /// Process title, with variables in braces.
        proc_title_template: String = checked(
            "proc-title-template",
            Check::Title,
            "{title} {listen-addr} {server-mode}",
        ).unused();
        /// Whether huge pages are switched off for the process.
        disable_thp: bool = yes_no("disable-thp", "yes").immutable().unused();
        /// Whether the kernel is told whom to kill first when memory runs out.
        oom_score_adj: OomScoreAdj = choice::<OomScoreAdj>("oom-score-adj", "no").unused();
        /// Scores for the kernel: as a primary, as a replica, of background children.
        oom_score_adj_values: OomScores =
            special("oom-score-adj-values", Rule::Words("three integers"), "0 200 800")
                .unused();
        /// Cores of the workers.
        server_cpulist: String =
            text("server_cpulist", "").alias("server-cpulist").immutable().unused();
        /// Cores of background threads.
        bio_cpulist: String = text("bio_cpulist", "").alias("bio-cpulist").immutable().unused();
        /// Cores of the append-only file's rewrite.
        aof_rewrite_cpulist: String =
            text("aof_rewrite_cpulist", "").alias("aof-rewrite-cpulist").immutable().unused();
        /// Cores of snapshots.
        bgsave_cpulist: String =
            text("bgsave_cpulist", "").alias("bgsave-cpulist").immutable().unused();
        /// Seed of the hash functions; empty draws one at start.
        hash_seed: Vec<u8> = text("hash-seed", "").immutable().secret().unused();
        /// Locale of comparisons; only C is there.
        locale_collate: String = checked("locale-collate", Check::Locale, "").unused();
        /// Whether reads are spread over I/O threads; workers always do both.
        io_threads_do_reads: bool =
            yes_no("io-threads-do-reads", "no").immutable().hidden().unused();
        /// Whether I/O threads are kept awake.
        io_threads_always_active: bool =
            yes_no("io-threads-always-active", "no").hidden().unused();
        /// Commands whose keys are prefetched together.
        prefetch_batch_max_size: u32 = integer("prefetch-batch-max-size", 0, 128, "16").unused();
        /// I/O threads from which on values are sent without copying.
        min_io_threads_avoid_copy_reply: u32 =
            integer("min-io-threads-avoid-copy-reply", 0, INT, "7").hidden().unused();
        /// Bytes from which on values are sent without copying.
        min_string_size_avoid_copy_reply: u32 =
            integer("min-string-size-avoid-copy-reply", 0, INT, "16384").hidden().unused();
        /// The same, with I/O threads.
        min_string_size_avoid_copy_reply_threaded: u32 =
            integer("min-string-size-avoid-copy-reply-threaded", 0, INT, "65536").hidden().unused();
        /// Whether assertions that cost time are checked.
        enable_debug_assert: bool =
            yes_no("enable-debug-assert", "no").immutable().hidden().unused();
        /// Milliseconds after which a stuck event loop is reported; 0 is never.
        watchdog_period_ms: u32 = integer("watchdog-period", 0, INT, "0").hidden().unused();
        /// Whether a panic exits rather than aborts.
        use_exit_on_panic: bool = yes_no("use-exit-on-panic", "no").hidden().unused();
        /// A note for bug reports.
        debug_context: Vec<u8> = text("debug-context", "").hidden().unused();
        /// Microseconds of delay for each key loaded, for tests.
        key_load_delay: i32 = integer("key-load-delay", INT_MIN, INT, "0").hidden();
        /// Microseconds of delay for each key saved, for tests.
        rdb_key_save_delay: i32 =
            integer("rdb-key-save-delay", INT_MIN, INT, "0").hidden();
        /// Bytes of a snapshot loaded between two looks at the network.
        loading_process_events_interval_bytes: u32 =
            integer("loading-process-events-interval-bytes", 1024, INT, "2097152").hidden()
                .unused();
    }
}
