//! What a writing command may do.

use crate::access::{Access, object_bytes};
use crate::moment::Moment;
use crate::object::{EMBEDDED_BYTES_MAX, KeyRecord, Object};
use crate::view::touch;
use base::number::{parse_i64, push_i64};
use collections::{NewValue, Record, Value, ValueMut};

/// What becomes of a key's expiry when its value is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    /// As it was.
    Keep,
    /// None.
    Clear,
    /// At this time: milliseconds since 1970-01-01 UTC.
    At(i64),
}

/// Changes the keys of the slots that a command holds. Keys whose time has come are not there.
pub struct Edit<'a, 'k> {
    pub(crate) access: &'a mut Access<'k>,
}

impl<'a, 'k> Edit<'a, 'k> {
    #[inline]
    pub(crate) fn new(access: &'a mut Access<'k>) -> Edit<'a, 'k> {
        Edit { access }
    }

    /// The time of this command.
    #[must_use]
    pub fn moment(&self) -> &Moment {
        &self.access.moment
    }

    /// The number of the database that is written.
    #[must_use]
    pub fn database(&self) -> usize {
        self.access.database
    }

    /// Counts changes to the keyspace; a writing command that changed nothing counts none.
    #[inline]
    pub fn changed(&mut self, changes: u64) {
        self.access.changes += changes;
    }

    /// The record of a key; sets its access clock.
    #[inline]
    pub fn find(&mut self, key: &[u8]) -> Option<&KeyRecord> {
        let moment = self.access.moment;
        let record = self.access.live(key)?;
        touch(record, &moment);
        Some(record)
    }

    /// As [`Edit::find`], and counts a hit or a miss, as the reading half of GETDEL and GETEX does.
    pub fn find_counted(&mut self, key: &[u8]) -> Option<&KeyRecord> {
        let tally = self.access.tally;
        let record = self.find(key);
        match record {
            Some(_) => tally.count_hit(),
            None => tally.count_miss(),
        }
        record
    }

    /// Sets a key to a string: as an integer where it is the canonical form of one, else beside its key where short,
    /// else in an allocation of its own. A key that is there is overwritten, whatever it holds.
    #[inline]
    pub fn put_string(&mut self, key: &[u8], value: &[u8], expiry: Expiry) {
        if let Some(integer) = parse_i64(value) {
            self.put(key, NewValue::Integer(integer), expiry);
        } else if value.len() <= EMBEDDED_BYTES_MAX {
            self.put(key, NewValue::Bytes(value), expiry);
        } else {
            self.put(key, NewValue::Object(Box::new(Object::String(value.to_vec()))), expiry);
        }
    }

    /// Sets a key to an integer.
    pub fn put_integer(&mut self, key: &[u8], value: i64, expiry: Expiry) {
        self.put(key, NewValue::Integer(value), expiry);
    }

    /// Sets a key to a value of any type; a key that is there is overwritten.
    #[inline]
    pub fn put(&mut self, key: &[u8], value: NewValue<'_, Object>, expiry: Expiry) {
        let hash = self.access.hash(key);
        let (moment, hasher) = (self.access.moment, self.access.keyspace.hasher);
        let added = match &value {
            NewValue::Object(object) => object.memory_bytes(),
            NewValue::Integer(_) | NewValue::Bytes(_) => 0,
        };
        self.access.object_bytes += added as i64;
        let table = self.access.table(key);
        let Some(mut occupied) = table.find_mut(hash, key) else {
            let at = match expiry {
                Expiry::Keep | Expiry::Clear => None,
                Expiry::At(at) => Some(at),
            };
            table.insert(&hasher, hash, Record::new(key, value, at, moment.fresh_access()));
            return;
        };
        if moment.touch {
            let used = moment.used_access(occupied.record().access(), moment.now.0 as u64);
            occupied.record().set_access(used);
        }
        let expire_at = match expiry {
            Expiry::Keep => occupied.record().expire_at(),
            Expiry::Clear => None,
            Expiry::At(at) => Some(at),
        };
        if let Some(old) = occupied.set(value, expire_at) {
            self.access.object_bytes -= old.memory_bytes() as i64;
        }
    }

    /// Changes the bytes of the string of a key that is there; afterwards it has an allocation of its own, with room to
    /// grow. `None` where the key is absent or no string.
    pub fn modify_string<T>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> Option<T> {
        let inline = match self.find(key)?.value() {
            Value::Object(Object::String(_)) => None,
            Value::Bytes(bytes) => Some(bytes.to_vec()),
            Value::Integer(integer) => {
                let mut digits = Vec::new();
                push_i64(&mut digits, integer);
                Some(digits)
            }
        };
        if let Some(bytes) = inline {
            self.put(key, NewValue::Object(Box::new(Object::String(bytes))), Expiry::Keep);
        }
        let hash = self.access.hash(key);
        let mut occupied = self.access.table(key).find_mut(hash, key)?;
        let ValueMut::Object(object) = occupied.value_mut() else { return None };
        let before = object.memory_bytes();
        let Object::String(bytes) = object;
        let result = change(bytes);
        let after = object.memory_bytes();
        self.access.object_bytes += after as i64 - before as i64;
        Some(result)
    }

    /// Sets or clears the expiry of a key that is there; false where it is not.
    pub fn set_expire_at(&mut self, key: &[u8], at: Option<i64>) -> bool {
        if self.find(key).is_none() {
            return false;
        }
        let hash = self.access.hash(key);
        if let Some(mut occupied) = self.access.table(key).find_mut(hash, key) {
            occupied.set_expire_at(at);
        }
        true
    }

    /// Removes a key; false where it is not there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.take(key).is_some()
    }

    /// Takes a key's record out of the keyspace.
    pub fn take(&mut self, key: &[u8]) -> Option<KeyRecord> {
        self.access.live(key)?;
        let hash = self.access.hash(key);
        let record = self.access.table(key).remove(hash, key)?;
        self.access.object_bytes -= object_bytes(&record) as i64;
        Some(record)
    }

    /// Whether a key is there in another database (its slot is the same in all of them). One whose time has come is
    /// removed; the access clock of any other is set.
    pub fn exists_in(&mut self, database: usize, key: &[u8]) -> bool {
        let hash = self.access.hash(key);
        let moment = self.access.moment;
        let mut expired = None;
        let exists = self.access.in_database(database, key, |table| {
            let Some(record) = table.find(hash, key) else { return false };
            if !crate::access::is_expired(record, moment.now) {
                touch(record, &moment);
                return true;
            }
            expired = table.remove(hash, key);
            false
        });
        if let Some(record) = expired {
            self.access.object_bytes -= object_bytes(&record) as i64;
            self.access.tally.count_expired(1);
        }
        exists
    }

    /// Puts a value under `key` into database `database`, in the place of what may be there.
    pub fn put_in(
        &mut self,
        database: usize,
        key: &[u8],
        value: NewValue<'_, Object>,
        expire_at: Option<i64>,
    ) {
        let hash = self.access.hash(key);
        let (moment, hasher) = (self.access.moment, self.access.keyspace.hasher);
        let record = Record::new(key, value, expire_at, moment.fresh_access());
        let added = object_bytes(&record);
        let removed = self.access.in_database(database, key, |table| {
            let old = table.remove(hash, key);
            table.insert(&hasher, hash, record);
            old.map_or(0, |old| object_bytes(&old))
        });
        self.access.object_bytes += added as i64 - removed as i64;
    }
}
