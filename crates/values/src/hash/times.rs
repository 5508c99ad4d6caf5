//! When the fields of a hash expire: by field, and in the order of time.

use collections::Packed;
use std::collections::BTreeSet;

/// The bytes of a field in the order of time, beside its own.
const ENTRY_BYTES: usize = size_of::<(i64, Box<[u8]>)>() + 8;

/// When fields expire, as it was at one moment.
#[derive(Debug)]
pub(super) struct FrozenTimes {
    by_field: Packed,
    earliest: Option<i64>,
}

impl FrozenTimes {
    fn time_of(by_field: &Packed, field: &[u8]) -> Option<i64> {
        let bytes = by_field.get(field)?.first_chunk::<8>()?;
        Some(i64::from_le_bytes(*bytes))
    }

    pub(super) fn get(&self, field: &[u8]) -> Option<i64> {
        FrozenTimes::time_of(&self.by_field, field)
    }

    pub(super) fn earliest(&self) -> Option<i64> {
        self.earliest
    }
}

/// When fields expire; only those that do stand here.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// Field to its time, in 8 bytes.
    by_field: Packed,
    in_order: BTreeSet<(i64, Box<[u8]>)>,
    /// The bytes of the fields in `in_order`.
    field_bytes: usize,
}

impl Times {
    pub(super) fn new(seed: (u64, u64)) -> Times {
        Times { by_field: Packed::new(seed), in_order: BTreeSet::new(), field_bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.in_order.len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Times>()
            + self.by_field.heap_bytes()
            + self.in_order.len() * ENTRY_BYTES
            + self.field_bytes
    }

    /// When a field expires: milliseconds since 1970-01-01 UTC.
    pub(super) fn get(&self, field: &[u8]) -> Option<i64> {
        FrozenTimes::time_of(&self.by_field, field)
    }

    /// The same as it is now.
    pub(super) fn freeze(&self) -> FrozenTimes {
        FrozenTimes { by_field: self.by_field.clone(), earliest: self.earliest() }
    }

    pub(super) fn set(&mut self, field: &[u8], at: i64) {
        self.remove(field);
        self.by_field.insert(field, &at.to_le_bytes());
        self.in_order.insert((at, field.into()));
        self.field_bytes += field.len();
    }

    /// Forgets a field; whether it had a time.
    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let Some(at) = self.get(field) else { return false };
        self.by_field.remove(field);
        self.in_order.remove(&(at, field.into()));
        self.field_bytes -= field.len();
        true
    }

    /// The first time that comes.
    pub(super) fn earliest(&self) -> Option<i64> {
        self.in_order.first().map(|(at, _)| *at)
    }

    /// How many fields' time has come.
    pub(super) fn due(&self, now: i64) -> usize {
        self.in_order.iter().take_while(|(at, _)| *at <= now).count()
    }

    /// The field whose time came first, where it has come.
    pub(super) fn first_due(&self, now: i64) -> Option<Box<[u8]>> {
        self.in_order.first().filter(|(at, _)| *at <= now).map(|(_, field)| field.clone())
    }
}
