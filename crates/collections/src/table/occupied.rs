//! A record found in its table, to be changed or removed: every change keeps the table's sums.

use super::buckets::{Place, take};
use super::{Table, record};
use crate::record::{NewValue, Record, ValueMut};
use crate::word::Word;

/// A record found in its table, to be changed or removed.
pub struct Occupied<'a, O> {
    pub(super) table: &'a mut Table<O>,
    /// Index of the segment's first descriptor.
    pub(super) segment: usize,
    pub(super) place: Place,
}

impl<'a, O> Occupied<'a, O> {
    /// The record, for as long as the table is borrowed.
    #[must_use]
    #[inline]
    pub fn into_record(self) -> &'a Record<O> {
        let table: &'a Table<O> = self.table;
        // SAFETY: the segment is alive, and unchanged while the table is borrowed.
        let buckets = unsafe { table.segment(self.segment).buckets() };
        record(&buckets[self.place.bucket].0[self.place.word])
    }

    /// The record.
    #[must_use]
    #[inline]
    pub fn record(&self) -> &Record<O> {
        // SAFETY: the segment is alive, and unchanged while the table is borrowed.
        let buckets = unsafe { self.table.segment(self.segment).buckets() };
        record(&buckets[self.place.bucket].0[self.place.word])
    }

    /// The value, to be changed in place.
    #[inline]
    pub fn value_mut(&mut self) -> ValueMut<'_, O> {
        self.record_mut().value_mut()
    }

    /// Replaces the value and the expiry at once; returns the old boxed value. The allocation stays
    /// where the new value needs one of the same size.
    pub fn set(&mut self, value: NewValue<'_, O>, expire_at: Option<i64>) -> Option<Box<O>> {
        self.change(|record| record.set(value, expire_at))
    }

    /// Replaces the value and keeps the expiry; returns the old boxed value.
    pub fn set_value(&mut self, value: NewValue<'_, O>) -> Option<Box<O>> {
        let expire_at = self.record().expire_at();
        self.set(value, expire_at)
    }

    /// Sets or takes away the expiry: unix time in milliseconds.
    pub fn set_expire_at(&mut self, expire_at: Option<i64>) {
        self.change(|record| record.set_expire_at(expire_at));
    }

    /// Appends to a value of bytes.
    ///
    /// # Panics
    ///
    /// Where the value is not bytes.
    pub fn append(&mut self, tail: &[u8]) {
        self.change(|record| record.append(tail));
    }

    /// Takes the record out of its table.
    #[must_use]
    pub fn remove(self) -> Record<O> {
        let segment = self.table.segment_mut(self.segment);
        segment.len -= 1;
        // SAFETY: the segment is alive, and the table is borrowed mutably. The word is a record of this type
        // (table's invariant 1), and does not stand there any more.
        let record = unsafe {
            let word = take(segment.buckets_mut(), self.place);
            Record::<O>::from_word(word.with_tag(0))
        };
        self.table.len -= 1;
        self.table.volatile -= usize::from(record.expire_at().is_some());
        self.table.memory -= record.memory_bytes();
        self.table.take_back_room(self.segment);
        record
    }

    #[inline]
    fn record_mut(&mut self) -> &mut Record<O> {
        // SAFETY: the segment is alive and the table is borrowed mutably; the word is such a record (table's
        // invariant 1), for which the word is `repr(transparent)`.
        unsafe {
            let buckets = self.table.segment(self.segment).buckets_mut();
            let word: &mut Word = &mut buckets[self.place.bucket].0[self.place.word];
            &mut *std::ptr::from_mut(word).cast::<Record<O>>()
        }
    }

    /// Makes a change and carries its difference into the table's sums.
    fn change<R>(&mut self, change: impl FnOnce(&mut Record<O>) -> R) -> R {
        let record = self.record_mut();
        let before = (record.expire_at().is_some(), record.memory_bytes());
        let result = change(record);
        let after = (record.expire_at().is_some(), record.memory_bytes());
        let table = &mut self.table;
        table.volatile = table.volatile + usize::from(after.0) - usize::from(before.0);
        table.memory = table.memory + after.1 - before.1;
        result
    }
}
