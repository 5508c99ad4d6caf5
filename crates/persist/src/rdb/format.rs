//! The numbers of the format.

use std::fmt;

/// What may stand where a key's type does.
pub(super) mod opcode {
    /// The end, behind which the checksum stands.
    pub(crate) const EOF: u8 = 255;
    /// The number of a database, whose keys follow.
    pub(crate) const SELECT: u8 = 254;
    /// When the next key expires, in seconds.
    pub(crate) const EXPIRE_SECONDS: u8 = 253;
    /// When the next key expires, in milliseconds.
    pub(crate) const EXPIRE_MS: u8 = 252;
    /// How many keys, and how many that expire, the database has, about.
    pub(crate) const RESIZE: u8 = 251;
    /// A name and a text about the file.
    pub(crate) const AUX: u8 = 250;
    /// The access counter of the next key.
    pub(crate) const FREQUENCY: u8 = 249;
    /// The idle time of the next key, in seconds.
    pub(crate) const IDLE: u8 = 248;
    /// What a module has to say beside keys.
    pub(crate) const MODULE_AUX: u8 = 247;
    /// A function of a release candidate of Redis 7.0.
    pub(crate) const FUNCTION_PRE_GA: u8 = 246;
    /// The source of a library of functions.
    pub(crate) const FUNCTION: u8 = 245;
    /// How many keys a slot has, about.
    pub(crate) const SLOT_INFO: u8 = 244;
    /// Slots that were being imported (Valkey 9).
    pub(crate) const SLOT_IMPORT: u8 = 243;
}

/// How a value stands in a file.
pub(super) mod kind {
    pub(crate) const STRING: u8 = 0;
    pub(crate) const LIST: u8 = 1;
    pub(crate) const SET: u8 = 2;
    /// Scores as text.
    pub(crate) const SORTED_SET_TEXT: u8 = 3;
    pub(crate) const HASH: u8 = 4;
    pub(crate) const SORTED_SET: u8 = 5;
    pub(crate) const MODULE_PRE_GA: u8 = 6;
    pub(crate) const MODULE: u8 = 7;
    pub(crate) const HASH_ZIPMAP: u8 = 9;
    pub(crate) const LIST_ZIPLIST: u8 = 10;
    pub(crate) const SET_INTSET: u8 = 11;
    pub(crate) const SORTED_SET_ZIPLIST: u8 = 12;
    pub(crate) const HASH_ZIPLIST: u8 = 13;
    /// Nodes that are ziplists.
    pub(crate) const LIST_QUICKLIST: u8 = 14;
    pub(crate) const STREAM: u8 = 15;
    pub(crate) const HASH_LISTPACK: u8 = 16;
    pub(crate) const SORTED_SET_LISTPACK: u8 = 17;
    /// Nodes that are listpacks, or elements by themselves.
    pub(crate) const LIST_NODES: u8 = 18;
    /// With the counters of Redis 7.0.
    pub(crate) const STREAM_2: u8 = 19;
    pub(crate) const SET_LISTPACK: u8 = 20;
    /// With the time at which a consumer was active.
    pub(crate) const STREAM_3: u8 = 21;
    /// A hash whose fields expire, of Valkey 9.
    pub(crate) const HASH_TIMES_VALKEY: u8 = 22;
    /// The same of Redis 7.4.
    pub(crate) const HASH_TIMES: u8 = 24;
    /// The same in a listpack.
    pub(crate) const HASH_LISTPACK_TIMES: u8 = 25;
}

/// Whether a byte is the type of a value, in one version or another.
pub(super) const fn is_kind(byte: u8) -> bool {
    matches!(byte, 0..=7 | 9..=22 | 24 | 25)
}

/// What tools call a type.
pub(super) fn kind_name(kind: u8) -> &'static str {
    const NAMES: [&str; 22] = [
        "string",
        "list-linked",
        "set-hashtable",
        "zset-v1",
        "hash-hashtable",
        "zset-v2",
        "module-pre-release",
        "module-value",
        "",
        "hash-zipmap",
        "list-ziplist",
        "set-intset",
        "zset-ziplist",
        "hash-ziplist",
        "quicklist",
        "stream",
        "hash-listpack",
        "zset-listpack",
        "quicklist-v2",
        "stream-v2",
        "set-listpack",
        "stream-v3",
    ];
    match kind {
        kind::HASH_TIMES_VALKEY => "hash-volatile-items",
        kind::HASH_TIMES => "hash-metadata",
        kind::HASH_LISTPACK_TIMES => "hash-listpack-metadata",
        _ => NAMES.get(usize::from(kind)).copied().unwrap_or("unknown"),
    }
}

/// A node of [`kind::LIST_NODES`] that is one element.
pub(super) const NODE_PLAIN: u64 = 1;
/// A node of [`kind::LIST_NODES`] that is a listpack.
pub(super) const NODE_PACKED: u64 = 2;

/// The first bits of a length of six bits, of fourteen, and the bytes of the longer ones.
pub(super) const LENGTH_14: u8 = 0x40;
pub(super) const LENGTH_32: u8 = 0x80;
pub(super) const LENGTH_64: u8 = 0x81;
/// In the place of a length: what kind of string follows.
pub(super) const STRING_I8: u8 = 0xc0;
pub(super) const STRING_I16: u8 = 0xc1;
pub(super) const STRING_I32: u8 = 0xc2;
pub(super) const STRING_LZF: u8 = 0xc3;

/// A version of the format: who began to write it says what later ones can read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// Of Redis, and of Valkey up to 8.
    Redis(u16),
    /// Of Valkey from 9 on.
    Valkey(u16),
}

impl Version {
    /// Redis 5: the oldest that is written.
    pub const REDIS_9: Version = Version::Redis(9);
    /// Redis 7.0.
    pub const REDIS_10: Version = Version::Redis(10);
    /// Redis 7.2, Valkey 7.2 to 8.1; Valkey 9 reads it, too.
    pub const REDIS_11: Version = Version::Redis(11);
    /// Redis 7.4 to 8.4, with hashes whose fields expire.
    pub const REDIS_12: Version = Version::Redis(12);
    /// Valkey 9, with hashes whose fields expire.
    pub const VALKEY_80: Version = Version::Valkey(80);

    /// The version for a data set: the one that the most can read. Fields that expire are something that only Valkey 9 and
    /// Redis 7.4 know, in different ways.
    #[must_use]
    pub const fn for_data(has_field_times: bool) -> Version {
        if has_field_times { Version::VALKEY_80 } else { Version::REDIS_10 }
    }

    /// Whether files and payloads of this version are read.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self, Version::Redis(1..=12) | Version::Valkey(80))
    }

    /// The number, as it stands behind a payload.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Version::Redis(number) | Version::Valkey(number) => number,
        }
    }

    /// Whether it has all that a version of Redis has.
    pub(super) const fn has(self, redis: u16) -> bool {
        match self {
            Version::Redis(number) => number >= redis,
            Version::Valkey(_) => redis <= 11,
        }
    }
}

/// As at the beginning of a file.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Version::Redis(number) => write!(f, "REDIS{number:04}"),
            Version::Valkey(number) => write!(f, "VALKEY{number:03}"),
        }
    }
}

/// How much a key was used, where that is kept: `maxmemory-policy` decides which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Usage {
    /// Seconds since it was last used.
    Idle(u64),
    /// The logarithmic counter of its uses.
    Frequency(u8),
}
