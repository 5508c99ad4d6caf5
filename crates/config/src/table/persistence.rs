//! Snapshots and the append-only file.

use super::choices::{AppendFsync, RdbVersionCheck};
use super::{Directive, Setting, section};
use crate::directive::{Check, Rule, bytes, checked, choice, integer, special, yes_no};
use crate::values::SavePoints;

const INT: i64 = i32::MAX as i64;

section! {
    /// Snapshots and the append-only file.
    Persistence persistence PERSISTENCE {
        /// Working folder, where all files are. The server makes it absolute when it starts.
        dir: Vec<u8> = checked("dir", Check::NotEmpty, "./").protected();
        /// File of the snapshot.
        dbfilename: Vec<u8> =
            checked("dbfilename", Check::FileName, "dump.rdb").protected();
        /// Seconds and changes after which a snapshot is taken; empty is never.
        save: SavePoints = special(
            "save",
            Rule::Words("pairs of seconds and changes"),
            "3600 1 300 100 60 10000",
        );
        /// Whether snapshots are compressed.
        rdbcompression: bool = yes_no("rdbcompression", "yes");
        /// Whether snapshots end with a checksum.
        rdbchecksum: bool = yes_no("rdbchecksum", "yes").immutable();
        /// Whether snapshots of newer versions are tried.
        rdb_version_check: RdbVersionCheck =
            choice::<RdbVersionCheck>("rdb-version-check", "strict").unused();
        /// Whether snapshot files for replication are deleted.
        rdb_del_sync_files: bool = yes_no("rdb-del-sync-files", "no");
        /// Whether snapshots are forced to the disk as they are written.
        rdb_save_incremental_fsync: bool = yes_no("rdb-save-incremental-fsync", "yes");
        /// Whether writes are refused after a snapshot has failed.
        stop_writes_on_bgsave_error: bool = yes_no("stop-writes-on-bgsave-error", "yes");
        /// Whether writes are logged to the append-only file.
        appendonly: bool = yes_no("appendonly", "no");
        /// First part of the names of the append-only files.
        appendfilename: Vec<u8> =
            checked("appendfilename", Check::FileName, "appendonly.aof").immutable();
        /// Folder of the append-only files.
        appenddirname: Vec<u8> =
            checked("appenddirname", Check::FileName, "appendonlydir").immutable();
        /// When the append-only file is forced to the disk.
        appendfsync: AppendFsync = choice::<AppendFsync>("appendfsync", "everysec");
        /// Whether that rests while the file is rewritten.
        no_appendfsync_on_rewrite: bool = yes_no("no-appendfsync-on-rewrite", "no");
        /// Growth in percent after which the file is rewritten; 0 is never.
        auto_aof_rewrite_percentage: u32 =
            integer("auto-aof-rewrite-percentage", 0, INT, "100");
        /// Size in bytes below which it is not.
        auto_aof_rewrite_min_size: u64 = bytes("auto-aof-rewrite-min-size", "67108864");
        /// Whether a file that ends in the middle of a command is loaded.
        aof_load_truncated: bool = yes_no("aof-load-truncated", "yes");
        /// Whether the base file is a snapshot.
        aof_use_rdb_preamble: bool = yes_no("aof-use-rdb-preamble", "yes");
        /// Whether the file is forced to the disk as it is rewritten.
        aof_rewrite_incremental_fsync: bool =
            yes_no("aof-rewrite-incremental-fsync", "yes");
        /// Whether the file holds the time of commands.
        aof_timestamp_enabled: bool = yes_no("aof-timestamp-enabled", "no");
        /// Whether old files stay after a rewrite.
        aof_disable_auto_gc: bool = yes_no("aof-disable-auto-gc", "no").hidden();
    }
}
