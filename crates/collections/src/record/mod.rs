//! One key with its value, in one allocation.
//!
//! Invariants, on which every `unsafe` block below rests:
//!
//! 1. `word.address()` is an allocation of `shape.allocation()` bytes, aligned to 8, owned by this record
//!    alone, whose first 8 bytes are a `Header` from which `shape` is read; lengths in the wide form follow it.
//! 2. All bytes up to `shape.size()` are initialised; those behind it may not be, and are never read.
//! 3. A value of encoding `Object` is the raw pointer of a `Box<O>` that the record owns.
//! 4. The word's expiry bit equals the header's.
//! 5. No reference to the header exists outside a method: it is read and written through the raw pointer,
//!    so `set_access` may take `&self`. `Record` is not `Sync`.

mod shape;
#[cfg(test)]
mod tests;

use crate::prefetch::prefetch_address;
use crate::word::Word;
use shape::{Encoding, Header, LENGTH_MAX, Shape, WideLengths};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;

const CLOCK_BITS: u32 = 24;
const CLOCK: u32 = (1 << CLOCK_BITS) - 1;

/// The tag before the bytes of a compact value.
const TAG_BYTES: usize = 1;

/// One key with its value: a single heap allocation, held by a pointer-sized owner. `O` is the
/// engine's type of boxed values (lists, hashes, long strings).
///
/// A key of 16 bytes and a value of 32 make an allocation of 56.
#[repr(transparent)]
pub struct Record<O> {
    word: Word,
    owns: PhantomData<Box<O>>,
}

// SAFETY: a record owns its allocation and its box alone, as a `Box<(Vec<u8>, O)>` would.
unsafe impl<O: Send> Send for Record<O> {}

/// A value to be stored.
#[derive(Debug)]
pub enum NewValue<'a, O> {
    /// A number, stored as such.
    Integer(i64),
    /// Bytes, copied into the record.
    Bytes(&'a [u8]),
    /// A small value of another type: a tag that tells which, and its bytes, copied into the record.
    Compact(u8, &'a [u8]),
    /// A boxed value; the record owns the box.
    Object(Box<O>),
}

/// A value as a reader sees it.
#[derive(Debug)]
pub enum Value<'a, O> {
    /// A number.
    Integer(i64),
    /// Bytes that lie in the record.
    Bytes(&'a [u8]),
    /// A small value of another type: its tag, and its bytes, which lie in the record.
    Compact(u8, &'a [u8]),
    /// A boxed value.
    Object(&'a O),
}

/// A value as a writer sees it; its kind and length stay.
#[derive(Debug)]
pub enum ValueMut<'a, O> {
    /// A number.
    Integer(&'a mut i64),
    /// Bytes that lie in the record.
    Bytes(&'a mut [u8]),
    /// A small value of another type, which is replaced as a whole.
    Compact,
    /// A boxed value.
    Object(&'a mut O),
}

impl<O> NewValue<'_, O> {
    #[inline]
    fn shape(&self, key_len: usize, has_expiry: bool) -> Shape {
        let (encoding, value_len) = match self {
            NewValue::Integer(_) => (Encoding::Integer, 0),
            NewValue::Bytes(bytes) => (Encoding::Bytes, bytes.len()),
            NewValue::Compact(_, bytes) => (Encoding::Compact, TAG_BYTES + bytes.len()),
            NewValue::Object(_) => (Encoding::Object, 0),
        };
        assert!(key_len <= LENGTH_MAX && value_len <= LENGTH_MAX, "keys and values have 4 GiB");
        Shape { encoding, has_expiry, key_len, value_len }
    }
}

impl<O> Record<O> {
    /// A record of its own allocation. `expire_at` is a unix time in milliseconds, `access` the
    /// access clock, of which 24 bits are kept.
    #[must_use]
    pub fn new(key: &[u8], value: NewValue<'_, O>, expire_at: Option<i64>, access: u32) -> Self {
        let shape = value.shape(key.len(), expire_at.is_some());
        let address = allocate(shape.allocation());
        // SAFETY: a fresh allocation for `shape` (1), which lies apart from `key`.
        unsafe {
            address.add(shape.key_offset()).copy_from_nonoverlapping(key.as_ptr(), key.len());
            write_around_key(address, shape, access & CLOCK, value, expire_at);
        }
        Record { word: Word::new(address, shape.has_expiry), owns: PhantomData }
    }

    /// Asks the processor to bring the record in: two lines, for most lie across two.
    #[inline]
    pub fn prefetch(&self) {
        prefetch_address(self.address());
        prefetch_address(self.address().wrapping_add(48));
    }

    /// The key.
    #[must_use]
    #[inline]
    pub fn key(&self) -> &[u8] {
        let header = self.header();
        let key_len =
            if header.is_wide() { self.shape().key_len } else { usize::from(header.key_len) };
        // SAFETY: the key lies there and is initialised (1, 2); nobody writes it while `self` is borrowed.
        unsafe { std::slice::from_raw_parts(self.address().add(header.key_offset()), key_len) }
    }

    /// The value.
    #[must_use]
    #[inline]
    pub fn value(&self) -> Value<'_, O> {
        let shape = self.shape();
        // SAFETY: the value of this encoding lies there (1, 2, 3) and is not changed while `self` is borrowed.
        unsafe {
            let at = self.address().add(shape.value_offset());
            match shape.encoding {
                Encoding::Integer => Value::Integer(at.cast::<i64>().read()),
                Encoding::Bytes => Value::Bytes(std::slice::from_raw_parts(at, shape.value_len)),
                Encoding::Compact => {
                    let bytes = at.add(TAG_BYTES);
                    let len = shape.value_len - TAG_BYTES;
                    Value::Compact(at.read(), std::slice::from_raw_parts(bytes, len))
                }
                Encoding::Object => Value::Object(&*at.cast::<*mut O>().read()),
            }
        }
    }

    /// When the key expires: unix time in milliseconds.
    #[must_use]
    #[inline]
    pub fn expire_at(&self) -> Option<i64> {
        if !self.word.is_volatile() {
            return None;
        }
        let at = if self.header().is_wide() { 16 } else { 8 };
        // SAFETY: the bit says that the expiry lies there (1, 2, 4), and it is aligned to 8.
        Some(unsafe { self.address().add(at).cast::<i64>().read() })
    }

    /// The 24-bit access clock.
    #[must_use]
    #[inline]
    pub fn access(&self) -> u32 {
        self.header().clock & CLOCK
    }

    /// Sets the access clock (24 bits are kept); readers do this, too, under the lock that the table stands behind.
    #[inline]
    pub fn set_access(&self, access: u32) {
        self.set_clock(self.header().clock & !CLOCK | access & CLOCK);
    }

    /// The snapshot mark; 0 in a new record.
    #[must_use]
    #[inline]
    pub fn mark(&self) -> u8 {
        (self.header().clock >> CLOCK_BITS) as u8
    }

    /// Sets the snapshot mark.
    #[inline]
    pub fn set_mark(&self, mark: u8) {
        self.set_clock(self.header().clock & CLOCK | u32::from(mark) << CLOCK_BITS);
    }

    /// Bytes of the record's allocation as the allocator rounds them; not what an object owns.
    #[must_use]
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.shape().allocation()
    }

    /// The boxed value, where the value is one.
    #[must_use]
    pub fn into_object(self) -> Option<Box<O>> {
        let record = ManuallyDrop::new(self);
        let object = record.object();
        // SAFETY: the allocation of (1) is given back once: `record` is not dropped.
        unsafe { free(record.address(), record.shape()) };
        // SAFETY: the record owned the box (3) and does not exist any more.
        object.map(|object| unsafe { Box::from_raw(object) })
    }

    #[inline]
    pub(crate) fn value_mut(&mut self) -> ValueMut<'_, O> {
        let shape = self.shape();
        // SAFETY: the value of this encoding lies there (1, 2, 3), aligned to 8 unless it is bytes, and
        // `self` is borrowed mutably.
        unsafe {
            let at = self.address().add(shape.value_offset());
            match shape.encoding {
                Encoding::Integer => ValueMut::Integer(&mut *at.cast::<i64>()),
                Encoding::Bytes => {
                    ValueMut::Bytes(std::slice::from_raw_parts_mut(at, shape.value_len))
                }
                Encoding::Compact => ValueMut::Compact,
                Encoding::Object => ValueMut::Object(&mut *at.cast::<*mut O>().read()),
            }
        }
    }

    /// Replaces value and expiry, in place where the allocation's size stays; returns the old box.
    pub(crate) fn set(&mut self, value: NewValue<'_, O>, expire_at: Option<i64>) -> Option<Box<O>> {
        let (old, address) = (self.shape(), self.address());
        let new = value.shape(old.key_len, expire_at.is_some());
        let clock = self.header().clock;
        let object = self.object();
        // SAFETY: the key is moved first, within this allocation (`copy` allows an overlap) or to a fresh one, which
        // both have room for `new`; then all else is written. The old value, a box read above apart, is given up.
        unsafe {
            let key = address.add(old.key_offset());
            if old.allocation() == new.allocation() {
                address.add(new.key_offset()).copy_from(key, old.key_len);
                write_around_key(address, new, clock, value, expire_at);
                self.word = self.word.replaced(address, new.has_expiry);
            } else {
                let fresh = allocate(new.allocation());
                fresh.add(new.key_offset()).copy_from_nonoverlapping(key, old.key_len);
                write_around_key(fresh, new, clock, value, expire_at);
                self.word = self.word.replaced(fresh, new.has_expiry);
                free(address, old);
            }
        }
        // SAFETY: the record owned the box (3), and its pointer has been overwritten.
        object.map(|object| unsafe { Box::from_raw(object) })
    }

    pub(crate) fn set_expire_at(&mut self, expire_at: Option<i64>) {
        self.reshape(self.shape(), expire_at);
    }

    /// Appends to bytes. The caller has seen that the value is bytes.
    pub(crate) fn append(&mut self, tail: &[u8]) {
        let old = self.shape();
        assert!(old.encoding == Encoding::Bytes, "append to a value that is not bytes");
        assert!(old.value_len + tail.len() <= LENGTH_MAX, "values have 4 GiB");
        self.reshape(Shape { value_len: old.value_len + tail.len(), ..old }, self.expire_at());
        let new = self.shape();
        // SAFETY: the last `tail.len()` bytes of the new size are ours (1) and apart from `tail`.
        unsafe {
            let end = self.address().add(new.size() - tail.len());
            end.copy_from_nonoverlapping(tail.as_ptr(), tail.len());
        }
    }

    /// Gives the record an expiry and a shape that differs in the length of the value only. The new end
    /// of a longer value is for the caller to write.
    fn reshape(&mut self, new: Shape, expire_at: Option<i64>) {
        let new = Shape { has_expiry: expire_at.is_some(), ..new };
        let (old, mut address) = (self.shape(), self.address());
        let clock = self.header().clock;
        let kept = (old.size() - old.body_offset()).min(new.size() - new.body_offset());
        let layout = layout(old.allocation());
        // SAFETY: the allocation has room for both shapes while the body moves: it grows before and shrinks after.
        // `realloc` gets the layout of (1) and a size that is a multiple of 8 and not 0. The expiry is written last:
        // wide lengths may come to lie where the old one was.
        unsafe {
            if new.allocation() > old.allocation() {
                address = checked(realloc(address, layout, new.allocation()), new.allocation());
            }
            if new.body_offset() != old.body_offset() {
                address.add(new.body_offset()).copy_from(address.add(old.body_offset()), kept);
            }
            if new.allocation() < old.allocation() {
                address = checked(realloc(address, layout, new.allocation()), new.allocation());
            }
            write_header(address, new, clock);
            if let Some(at) = expire_at {
                address.add(new.expiry_offset()).cast::<i64>().write(at);
            }
        }
        self.word = self.word.replaced(address, new.has_expiry);
    }

    /// Gives up ownership of the word.
    #[inline]
    pub(crate) fn into_word(self) -> Word {
        ManuallyDrop::new(self).word
    }

    /// # Safety
    ///
    /// The word came from `into_word` of a record of this type, and its ownership comes back.
    #[inline]
    pub(crate) unsafe fn from_word(word: Word) -> Self {
        Record { word, owns: PhantomData }
    }

    #[inline]
    fn address(&self) -> *mut u8 {
        self.word.address()
    }

    #[inline]
    fn header(&self) -> Header {
        // SAFETY: the header is there, aligned and initialised (1, 2).
        unsafe { self.address().cast::<Header>().read() }
    }

    #[inline]
    fn set_clock(&self, clock: u32) {
        // SAFETY: the header is there (1), no reference to it exists and no other thread sees it (5).
        unsafe { (&raw mut (*self.address().cast::<Header>()).clock).write(clock) }
    }

    #[inline]
    fn shape(&self) -> Shape {
        let header = self.header();
        let (key_len, value_len) = if header.is_wide() {
            // SAFETY: the wide lengths follow the header (1, 2).
            let lengths = unsafe { self.address().add(8).cast::<WideLengths>().read() };
            (lengths.key as usize, lengths.value as usize)
        } else {
            (usize::from(header.key_len), usize::from(header.value_len))
        };
        Shape { encoding: header.encoding(), has_expiry: header.has_expiry(), key_len, value_len }
    }

    /// The raw pointer of the box, where the value is one.
    #[inline]
    fn object(&self) -> Option<*mut O> {
        let shape = self.shape();
        // SAFETY: a value of this encoding is such a pointer, aligned to 8 (1, 3).
        (shape.encoding == Encoding::Object)
            .then(|| unsafe { self.address().add(shape.value_offset()).cast::<*mut O>().read() })
    }
}

impl<O> Drop for Record<O> {
    fn drop(&mut self) {
        let object = self.object();
        // SAFETY: the allocation of (1) is given back once.
        unsafe { free(self.address(), self.shape()) };
        if let Some(object) = object {
            // SAFETY: the record owned the box (3).
            drop(unsafe { Box::from_raw(object) });
        }
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("two lengths of 32 bits are less than a layout's limit")
}

fn allocate(size: usize) -> *mut u8 {
    // SAFETY: every record has a header, so the size is not 0.
    checked(unsafe { alloc(layout(size)) }, size)
}

fn checked(address: *mut u8, size: usize) -> *mut u8 {
    if address.is_null() {
        handle_alloc_error(layout(size));
    }
    address
}

/// # Safety
///
/// `address` is the allocation of a record of this shape, and is not used afterwards.
unsafe fn free(address: *mut u8, shape: Shape) {
    // SAFETY: by the caller.
    unsafe { dealloc(address, layout(shape.allocation())) }
}

/// # Safety
///
/// `address` is an allocation that fits `shape`; nothing that has to be kept lies where the header and the
/// wide lengths go.
unsafe fn write_header(address: *mut u8, shape: Shape, clock: u32) {
    // SAFETY: by the caller; both are aligned to 8.
    unsafe {
        address.cast::<Header>().write(shape.header(clock));
        if shape.is_wide() {
            address.add(8).cast::<WideLengths>().write(shape.wide_lengths());
        }
    }
}

/// Writes all of a record but the key, which stands at its place already.
///
/// # Safety
///
/// `address` is an allocation that fits `shape`, which is the shape of `value` and `expire_at`, apart from
/// what `value` borrows.
unsafe fn write_around_key<O>(
    address: *mut u8,
    shape: Shape,
    clock: u32,
    value: NewValue<'_, O>,
    expire_at: Option<i64>,
) {
    // SAFETY: by the caller; all but bytes are aligned to 8.
    unsafe {
        write_header(address, shape, clock);
        if let Some(at) = expire_at {
            address.add(shape.expiry_offset()).cast::<i64>().write(at);
        }
        let at = address.add(shape.value_offset());
        match value {
            NewValue::Integer(number) => at.cast::<i64>().write(number),
            NewValue::Bytes(bytes) => at.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()),
            NewValue::Compact(tag, bytes) => {
                at.write(tag);
                at.add(TAG_BYTES).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            }
            NewValue::Object(object) => at.cast::<*mut O>().write(Box::into_raw(object)),
        }
    }
}
