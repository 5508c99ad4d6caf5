//! Up to what size values are kept compact: the directives of the configuration, as numbers.

/// Up to what size values are kept compact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Of hashes.
    pub hash: HashRules,
    /// Of sets.
    pub set: SetRules,
    /// Of sorted sets.
    pub sorted_set: SortedSetRules,
    /// `list-max-listpack-size`: elements of a list's node where positive; -1 to -5 are 4, 8, 16, 32 and 64 KiB.
    pub list_node_size: i32,
    /// A node of a list that holds one element and is larger than this, in bytes, takes no other (DEBUG QUICKLIST-PACKED-THRESHOLD).
    pub list_alone_bytes: usize,
    /// Of streams.
    pub stream: StreamRules,
    /// `hll-sparse-max-bytes`: the longest sparse HyperLogLog.
    pub hyperloglog_sparse_bytes: usize,
    /// The secret of the hash function of elements.
    pub seed: (u64, u64),
}

/// When a hash is a listpack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HashRules {
    /// `hash-max-listpack-entries`: so many fields.
    pub entries: usize,
    /// `hash-max-listpack-value`: and no field or value longer than this, in bytes.
    pub value_bytes: usize,
}

/// When a set is an intset or a listpack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetRules {
    /// `set-max-intset-entries`: so many members, all of them integers.
    pub intset_entries: usize,
    /// `set-max-listpack-entries`: so many members.
    pub listpack_entries: usize,
    /// `set-max-listpack-value`: and none longer than this, in bytes.
    pub listpack_value_bytes: usize,
}

/// When a sorted set is a listpack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SortedSetRules {
    /// `zset-max-listpack-entries`: so many members.
    pub entries: usize,
    /// `zset-max-listpack-value`: and none longer than this, in bytes.
    pub value_bytes: usize,
}

/// When a stream begins another node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamRules {
    /// `stream-node-max-bytes`; 0 is no limit.
    pub node_bytes: usize,
    /// `stream-node-max-entries`; 0 is no limit.
    pub node_entries: usize,
}

impl Rules {
    /// Valkey's defaults, and a seed that is no secret.
    pub const DEFAULT: Rules = Rules {
        hash: HashRules { entries: 512, value_bytes: 64 },
        set: SetRules { intset_entries: 512, listpack_entries: 128, listpack_value_bytes: 64 },
        sorted_set: SortedSetRules { entries: 128, value_bytes: 64 },
        list_node_size: -2,
        list_alone_bytes: usize::MAX,
        stream: StreamRules { node_bytes: 4096, node_entries: 100 },
        hyperloglog_sparse_bytes: 3000,
        seed: (0, 0),
    };
}
