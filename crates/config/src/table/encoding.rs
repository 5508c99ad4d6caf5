//! Up to what size collections are kept in their compact form.

use super::{Directive, Setting, section};
use crate::directive::{bytes, integer};

const INT: i64 = i32::MAX as i64;
const INT_MIN: i64 = i32::MIN as i64;

section! {
    /// Up to what size collections are kept in their compact form.
    Encoding encoding ENCODING {
        /// Fields of a compact hash.
        hash_max_listpack_entries: u64 =
            integer("hash-max-listpack-entries", 0, i64::MAX, "512")
                .alias("hash-max-ziplist-entries");
        /// Bytes of a field or value of a compact hash.
        hash_max_listpack_value: u64 =
            bytes("hash-max-listpack-value", "64").alias("hash-max-ziplist-value");
        /// Size of a list's node: elements if positive; -1 to -5 are 4, 8, 16, 32, 64 KiB.
        list_max_listpack_size: i32 =
            integer("list-max-listpack-size", INT_MIN, INT, "-2")
                .alias("list-max-ziplist-size");
        /// Nodes at each end of a list that are not compressed; 0 compresses none.
        list_compress_depth: u32 = integer("list-compress-depth", 0, INT, "0").unused();
        /// Members of a set of integers.
        set_max_intset_entries: u64 =
            integer("set-max-intset-entries", 0, i64::MAX, "512");
        /// Members of a compact set.
        set_max_listpack_entries: u64 =
            integer("set-max-listpack-entries", 0, i64::MAX, "128");
        /// Bytes of a member of a compact set.
        set_max_listpack_value: u64 =
            integer("set-max-listpack-value", 0, i64::MAX, "64");
        /// Members of a compact sorted set.
        zset_max_listpack_entries: u64 =
            integer("zset-max-listpack-entries", 0, i64::MAX, "128")
                .alias("zset-max-ziplist-entries");
        /// Bytes of a member of a compact sorted set.
        zset_max_listpack_value: u64 =
            bytes("zset-max-listpack-value", "64").alias("zset-max-ziplist-value");
        /// Bytes of a sparse HyperLogLog.
        hll_sparse_max_bytes: u64 = bytes("hll-sparse-max-bytes", "3000");
        /// Bytes of a stream's node; 0 is no limit.
        stream_node_max_bytes: u64 = bytes("stream-node-max-bytes", "4096");
        /// Entries of a stream's node; 0 is no limit.
        stream_node_max_entries: u64 =
            integer("stream-node-max-entries", 0, i64::MAX, "100");
    }
}
