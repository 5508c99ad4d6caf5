//! Keys that change their name or their database, copies of them, and keys that come from elsewhere. Value, expiry and access clock go with a key that moves; a copy
//! shares the expiry and begins with an access clock of its own.

use crate::access::{Access, object_bytes};
use crate::edit::Edit;
use crate::events::EventClass;
use crate::object::{KeyRecord, Object};
use crate::typed::value_of;
use collections::{NewValue, Record, Value};
use values::{Hash, HashRef};

impl Edit<'_, '_> {
    /// How many databases there are.
    #[must_use]
    pub fn databases(&self) -> usize {
        self.access.keyspace.databases()
    }

    /// Gives a key another name, in the place of what may be there; false where the key is absent. Both keys' slots have to be held.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let Some(record) = self.take(from) else { return false };
        let database = self.access.database;
        self.place(database, to, renamed(record, to));
        true
    }

    /// Moves a key to another database, in the place of what may be there; false where the key is absent.
    pub fn move_to(&mut self, key: &[u8], database: usize) -> bool {
        let Some(record) = self.take(key) else { return false };
        self.place(database, key, record);
        true
    }

    /// Copies a key to key `to` of a database, in the place of what may be there; false where the key is absent. Both keys' slots
    /// have to be held, and the two must not be the same key of the same database.
    pub fn copy(&mut self, from: &[u8], database: usize, to: &[u8]) -> bool {
        let access = self.access.moment.fresh_access();
        let Some(record) = self.access.live(from) else { return false };
        let value = match record.value() {
            Value::Integer(integer) => NewValue::Integer(integer),
            Value::Bytes(bytes) => NewValue::Bytes(bytes),
            Value::Compact(tag, bytes) => NewValue::Compact(tag, bytes),
            Value::Object(object) => NewValue::Object(Box::new(object.clone())),
        };
        let copy = Record::new(to, value, record.expire_at(), access);
        self.place(database, to, copy);
        true
    }

    /// Gives a key a value that comes from elsewhere, in the place of what may be there. Its access clock is `access`, or that of a key
    /// that is created now.
    pub fn restore(
        &mut self,
        key: &[u8],
        value: NewValue<'_, Object>,
        expire_at: Option<i64>,
        access: Option<u32>,
    ) {
        let access = access.unwrap_or_else(|| self.access.moment.fresh_access());
        let database = self.access.database;
        self.place(database, key, Record::new(key, value, expire_at, access));
    }

    /// Adds a key as it was saved; false where it is there already, which changes nothing. Nobody is told of it.
    pub fn load(
        &mut self,
        key: &[u8],
        value: NewValue<'_, Object>,
        expire_at: Option<i64>,
        access: Option<u32>,
    ) -> bool {
        let hash = self.access.hash(key);
        let hasher = self.access.keyspace.hasher;
        let access = access.unwrap_or_else(|| self.access.moment.fresh_access());
        let (database, keyspace) = (self.access.database, self.access.keyspace);
        let (slot, state) = self.access.held.place(key);
        keyspace.save_before_change(state, (database, slot), || hash);
        if state.table_mut(database).locate(hash, key).is_some() {
            return false;
        }
        let record = Record::new(key, value, expire_at, access);
        self.access.object_bytes += object_bytes(&record) as i64;
        if let Some(at) = value_of::<Hash>(&record).ok().and_then(HashRef::earliest_time) {
            self.access.keyspace.field_times.note(self.access.database, key, at);
        }
        self.access.table(key).insert(&hasher, hash, record);
        true
    }

    /// Puts a record, whose key is `key`, into a database, in the place of what may be there.
    fn place(&mut self, database: usize, key: &[u8], record: KeyRecord) {
        debug_assert_eq!(record.key(), key);
        let hash = self.access.hash(key);
        let hasher = self.access.keyspace.hasher;
        let added = object_bytes(&record) as i64;
        if let Some(at) = value_of::<Hash>(&record).ok().and_then(HashRef::earliest_time) {
            self.access.keyspace.field_times.note(database, key, at);
        }
        let old = self.access.in_database(database, key, |table| {
            let old = table.remove(hash, key);
            table.insert(&hasher, hash, record);
            old
        });
        self.access.object_bytes += added;
        if let Some(old) = old {
            self.access.discard(old);
        }
        let Access { keyspace, effects, moment, attention, .. } = &mut *self.access;
        effects.note_event(moment, (EventClass::New, "new"), database, key);
        effects.note_modified(keyspace, *attention, database, key);
    }
}

/// The same record under another key. What it holds beyond itself is handed over, not copied.
fn renamed(record: KeyRecord, key: &[u8]) -> KeyRecord {
    let (expire_at, access) = (record.expire_at(), record.access());
    match record.value() {
        Value::Integer(integer) => Record::new(key, NewValue::Integer(integer), expire_at, access),
        Value::Bytes(bytes) => Record::new(key, NewValue::Bytes(bytes), expire_at, access),
        Value::Compact(tag, bytes) => {
            Record::new(key, NewValue::Compact(tag, bytes), expire_at, access)
        }
        Value::Object(_) => {
            let object = record.into_object().expect("its value is an object");
            Record::new(key, NewValue::Object(object), expire_at, access)
        }
    }
}
