//! What a writing command may do.

use crate::access::{Access, object_bytes};
use crate::events::EventClass;
use crate::moment::Moment;
use crate::object::{KeyRecord, Object, new_string};
use crate::view::touch;
use base::Rng;
use base::number::push_i64;
use collections::{NewValue, Occupied, Record, Value, ValueMut};
use std::sync::atomic::Ordering::Relaxed;
use values::Rules;

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

impl Expiry {
    /// The expiry of a key that had `old`.
    fn over(self, old: Option<i64>) -> Option<i64> {
        match self {
            Expiry::Keep => old,
            Expiry::Clear => None,
            Expiry::At(at) => Some(at),
        }
    }
}

/// What shall become of a key: see [`Edit::update`].
pub enum Change<'v> {
    /// It stays as it is.
    None,
    /// It gets this value and expiry; where it is absent, it is added.
    Put(NewValue<'v, Object>, Expiry),
    /// It keeps its value and gets this expiry, in milliseconds since 1970-01-01 UTC, or none.
    ExpireAt(Option<i64>),
    /// It is removed.
    Remove,
}

/// Gives a record another value and expiry; by how much the memory of objects grew, and the old object.
#[inline]
fn replace(
    mut occupied: Occupied<'_, Object>,
    value: NewValue<'_, Object>,
    expiry: Expiry,
) -> (i64, Option<Box<Object>>) {
    if let (NewValue::Integer(new), Expiry::Keep) = (&value, expiry)
        && let ValueMut::Integer(integer) = occupied.value_mut()
    {
        *integer = *new;
        return (0, None);
    }
    let added = new_object_bytes(&value) as i64;
    let expire_at = expiry.over(occupied.record().expire_at());
    (added, occupied.set(value, expire_at))
}

pub(crate) fn new_object_bytes(value: &NewValue<'_, Object>) -> usize {
    match value {
        NewValue::Object(object) => object.memory_bytes(),
        NewValue::Integer(_) | NewValue::Bytes(_) | NewValue::Compact(..) => 0,
    }
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

    /// Randomness for this command.
    #[must_use]
    pub fn rng(&self) -> Rng {
        self.access.rng()
    }

    /// Up to what size values are kept compact.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.access.keyspace.rules()
    }

    /// Whether payloads are taken whatever their checksum is.
    #[must_use]
    pub fn skips_checksums(&self) -> bool {
        self.access.keyspace.skips_checksums.load(Relaxed)
    }

    /// Tells that something happened to a key, where events of that class are published.
    #[inline]
    pub fn notify(&mut self, class: EventClass, name: &'static str, key: &[u8]) {
        let Access { effects, moment, database, .. } = &mut *self.access;
        effects.note_event(moment, (class, name), *database, key);
    }

    /// The same for a key of another database.
    pub fn notify_in(
        &mut self,
        database: usize,
        class: EventClass,
        name: &'static str,
        key: &[u8],
    ) {
        let Access { effects, moment, .. } = &mut *self.access;
        effects.note_event(moment, (class, name), database, key);
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
        let (tally, moment) = (self.access.tally, self.access.moment);
        let record = self.access.live(key)?;
        touch(record, &moment, tally);
        Some(record)
    }

    /// The records of several keys at once, each as by [`Edit::find_counted`]. What is wanted of a record may be refused.
    ///
    /// # Errors
    ///
    /// The first refusal.
    pub fn find_all<'s, 'key, T, E>(
        &'s mut self,
        keys: impl Iterator<Item = &'key [u8]> + Clone,
        want: impl Fn(&'s KeyRecord) -> Result<T, E>,
    ) -> Result<Vec<Option<T>>, E> {
        for key in keys.clone() {
            self.find_counted(key);
        }
        let access = &*self.access;
        keys.map(|key| access.found(key).map(&want).transpose()).collect()
    }

    /// As [`Edit::find`], and counts a hit or a miss, as the reading half of COPY does.
    pub fn find_counted(&mut self, key: &[u8]) -> Option<&KeyRecord> {
        self.access.note_miss(key);
        let tally = self.access.tally;
        let record = self.find(key);
        match record {
            Some(_) => tally.count_hit(),
            None => tally.count_miss(),
        }
        record
    }

    /// Counts a hit or a miss: for a command that reads what it changes, as GETSET does.
    #[inline]
    pub fn count_lookup(&mut self, found: bool) {
        if found {
            self.access.tally.count_hit();
        } else {
            self.access.tally.count_miss();
        }
    }

    /// The same, and tells of a miss where such events are published.
    #[inline]
    pub fn count_lookup_of(&mut self, key: &[u8], found: bool) {
        self.count_lookup(found);
        if !found {
            self.notify(EventClass::Miss, "keymiss", key);
        }
    }

    /// Tells that a key was removed because the time that a command gave it has come already, and counts it.
    pub fn tell_expired(&mut self, key: &[u8]) {
        self.access.tally.count_expired(1);
        self.notify(EventClass::Expired, "expired", key);
    }

    /// Counts fields of hashes that were removed for such a time.
    pub fn count_expired_fields(&mut self, fields: u64) {
        self.access.tally.count_expired_fields(fields);
    }

    /// Looks a key up once, lets `decide` say what shall become of it, and does that. Sets the access clock of a key that is
    /// there. Whether anything was changed; counts no change by itself.
    ///
    /// # Errors
    ///
    /// Those of `decide`; then nothing was changed.
    #[inline]
    pub fn update<'v, E>(
        &mut self,
        key: &[u8],
        decide: impl FnOnce(Option<&KeyRecord>) -> Result<Change<'v>, E>,
    ) -> Result<bool, E> {
        let hash = self.access.hash(key);
        let (tally, moment) = (self.access.tally, self.access.moment);
        let Some(occupied) = self.access.live_mut(hash, key) else {
            let Change::Put(value, expiry) = decide(None)? else { return Ok(false) };
            self.insert(hash, key, value, expiry);
            return Ok(true);
        };
        touch(occupied.record(), &moment, tally);
        match decide(Some(occupied.record()))? {
            Change::None => return Ok(false),
            Change::Put(value, expiry) => {
                let replaced = replace(occupied, value, expiry);
                self.settle_replaced(replaced);
            }
            Change::ExpireAt(at) => {
                let mut occupied = occupied;
                occupied.set_expire_at(at);
            }
            Change::Remove => {
                let record = occupied.remove();
                self.access.discard(record);
            }
        }
        self.access.note_modified(key);
        Ok(true)
    }

    /// Sets a key to a string, laid out as [`new_string`] says. A key that is there is overwritten, whatever it holds.
    #[inline]
    pub fn put_string(&mut self, key: &[u8], value: &[u8], expiry: Expiry) {
        self.put(key, new_string(value), expiry);
    }

    /// Sets a key to a value of any type; a key that is there is overwritten. One look-up.
    #[inline]
    pub fn put(&mut self, key: &[u8], value: NewValue<'_, Object>, expiry: Expiry) {
        let hash = self.access.hash(key);
        let (tally, moment) = (self.access.tally, self.access.moment);
        match self.access.live_mut(hash, key) {
            Some(occupied) => {
                touch(occupied.record(), &moment, tally);
                let replaced = replace(occupied, value, expiry);
                self.settle_replaced(replaced);
                self.access.note_modified(key);
            }
            None => self.insert(hash, key, value, expiry),
        }
    }

    /// Counts what [`replace`] did and lets go of the old object.
    #[inline]
    fn settle_replaced(&mut self, (grown, old): (i64, Option<Box<Object>>)) {
        self.access.object_bytes += grown;
        if let Some(old) = old {
            self.access.discard_object(old);
        }
    }

    /// Adds a key that is not there.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        key: &[u8],
        value: NewValue<'_, Object>,
        expiry: Expiry,
    ) {
        let hasher = self.access.keyspace.hasher;
        self.access.object_bytes += new_object_bytes(&value) as i64;
        let record = Record::new(key, value, expiry.over(None), self.access.moment.fresh_access());
        self.access.table(key).insert(&hasher, hash, record);
        self.notify(EventClass::New, "new", key);
        self.access.note_modified(key);
    }

    /// Changes the bytes of the string of a key that is there; afterwards it has an allocation of its own, with room to
    /// grow. `None` where the key is absent or no string.
    pub fn modify_string<T>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> Option<T> {
        self.modify_string_if(key, |bytes| (true, change(bytes)))
    }

    /// As [`Edit::modify_string`], for a change that tells with its first result whether it has changed anything.
    pub fn modify_string_if<T>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut Vec<u8>) -> (bool, T),
    ) -> Option<T> {
        let hash = self.access.hash(key);
        let (tally, moment) = (self.access.tally, self.access.moment);
        let mut occupied = self.access.live_mut(hash, key)?;
        touch(occupied.record(), &moment, tally);
        let mut before = object_bytes(occupied.record());
        let inline = match occupied.record().value() {
            Value::Object(_) => None,
            Value::Compact(..) => return None,
            Value::Bytes(bytes) => Some(bytes.to_vec()),
            Value::Integer(integer) => {
                let mut digits = Vec::new();
                push_i64(&mut digits, integer);
                Some(digits)
            }
        };
        if let Some(bytes) = inline {
            occupied.set_value(NewValue::Object(Box::new(Object::String(bytes.into()))));
            before = 0;
        }
        let ValueMut::Object(object) = occupied.value_mut() else { return None };
        let Object::String(bytes) = object else { return None };
        let (is_changed, result) = change(bytes.make_mut());
        let after = object.memory_bytes();
        self.access.object_bytes += after as i64 - before as i64;
        if is_changed {
            self.access.note_modified(key);
        }
        Some(result)
    }

    /// Sets or clears the expiry of a key that is there; false where it is not.
    pub fn set_expire_at(&mut self, key: &[u8], at: Option<i64>) -> bool {
        let hash = self.access.hash(key);
        let (tally, moment) = (self.access.tally, self.access.moment);
        let Some(mut occupied) = self.access.live_mut(hash, key) else { return false };
        touch(occupied.record(), &moment, tally);
        occupied.set_expire_at(at);
        self.access.note_modified(key);
        true
    }

    /// Removes a key; false where it is not there. A value that takes long to free is freed later.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let hash = self.access.hash(key);
        let Some(occupied) = self.access.live_mut(hash, key) else { return false };
        let record = occupied.remove();
        self.access.discard(record);
        self.access.note_modified(key);
        true
    }

    /// Takes a key's record out of the keyspace.
    pub fn take(&mut self, key: &[u8]) -> Option<KeyRecord> {
        let hash = self.access.hash(key);
        let record = self.access.live_mut(hash, key)?.remove();
        self.access.object_bytes -= object_bytes(&record) as i64;
        self.access.note_modified(key);
        Some(record)
    }

    /// Whether a key is there in another database (its slot is the same in all of them). One whose time has come is
    /// removed; the access clock of any other is set.
    pub fn exists_in(&mut self, database: usize, key: &[u8]) -> bool {
        let hash = self.access.hash(key);
        let (tally, moment) = (self.access.tally, self.access.moment);
        let mut expired = None;
        let exists = self.access.in_database(database, key, |table| {
            let Some(record) = table.find(hash, key) else { return false };
            if !crate::access::is_expired(record, moment.now) {
                touch(record, &moment, tally);
                return true;
            }
            expired = table.remove(hash, key);
            false
        });
        if let Some(record) = expired {
            self.access.discard(record);
            self.access.tally.count_expired(1);
            let Access { keyspace, effects, moment, attention, .. } = &mut *self.access;
            effects.note_expired(keyspace, (moment, *attention), database, key);
        }
        exists
    }
}
