//! Keys that were read from a snapshot and are not in the keyspace yet: some at a time, so that the misses of the cache that each of them costs overlap. Files
//! of other servers have keys in no order of ours.

use base::Slot;
use engine::{Keyspace, Moment, NewValue, Object, WorkerId};
use persist::rdb::Key;
use std::mem;
use std::ops::Range;

/// How many keys are held back.
const KEYS_MAX: usize = 32;

/// From how many bytes of names and values on no more are.
const BYTES_MAX: usize = 32 << 10;

/// Keys of one database.
#[derive(Default)]
pub(super) struct Ahead {
    keys: Vec<AheadKey>,
    bytes: Vec<u8>,
}

struct AheadKey {
    slot: Slot,
    hash: u64,
    name: Range<usize>,
    value: NewValue<'static, Object>,
    /// Where the value's bytes are, where it consists of bytes.
    bytes: Range<usize>,
    expire_at: Option<i64>,
    access: Option<u32>,
}

impl Ahead {
    /// Holds a key back, whose access clock is this.
    pub(super) fn push(&mut self, keyspace: &Keyspace, key: Key<'_>, access: Option<u32>) {
        let (slot, hash) = (Slot::of_key(key.name), keyspace.hash(key.name));
        keyspace.prefetch_slot(slot);
        let name = self.keep(key.name);
        let (value, bytes) = match key.value {
            NewValue::Integer(number) => (NewValue::Integer(number), 0..0),
            NewValue::Object(object) => (NewValue::Object(object), 0..0),
            NewValue::Bytes(bytes) => (NewValue::Bytes(&[]), self.keep(bytes)),
            NewValue::Compact(tag, bytes) => (NewValue::Compact(tag, &[]), self.keep(bytes)),
        };
        let expire_at = key.expire_at;
        self.keys.push(AheadKey { slot, hash, name, value, bytes, expire_at, access });
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.keys.len() >= KEYS_MAX || self.bytes.len() >= BYTES_MAX
    }

    /// Puts what was held back into a database; how many were new, and the name of one that was there already.
    pub(super) fn put(
        &mut self,
        keyspace: &Keyspace,
        (database, worker, moment): (usize, WorkerId, &Moment),
    ) -> (u64, Option<Vec<u8>>) {
        if database == 0 {
            self.keys.iter().for_each(|key| keyspace.prefetch_bucket(key.slot, key.hash));
        }
        let (mut new, mut twice) = (0, None);
        let bytes = mem::take(&mut self.bytes);
        for key in self.keys.drain(..) {
            let name = &bytes[key.name];
            let value = match key.value {
                NewValue::Bytes(_) => NewValue::Bytes(&bytes[key.bytes]),
                NewValue::Compact(tag, _) => NewValue::Compact(tag, &bytes[key.bytes]),
                value @ (NewValue::Integer(_) | NewValue::Object(_)) => value,
            };
            let mut access = keyspace.hold(key.slot, database, worker, *moment);
            access.know_hash(name, key.hash);
            if access.edit().load(name, value, key.expire_at, key.access) {
                new += 1;
            } else {
                twice.get_or_insert_with(|| name.to_vec());
            }
        }
        self.bytes = bytes;
        self.bytes.clear();
        // A large value may have made it large.
        self.bytes.shrink_to(2 * BYTES_MAX);
        (new, twice)
    }
}
