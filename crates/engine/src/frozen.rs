//! Large values as they were at one moment.
//!
//! Encoding a value takes time in its size, and nobody may wait for that at its slot. So a large one is *frozen* while its slot is held, which takes
//! a few microseconds for a megabyte: what is frozen shares the parts of the value, and whoever changes a part that is shared copies it first.

use crate::access::object_bytes;
use crate::object::{KeyRecord, Object};
use collections::Value;
use values::{FrozenHash, FrozenRanking};

/// Values that take more than this are large, in bytes: encoding less takes some tens of microseconds at most.
const LARGE_BYTES: usize = 8 << 10;

/// A key with a large value, as they were at one moment.
#[derive(Debug)]
pub struct FrozenRecord {
    /// The key.
    pub key: Box<[u8]>,
    /// When it expires, in milliseconds since 1970-01-01 UTC.
    pub expire_at: Option<i64>,
    /// Its access clock.
    pub access: u32,
    /// The value.
    pub value: FrozenValue,
    /// The memory that the value took, in bytes: if all of it is changed, there will be as much once more.
    pub bytes: usize,
}

/// A large value as it was at one moment.
#[derive(Debug)]
pub enum FrozenValue {
    /// One whose clone shares what is large, or is one run of bytes.
    Whole(Box<Object>),
    /// A sorted set.
    SortedSet(Box<FrozenRanking>),
    /// A hash.
    Hash(Box<FrozenHash>),
}

impl FrozenRecord {
    /// What a record is now; `None` where its value is not large.
    pub(crate) fn of(record: &KeyRecord) -> Option<FrozenRecord> {
        let Value::Object(object) = record.value() else { return None };
        let bytes = object_bytes(record);
        (bytes > LARGE_BYTES).then(|| FrozenRecord {
            key: record.key().into(),
            expire_at: record.expire_at(),
            access: record.access(),
            value: FrozenValue::of(object),
            bytes,
        })
    }
}

impl FrozenValue {
    fn of(object: &Object) -> FrozenValue {
        let frozen = match object {
            Object::Hash(hash) => hash.freeze().map(|hash| FrozenValue::Hash(Box::new(hash))),
            Object::SortedSet(set) => set.freeze().map(|set| FrozenValue::SortedSet(Box::new(set))),
            Object::String(_) | Object::List(_) | Object::Set(_) | Object::Stream(_) => None,
        };
        frozen.unwrap_or_else(|| FrozenValue::Whole(Box::new(object.clone())))
    }
}
