//! One key with its value.

use std::cell::Cell;

/// One key with its value: a single heap allocation, held by a pointer-sized owner. `O` is the
/// engine's type of boxed values (lists, hashes, long strings).
pub struct Record<O>(Box<Inner<O>>);

struct Inner<O> {
    key: Box<[u8]>,
    value: Owned<O>,
    expire_at: Option<i64>,
    access: Cell<u32>,
    mark: Cell<u8>,
}

enum Owned<O> {
    Integer(i64),
    Bytes(Vec<u8>),
    Object(Box<O>),
}

/// A value to be stored.
pub enum NewValue<'a, O> {
    /// A number, stored as such.
    Integer(i64),
    /// Bytes, copied into the record.
    Bytes(&'a [u8]),
    /// A boxed value; the record owns the box.
    Object(Box<O>),
}

/// A value as a reader sees it.
pub enum Value<'a, O> {
    /// A number.
    Integer(i64),
    /// Bytes that lie in the record.
    Bytes(&'a [u8]),
    /// A boxed value.
    Object(&'a O),
}

/// A value as a writer sees it; its kind and length stay.
pub enum ValueMut<'a, O> {
    /// A number.
    Integer(&'a mut i64),
    /// Bytes that lie in the record.
    Bytes(&'a mut [u8]),
    /// A boxed value.
    Object(&'a mut O),
}

impl<O> From<NewValue<'_, O>> for Owned<O> {
    fn from(value: NewValue<'_, O>) -> Self {
        match value {
            NewValue::Integer(number) => Owned::Integer(number),
            NewValue::Bytes(bytes) => Owned::Bytes(bytes.to_vec()),
            NewValue::Object(object) => Owned::Object(object),
        }
    }
}

impl<O> Owned<O> {
    fn into_object(self) -> Option<Box<O>> {
        match self {
            Owned::Object(object) => Some(object),
            Owned::Integer(_) | Owned::Bytes(_) => None,
        }
    }
}

impl<O> Record<O> {
    /// A record of its own allocation. `expire_at` is a unix time in milliseconds, `access` the
    /// access clock, of which 24 bits are kept.
    #[must_use]
    pub fn new(key: &[u8], value: NewValue<'_, O>, expire_at: Option<i64>, access: u32) -> Self {
        Record(Box::new(Inner {
            key: key.into(),
            value: value.into(),
            expire_at,
            access: Cell::new(access & 0xff_ffff),
            mark: Cell::new(0),
        }))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.0.key
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Value<'_, O> {
        match &self.0.value {
            Owned::Integer(number) => Value::Integer(*number),
            Owned::Bytes(bytes) => Value::Bytes(bytes),
            Owned::Object(object) => Value::Object(object),
        }
    }

    /// When the key expires: unix time in milliseconds.
    #[must_use]
    pub fn expire_at(&self) -> Option<i64> {
        self.0.expire_at
    }

    /// The 24-bit access clock.
    #[must_use]
    pub fn access(&self) -> u32 {
        self.0.access.get()
    }

    /// Sets the access clock (24 bits are kept); readers do this while they hold the slot's lock.
    pub fn set_access(&self, access: u32) {
        self.0.access.set(access & 0xff_ffff);
    }

    /// The snapshot mark; 0 in a new record.
    #[must_use]
    pub fn mark(&self) -> u8 {
        self.0.mark.get()
    }

    /// Sets the snapshot mark.
    pub fn set_mark(&self, mark: u8) {
        self.0.mark.set(mark);
    }

    /// Bytes of the record's allocation as the allocator rounds them; not what an object owns.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let value = match &self.0.value {
            Owned::Bytes(bytes) => bytes.len(),
            Owned::Integer(_) | Owned::Object(_) => 8,
        };
        let expiry = if self.0.expire_at.is_some() { 8 } else { 0 };
        allocation_bytes(8 + expiry + self.0.key.len() + value)
    }

    /// The boxed value, where the value is one.
    #[must_use]
    pub fn into_object(self) -> Option<Box<O>> {
        self.0.value.into_object()
    }

    pub(crate) fn value_mut(&mut self) -> ValueMut<'_, O> {
        match &mut self.0.value {
            Owned::Integer(number) => ValueMut::Integer(number),
            Owned::Bytes(bytes) => ValueMut::Bytes(bytes),
            Owned::Object(object) => ValueMut::Object(object),
        }
    }

    pub(crate) fn set(&mut self, value: NewValue<'_, O>, expire_at: Option<i64>) -> Option<Box<O>> {
        self.0.expire_at = expire_at;
        std::mem::replace(&mut self.0.value, value.into()).into_object()
    }

    pub(crate) fn set_expire_at(&mut self, expire_at: Option<i64>) {
        self.0.expire_at = expire_at;
    }

    pub(crate) fn append(&mut self, tail: &[u8]) {
        match &mut self.0.value {
            Owned::Bytes(bytes) => bytes.extend_from_slice(tail),
            Owned::Integer(_) | Owned::Object(_) => panic!("append to a value that is not bytes"),
        }
    }
}

/// Bytes that an allocation of `size` bytes takes: the size classes that the common allocators
/// share (steps of 8 up to 64, then four classes for each doubling, pages from 16 KiB on).
#[must_use]
pub const fn allocation_bytes(size: usize) -> usize {
    size.next_multiple_of(8)
}
