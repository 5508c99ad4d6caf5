//! The consumers of a group.

use super::StreamId;
use std::collections::{BTreeMap, BTreeSet};

/// Somebody who reads for a group.
#[derive(Clone, PartialEq, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it was last heard of, in milliseconds since 1970-01-01 UTC.
    pub seen_at: i64,
    /// When it last was given an entry; never so far where there is none.
    pub active_at: Option<i64>,
    pub(super) pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The ids of the entries that it has not acknowledged.
    pub fn pending_ids(&self) -> impl Iterator<Item = StreamId> {
        self.pending.iter().copied()
    }

    /// How many entries it has been given and has not acknowledged.
    #[must_use]
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }
}

/// A consumer of one group, for as long as it is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConsumerNumber(u32);

/// The consumers of a group, by number and by name. Numbers of those that are gone are given again.
#[derive(Clone, Default, Debug)]
pub(super) struct Consumers {
    by_name: BTreeMap<Box<[u8]>, ConsumerNumber>,
    by_number: Vec<Option<Consumer>>,
    free: Vec<ConsumerNumber>,
    name_bytes: usize,
}

impl Consumers {
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let place = size_of::<(Box<[u8]>, ConsumerNumber)>() * 3 / 2;
        2 * self.name_bytes
            + self.by_name.len() * place
            + self.by_number.capacity() * size_of::<Option<Consumer>>()
            + self.free.capacity() * size_of::<ConsumerNumber>()
    }

    pub(super) fn number(&self, name: &[u8]) -> Option<ConsumerNumber> {
        self.by_name.get(name).copied()
    }

    pub(super) fn get(&self, number: ConsumerNumber) -> &Consumer {
        self.by_number[number.0 as usize].as_ref().expect("who has a number is there")
    }

    pub(super) fn get_mut(&mut self, number: ConsumerNumber) -> &mut Consumer {
        self.by_number[number.0 as usize].as_mut().expect("who has a number is there")
    }

    /// In the order of their names.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.by_name.values().map(|&number| self.get(number))
    }

    /// Adds one whose name is not there.
    pub(super) fn add(&mut self, name: &[u8], seen_at: i64) -> ConsumerNumber {
        let consumer =
            Consumer { name: name.into(), seen_at, active_at: None, pending: BTreeSet::new() };
        let number = self.free.pop().unwrap_or_else(|| {
            self.by_number.push(None);
            ConsumerNumber((self.by_number.len() - 1) as u32)
        });
        self.by_number[number.0 as usize] = Some(consumer);
        self.by_name.insert(name.into(), number);
        self.name_bytes += name.len();
        number
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Consumer> {
        let number = self.by_name.remove(name)?;
        self.name_bytes -= name.len();
        self.free.push(number);
        self.by_number[number.0 as usize].take()
    }
}
