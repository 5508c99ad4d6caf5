//! Values by their type: reading one, and changing one in place.

use crate::access::Access;
use crate::edit::{Edit, Expiry, new_object_bytes};
use crate::events::EventClass;
use crate::object::{COMPACT_BYTES_MAX, KeyRecord, Kind, Object, new_value};
use crate::view::{View, touch};
use collections::{NewValue, Occupied, Value, ValueMut};
use values::{Compact, Hash, HashRef, List, ListRef, Set, SetRef, SortedSet, SortedSetRef, Stream};

/// A key holds a value of another type than the command works on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongKind;

/// A type of values beyond strings. A small one stands as bytes in its key's record, a large one has an allocation of its own.
pub trait ValueType: Sized {
    /// A value to be read, wherever it stands.
    type Ref<'a>: Copy;

    /// Which type.
    const KIND: Kind;

    /// Whether a key stays when nothing is left in its value.
    const STAYS_EMPTY: bool = false;

    /// An empty value.
    fn empty() -> Self;

    /// Whether nothing is left in it.
    fn is_empty(&self) -> bool;

    /// When the first part of it expires that does, in milliseconds since 1970-01-01 UTC.
    fn earliest_time(&self) -> Option<i64> {
        None
    }

    /// The value in an object, where it is of this type.
    fn of(object: &Object) -> Option<Self::Ref<'_>>;

    /// The value that the bytes of a small one are, where it is of this type.
    fn of_compact(compact: Compact, bytes: &[u8]) -> Option<Self::Ref<'_>>;

    /// The same, to be changed: a copy.
    fn copy_of_compact(compact: Compact, bytes: &[u8]) -> Option<Self>;

    /// A small value as bytes.
    fn compact(&self) -> Option<(Compact, &[u8])>;

    /// The value in an object, to be changed.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;

    /// The object with this value in it.
    fn into_object(self) -> Object;
}

macro_rules! value_type {
    ($type:ident, $ref:ident $(, $earliest_time:ident)?) => {
        impl ValueType for $type {
            type Ref<'a> = $ref<'a>;

            const KIND: Kind = Kind::$type;

            fn empty() -> Self {
                $type::new()
            }

            fn is_empty(&self) -> bool {
                $type::is_empty(self)
            }

            $(fn $earliest_time(&self) -> Option<i64> {
                self.view().$earliest_time()
            })?

            #[inline]
            fn of(object: &Object) -> Option<$ref<'_>> {
                if let Object::$type(value) = object { Some(value.view()) } else { None }
            }

            #[inline]
            fn of_compact(compact: Compact, bytes: &[u8]) -> Option<$ref<'_>> {
                $ref::of_compact(compact, bytes)
            }

            fn copy_of_compact(compact: Compact, bytes: &[u8]) -> Option<Self> {
                $type::of_compact(compact, bytes)
            }

            fn compact(&self) -> Option<(Compact, &[u8])> {
                $type::compact(self)
            }

            fn of_mut(object: &mut Object) -> Option<&mut Self> {
                if let Object::$type(value) = object { Some(value) } else { None }
            }

            fn into_object(self) -> Object {
                Object::$type(self)
            }
        }
    };
}

value_type!(List, ListRef);
value_type!(Set, SetRef);
value_type!(SortedSet, SortedSetRef);
value_type!(Hash, HashRef, earliest_time);

impl ValueType for Stream {
    type Ref<'a> = &'a Stream;

    const KIND: Kind = Kind::Stream;
    const STAYS_EMPTY: bool = true;

    fn empty() -> Self {
        Stream::new()
    }

    fn is_empty(&self) -> bool {
        Stream::is_empty(self)
    }

    fn of(object: &Object) -> Option<&Stream> {
        if let Object::Stream(stream) = object { Some(stream) } else { None }
    }

    fn of_compact(_: Compact, _: &[u8]) -> Option<&Stream> {
        None
    }

    fn copy_of_compact(_: Compact, _: &[u8]) -> Option<Self> {
        None
    }

    fn compact(&self) -> Option<(Compact, &[u8])> {
        None
    }

    fn of_mut(object: &mut Object) -> Option<&mut Self> {
        if let Object::Stream(stream) = object { Some(stream) } else { None }
    }

    fn into_object(self) -> Object {
        Object::Stream(self)
    }
}

/// The value of a record, where it is of this type.
///
/// # Errors
///
/// Where it is of another.
#[inline]
pub fn value_of<T: ValueType>(record: &KeyRecord) -> Result<T::Ref<'_>, WrongKind> {
    match record.value() {
        Value::Object(object) => T::of(object).ok_or(WrongKind),
        Value::Compact(tag, bytes) => T::of_compact(Compact::of_tag(tag), bytes).ok_or(WrongKind),
        Value::Integer(_) | Value::Bytes(_) => Err(WrongKind),
    }
}

impl View<'_, '_> {
    /// The value of a key; counts a hit or a miss, and sets the key's access clock. `None` where the key is absent.
    ///
    /// # Errors
    ///
    /// Where the key holds another type.
    #[inline]
    pub fn typed<T: ValueType>(&mut self, key: &[u8]) -> Result<Option<T::Ref<'_>>, WrongKind> {
        self.find(key).map(value_of::<T>).transpose()
    }

    /// The same, without a trace of having looked.
    ///
    /// # Errors
    ///
    /// Where the key holds another type.
    pub fn peek_typed<T: ValueType>(
        &mut self,
        key: &[u8],
    ) -> Result<Option<T::Ref<'_>>, WrongKind> {
        self.peek(key).map(value_of::<T>).transpose()
    }
}

/// What became of a value under [`change_in_place`].
struct Changed<R> {
    result: R,
    /// Whether the closure says that it changed something.
    is_changed: bool,
    is_emptied: bool,
    /// The first time at which a part of it expires, where that comes earlier than before.
    earlier: Option<i64>,
}

/// The first time, where it comes before the one that was first.
fn earlier(before: Option<i64>, now: Option<i64>) -> Option<i64> {
    now.filter(|&now| before.is_none_or(|before| now < before))
}

impl Edit<'_, '_> {
    /// The value of a key, to be read; sets the access clock. `None` where the key is absent.
    ///
    /// # Errors
    ///
    /// Where the key holds another type.
    #[inline]
    pub fn typed<T: ValueType>(&mut self, key: &[u8]) -> Result<Option<T::Ref<'_>>, WrongKind> {
        self.find(key).map(value_of::<T>).transpose()
    }

    /// Changes the value of a key that is there. A value in which nothing is left goes with its key, and the event `del` is sent.
    ///
    /// # Errors
    ///
    /// Where the key holds another type.
    pub fn modify<T: ValueType, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<Option<R>, WrongKind> {
        self.modify_if(key, |value| (true, change(value)))
    }

    /// As [`Edit::modify`], for a change that tells with its first result whether it has changed anything.
    ///
    /// # Errors
    ///
    /// Where the key holds another type.
    pub fn modify_if<T: ValueType, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> (bool, R),
    ) -> Result<Option<R>, WrongKind> {
        let hash = self.access.hash(key);
        match change_in_place(self.access, hash, key, change)? {
            None => Ok(None),
            Some(changed) => Ok(Some(self.conclude(key, changed))),
        }
    }

    /// As [`Edit::modify`], for a change that tells with its first result which event it is, `None` where it has changed nothing. The event
    /// comes before the `del` of a value in which nothing is left.
    ///
    /// # Errors
    ///
    /// Where the key holds another type.
    pub fn modify_as<T: ValueType, R>(
        &mut self,
        key: &[u8],
        class: EventClass,
        change: impl FnOnce(&mut T) -> (Option<&'static str>, R),
    ) -> Result<Option<R>, WrongKind> {
        let hash = self.access.hash(key);
        let changed = change_in_place(self.access, hash, key, |value| {
            let (event, result) = change(value);
            (event.is_some(), (event, result))
        })?;
        Ok(changed.map(|changed| {
            if let Some(name) = changed.result.0 {
                self.notify(class, name, key);
            }
            self.conclude(key, changed).1
        }))
    }

    /// Changes the value of a key, which is made where it is absent. Nothing is stored where the new value is left empty, unless its type
    /// stays empty.
    ///
    /// # Errors
    ///
    /// Where the key holds another type.
    pub fn modify_or_create<T: ValueType, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, WrongKind> {
        self.modify_or_create_if(key, |value| (true, change(value)))
    }

    /// As [`Edit::modify_or_create`], for a change that tells with its first result whether it has changed anything.
    ///
    /// # Errors
    ///
    /// Where the key holds another type.
    pub fn modify_or_create_if<T: ValueType, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> (bool, R),
    ) -> Result<R, WrongKind> {
        let hash = self.access.hash(key);
        let mut change = Some(change);
        let mut once = |value: &mut T| change.take().map(|change| change(value));
        let in_place = change_in_place(self.access, hash, key, |value: &mut T| {
            let (is_changed, result) = once(value).expect("the change runs once");
            (is_changed, result)
        })?;
        if let Some(changed) = in_place {
            return Ok(self.conclude(key, changed));
        }
        let mut value = T::empty();
        let (_, result) = once(&mut value).expect("the change has not run");
        if T::STAYS_EMPTY || !value.is_empty() {
            self.note_time(key, value.earliest_time());
            new_value(value, |new| self.insert(hash, key, new, Expiry::Clear));
        }
        Ok(result)
    }

    /// Sets a key to a value; a key that is there is overwritten, whatever it holds.
    pub fn put_value<T: ValueType>(&mut self, key: &[u8], value: T, expiry: Expiry) {
        self.note_time(key, value.earliest_time());
        new_value(value, |new| self.put(key, new, expiry));
    }

    /// Has it known when the first part of a value expires.
    fn note_time(&self, key: &[u8], at: Option<i64>) {
        if let Some(at) = at {
            self.access.keyspace.field_times.note(self.access.database, key, at);
        }
    }

    /// What follows a change in place.
    fn conclude<R>(&mut self, key: &[u8], changed: Changed<R>) -> R {
        if changed.is_emptied {
            self.remove(key);
            self.notify(EventClass::Generic, "del", key);
        } else if changed.is_changed {
            self.access.note_modified(key);
        }
        changed.result
    }
}

fn change_in_place<T: ValueType, R>(
    access: &mut Access<'_>,
    hash: u64,
    key: &[u8],
    change: impl FnOnce(&mut T) -> (bool, R),
) -> Result<Option<Changed<R>>, WrongKind> {
    let (tally, moment) = (access.tally, access.moment);
    let Some(occupied) = access.live_mut(hash, key) else { return Ok(None) };
    touch(occupied.record(), &moment, tally);
    let (changed, grown) = if let Value::Compact(tag, bytes) = occupied.record().value() {
        let value = T::copy_of_compact(Compact::of_tag(tag), bytes).ok_or(WrongKind)?;
        change_compact(occupied, value, change)
    } else {
        change_object(occupied, change)?
    };
    access.object_bytes += grown;
    if let Some(at) = changed.earlier {
        access.keyspace.field_times.note(access.database, key, at);
    }
    Ok(Some(changed))
}

/// Changes a copy of a small value and puts it back; by how much the memory of objects grew.
fn change_compact<T: ValueType, R>(
    mut occupied: Occupied<'_, Object>,
    mut value: T,
    change: impl FnOnce(&mut T) -> (bool, R),
) -> (Changed<R>, i64) {
    let (is_changed, result) = change(&mut value);
    let is_emptied = !T::STAYS_EMPTY && value.is_empty();
    let Value::Compact(tag, before) = occupied.record().value() else {
        unreachable!("the value is small")
    };
    // A value may take another layout without a change that counts as one.
    let is_as_before = value.compact() == Some((Compact::of_tag(tag), before));
    let earlier = value.earliest_time();
    let grown = if is_emptied || is_as_before {
        0
    } else {
        new_value(value, |new| {
            let grown = new_object_bytes(&new) as i64;
            occupied.set_value(new);
            grown
        })
    };
    (Changed { result, is_changed, is_emptied, earlier }, grown)
}

/// Changes a value in the allocation that it has; by how much the memory of objects grew.
fn change_object<T: ValueType, R>(
    mut occupied: Occupied<'_, Object>,
    change: impl FnOnce(&mut T) -> (bool, R),
) -> Result<(Changed<R>, i64), WrongKind> {
    let ValueMut::Object(object) = occupied.value_mut() else { return Err(WrongKind) };
    let before = object.memory_bytes() as i64;
    let value = T::of_mut(object).ok_or(WrongKind)?;
    let time_before = value.earliest_time();
    let (is_changed, result) = change(value);
    let earlier = earlier(time_before, value.earliest_time());
    let is_emptied = !T::STAYS_EMPTY && value.is_empty();
    // Far below the limit, so that a value on the border does not move with every change.
    let small = value.compact().filter(|(_, bytes)| bytes.len() <= COMPACT_BYTES_MAX / 2);
    let small = small.map(|(compact, bytes)| (compact, bytes.to_vec()));
    let mut after = object.memory_bytes() as i64;
    if let Some((compact, bytes)) = small {
        occupied.set_value(NewValue::Compact(compact.tag(), &bytes));
        after = 0;
    }
    Ok((Changed { result, is_changed, is_emptied, earlier }, after - before))
}
