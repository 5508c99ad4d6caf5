//! Values by their type: reading one, and changing one in place.

use crate::access::Access;
use crate::edit::{Edit, Expiry};
use crate::events::EventClass;
use crate::object::{KeyRecord, Kind, Object};
use crate::view::{View, touch};
use collections::{NewValue, Value, ValueMut};
use values::{Hash, List, Set, SortedSet, Stream};

/// A key holds a value of another type than the command works on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongKind;

/// A type of values that have an allocation of their own.
pub trait ValueType: Sized {
    /// Which type.
    const KIND: Kind;

    /// Whether a key stays when nothing is left in its value.
    const STAYS_EMPTY: bool = false;

    /// An empty value.
    fn empty() -> Self;

    /// Whether nothing is left in it.
    fn is_empty(&self) -> bool;

    /// The value in an object, where it is of this type.
    fn of(object: &Object) -> Option<&Self>;

    /// The same, to be changed.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;

    /// The object with this value in it.
    fn into_object(self) -> Object;
}

macro_rules! value_type {
    ($type:ident, $stays:literal) => {
        impl ValueType for $type {
            const KIND: Kind = Kind::$type;
            const STAYS_EMPTY: bool = $stays;

            fn empty() -> Self {
                $type::new()
            }

            fn is_empty(&self) -> bool {
                $type::is_empty(self)
            }

            fn of(object: &Object) -> Option<&Self> {
                if let Object::$type(value) = object { Some(value) } else { None }
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

value_type!(List, false);
value_type!(Set, false);
value_type!(SortedSet, false);
value_type!(Hash, false);
value_type!(Stream, true);

/// The value of a record, where it is of this type.
///
/// # Errors
///
/// Where it is of another.
#[inline]
pub fn value_of<T: ValueType>(record: &KeyRecord) -> Result<&T, WrongKind> {
    match record.value() {
        Value::Object(object) => T::of(object).ok_or(WrongKind),
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
    pub fn typed<T: ValueType>(&mut self, key: &[u8]) -> Result<Option<&T>, WrongKind> {
        self.find(key).map(value_of).transpose()
    }

    /// The same, without a trace of having looked.
    ///
    /// # Errors
    ///
    /// Where the key holds another type.
    pub fn peek_typed<T: ValueType>(&mut self, key: &[u8]) -> Result<Option<&T>, WrongKind> {
        self.peek(key).map(value_of).transpose()
    }
}

/// What became of a value under [`change_in_place`].
struct Changed<R> {
    result: R,
    /// Whether the closure says that it changed something.
    is_changed: bool,
    is_emptied: bool,
}

impl Edit<'_, '_> {
    /// The value of a key, to be read; sets the access clock. `None` where the key is absent.
    ///
    /// # Errors
    ///
    /// Where the key holds another type.
    #[inline]
    pub fn typed<T: ValueType>(&mut self, key: &[u8]) -> Result<Option<&T>, WrongKind> {
        self.find(key).map(value_of).transpose()
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
            self.insert(hash, key, NewValue::Object(Box::new(value.into_object())), Expiry::Clear);
        }
        Ok(result)
    }

    /// Sets a key to a value; a key that is there is overwritten, whatever it holds.
    pub fn put_value<T: ValueType>(&mut self, key: &[u8], value: T, expiry: Expiry) {
        self.put(key, NewValue::Object(Box::new(value.into_object())), expiry);
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
    let moment = access.moment;
    let Some(mut occupied) = access.live_mut(hash, key) else { return Ok(None) };
    touch(occupied.record(), &moment);
    let ValueMut::Object(object) = occupied.value_mut() else { return Err(WrongKind) };
    let before = object.memory_bytes() as i64;
    let value = T::of_mut(object).ok_or(WrongKind)?;
    let (is_changed, result) = change(value);
    let is_emptied = !T::STAYS_EMPTY && value.is_empty();
    let grown = object.memory_bytes() as i64 - before;
    access.object_bytes += grown;
    Ok(Some(Changed { result, is_changed, is_emptied }))
}
